"""Applies the faults of ``target.faults`` in every worker of a running Mingus.

All workers read one file, the board, that says which faults are on and since when; POST /faults, which reaches one
worker only, rewrites it. A thread in each worker applies what is due a few times a second.
"""

from __future__ import annotations

import hmac
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy import Engine, exc

from target.fault_board import FaultBoard, claim_slot
from target.fault_effects import FaultMaker, reference_faults
from target.fault_effects.base import ActiveFault, World
from target.faults import FAULT_PARAMETERS, FaultSpec, parse_faults
from target.settings import Settings

_log = logging.getLogger("mingus.faults")
TICK_SECONDS = 0.2
# What tells whether Mingus lives, and how to heal it, must work while it is broken.
UNTOUCHED = ("/health", "/metrics", "/faults")


class FaultRunner:
    """The faults of one worker: follows the board and applies what is due.

    Args:
        world: what faults act on, given the slot of this worker.
        directory: shared by all workers: who is first takes slot 0.
    """

    def __init__(
        self,
        board: FaultBoard,
        world: Callable[[int], World],
        directory: Path,
        slots: int,
        makers: Mapping[str, FaultMaker],
    ) -> None:
        self.board = board
        self._world, self._directory, self._slots, self._makers = world, directory, slots, makers
        self._slot: tuple[int, IO[bytes]] | None = None
        self._active: dict[str, tuple[FaultSpec, float, ActiveFault]] = {}

    def step(self) -> None:
        """Follow the board, then let every fault do what is due."""
        self._slot = self._slot or claim_slot(self._directory, self._slots)
        if self._slot is None:
            return
        wanted, now = self.board.read(), self.board.clock()
        active = dict(self._active)
        for name, (spec, since, fault) in self._active.items():
            if wanted.get(name) != (spec, since):
                del active[name]
                fault.stop()
        for name, (spec, since) in wanted.items():
            if name not in active:
                active[name] = (spec, since, self._makers[name](spec, self._world(self._slot[0]), now - since))
                _log.warning("fault %s: first effect at %s", spec, _unix(since + spec["delay"] - now))
        self._active = active  # replaced whole: request threads read it without a lock
        for spec, since, fault in active.values():
            try:
                fault.tick(now - since)
            except (exc.TimeoutError, exc.DBAPIError) as error:
                _log.warning("fault %s could not do what was due, and tries again: %s", spec.name, error)

    def before_request(self) -> None:
        """Flask's before_request hook."""
        if request.path.startswith(UNTOUCHED):
            return
        now = self.board.clock()
        for _, since, fault in self._active.values():
            fault.before_request(now - since)

    def run(self) -> None:
        """Step until the process ends."""
        while True:
            self.step()
            time.sleep(TICK_SECONDS)


def _unix(ahead: float) -> str:
    """The time ``ahead`` seconds from now, RFC 3339 UTC: by it the lab tells how long a detection took."""
    return datetime.fromtimestamp(time.time() + ahead, UTC).isoformat(timespec="milliseconds")


def start_faults(settings: Settings, engine: Engine) -> FaultRunner:
    """Start the thread that applies faults in this worker; the first worker puts those of the settings on the board.

    Raises:
        ValueError: the settings name a fault that does not exist or is wrongly written.
    """
    specs = parse_faults(settings.faults)
    directory = Path(settings.state_dir or tempfile.mkdtemp(prefix="mingus-"))
    board_file = directory / "faults.json"
    board = FaultBoard(board_file)
    if not board_file.exists():
        board.set(specs)

    def world(slot: int) -> World:
        return World(engine, settings.redis_url, directory, slot, settings.workers)

    runner = FaultRunner(board, world, directory, settings.workers, reference_faults())
    threading.Thread(target=runner.run, name="faults", daemon=True).start()
    return runner


def fault_routes(board: FaultBoard, token: str) -> Blueprint:
    """GET /faults tells what is on; POST {"faults": ["name:key=value", ...]} sets exactly those. Bearer token."""
    pages = Blueprint("faults", __name__)

    def allowed() -> tuple[Response, int] | None:
        if not token:
            return jsonify(error="faults are fixed: MINGUS_FAULT_TOKEN was not set at the start"), 404
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            current_app.logger.warning("a request to /faults had a wrong token")
            return jsonify(error="wrong token"), 403
        return None

    def state() -> Response:
        now = board.clock()
        active = [{"fault": str(spec), "elapsed": now - since} for spec, since in board.read().values()]
        return jsonify(active=active, known={name: list(keys) for name, keys in FAULT_PARAMETERS.items()})

    @pages.get("/faults")
    def read() -> Response | tuple[Response, int]:
        return allowed() or state()

    @pages.post("/faults")
    def change() -> Response | tuple[Response, int]:
        refused = allowed()
        if refused:
            return refused
        body = request.get_json(silent=True)
        listed = body.get("faults") if isinstance(body, dict) else None
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            return jsonify(error='the body must be {"faults": ["name:key=value,..."]}'), 400
        try:
            board.set(parse_faults(";".join(listed)))
        except ValueError as error:
            return jsonify(error=str(error)), 400
        return state()

    return pages

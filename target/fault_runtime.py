"""Applies the faults of ``target.faults`` in every worker of a running Mingus.

All workers read one file, the board, that says which faults are on and since when; POST /faults, which reaches one
worker only, rewrites it. A thread in each worker applies what is due a few times a second.
"""

from __future__ import annotations

import hmac
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy import Engine

from target.fault_board import FaultBoard, claim_slot
from target.fault_effects import ActiveFault, FaultMaker, World, reference_faults
from target.faults import FAULT_PARAMETERS, FaultSpec, parse_faults
from target.settings import Settings

TICK_SECONDS = 0.2
# What tells whether Mingus lives, and how to heal it, must work while it is broken.
UNTOUCHED = ("/health", "/metrics", "/faults")


class FaultRunner:
    """The faults of one worker: follows the board and applies what is due."""

    def __init__(
        self, board: FaultBoard, engine: Engine, directory: Path, slots: int, makers: Mapping[str, FaultMaker]
    ) -> None:
        self.board = board
        self._engine, self._directory, self._slots, self._makers = engine, directory, slots, makers
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
                world = World(self._engine, self._slot[0], self._slots)
                active[name] = (spec, since, self._makers[name](spec, world, now - since))
        self._active = active  # replaced whole: request threads read it without a lock
        for _, since, fault in active.values():
            fault.tick(now - since)

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
    runner = FaultRunner(board, engine, directory, settings.workers, reference_faults())
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

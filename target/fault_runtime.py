"""Applies the faults of ``target.faults`` in every worker of a running Mingus.

All workers read one file, the board, that says which faults are on and since when; POST /faults, which reaches one
worker only, rewrites it. A thread in each worker applies what is due a few times a second.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flask import Blueprint, Response, current_app, jsonify, request
from sqlalchemy import Engine, PoolProxiedConnection, QueuePool, exc

from target.faults import (
    FAULT_PARAMETERS,
    MEMORY_UNIT_BYTES,
    FaultSpec,
    burst_on,
    parse_fault,
    parse_faults,
    request_fails,
    share_of,
    units_due,
)
from target.settings import Settings

TICK_SECONDS = 0.2
# What tells whether Mingus lives, and how to heal it, must work while it is broken.
UNTOUCHED = ("/health", "/metrics", "/faults")


class InjectedError(Exception):
    """An error burst failed this request on purpose."""


@dataclass(frozen=True)
class World:
    """What faults act on, and which share of the application's rate this worker bears (slot of slots)."""

    engine: Engine
    slot: int
    slots: int


class ActiveFault:
    """A fault that is on in this worker. ``elapsed``: seconds since it was switched on, in the whole application."""

    def tick(self, elapsed: float) -> None:
        """Do what is due; called every TICK_SECONDS by one thread."""

    def before_request(self, elapsed: float) -> None:
        """Spoil a request: sleep, or raise InjectedError; called by the request's thread."""

    def stop(self) -> None:
        """Switched off: give back what was taken, as a restart would."""


class _Leak(ActiveFault):
    """Takes this worker's share of units at a rate. A worker that joins late begins there, not with the whole past."""

    def __init__(self, spec: FaultSpec, world: World, per_second: float, joined: float) -> None:
        self._delay, self._per_second, self._world = spec["delay"], per_second, world
        self._taken = self._due(joined)

    def _due(self, elapsed: float) -> int:
        total = units_due(elapsed, self._delay, self._per_second)
        return share_of(total, self._world.slot, self._world.slots)

    def tick(self, elapsed: float) -> None:
        due = self._due(elapsed)
        while self._taken < due and self.take():
            self._taken += 1

    def take(self) -> bool:
        """Take one unit; False: not now."""
        raise NotImplementedError


class MemoryLeak(_Leak):
    """Keeps blocks of random bytes: every page is written, and neither zswap nor KSM can make it small."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, spec["mb_per_s"] * 1e6 / MEMORY_UNIT_BYTES, joined)
        self._blocks: list[bytes] = []

    def take(self) -> bool:
        self._blocks.append(os.urandom(MEMORY_UNIT_BYTES))
        return True

    def stop(self) -> None:
        self._blocks.clear()


class ConnectionLeak(_Leak):
    """Checks connections out of the application's pool, begins a transaction and forgets them: a handler that leaks."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        super().__init__(spec, world, spec["per_minute"] / 60, joined)
        self._held: list[PoolProxiedConnection] = []

    def take(self) -> bool:
        pool = self._world.engine.pool
        if isinstance(pool, QueuePool) and pool.checkedout() >= pool.size() + pool._max_overflow:
            return False  # nothing left to leak; waiting for one would look like a request that waits
        try:
            connection = self._world.engine.raw_connection()
            self._held.append(connection)
            connection.cursor().execute("SELECT 1")
        except (exc.TimeoutError, exc.DBAPIError):
            return False
        return True

    def stop(self) -> None:
        while self._held:
            self._held.pop().close()


class ErrorBurst(ActiveFault):
    """Fails an even share of the requests."""

    def __init__(self, spec: FaultSpec, world: World, joined: float) -> None:
        self._spec = spec
        self._count = 0
        self._lock = threading.Lock()

    def before_request(self, elapsed: float) -> None:
        if not burst_on(elapsed, self._spec["delay"], self._spec["seconds"]):
            return
        with self._lock:
            number, self._count = self._count, self._count + 1
        if request_fails(number, self._spec["ratio"]):
            raise InjectedError("injected by the fault error_burst")


FaultMaker = Callable[[FaultSpec, World, float], ActiveFault]


def reference_faults() -> Mapping[str, FaultMaker]:
    """How each fault of ``FAULT_PARAMETERS`` is made from (spec, world, elapsed seconds at which this worker joins)."""
    return {"memory_leak": MemoryLeak, "connection_leak": ConnectionLeak, "error_burst": ErrorBurst}


class FaultBoard:
    """Which faults are on, and since when, in a file all workers share.

    ``since`` is CLOCK_MONOTONIC, which on Linux is one clock for all processes and which no time correction moves.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self.clock = clock

    def read(self) -> dict[str, tuple[FaultSpec, float]]:
        """Fault name to (spec, since). Empty before the first ``set``."""
        try:
            stored = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return {name: (parse_fault(text), float(since)) for name, (text, since) in stored.items()}

    def set(self, specs: list[FaultSpec]) -> None:
        """Switch on exactly these; one that is on already with the same numbers goes on."""
        with self._locked():
            now, old = self.clock(), self.read()
            fresh = {
                spec.name: (str(spec), old[spec.name][1] if spec.name in old and old[spec.name][0] == spec else now)
                for spec in specs
            }
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False) as out:
                json.dump(fresh, out)
            Path(out.name).replace(self._path)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.with_suffix(".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def claim_slot(directory: Path, slots: int) -> tuple[int, IO[bytes]] | None:
    """The first slot no live worker holds, and the open file that holds it: the kernel frees it when the worker dies.

    None while all are held, as for a moment during a graceful reload.
    """
    for slot in range(slots):
        file = (directory / f"slot_{slot}.lock").open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return slot, file
    return None


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

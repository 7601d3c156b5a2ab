"""What the workers of one Mingus agree on through files: which faults are on, and who bears which share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from target.faults import FaultSpec, parse_fault


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

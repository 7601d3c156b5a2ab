"""/metrics over several worker processes: prometheus_client's multiprocess mode, made safe for recycled workers.

prometheus_client keeps one file per process and kind in PROMETHEUS_MULTIPROC_DIR and leaves a dead process's files
there: its gauges still count, and thousands of recycled workers leave thousands of files. Here every collection first
folds the dead: their live gauges vanish, their counters and histograms are added to one archive file per kind, so that
totals stay monotonic and the directory stays small. No hook in the server is needed; SIGKILL is no exception.

The processes must share one PID namespace. Gauges that are not of a ``live*`` mode keep their file: their meaning.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
ARCHIVE = "archive"
_SUMMED = ("counter", "histogram", "summary")


def process_is_alive(pid: int) -> bool:
    """Whether a process of that number exists (one that waits to be reaped does)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class LiveProcessCollector(Collector):
    """The metrics of all live processes, with the totals of the dead. Thread-safe.

    Args:
        directory: PROMETHEUS_MULTIPROC_DIR.
        alive: tells whether a process lives, by its number.
    """

    def __init__(self, directory: Path, *, alive: Callable[[int], bool] = process_is_alive) -> None:
        self._directory = directory
        self._alive = alive

    def collect(self) -> Iterable[Metric]:
        """The metrics now, one family per name.

        Raises:
            OSError: the directory cannot be read or written; a scrape then fails rather than lose processes silently.
        """
        with self._locked():
            self._fold_the_dead()
            # A process that was killed, or has just begun, between making a file and sizing it leaves it empty.
            files = [str(path) for path in self._directory.glob("*.db") if path.stat().st_size > 0]
            return list(MultiProcessCollector.merge(files, accumulate=True))  # type: ignore[no-untyped-call]

    def fold(self) -> None:
        """Fold dead processes now, for a server hook that wants it done before the next scrape."""
        with self._locked():
            self._fold_the_dead()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # One at a time over all processes: who reads while another folds would see totals twice or not at all.
        with (self._directory / "fold.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _fold_the_dead(self) -> None:
        dead: dict[str, list[Path]] = defaultdict(list)
        liveness: dict[int, bool] = {}
        for path in self._directory.glob("*.db"):
            kind, _, pid = path.stem.rpartition("_")
            if not pid.isdigit():
                continue
            if int(pid) not in liveness:
                liveness[int(pid)] = self._alive(int(pid))
            if not liveness[int(pid)]:
                dead[kind].append(path)
        for kind, paths in dead.items():
            if kind in _SUMMED:
                self._add_to_archive(kind, paths)
            elif kind.startswith("gauge_live"):
                for path in paths:
                    path.unlink()

    def _add_to_archive(self, kind: str, paths: list[Path]) -> None:
        archive = self._directory / f"{kind}_{ARCHIVE}.db"
        totals: dict[str, float] = defaultdict(float)
        for path in (archive, *paths):
            if path.exists() and path.stat().st_size > 0:
                for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                    totals[key] += value
        fresh = self._directory / f"{kind}_{ARCHIVE}.new"
        fresh.unlink(missing_ok=True)
        file = MmapedDict(str(fresh))  # type: ignore[no-untyped-call]
        try:
            for key, value in totals.items():
                file.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
        finally:
            file.close()  # type: ignore[no-untyped-call]
        # Archive first: killed in between, a total counts twice, which is monotonic; the other way round it would drop.
        fresh.replace(archive)
        for path in paths:
            path.unlink()


def exposition_registry() -> CollectorRegistry:
    """What /metrics exposes: all processes' metrics under PROMETHEUS_MULTIPROC_DIR, else this process's own.

    Raises:
        FileNotFoundError: the variable names no directory.
    """
    directory = os.environ.get(DIRECTORY_VARIABLE)
    if not directory:
        return REGISTRY
    if not Path(directory).is_dir():
        raise FileNotFoundError(f"{DIRECTORY_VARIABLE}={directory} is not a directory")
    registry = CollectorRegistry()
    registry.register(LiveProcessCollector(Path(directory)))
    return registry

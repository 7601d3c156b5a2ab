"""Series into TSDB blocks: a scratch Prometheus takes them by remote write, its snapshot is the result.

Prometheus itself writes the blocks, so format, checksums and index are its own.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from harness.errors import ArchiveError, HarnessError, QueryError
from harness.prom.remote_write import HEADERS, requests
from harness.prom.series import Series
from harness.prom.server import PrometheusServer

# The head of the scratch server spans this much, so that it takes series one after the other (a head refuses samples
# older than half its span before its newest) and its snapshot is one block. A head compacts at 1.5 times its span.
_HEADROOM = 3
_LEAST_SPAN = 2 * 3600
_SOFT_MEMORY = 512 * 2**20  # bytes from which on the server collects garbage at once (the Go runtime's soft limit)


class BlockWriter:
    """Writes series into blocks below a folder. Safe to use from several threads.

    Within one series samples must come in time order, over all calls of ``add``.

    Args:
        span: seconds that the samples cover, at least roughly; bounds what the scratch server holds in memory.
    """

    def __init__(self, span: float) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="harness-blocks-"))
        block = max(_LEAST_SPAN, int(span * _HEADROOM))
        self._server = PrometheusServer(
            self._folder / "data",
            self._folder,
            block_seconds=block,
            environment={"GOGC": "400", "GOMEMLIMIT": str(_SOFT_MEMORY)},
            extra_flags=("--web.enable-remote-write-receiver",),
        )
        self._local = threading.local()
        self._lock = threading.Lock()
        self.samples = 0

    def __enter__(self) -> BlockWriter:
        try:
            self._server.start()
        except HarnessError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, series: Iterable[Series], what: str = "series") -> int:
        """Adds samples and returns how many.

        Raises:
            ArchiveError: the server refused them, for example two values of one series at one time; names ``what``.
        """
        if not hasattr(self._local, "api"):
            self._local.api = self._server.api(timeout=120)
        listed = list(series)
        try:
            for body in requests(listed):
                self._local.api.write(body, HEADERS)
        except (QueryError, ValueError) as error:
            raise ArchiveError(f"{what} could not be written: {error}") from error
        count = sum(len(one) for one in listed)
        with self._lock:
            self.samples += count
        return count

    def finish(self, destination: Path) -> int:
        """Moves the blocks into ``destination`` (made when missing) and returns how many samples they hold.

        Raises:
            ArchiveError: the blocks do not hold exactly the samples that were added, or cannot be moved.
        """
        if self.samples == 0:
            return 0
        try:
            name = self._server.api(timeout=600).snapshot()
            snapshot = self._server.data_dir / "snapshots" / name
            blocks = [block for block in snapshot.iterdir() if (block / "meta.json").is_file()]
            held = sum(int(json.loads((block / "meta.json").read_text())["stats"]["numSamples"]) for block in blocks)
            if held != self.samples:
                raise ArchiveError(f"of {self.samples} samples {held} arrived in the blocks")
            destination.mkdir(parents=True, exist_ok=True)
            for block in blocks:
                shutil.move(block, destination / block.name)
        except (QueryError, OSError, ValueError, KeyError) as error:
            raise ArchiveError(f"blocks could not be written to {destination}: {error}") from error
        return held

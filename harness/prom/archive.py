"""Keeps a run's series as TSDB blocks in its run directory, by a snapshot of our own Prometheus or of somebody's."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from harness.errors import ArchiveError, HarnessError, QueryError
from harness.prom.api import PrometheusApi
from harness.prom.blocks import Block, find_blocks, move_blocks
from harness.prom.server import PrometheusServer


def keep_local(server: PrometheusServer, tsdb: Path, start: float, end: float) -> list[Block]:
    """Keeps the blocks of our own Prometheus that overlap [start, end] (unix seconds), its memory's content included.

    Where the server is dead its data is served again, without scraping, and taken from there; one that is alive but
    does not answer is stopped first.

    Args:
        tsdb: the run directory's ``tsdb`` folder; made whole or not at all.

    Raises:
        ArchiveError: no samples of the run, or they could not be written.
    """
    if server.alive():
        try:
            return _keep(server, tsdb, start, end)
        except QueryError:
            server.stop()  # alive but not answering: its data on disk still is
    with tempfile.TemporaryDirectory(prefix="harness-recover-") as work:
        again = PrometheusServer(server.data_dir, Path(work), ready_timeout=300)
        try:
            again.start()
            return _keep(again, tsdb, start, end)
        except ArchiveError:
            raise
        except HarnessError as error:
            raise ArchiveError(
                f"the run's series in {server.data_dir} cannot be served again: {error.message}"
            ) from error
        finally:
            again.stop()


def _keep(server: PrometheusServer, tsdb: Path, start: float, end: float) -> list[Block]:
    name = server.api(timeout=600).snapshot()
    snapshot = server.data_dir / "snapshots" / name
    try:
        wanted = [block for block in find_blocks(snapshot) if block.overlaps(start, end)]
        if not wanted:
            raise ArchiveError(
                f"Prometheus holds no sample of the run in {server.data_dir}", remedy=f"its log is {server.log_file}"
            )
        move_blocks(wanted, tsdb)
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)
    return find_blocks(tsdb)


def keep_snapshot(api: PrometheusApi, data_dir: Path, tsdb: Path, start: float, end: float) -> Path | None:
    """Keeps the blocks of a Prometheus that is not ours, memory included, through a snapshot of its own.

    Args:
        api: with a time-out that lets a snapshot be written.
        data_dir: its data folder as it is seen here; may be read-only.
        start, end: unix seconds; blocks that overlap are kept.

    Returns:
        The snapshot's folder where it could not be removed here; None when it is gone.

    Raises:
        QueryError: it makes no snapshots (its admin API is off) or does not answer.
        ArchiveError: the snapshot cannot be seen here, holds no sample of the run, or could not be copied.
    """
    snapshot = data_dir / "snapshots" / api.snapshot()
    try:
        wanted = [block for block in find_blocks(snapshot) if block.overlaps(start, end)]
        if not wanted:
            raise ArchiveError(f"Prometheus at {api.url} holds no sample of the run")
        # Beside the archive, so that the last step is a renaming; and copies, since the snapshot is not ours to move.
        with tempfile.TemporaryDirectory(prefix=".snapshot-", dir=tsdb.parent) as folder:
            for block in wanted:
                _copy_block(block.path, Path(folder) / block.path.name)
            move_blocks(find_blocks(Path(folder)), tsdb)
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)
    return snapshot if snapshot.exists() else None


def _copy_block(source: Path, target: Path) -> None:
    """Its files' contents only: the owner and mode of another's files would be no use."""
    try:
        for file in sorted(source.rglob("*")):
            if file.is_file() and not file.is_symlink():
                copy = target / file.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
    except OSError as error:
        raise ArchiveError(f"the block {source} could not be copied: {error.strerror}") from error

"""Keeps a run's series as TSDB blocks in its run directory, by a snapshot of our own Prometheus or of somebody's."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ArchiveError, HarnessError, QueryError
from harness.plan.footprint import CHUNK_FILE_BYTES
from harness.prom.api import PrometheusApi
from harness.prom.blocks import Block, find_blocks, move_blocks
from harness.prom.remote_archive import Wanted, keep_remote
from harness.prom.secret_labels import LabelMask
from harness.prom.server import PrometheusServer
from harness.prom.swap import unmasked_of
from harness.prom.symbols import symbols


def keep_local(
    server: PrometheusServer, tsdb: Path, start: float, end: float, hidden: Wanted | None = None
) -> list[Block]:
    """Keeps the blocks of our own Prometheus that overlap [start, end] (unix seconds), its memory's content included.

    Where the server is dead its data is served again, without scraping, and taken from there; one that is alive but
    does not answer is stopped first. On a disk that has not the room for that it is done among the temporary files.

    Args:
        tsdb: the run directory's ``tsdb`` folder; made whole or not at all.
        hidden: what must not appear in label values; None: what looks like a secret in a URL.

    Raises:
        ArchiveError: no samples of the run, or they could not be written.
    """
    if server.alive():
        try:
            return _keep(server, tsdb, start, end, hidden)
        except QueryError:
            server.stop()  # alive but not answering: its data on disk still is
    with tempfile.TemporaryDirectory(prefix="harness-recover-") as work:
        again = PrometheusServer(_roomy(server.data_dir, Path(work)), Path(work), ready_timeout=300)
        try:
            again.start()
            return _keep(again, tsdb, start, end, hidden)
        except ArchiveError:
            raise
        except HarnessError as error:
            raise ArchiveError(
                f"the run's series in {server.data_dir} cannot be served again: {error.message}"
            ) from error
        finally:
            again.stop()


def _roomy(data: Path, work: Path) -> Path:
    """The data, or a copy of it among the temporary files, where only these have the room that a block needs."""
    try:
        size = sum(file.stat().st_size for file in data.rglob("*") if file.is_file())
        if shutil.disk_usage(data).free >= size + CHUNK_FILE_BYTES:
            return data
        if shutil.disk_usage(work).free < 2 * size + CHUNK_FILE_BYTES:
            return data  # which says what is missing
        return shutil.copytree(data, work / "data", ignore=shutil.ignore_patterns("snapshots", "lock"))
    except (OSError, shutil.Error) as error:
        raise ArchiveError(f"the run's series in {data} cannot be copied to {work}: {error}") from error


def _keep(server: PrometheusServer, tsdb: Path, start: float, end: float, hidden: Wanted | None) -> list[Block]:
    name = server.api(timeout=600).snapshot()
    snapshot = server.data_dir / "snapshots" / name
    try:
        wanted = [block for block in find_blocks(snapshot) if block.overlaps(start, end)]
        if not wanted:
            raise ArchiveError(
                f"Prometheus holds no sample of the run in {server.data_dir}",
                remedy="where it ended before its first scrapes there is nothing to judge: start it anew",
            )
        publish(wanted, tsdb, start, end, hidden)
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)
    return find_blocks(tsdb)


def publish(blocks: Sequence[Block], tsdb: Path, start: float, end: float, hidden: Wanted | None) -> None:
    """Moves blocks of a snapshot into ``tsdb``; where label values hold secrets, all is written anew without them.

    Raises:
        ArchiveError, QueryError: they cannot be read or written.
    """
    hidden = hidden or Wanted('{__name__!=""}', start, end)
    mask = LabelMask(hidden.secrets, spared=hidden.spared)
    if all(mask.value(text) == text for block in blocks for text in symbols(block.path)):
        move_blocks(blocks, tsdb)
        return
    work = unmasked_of(tsdb)
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()  # refuses a link to elsewhere, which a run directory of somebody else's may hold
        (work / "data").mkdir()
        for block in blocks:
            shutil.move(block.path, work / "data" / block.path.name)
        last = max(block.end_ms for block in blocks) / 1000
        with PrometheusServer(work / "data", work, ready_timeout=300, lookback=300) as server:
            keep_remote(server.api(timeout=600), replace(hidden, start=start, end=min(end, last)), tsdb)
    except OSError as error:
        raise ArchiveError(f"the run's series could not be written to {work}: {error.strerror}") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def keep_snapshot(
    api: PrometheusApi, data_dir: Path, tsdb: Path, start: float, end: float, hidden: Wanted | None = None
) -> Path | None:
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
            publish(find_blocks(Path(folder)), tsdb, start, end, hidden)
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

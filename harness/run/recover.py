"""A run whose harness was killed: its series are taken from its working data, and what else it left there is removed.

The record still says "crashed", or how else it ended, so such a run cannot pass; what its series prove counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from harness.errors import ArchiveError, UsageError
from harness.ownership import OWNER_FILE, alone_in, locked
from harness.plan.model import Plan
from harness.prom.archive import keep_local
from harness.prom.blocks import Block, find_blocks, refuse_symlinks
from harness.prom.server import PrometheusServer
from harness.prom.swap import heal, unmasked_of
from harness.run.named_prometheus import hidden
from harness.run.naming import name_of
from harness.run.record import RunDirectory, RunRecord
from harness.run.removal import remove_tree

_FOREVER = 1e11  # unix seconds
_PROMETHEUS_ENDS_SECONDS = 15.0
_LOCK_FILE = "lock"  # Prometheus' own, in its data folder, where its version makes one


@contextmanager
def taken(directory: RunDirectory) -> Iterator[None]:
    """Holds a run whose harness is dead while the block runs: one process at a time takes it up, or closes it.

    Raises:
        UsageError: another process does.
        ArchiveError: that cannot be told.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(alone_in(directory.path))
        except BlockingIOError:
            raise UsageError(
                f"the run in {directory.path} is being taken up or closed by another process at this moment",
                remedy=f"look at it: harness status {name_of(directory)}",
            ) from None
        except OSError as error:
            raise ArchiveError(
                f"whether another process takes up the run in {directory.path} cannot be told: {error.strerror}"
            ) from error
        yield


def recover(directory: RunDirectory, plan: Plan) -> str | None:
    """Makes a killed run's directory whole: ``tsdb`` from ``work``, the end in run.json; ``work`` goes.

    Nothing happens to a directory without ``work``. What was not to be archived (``tsdb`` stands already, or there was
    no Prometheus yet) is only removed: it may hold credentials.

    Returns:
        What was done, in words; None when there was nothing to do.

    Raises:
        ArchiveError: the run is still on, or its series cannot be read; the working data stays then.
        UsageError: another process takes the run up, or closes it.
    """
    if not directory.work.is_dir():
        return None
    if still_on(directory):
        _refuse_unless_judged(directory)
        return None
    with taken(directory):
        return _recovered(directory, plan)


def _refuse_unless_judged(directory: RunDirectory) -> None:
    if not directory.tsdb.is_dir():  # else it is being judged at its end
        raise ArchiveError(
            f"the run in {directory.path} is still on",
            remedy=f"wait for its end, or end it: harness stop {name_of(directory)}",
        )


def _recovered(directory: RunDirectory, plan: Plan) -> str | None:
    work = directory.work
    if not work.is_dir():
        return None  # another process was faster
    data = _own_data(directory)
    try:
        if locked(work / OWNER_FILE):
            _refuse_unless_judged(directory)
            return None
        heal(directory.tsdb)
        if unmasked_of(directory.tsdb).is_dir():
            remove_tree(unmasked_of(directory.tsdb))
        if directory.tsdb.is_dir():
            try:
                _complete(directory, plan)
            finally:
                remove_tree(work)
            return None
        if not data.is_dir():
            remove_tree(work)
            return None
        _await_prometheus(data)
    except OSError as error:
        raise ArchiveError(f"what the run left in {work} cannot be read: {error.strerror}") from error
    record = directory.read_record()
    _remove_all_but(work, data)  # credentials first: whatever fails next, they are gone
    server = PrometheusServer(data, work / "prometheus")
    blocks = keep_local(server, directory.tsdb, record.started_at, _FOREVER, hidden(plan))
    directory.write_record(ended(record, plan, _last(blocks)))
    remove_tree(work)
    return f"{how_it_ended(record)}; its series were recovered from {data}"


def _own_data(directory: RunDirectory) -> Path:
    """The folder of the series that the run left, below its own ``work``.

    Raises:
        ArchiveError: a link leads elsewhere. A run directory may come from somebody else, and what is there is removed,
            and written to by a Prometheus.
    """
    home = directory.work / "prometheus"
    for folder in (directory.work, home):
        if folder.is_symlink():
            raise ArchiveError(
                f"{folder} is a symbolic link; a run holds its own files", remedy="remove the link, and try again"
            )
    refuse_symlinks(home / "data")
    return home / "data"


def _complete(directory: RunDirectory, plan: Plan) -> None:
    """Of a harness that was killed after the series were kept and before their end was written: writes the end."""
    if not directory.record_file.is_file():
        return
    record = directory.read_record()
    if record.ended_at is None:
        directory.write_record(ended(record, plan, _last(find_blocks(directory.tsdb))))


def _last(blocks: Sequence[Block]) -> float | None:
    """The last sample's time, unix seconds; None without any."""
    return (max(block.end_ms for block in blocks) - 1) / 1000 if blocks else None


def clear_dead(directory: RunDirectory) -> None:
    """Removes what a dead harness left, credentials included, but the series, once its Prometheus has ended.

    Raises:
        ArchiveError: that Prometheus still runs, or a link leads elsewhere.
        OSError: something cannot be looked at or removed.
    """
    data = _own_data(directory)
    _await_prometheus(data)
    _remove_all_but(directory.work, data)


def still_on(directory: RunDirectory) -> bool:
    """Whether the harness that makes this run lives and works on it.

    Raises:
        ArchiveError: that cannot be told.
    """
    try:
        return locked(directory.work / OWNER_FILE)
    except OSError as error:
        raise ArchiveError(
            f"whether the run in {directory.path} is still on cannot be told: {error.strerror}"
        ) from error


def how_it_ended(record: RunRecord) -> str:
    """What run.json knows of the end, in words. Pure."""
    if record.ended_at is None:
        return "the harness of this run was killed"
    return f"this run was {record.ended_by}" + (f" ({record.reason})" if record.reason else "")


def ended(record: RunRecord, plan: Plan, last: float | None) -> RunRecord:
    """The record with the end that the series tell. Pure; an end that is known stays.

    Args:
        last: unix seconds of the run's last sample.
    """
    note = f"{how_it_ended(record)}; its series were recovered later"
    record = replace(record, notes=(*record.notes, note))
    if record.ended_at is not None or last is None:
        return record
    if record.steady_from is None or last <= record.steady_from:
        return replace(record, ended_at=last, steady_from=None, steady_to=None)
    return replace(record, ended_at=last, steady_to=min(last, record.steady_from + plan.steady_seconds))


def _await_prometheus(data: Path) -> None:
    """The kernel ends Prometheus with its harness; it takes some seconds to write what it holds."""
    deadline = time.monotonic() + _PROMETHEUS_ENDS_SECONDS
    while locked(data / _LOCK_FILE) or in_use(data):
        if time.monotonic() > deadline:
            raise ArchiveError(
                f"a Prometheus still runs on {data}, though the harness of the run is gone",
                remedy="end that process, then judge again",
            )
        time.sleep(0.2)


def in_use(folder: Path) -> bool:
    """Whether a process that we may look at has a file below a folder open. Not every Prometheus locks its data."""
    below = f"{folder.resolve()}/"
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        # Gone by now, or another user's: a Prometheus of the run is this user's.
        with suppress(OSError):
            for descriptor in descriptors.iterdir():
                with suppress(OSError):
                    if str(descriptor.readlink()).startswith(below):
                        return True
    return False


def _remove_all_but(folder: Path, kept: Path) -> None:
    for path in folder.iterdir():
        if path == kept:
            continue
        if path in kept.parents:
            _remove_all_but(path, kept)
        elif path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)

"""``harness mark``: sets a part of a run aside, while it is on or afterwards."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import click

from harness.errors import UsageError
from harness.judge.set_aside import SetAside
from harness.run.marks import add_mark
from harness.run.naming import name_of
from harness.run.record import RunRecord, find_run, rfc3339
from harness.run.recover import still_on
from harness.units import format_duration, parse_duration


@click.command()
@click.argument("reason")
@click.option("--exclude", "length", required=True, metavar="DURATION", help="How much is left out, as 10m.")
@click.option("--at", metavar="TIME", help="When it begins, as 2026-11-23T14:05:00Z; now without it.")
@click.option("--run", "run", default="last", show_default=True, help="A run directory, a run id or `last`.")
@click.option(
    "--out", "root", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"), show_default=True,
    help="Folder of run directories.",
)  # fmt: skip
def mark(reason: str, length: str, at: str | None, run: str, root: Path) -> int:
    """Set a part of a run aside, so that it is not judged.

    REASON is told beside the outcome. Growth, objectives, coverage and alerts leave the window out.

    A run that is on is not aborted by an alert meanwhile. A run that is over is judged without it by `harness judge`;
    then --at says when it began. Reports shade it and the outcome says how much it was; more than 20 % of the steady
    state makes the run INCONCLUSIVE.
    """
    directory = find_run(run, root)
    record = directory.read_record()
    try:
        seconds = parse_duration(length)
    except ValueError as error:
        raise UsageError(f"--exclude {length}: {error}", remedy="give a duration, as 10m or 90s") from None
    if seconds <= 0 or not reason.strip():
        raise UsageError("nothing would be set aside", remedy='harness mark --exclude 10m "deploy"')
    on = still_on(directory)
    now = time.time()
    start = window_start(at, record, name_of(directory), on=on, now=now)
    add_mark(directory, SetAside(start, start + seconds, reason.strip(), "hand", now))
    click.echo(
        f"{record.run_id}: {format_duration(seconds)} from {rfc3339(start)} are set aside: {reason.strip()}"
        + ("" if on else f"; judge it again: harness judge {name_of(directory)}")
    )
    return 0


def window_start(at: str | None, record: RunRecord, name: str, *, on: bool, now: float) -> float:
    """Unix seconds at which the window begins. Pure.

    Args:
        name: of the run, as commands take it.
        on: the run is on.

    Raises:
        UsageError: no time was given and the run is over or its harness dead, or it lies outside of the run.
    """
    if at is None:
        if not on:
            when = "say when it began: --at 2026-11-23T14:05:00Z"
            if record.ended_at is None:
                raise UsageError(
                    f"the harness of the run {record.run_id} died: the run is not on",
                    remedy=f"go on with it: harness resume {name}, then mark it again; or {when}",
                )
            raise UsageError(f"the run {record.run_id} is over", remedy=when)
        return now
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise UsageError(f"--at {at} is not a time", remedy="give it as 2026-11-23T14:05:00Z") from None
    if moment.tzinfo is None:
        raise UsageError(f"--at {at} has no time zone", remedy="give it as 2026-11-23T14:05:00Z") from None
    start = moment.timestamp()
    if start < record.started_at or (record.ended_at is not None and start > record.ended_at):
        last = rfc3339(record.ended_at) or "now"
        raise UsageError(f"--at {at} is outside of the run, which was on from {rfc3339(record.started_at)} to {last}")
    return start

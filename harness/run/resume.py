"""Takes up the run of a harness that was killed: what it needs is kept in its working data while it is on.

The load goes on where the plan's clock stands now, to the end that was planned; the series go on in the same Prometheus
data. What lies between is a gap: it is not judged, and the verdict names it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError, HarnessError, UsageError
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan, load_plan_text
from harness.plan.model import Plan
from harness.run.json_files import read_json
from harness.run.live_state import read_state
from harness.run.made_here import doubt_of, is_sealed, seal, why_unsealed
from harness.run.naming import name_of
from harness.run.options import RunOptions
from harness.run.record import Gap, RunDirectory, RunRecord, rfc3339
from harness.run.recover import clear_dead, still_on
from harness.units import format_duration

ORDER_FILE = "resume.json"
SCHEMA = 1
_CLOCK_SECONDS = 1.0  # by which a clock that is kept in step may go back
_SEALED = ("plan", "faults", "folder")
_LOOKS_FOR_A_LIMIT = ("stress", "capacity")
LEAST_LEFT = 60.0  # seconds of load, besides a new warm-up; for less nobody needs to start it all again


@dataclass(frozen=True)
class Order:
    """What a run was asked for: enough to go on with it.

    Attributes:
        plan: as it was asked for, before it was set on parts that were started here; secrets included.
        folder: the working directory, from which the plan's file names count.
        ours: this user asked for it, on this machine.
        doubt: why that is not known, in words after "the run in ...".
    """

    plan: Plan
    faults: tuple[str, ...]
    folder: Path
    ours: bool = False
    doubt: str = ""


def write_order(directory: RunDirectory, plan: Plan, options: RunOptions) -> None:
    """Only its owner may read it: it holds the plan's secrets. It goes with the working data when the run ends.

    Raises:
        OSError: it cannot be written.
    """
    if options.services is not None:
        return
    words = dump_plan(plan, mask=False), list(options.faults), str(Path.cwd())
    data = {"schema": SCHEMA, **dict(zip(_SEALED, words, strict=True)), "seal": seal(words, options.environ)}
    file = directory.work / ORDER_FILE
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(data, out)


def unsealed_words(plan: Plan, options: RunOptions) -> str:
    """What a run that gets no seal will ask for, for who starts it; empty for one that has it or needs none."""
    named = plan.prometheus
    needed = plan.kind not in _LOOKS_FOR_A_LIMIT if named is None else bool(named.bearer_token_file)
    why = why_unsealed(options.environ) if needed and options.services is None else ""
    later = "harness resume" if named is None else "harness judge"
    killed = f"were its harness killed, `{later}` would need --trust"
    return f"nothing will tell this run as yours: {why}; {killed}" if why else ""


def read_order(directory: RunDirectory, environ: Mapping[str, str]) -> Order:
    """Raises UsageError: the run left none, so that it cannot be taken up."""
    file = directory.work / ORDER_FILE
    try:
        data: Any = read_json(file)
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}")
        text, faults, folder = words = [data[name] for name in _SEALED]
        if not isinstance(text, str) or not isinstance(faults, list) or not isinstance(folder, str):
            raise TypeError("it was damaged")
        plan = load_plan_text(text, where=str(file), environ={})
        found = data.get("seal")
        ours = is_sealed(words, found, environ)
        doubt = "" if ours else doubt_of(found, environ)
        return Order(plan, tuple(str(one) for one in faults), Path(folder), ours, doubt)
    except (HarnessError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(
            f"the run in {directory.path} did not leave what it takes to go on with it: {str(error)[:1000]}",
            remedy=f"close and judge it: harness judge {name_of(directory)} (runs in standing services cannot be "
            "resumed)",
        ) from error


def taken_up(directory: RunDirectory, plan: Plan, now: float) -> RunRecord:
    """The record of a run that can be taken up now, with the gap in it; its end is not known yet.

    Raises:
        UsageError: it is on or over, its load had not begun, or nothing of its load is left.
        ArchiveError: its files cannot be read.
    """
    close = f"close and judge it: harness judge {name_of(directory)}"
    refuse_what_is_not_dead(directory)
    record = directory.read_record()
    if record.steady_from is not None and plan.prometheus is not None:
        raise UsageError(
            f"the series of the run in {directory.path} are in a Prometheus that its plan names: it cannot be taken up",
            remedy=close,
        )
    if record.steady_from is None or not (directory.work / "prometheus" / "data").is_dir():
        raise UsageError(f"the load of the run in {directory.path} had not begun", remedy="start it anew")
    if plan.kind in _LOOKS_FOR_A_LIMIT:
        raise UsageError(
            "a run that looks for a limit cannot be taken up: its steps follow from each other", remedy=close
        )
    state = read_state(directory)
    if state is not None and state.at > now + _CLOCK_SECONDS:
        raise UsageError(
            f"the clock was set back: the run's harness was alive at {rfc3339(state.at)}, and now it is {rfc3339(now)}",
            remedy=f"set the clock, and resume again; or {close}",
        )
    left = record.steady_from - plan.load.warmup + plan.load.duration - now
    if left < plan.load.warmup + LEAST_LEFT:
        what = f"{format_duration(round(left))} of the planned load is left" if left > 0 else "its planned end is past"
        raise UsageError(f"{what}: too little to go on with the run in {directory.path}", remedy=close)
    died = min(state.at, now) if state is not None else record.steady_from
    gaps = record.gaps
    if gaps and gaps[-1].end is None:  # it died again before its load went on
        died, gaps = gaps[-1].start, gaps[:-1]
    return replace(record, gaps=(*gaps, Gap(died, None, "the harness died, and the run was taken up again")))


def refuse_what_is_not_dead(directory: RunDirectory) -> None:
    """Raises UsageError: the run is on, or over."""
    if still_on(directory):
        raise UsageError(
            f"the run in {directory.path} is on", remedy=f"look at it: harness status {name_of(directory)}"
        )
    if directory.read_record().ended_at is not None or directory.tsdb.is_dir():
        remedy = "" if directory.verdict_file.exists() else f"judge it: harness judge {name_of(directory)}"
        raise UsageError(f"the run in {directory.path} is over: there is nothing to go on with", remedy=remedy)


def load_goes_on(gaps: Sequence[Gap], now: float, warmup: float) -> tuple[Gap, ...]:
    """The gaps once the load runs again: the last one ends with a new warm-up. Pure."""
    last = gaps[-1]
    return (*gaps[:-1], replace(last, end=max(last.start, now + warmup)))


def clear_for_new_parts(directory: RunDirectory) -> None:
    """Removes what the dead harness' parts left, but the series.

    Raises:
        ArchiveError: its Prometheus still runs, or it cannot be removed.
    """
    try:
        clear_dead(directory)
    except OSError as error:
        raise ArchiveError(f"what the run left in {directory.work} cannot be removed: {error.strerror}") from error


def taken_up_note(record: RunRecord, plan: Plan, now: float) -> str:
    """What a reader of the report must know of it. Pure."""
    away = format_duration(round(max(0.0, now - record.gaps[-1].start)))
    anew = "; the reference target was started anew, with an empty database" if plan.target.reference else ""
    return f"the harness died and the run was taken up again {away} later{anew}"


def urls_before(directory: RunDirectory) -> tuple[str, ...]:
    """URLs of the reference target and of its metrics, as the dead harness started them; empty where not known."""
    try:
        target = load_plan(directory.plan_file, environ={}, judging=True).target
    except HarnessError:
        return ()
    return (target.url, *target.metrics)

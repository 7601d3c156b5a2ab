"""Which runs a plan's ``baseline:`` will be compared with: a slip is told before a day of soak, not after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.assets import rules_path
from harness.errors import HarnessError
from harness.judge.comparable import same_setting
from harness.judge.regression_runs import choose, query_set
from harness.judge.regression_values import sub_windows, too_short_for_any
from harness.judge.windows import Window
from harness.plan.loading import load_plan
from harness.plan.model import Plan
from harness.plan.regression import Baseline
from harness.run import machine
from harness.run.baselines import read_baselines
from harness.run.check import Check
from harness.run.record import RunDirectory, RunRecord
from harness.units import format_duration

_SHOWN = 3


def check_baselines(plan: Plan, runs: Path, now: float) -> Iterator[Check]:
    """Checks where the plan has a baseline; what is wrong is a warning: most may be mended while the run is on.

    Args:
        runs: the folder of runs.
        now: unix seconds, at which the run would start.
    """
    if plan.baseline is None:
        return
    yield from _too_short(plan, plan.baseline)
    try:
        versions = machine.versions(plan.load.locustfile)
        this = RunRecord("", plan.name, now, "", ended_by="completed", versions=versions)
        chosen = choose(plan, this, runs, read_baselines(runs))
    except HarnessError as error:
        yield _check("not known", f"{error.message}: the run will be INCONCLUSIVE")
        return
    if chosen.missing:
        certain = ": the run will be INCONCLUSIVE" if chosen.mistaken else ""
        yield _check(chosen.missing, f"{chosen.missing}{certain}" if certain else "")
        return
    refused = [
        *(f"{run}: {why}" for run, why in chosen.lost),
        *(f"{one.path.name}: {why}" for one in chosen.directories if (why := _reasons(this, plan, one))),
    ]
    good = [one.path.name for one in chosen.directories if not _reasons(this, plan, one)]
    told = "; ".join(refused[:_SHOWN]) + (f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else "")
    if not good:
        yield _check("no comparable run", f"nothing to compare with: no baseline run is comparable: {told}")
        return
    yield _check(f"{len(good)} run{'s' if len(good) > 1 else ''}, the newest {good[-1]}", told and f"left out: {told}")


def _too_short(plan: Plan, baseline: Baseline) -> Iterator[Check]:
    """What the planned steady state is too short for."""
    windows = sub_windows(Window(0.0, plan.steady_seconds), plan.scrape_interval)
    required = baseline.require or ()
    if windows is None:
        who, why = ", ".join(required) or "nothing", too_short_for_any()
    else:
        needs = {query.name: query.least_window for query in query_set(plan, rules_path().parent).queries}
        lacking = [name for name in required if needs.get(name, 0.0) > windows.seconds]
        if not lacking:
            return
        longest = format_duration(max(needs[name] for name in lacking))
        who = ", ".join(lacking)
        why = f"sub-windows of {format_duration(windows.seconds)} are too short, it needs {longest}"
    certain = ": compared with any run, it will be INCONCLUSIVE" if required else ""
    told = f"{who} can{'not' if required else ''} be told: {why}{certain}"
    yield Check("baseline.require", True, "run longer", warning=told)


def _check(detail: str, warning: str) -> Check:
    return Check("baseline", True, detail, warning=warning, key=("baseline",))


def _reasons(this: RunRecord, plan: Plan, other: RunDirectory) -> str:
    """Why a run cannot be compared with, as far as that is known beforehand; empty when nothing is."""
    try:
        old = load_plan(other.plan_file, environ={}, judging=True)
        return "; ".join(same_setting(this, plan, other.read_record(), old))
    except HarnessError as error:
        return error.message

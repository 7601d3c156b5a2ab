"""Opens runs for a comparison, chooses baselines, and compares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from exporters.metric_names import Recorded
from harness.errors import ArchiveError, HarnessError
from harness.judge.as_baseline import generator_fault, passed
from harness.judge.comparable import Ran, reasons
from harness.judge.context import MetricsApi, exactly, make_windows
from harness.judge.regression import compare
from harness.judge.regression_kept import marks_of, read_kept
from harness.judge.regression_keys import generator_of
from harness.judge.regression_rows import Comparison
from harness.judge.regression_values import RunValues, digest_of, measure
from harness.judge.set_aside import all_aside, holes, read_marks
from harness.judge.windows import Window
from harness.plan.loading import load_plan
from harness.plan.model import Plan
from harness.plan.regression import QuerySet
from harness.plan.regression_file import load_queries
from harness.prom.private import open_run
from harness.prom.rules import load_rules
from harness.run.json_files import read_json
from harness.run.record import RunDirectory, RunRecord, list_runs


@dataclass(frozen=True)
class Chosen:
    """Baselines for a run.

    Attributes:
        directories: of the runs to compare with, oldest first.
        missing: why there are none; empty when there are.
        mistaken: whether that is most likely a slip, not a first run.
        lost: run ids that are meant and cannot be compared with, and why.
    """

    directories: tuple[RunDirectory, ...] = ()
    missing: str = ""
    mistaken: bool = False
    lost: tuple[tuple[str, str], ...] = ()


def query_set(plan: Plan, prometheus_dir: Path) -> QuerySet:
    """The shipped queries and the plan's own. Raises PlanError."""
    shipped = load_queries(prometheus_dir)
    return shipped.with_own(plan.baseline.queries) if plan.baseline else shipped


def digest(queries: QuerySet, rules_dir: Path) -> str:
    """Of the queries and today's recording rules beneath them. Raises HarnessError: the rules cannot be read."""
    return digest_of(queries, load_rules(rules_dir).recording)


def measure_run(
    api: MetricsApi,
    queries: QuerySet,
    asked: str,
    plan: Plan,
    record: RunRecord,
    stack: str,
    steady: Window | None,
    interval: float,
) -> RunValues:
    """The run's answers and the load that it had, from the opened run; ``asked``: the ``digest``."""
    name = Recorded.ARRIVALS if plan.load.model == "open" else Recorded.USERS
    load = math.nan
    if steady is not None:
        found = api.query(
            f"avg_over_time({name}{exactly({'harness': stack})}[{max(1, round(steady.span))}s])", steady.end
        )
        load = float(np.sum([one.values[-1] for one in found])) if found else math.nan
    generator = generator_of(record.versions, record.target.partition("://")[0])
    return measure(api, queries, asked, record.run_id, stack, steady, interval, load, generator)


def values_of(directory: RunDirectory, plan: Plan, queries: QuerySet, rules_dir: Path) -> RunValues:
    """A run's answers: those kept with it where the same was asked by the same rules, else from its archive.

    Raises HarnessError.
    """
    record = directory.read_record()
    asked = digest(queries, rules_dir)
    with suppress(ArchiveError):
        kept = read_kept(directory)
        if (
            kept is not None
            and kept.run.digest == asked
            and kept.run.run_id == record.run_id
            and kept.marks == marks_of(directory)
        ):
            return kept.run
    with open_run(directory, plan, rules_dir) as data:
        steady, _ = make_windows(plan, data.record)
        if steady is not None:
            steady = steady.without(holes(all_aside(plan, data.record, read_marks(directory.marks)), data.interval))
        return measure_run(data.api, queries, asked, plan, data.record, data.stack, steady, data.interval)


def stored_run(directory: RunDirectory, queries: QuerySet, rules_dir: Path) -> Ran:
    """A run that is over, ready to be compared. Raises HarnessError."""
    plan = load_plan(directory.plan_file, environ={}, judging=True)
    if not directory.verdict_file.is_file():
        raise ArchiveError(
            f"{directory.path.name} was not judged: whether its load generator kept up is not known",
            remedy=f"harness judge {directory.path}",
        )
    fault = generator_fault(read_json(directory.verdict_file))
    if fault is None:
        raise ArchiveError(
            f"{directory.verdict_file} is no verdict", remedy=f"judge it again: harness judge {directory.path}"
        )
    values = values_of(directory, plan, queries, rules_dir)
    return Ran(directory.read_record(), plan, values, fault)


def choose(plan: Plan, record: RunRecord, root: Path, named: Mapping[str, Sequence[str]]) -> Chosen:
    """Which runs below ``root`` the plan's ``baseline:`` means.

    Args:
        named: run ids of each named baseline.
    """
    baseline = plan.baseline
    if baseline is None:
        return Chosen(missing="the plan names no baseline")
    if baseline.name is not None and baseline.name in named:
        ids = [run for run in named[baseline.name] if run != record.run_id]
        found, lost = _of_name(ids, root, baseline.last_passed)
        if found:
            return Chosen(found, lost=lost)
        if ids:
            told = "; ".join(f"{run}: {why}" for run, why in lost)
            return Chosen(missing=f"the baseline {baseline.name!r} holds no run to compare with: {told}", mistaken=True)
        return Chosen(missing=f"the baseline {baseline.name!r} holds no other run than this one")
    others = ", ".join(sorted(named))
    if baseline.last_passed is not None:
        instead = f"there is none in {root}; there are: {others}; the last runs that passed took its place"
        lost = ((f"baseline {baseline.name!r}", instead),) if baseline.name is not None and others else ()
        runs = _last_passed(plan, record, root, baseline.last_passed)
        if runs:
            return Chosen(runs, lost=lost)
        return Chosen(missing=f"no earlier run of the plan {plan.name!r} in {root} passed", lost=lost)
    if baseline.name is None:
        return Chosen(missing="baseline: names neither a name nor last_passed", mistaken=True)
    why = f"there is no baseline {baseline.name!r} in {root}" + (f"; there are: {others}" if others else "")
    return Chosen(missing=why, mistaken=bool(others))


def the_same(before: Sequence[RunValues], root: Path) -> Chosen:
    """The runs that a run was compared with before, to be measured again: what was kept of them is stale."""
    there = by_id(root)
    lost = tuple((one.run_id, f"it is not in {root}") for one in before if one.run_id not in there)
    return Chosen(tuple(there[one.run_id] for one in before if one.run_id in there), lost=lost)


def by_id(root: Path) -> dict[str, RunDirectory]:
    """The runs below ``root`` by their run ids, whatever their folders are called; a copy comes after its original."""
    there: dict[str, RunDirectory] = {}
    for directory in list_runs(root):
        with suppress(HarnessError):
            run_id = directory.read_record().run_id
            if run_id not in there or directory.path.name == run_id:
                there[run_id] = directory
    return there


def _of_name(
    ids: Sequence[str], root: Path, last_passed: int | None
) -> tuple[tuple[RunDirectory, ...], tuple[tuple[str, str], ...]]:
    """The runs of a name, oldest first, and those that it means and that are not there or did not pass."""
    found: list[RunDirectory] = []
    lost: list[tuple[str, str]] = []
    there = by_id(root)
    for run in reversed(ids):
        if len(found) == last_passed:
            break
        directory = there.get(run, RunDirectory(root / run))
        if not directory.record_file.is_file():
            lost.append((run, f"it is not in {root}"))
        elif last_passed is not None and not _has_passed(directory):
            lost.append((run, "it did not pass"))
        else:
            found.append(directory)
    return tuple(reversed(found)), tuple(reversed(lost))


def _has_passed(directory: RunDirectory) -> bool:
    with suppress(HarnessError):
        return directory.verdict_file.is_file() and passed(read_json(directory.verdict_file))
    return False


def _last_passed(plan: Plan, record: RunRecord, root: Path, most: int) -> tuple[RunDirectory, ...]:
    earlier: list[tuple[float, RunDirectory]] = []
    for directory in list_runs(root):
        with suppress(HarnessError):  # a damaged run is no baseline; `harness runs` tells of it
            other = directory.read_record()
            if other.plan == plan.name and other.run_id != record.run_id and other.started_at < record.started_at:
                earlier.append((other.started_at, directory))
    found: list[RunDirectory] = []
    for _, directory in sorted(earlier, key=lambda one: one[0], reverse=True):
        if len(found) == most:
            break
        if _has_passed(directory):
            found.append(directory)
    return tuple(reversed(found))


def compare_with(
    run: Ran, directories: Sequence[RunDirectory], queries: QuerySet, rules_dir: Path, *, force: bool = False
) -> tuple[Comparison, tuple[RunValues, ...]]:
    """The comparison with those of the runs that are comparable, and their values.

    Args:
        force: compare with the others too, and say so. A run that cannot be read is refused all the same.
    """
    taken: list[RunValues] = []
    refused: list[tuple[str, str]] = []
    forced: list[str] = []
    ids = {run.record.run_id: "it is the run itself"}
    for directory in directories:
        try:
            other = stored_run(directory, queries, rules_dir)
        except HarnessError as error:
            refused.append((directory.path.name, error.message))
            continue
        if other.record.run_id in ids:  # copies would look like runs that do not differ
            refused.append((other.record.run_id, ids[other.record.run_id]))
            continue
        ids[other.record.run_id] = "it is among the baseline runs already"
        why = reasons(run, other)
        if why and not force:
            refused.append((other.record.run_id, "; ".join(why)))
            continue
        forced += [f"{other.record.run_id}: {one}" for one in why]
        taken.append(other.values)
    if not taken:
        return Comparison(run.record.run_id, (), (), tuple(refused)), ()
    found = compare(run.values, taken, queries, run.generator_fault, at_pace=not forced)
    return replace(found, refused=tuple(refused), forced=tuple(forced)), tuple(taken)

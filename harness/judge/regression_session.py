"""The comparison that a plan asks for (``baseline:``), as a part of judging its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.errors import ArchiveError, HarnessError
from harness.judge.as_baseline import generator_fault
from harness.judge.comparable import Ran
from harness.judge.context import Context
from harness.judge.regression import Comparison, compare
from harness.judge.regression_findings import with_comparison
from harness.judge.regression_runs import (
    NOT_COMPARED,
    Chosen,
    Kept,
    choose,
    compare_with,
    keep,
    marks_of,
    measure_run,
    query_set,
    read_kept,
)
from harness.judge.regression_values import digest_of
from harness.judge.verdict import Verdict
from harness.plan.regression import QuerySet
from harness.run.record import RunDirectory

Baselines = Callable[[], Mapping[str, Sequence[str]]]


def compared(
    verdict: Verdict,
    context: Context,
    directory: RunDirectory,
    rules_dir: Path,
    baselines: Baselines,
    *,
    anew: bool,
    store: bool = True,
) -> Verdict:
    """The verdict with the findings of the comparison.

    What a run was compared with is kept in its directory, so that judging it again says the same where the baselines
    are not at hand. A directory that cannot be written is judged all the same.

    Args:
        anew: choose the baselines again.
        store: whether it is kept.

    Raises:
        HarnessError: the queries cannot be read, or one failed on this run.
    """
    plan, record = context.plan, context.record
    queries = query_set(plan, rules_dir.parent)
    values = measure_run(context.api, queries, plan, record, context.stack, context.steady, context.interval)
    fault = generator_fault(verdict.to_json()) or ""
    marks = marks_of(directory)
    kept = None if anew else _kept(directory, queries)
    if kept is None:
        try:
            chosen = choose(plan, record, directory.path.absolute().parent, baselines())
        except HarnessError as error:  # which runs are meant is not known; the run's own verdict must not be lost
            chosen = Chosen(missing=error.message, mistaken=True)
        found, taken = compare_with(Ran(record, plan, values, fault), chosen.directories, queries, rules_dir)
        found = replace(found, refused=(*chosen.lost, *found.refused))
        kept = Kept(values, taken, found.refused, chosen.missing, chosen.mistaken, marks)
        if store:
            with suppress(OSError):
                keep(directory, kept)
        return with_comparison(verdict, found, plan, queries, kept.missing, kept.mistaken)
    if store and kept.marks != marks:  # later runs are compared with what still counts of this one
        with suppress(OSError):
            keep(directory, replace(kept, run=values, marks=marks))
    if kept.baselines:
        found = compare(values, kept.baselines, queries, fault)
        found = Comparison(found.run_id, found.baselines, found.rows, kept.refused, assumed=found.assumed)
    else:
        found = Comparison(record.run_id, (), (), kept.refused)
    return with_comparison(verdict, found, plan, queries, kept.missing, kept.mistaken)


def _kept(directory: RunDirectory, queries: QuerySet) -> Kept | None:
    """What the run was compared with before; None where it was not, or by other queries, or the file is damaged."""
    try:
        kept = read_kept(directory)
    except ArchiveError:
        return None
    if kept is None or kept.missing == NOT_COMPARED:
        return None
    return kept if kept.run.digest == digest_of(queries) else None

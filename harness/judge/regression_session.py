"""The comparison that a plan asks for (``baseline:``), as a part of judging its run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness.errors import ArchiveError, HarnessError, QueryError
from harness.judge.as_baseline import generator_fault
from harness.judge.comparable import Ran
from harness.judge.context import Context
from harness.judge.regression import compare
from harness.judge.regression_findings import not_compared, with_comparison
from harness.judge.regression_kept import NOT_COMPARED, Kept, keep, marks_of, read_kept
from harness.judge.regression_rows import Comparison
from harness.judge.regression_runs import Chosen, choose, compare_with, digest, measure_run, query_set, the_same
from harness.judge.verdict import Outcome, Verdict
from harness.prom.damage import broken_archive
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
    are not at hand; where the queries or the recording rules are others by now, all of them are measured again. A
    directory that cannot be written is judged all the same.

    Args:
        anew: choose the baselines again.
        store: whether it is kept.

    A query that fails, as a plan's own may, makes it INCONCLUSIVE; what else was found of the run stays.

    Raises:
        HarnessError: the queries cannot be read, or the archive is damaged.
    """
    plan, record = context.plan, context.record
    queries = query_set(plan, rules_dir.parent)
    asked = digest(queries, rules_dir)
    try:
        values = measure_run(context.api, queries, asked, plan, record, context.stack, context.steady, context.interval)
    except QueryError as error:
        if broken_archive(error, directory.tsdb) is not None:
            raise
        return not_compared(verdict, f"one of its queries failed: {error.message}", Outcome.INCONCLUSIVE)
    fault = generator_fault(verdict.to_json()) or ""
    marks = marks_of(directory)
    kept = None if anew else _kept(directory)
    stale = kept is not None and any(one.digest != asked for one in (kept.run, *kept.baselines))
    if kept is None or stale:
        root = directory.path.absolute().parent
        before = kept.baselines if kept is not None and store else ()  # another plan may mean other runs
        if before:
            chosen = the_same(before, root)
        else:
            try:
                chosen = choose(plan, record, root, baselines())
            except HarnessError as error:  # which runs are meant is not known; the run's verdict must not be lost
                chosen = Chosen(missing=error.message, mistaken=True)
        found, taken = compare_with(Ran(record, plan, values, fault), chosen.directories, queries, rules_dir)
        found = replace(found, refused=(*chosen.lost, *found.refused))
        if before and not taken:
            # What it came to before may have been a failure: that must not become a run without a baseline.
            return with_comparison(verdict, found, plan, queries, _stale(found), mistaken=True)
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


def _stale(found: Comparison) -> str:
    why = "; ".join(f"{run}: {reason}" for run, reason in found.refused)
    return f"it was compared by other queries or recording rules, and its baselines cannot be measured again: {why}"


def _kept(directory: RunDirectory) -> Kept | None:
    """What the run was compared with before; None where it was not, or the file is damaged."""
    try:
        kept = read_kept(directory)
    except ArchiveError:
        return None
    return None if kept is None or kept.missing == NOT_COMPARED else kept

"""Opens stress and capacity runs for a comparison: each is judged again from its archive, by its own plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError, UsageError
from harness.judge.load_regression import (
    KINDS,
    Holds,
    LoadComparison,
    LoadRan,
    compare_holds,
    holds_of_verdict,
    reasons,
)
from harness.judge.recovery_regression import compare_recovery
from harness.judge.session import judge_run
from harness.plan.loading import load_plan
from harness.run.record import RunDirectory


def stored_load_run(directory: RunDirectory, rules_dir: Path) -> LoadRan:
    """What a run showed. Its verdict.json is not believed: today's rules are asked, of both runs the same.

    Raises:
        HarnessError: its plan, record or archive cannot be read, or is damaged.
    """
    plan = load_plan(directory.plan_file, environ={}, judging=True)
    record = directory.read_record()
    if plan.kind not in KINDS:
        return LoadRan(record, plan, Holds(record.run_id, "users", why=f"a {plan.kind} run seeks no capacity"))
    # What it is compared with itself is another question.
    verdict = judge_run(directory, plan.model_copy(update={"baseline": None}), rules_dir=rules_dir)
    return LoadRan(record, plan, holds_of_verdict(verdict, plan))


def compare_loads(
    directory: RunDirectory, others: Sequence[RunDirectory], rules_dir: Path, *, force: bool = False
) -> LoadComparison:
    """The comparison of a run with those of the others that are comparable.

    Args:
        force: compare with the others too, and say so. A run that cannot be read is refused all the same.

    Raises:
        HarnessError: the run itself cannot be read.
        UsageError: it is no stress or capacity run.
    """
    run = stored_load_run(directory, rules_dir)
    if run.plan.kind not in KINDS:
        raise UsageError(f"{run.record.run_id} is no stress or capacity run: {run.plan.kind}")
    rows, refused, forced, recovery = [], [], [], []
    for one in others:
        try:
            other = stored_load_run(one, rules_dir)
        except HarnessError as error:
            refused.append((one.path.name, error.message))
            continue
        why = reasons(run, other)
        if why and not force:
            refused.append((other.record.run_id, "; ".join(why)))
            continue
        forced += [f"{other.record.run_id}: {text}" for text in why]
        now, before = run.holds, other.holds
        rows.append(compare_holds(now, before))
        unproven = "; ".join(f"{one.run_id}: {one.why}" for one in (now, before) if one.why)
        told = compare_recovery(before.run_id, now.recovered, before.recovered, run.plan.scrape_interval, unproven)
        recovery += [told] if told is not None else []
    return LoadComparison(run.holds, tuple(rows), tuple(refused), tuple(forced), tuple(recovery))

"""What must hold in a plan's ``baseline:``. Pure."""

from __future__ import annotations

from collections.abc import Collection

from harness.plan.model import Plan
from harness.plan.objectives import SPECS
from harness.plan.problems import Problems, did_you_mean
from harness.plan.regression import NO_STEADY_LOAD, RegressionQuery
from harness.plan.yaml_lines import Node
from harness.units import format_value


def check_baseline(
    plan: Plan, root: Node, problems: Problems, query_names: Collection[str] | None, *, judging: bool
) -> None:
    """What a plan requires must be something that is asked, and its own queries must speak of known objectives.

    Queries look over the whole steady state, so there must be one: none while the load is raised until it breaks.

    Args:
        judging: a run that is over was made by it, and must stay one that can be judged.
        query_names: names of the shipped regression queries; None when they are not at hand.
    """
    baseline = plan.baseline
    if baseline is None:
        return
    if plan.kind in NO_STEADY_LOAD and not judging:
        problems.add_loc(
            root,
            ("baseline",),
            f"two {plan.kind} runs make different loads, so their signals are not compared",
            "take it out; harness compare RUN EARLIER compares how much they hold: a regression is an interval below "
            "the other",
        )
    if baseline.name is None and baseline.last_passed is None:
        problems.add_loc(root, ("baseline",), "baseline names no runs", "write name: main, or last_passed: 10, or both")
    known = {*(query_names or ()), *(query.name for query in baseline.queries)}
    for i, name in enumerate(baseline.require or ()):
        if query_names is not None and name not in known:
            problems.add_loc(
                root,
                ("baseline", "require", i),
                f"there is no regression query {name!r}{did_you_mean(name, known)}",
                f"known: {', '.join(sorted(known))}",
            )
    for i, query in enumerate(baseline.queries):
        if query.objective and query.objective not in SPECS:
            problems.add_loc(
                root,
                ("baseline", "queries", i, "objective"),
                f"there is no objective {query.objective!r}{did_you_mean(query.objective, SPECS)}",
            )
        if query.change == "relative" and not judging:
            _check_shares(query, i, root, problems)


def _check_shares(query: RegressionQuery, index: int, root: Node, problems: Problems) -> None:
    """``tolerance: 5`` is 500 %: everything up to six times the baseline would be the same."""
    for key in ("tolerance", "between_runs"):
        share = float(getattr(query, key))
        if share >= 1:
            problems.add_loc(
                root,
                ("baseline", "queries", index, key),
                f"a {key} of {format_value(share, 'ratio')} is as much as the baseline itself: nothing would be worse",
                f"write {share:g}% for {share:g} in a hundred, or change: absolute for a quantity in its unit",
            )

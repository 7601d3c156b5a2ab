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
        if not judging:
            _check_scale(query, i, root, problems)


def _check_scale(query: RegressionQuery, index: int, root: Node, problems: Problems) -> None:
    """``tolerance: 5`` is 500 % of a share; a default of 0.05 is much in seconds, little in jobs, nothing in bytes."""
    place = ("baseline", "queries", index)
    if query.change == "absolute":
        missing = [key for key in ("tolerance", "between_runs") if key not in query.model_fields_set]
        if missing:
            unit = f", {query.unit}" if query.unit else ""
            problems.add_loc(
                root,
                (*place, "change"),
                f"change: absolute needs {' and '.join(missing)} in its unit{unit}",
                "say which change is the same, and by how much runs of one build differ",
            )
        return
    for key in ("tolerance", "between_runs"):
        share = float(getattr(query, key))
        if share >= 1:
            problems.add_loc(
                root,
                (*place, key),
                f"a {key} of {format_value(share, 'ratio')} is as much as the baseline itself: nothing would be worse",
                f"write {share:g}% for {share:g} in a hundred, or change: absolute for a quantity in its unit",
            )

"""docs/accuracy.md: the measured tables between words that stay. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from accuracy.corpus import HEALTHY, LEAKING, SLOPE_NAMES
from accuracy.figures import Goal, Rate, rate_of, run_goals, series_goals
from accuracy.measure import Row
from accuracy.real_path import Passed
from accuracy.whole_runs import RunOutcome

LENGTH = 24.0  # hours of the goals; others are shown beside


@dataclass(frozen=True)
class Measured:
    """Everything that the page shows.

    Attributes:
        made: date and commit, as text.
        seconds: how long the measurement took.
        passed: series that went through the real path too.
    """

    rows: Sequence[Row]
    runs: Sequence[RunOutcome]
    made: str
    seconds: float
    passed: Sequence[Passed] = ()

    @property
    def goals(self) -> list[Goal]:
        return [
            *series_goals([r for r in self.rows if r.hours == LENGTH]),
            *run_goals(self.runs, lambda run: run.named),
        ]


def page(measured: Measured, words: str) -> str:
    """The page: ``words`` with each ``<!-- name -->`` line replaced by its table."""
    tables = {
        "made": f"Measured on {measured.made} in {measured.seconds / 60:.0f} min.",
        "goals": goals_table(measured.goals),
        "lengths": lengths_table(measured.rows),
        "healthy": kinds_table(measured.rows, HEALTHY, lambda row: not row.slope_class),
        "leaking": slopes_table(measured.rows),
        "all-named": goals_table(run_goals(measured.runs, lambda run: run.all_named)),
        "counts": counts(measured),
        "real-path": agreement_table(measured.passed),
        "live": live_table(measured.passed),
    }
    lines = []
    for line in words.splitlines():
        name = line.removeprefix("<!-- ").removesuffix(" -->")
        lines.append(tables[name] if line.startswith("<!-- ") and name in tables else line)
    return "\n".join(lines) + "\n"


def goals_table(goals: Iterable[Goal]) -> str:
    return _table(
        ["", "goal", "figure (95 % interval)", "met"],
        [[g.name, g.words, str(g.rate), "yes" if g.met else "**no**"] for g in goals],
    )


def lengths_table(rows: Sequence[Row]) -> str:
    found = []
    for hours in sorted({row.hours for row in rows}):
        goals = series_goals([row for row in rows if row.hours == hours])
        found.append([f"{hours:.0f} h", *(str(goal.rate) for goal in goals)])
    return _table(
        ["run", "false FAIL", "INCONCLUSIVE", "found, 2 to 20 %/h", "1 to 2 %/h", "0.5 to 1 %/h", "silent miss"], found
    )


def kinds_table(rows: Sequence[Row], kinds: Iterable[str], wanted: Callable[[Row], bool]) -> str:
    of_day = [row for row in rows if row.hours == LENGTH and wanted(row)]
    found = []
    for kind in kinds:
        mine = [row for row in of_day if row.kind == kind]
        found.append([kind, str(len(mine)), *(str(rate_of(mine, word)) for word in ("fail", "inconclusive"))])
    return _table(["kind", "series", "false FAIL", "INCONCLUSIVE"], found)


def slopes_table(rows: Sequence[Row]) -> str:
    of_day = [row for row in rows if row.hours == LENGTH and row.slope_class]
    found = []
    for kind in LEAKING:
        mine = [row for row in of_day if row.kind == kind]
        by_class = [str(rate_of([r for r in mine if r.slope_class == name], "fail")) for name in SLOPE_NAMES]
        found.append([kind, str(len(mine)), *by_class, str(rate_of(mine, "pass"))])
    return _table(["kind", "series", *(f"found, {name}" for name in SLOPE_NAMES), "silent miss"], found)


def agreement_table(passed: Sequence[Passed]) -> str:
    if not passed:
        return "Not measured this time (`--real-path 0`)."
    same = sum(one.pure == one.real for one in passed)
    careful = sum(one.pure != one.real == "inconclusive" for one in passed)
    decided = sum(one.real != one.pure == "inconclusive" for one in passed)
    other = len(passed) - same - careful - decided
    rows = [
        ["the same outcome", str(Rate(same, len(passed)))],
        ["INCONCLUSIVE where the pure judge decided", str(Rate(careful, len(passed)))],
        ["decided where the pure judge was INCONCLUSIVE", str(Rate(decided, len(passed)))],
        ["PASS against FAIL, or no outcome", str(Rate(other, len(passed)))],
    ]
    words = f"{len(passed)} of the series: {sum(bool(p.slope_class) for p in passed)} of them leak."
    return f"{words}\n\n" + _table(["`harness judge DIR`", "figure (95 % interval)"], rows)


def live_table(passed: Sequence[Passed]) -> str:
    if not passed:
        return ""
    rows = []
    for name in ("", *SLOPE_NAMES):
        mine = [one for one in passed if one.slope_class == name]
        delays = sorted(one.alerted_after for one in mine if one.alerted_after is not None)
        middle = f"{delays[len(delays) // 2] / 3600:.1f} h" if delays else "-"
        rows.append(
            [f"leaks of {name}" if name else "healthy: false alarm", str(len(mine)), str(Rate(len(delays), len(mine))),
             middle]
        )  # fmt: skip
    return _table(["24 h series", "series", "a growth alert fired", "median time to it"], rows)


def counts(measured: Measured) -> str:
    day = [row for row in measured.rows if row.hours == LENGTH]
    leaking = sum(bool(row.slope_class) for row in day)
    others = len(measured.rows) - len(day)
    series = sum(run.series for run in measured.runs)
    full = max((run.series for run in measured.runs), default=0)
    whole = sum(run.series == full for run in measured.runs)
    return (
        f"{len(day) - leaking} healthy and {leaking} leaking series of 24 h, {others} of other lengths, and "
        f"{len(measured.runs)} whole healthy runs of {full} series (in {whole} of them all series were judged, in the "
        f"others the job-level ones that decide: {series} series in all)."
    )


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)

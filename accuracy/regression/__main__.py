"""``python -m accuracy.regression``: makes runs of known builds, compares them, writes the figures in docs/compare.md.

    python -m accuracy.regression --runs DIR --make 10 3    # ten runs of the base build, three of each changed one
    python -m accuracy.regression --runs DIR                # what is there

The runs take a minute and a half each; other work on the machine is noise between runs, and is measured as such.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from scipy import stats

from accuracy.regression.corpus import BUILDS, Build
from accuracy.regression.measure import Measured, Rate, measure, resampled_alarms
from harness.assets import rules_path
from harness.judge.regression_runs import passed, values_of
from harness.judge.regression_values import RunValues
from harness.plan.loading import load_plan
from harness.plan.regression import QuerySet
from harness.plan.regression_file import load_queries
from harness.run.record import list_runs, read_json

ROOT = Path(__file__).resolve().parents[2]
PLAN = Path(__file__).with_name("plan.yml")
PAGE = ROOT / "docs" / "compare.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
MOST = 200  # comparisons of each kind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m accuracy.regression", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="a folder of runs for each build")
    parser.add_argument(
        "--make", type=int, nargs=2, metavar=("BASE", "OTHERS"), help="make runs until so many are there"
    )
    parser.add_argument("--resampled", type=int, default=500, help="comparisons of resampled runs")
    parser.add_argument("--write", type=Path, default=PAGE, help="the page; - for none")
    given = parser.parse_args()
    if given.make:
        make(given.runs, *given.make)
    queries = load_queries(rules_path().parent)
    values = {build.name: read(given.runs / build.name, queries) for build in BUILDS}
    text = page(values, queries, given.resampled)
    Console(soft_wrap=True, highlight=False).print(text, markup=False)
    if str(given.write) != "-":
        old = given.write.read_text(encoding="utf-8")
        head, rest = old.split(BEGIN, 1)
        given.write.write_text(f"{head}{BEGIN}\n{text}{END}{rest.split(END, 1)[1]}", encoding="utf-8")
    return 0


def make(root: Path, base: int, others: int) -> None:
    """Builds in turns, so that what changes on the machine meanwhile changes for all."""
    wanted = {build.name: others if build.named else base for build in BUILDS}
    for turn in range(max(base, others)):
        for build in BUILDS:
            if turn < wanted[build.name] and len(list_runs(root / build.name)) <= turn:
                run(build, root / build.name)


def run(build: Build, folder: Path) -> None:
    faults = [word for fault in build.faults for word in ("--fault", fault)]
    command = [sys.executable, "-m", "harness.cli", "run", str(PLAN), "--out", str(folder), *faults]
    subprocess.run(command, check=False, timeout=900)


def read(folder: Path, queries: QuerySet) -> list[RunValues]:
    """Of the runs that passed; others are no baselines and no candidates either."""
    found = []
    for directory in list_runs(folder):
        if directory.verdict_file.is_file() and passed(read_json(directory.verdict_file)):
            plan = load_plan(directory.plan_file, environ={}, judging=True)
            found.append(values_of(directory, plan, queries, rules_path()))
    return found


def page(values: dict[str, list[RunValues]], queries: QuerySet, resamples: int) -> str:
    base = values["base"]
    sizes = sorted({n for n in (1, 3, 5, len(base) - 1) if 1 <= n < len(base)})
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    counts = ", ".join(f"{len(values[b.name])} of {b.words}" for b in BUILDS)
    lines = [
        f"Measured on {day} by `python -m accuracy.regression`: real runs of `accuracy/regression/plan.yml` (65 s of",
        f"steady state, 30 users): {counts}; two cores, which other work shared. Intervals: Clopper and Pearson, 95 %.",
        "Comparisons of a handful of runs with each other are not independent: the intervals are too narrow by that.",
        "",
        "| one build against itself | baseline runs | comparisons | false alarm in |",
        "| --- | --- | --- | --- |",
    ]
    for size in sizes:
        real = measure(BUILDS[0], base, base, size, queries, MOST)
        lines.append(f"| real runs | {size} | {real.clean.of} | {_share(_alarms(real))} |")
    for size in (1, 5, 10) if len(base) > 2 else ():
        rate = resampled_alarms(base, size, resamples, queries)
        lines.append(f"| resampled from them | {size} | {rate.of} | {_share(rate)} |")
    lines += [
        "",
        "| another build | baseline runs | comparisons | named in | nothing else worse in | called worse falsely |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for build in BUILDS[1:]:
        for size in sizes:
            found = measure(build, values[build.name], base, size, queries, MOST)
            if not found.found.of:
                continue
            wrong = ", ".join(f"`{name}` ({count})" for name, count in found.falsely[:3]) or "-"
            lines.append(
                f"| {build.words} | {size} | {found.found.of} | {_share(found.found)} | {_share(found.clean)} "
                f"| {wrong} |"
            )
    return "\n".join(lines) + "\n"


def _alarms(measured: Measured) -> Rate:
    return Rate(measured.clean.of - measured.clean.hits, measured.clean.of)


def _share(rate: Rate) -> str:
    if not rate.of:
        return "-"
    low, high = stats.binomtest(rate.hits, rate.of).proportion_ci(0.95, method="exact")
    return f"{rate.hits / rate.of:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    sys.exit(main())

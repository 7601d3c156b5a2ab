"""``python -m accuracy.regression``: makes runs of known builds, compares them, writes the figures in docs/compare.md.

    python -m accuracy.regression --runs DIR --make 10 3    # ten runs of the base build, three of each changed one
    python -m accuracy.regression --runs DIR                # what is there

The runs take two minutes each; other work on the machine is noise between runs, and is measured as such.
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
from accuracy.regression.measure import Measured, Rate, measure, resampled_rates
from harness.assets import rules_path
from harness.judge.as_baseline import passed
from harness.judge.regression_runs import values_of
from harness.judge.regression_values import RunValues
from harness.plan.loading import load_plan
from harness.plan.regression import QuerySet
from harness.plan.regression_file import load_queries
from harness.run.json_files import read_json
from harness.run.record import list_runs

ROOT = Path(__file__).resolve().parents[2]
PLAN = Path(__file__).with_name("plan.yml")
PAGE = ROOT / "docs" / "compare.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
MOST = 200  # comparisons of each kind


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m accuracy.regression", description=__doc__)
    parser.add_argument("--runs", type=Path, required=True, nargs="+", help="folders of a folder for each build")
    parser.add_argument(
        "--make", type=int, nargs=2, metavar=("BASE", "OTHERS"), help="make runs until so many are there"
    )
    parser.add_argument("--resampled", type=int, default=500, help="comparisons of resampled runs")
    parser.add_argument("--write", type=Path, default=PAGE, help="the page; - for none")
    given = parser.parse_args()
    if given.make:
        make(given.runs[0], *given.make)
    queries = load_queries(rules_path().parent)
    made = [{build.name: read(place / build.name, queries) for build in BUILDS} for place in given.runs]
    text = page(made, queries, given.resampled)
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


def page(places: list[dict[str, list[RunValues]]], queries: QuerySet, resamples: int) -> str:
    """The figures of each place by itself: runs of different places are not runs of one machine."""
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        f"Measured on {day} by `python -m accuracy.regression`, real runs of `accuracy/regression/plan.yml` on two",
        "cores that other work shared. Comparisons of a few runs with each other are not independent. *Resampled* are",
        "runs drawn from the real ones: levels of all series together with the spread between the real runs, windows",
        "of one of them; another build's change is then made in the numbers. Intervals: Clopper and Pearson, 95%.",
    ]
    for number, values in enumerate(places, 1):
        lines += ["", *_place(number, values, queries, resamples)]
    return "\n".join(lines) + "\n"


def _place(number: int, values: dict[str, list[RunValues]], queries: QuerySet, resamples: int) -> list[str]:
    base = values["base"]
    counts = ", ".join(f"{len(values[b.name])} of {b.words}" for b in BUILDS)
    lines = [
        f"Place {number}, real runs: {counts}.",
        "",
        "| build | runs | baseline runs | comparisons | named in | something else called worse in | what |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    sizes = sorted({n for n in (1, 3, 5, len(base) - 1) if 1 <= n < len(base)})
    for build in BUILDS:
        for size in sizes:
            real = measure(build, values[build.name], base, size, queries, MOST)
            lines += [_row(build, "real", real)] if real.found.of else []
        for size in (1, 5, 10) if len(base) > 2 else ():
            lines.append(_row(build, "resampled", resampled_rates(build, base, size, resamples, queries)))
    return lines


def _row(build: Build, kind: str, found: Measured) -> str:
    wrong = ", ".join(f"`{name}` ({count})" for name, count in found.falsely[:3]) or "-"
    named = _share(found.found) if build.named else "-"
    other = _share(Rate(found.clean.of - found.clean.hits, found.clean.of))
    return f"| {build.words} | {kind} | {found.baselines} | {found.found.of} | {named} | {other} | {wrong} |"


def _share(rate: Rate) -> str:
    if not rate.of:
        return "-"
    low, high = stats.binomtest(rate.hits, rate.of).proportion_ci(0.95, method="exact")
    return f"{rate.hits / rate.of:.1%} ({low:.1%} to {high:.1%})"


if __name__ == "__main__":
    sys.exit(main())

"""``make accuracy``: how often the growth judge is right, on series whose truth is known; writes docs/accuracy.md.

The seeds are those of reporting: nothing was chosen on them. Exit 0 when the measurement was made and written, whether
or not every goal was met; ``--strict`` makes a missed goal exit 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from accuracy.corpus import Purpose
from accuracy.measure import Row, judge_all, tasks
from accuracy.page import LENGTH, Measured, page
from accuracy.parts import NotYet, Parts
from accuracy.real_path import TOGETHER, Passed, drawn, judged
from accuracy.whole_runs import RunOutcome, judge_runs

ROOT = Path(__file__).resolve().parent.parent
WORDS = Path(__file__).with_name("words.md")
PAGE = ROOT / "docs" / "accuracy.md"
GO_ON = 75  # EX_TEMPFAIL
OTHER_LENGTHS = (8.0, 12.0, 18.0)
IN_FULL = 20  # whole runs of which every single series is judged


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m accuracy", description=__doc__)
    parser.add_argument("--healthy", type=int, default=140, help="24 h series of each healthy kind")
    parser.add_argument("--leaking", type=int, default=32, help="24 h series of each leaking kind and slope class")
    parser.add_argument("--others", type=int, default=8, help="series of each kind (and class) of every other length")
    parser.add_argument("--runs", type=int, default=200, help="whole healthy runs")
    parser.add_argument("--real-path", type=int, default=200, help="series that go through `harness judge DIR` too")
    parser.add_argument("--keep", type=Path, help="folder in which parts are kept, to go on where it stopped")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="begin no further part after these: exit 75"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", type=Path, default=PAGE, help="the page; - for none")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    given = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    made = _made()
    key = f"{made.split()[-1]} {given.healthy} {given.leaking} {given.others} {given.runs} {given.real_path}"
    parts = Parts(given.keep, key, given.seconds)
    todo = tasks(Purpose.REPORTING, LENGTH, given.healthy, given.leaking)
    for hours in OTHER_LENGTHS:
        todo += tasks(Purpose.REPORTING, hours, given.others, max(1, given.others // 2))
    console.print(f"judging {len(todo)} series and {given.runs} whole runs ...")
    try:
        rows = parts.each("series", todo, 400, lambda part: judge_all(part, given.processes), lambda one: Row(**one))
        runs = parts.each(
            "runs",
            range(given.runs),
            IN_FULL,
            lambda part: judge_runs(part, Purpose.RUNS, given.processes, IN_FULL if part[0] == 0 else 0),
            lambda one: RunOutcome(**one),
        )
        passed = parts.each(
            "real-path", drawn(given.real_path, Purpose.REPORTING), TOGETHER * 3, judged, lambda one: Passed(**one)
        )
    except NotYet as problem:
        console.print(f"not yet: {problem}; the same command again goes on")
        return GO_ON
    measured = Measured(rows, runs, made, parts.measured, passed)
    text = page(measured, WORDS.read_text(encoding="utf-8"))
    console.print(text, markup=False)
    if str(given.write) != "-":
        given.write.write_text(text, encoding="utf-8")
    missed = [goal.name for goal in measured.goals if not goal.met]
    console.print(f"goals missed: {'; '.join(missed) or 'none'}")
    return 1 if missed and given.strict else 0


def _made() -> str:
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    try:
        asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
        commit = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        commit = "no commit"
    return f"{day} at commit {commit}"


if __name__ == "__main__":
    sys.exit(main())

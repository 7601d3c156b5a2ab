"""``make accuracy``: how often the growth judge is right, on series whose truth is known; writes docs/accuracy.md.

The seeds are those of reporting: nothing was chosen on them. Exit 0 when the measurement was made and written, whether
or not every goal was met; ``--strict`` makes a missed goal exit 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from accuracy.corpus import Purpose
from accuracy.measure import judge_all, tasks
from accuracy.page import LENGTH, Measured, page
from accuracy.real_path import drawn, judged
from accuracy.whole_runs import judge_runs

ROOT = Path(__file__).resolve().parent.parent
WORDS = Path(__file__).with_name("words.md")
PAGE = ROOT / "docs" / "accuracy.md"
OTHER_LENGTHS = (8.0, 12.0, 18.0)
IN_FULL = 20  # whole runs of which every single series is judged


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m accuracy", description=__doc__)
    parser.add_argument("--healthy", type=int, default=140, help="24 h series of each healthy kind")
    parser.add_argument("--leaking", type=int, default=32, help="24 h series of each leaking kind and slope class")
    parser.add_argument("--others", type=int, default=8, help="series of each kind (and class) of every other length")
    parser.add_argument("--runs", type=int, default=200, help="whole healthy runs")
    parser.add_argument("--real-path", type=int, default=200, help="series that go through `harness judge DIR` too")
    parser.add_argument("--real-path-seconds", type=float, default=200, help="no further run is begun after these")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", type=Path, default=PAGE, help="the page; - for none")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    given = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    began = time.monotonic()
    todo = tasks(Purpose.REPORTING, LENGTH, given.healthy, given.leaking)
    for hours in OTHER_LENGTHS:
        todo += tasks(Purpose.REPORTING, hours, given.others, max(1, given.others // 2))
    console.print(f"judging {len(todo)} series and {given.runs} whole runs ...")
    rows = judge_all(todo, given.processes)
    runs = judge_runs(range(given.runs), Purpose.RUNS, given.processes, IN_FULL)
    passed = judged(drawn(given.real_path, Purpose.REPORTING), given.real_path_seconds)
    measured = Measured(rows, runs, _made(), time.monotonic() - began, passed)
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

"""``make bench``: every figure as a ratio or a cost measured here, beside its goal. Exit 1 when a goal is missed.

Each benchmark is a module with ``run() -> list[(name, value, unit, goal, ok)]``; ``ok`` None is one without a goal.
Figures on shared machines are noisy, so both sides of a ratio are measured in one run.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table


def names() -> list[str]:
    here = Path(__file__).parent
    return sorted(p.stem for p in here.glob("*.py") if not p.stem.startswith("_"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of: {', '.join(names())}; all when none is named")
    wanted = parser.parse_args().only or names()
    unknown = sorted(set(wanted) - set(names()))
    if unknown:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(names())}")
    console = Console()
    table = Table("benchmark", "figure", "value", "goal", "met")
    missed = 0
    for name in wanted:
        console.print(f"[dim]{name} ...[/dim]")
        began = time.monotonic()
        rows = importlib.import_module(f"benchmarks.{name}").run()
        if not rows:
            console.print(f"{name} measured nothing")
            missed += 1
        for figure, value, unit, goal, ok in rows:
            missed += ok is False
            table.add_row(name, figure, f"{value:.4g} {unit}", goal, {None: "-", True: "yes", False: "NO"}[ok])
        console.print(f"[dim]{name}: {time.monotonic() - began:.0f} s[/dim]")
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

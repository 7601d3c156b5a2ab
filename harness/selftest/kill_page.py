"""docs/reliability.md: the kill matrix as it was last seen, written by the command itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.selftest.kill_lab import KillRow
from harness.selftest.kills import Cell
from harness.selftest.surroundings import Surrounding

HEADING = "# What survives what"
_CELLS = "## Each cell"
HEAD = "| Cell | Expected | Runs | Came to | As expected | Kept | Seen (UTC) | First finding |"
_INTRODUCTION = """\
This page is written by `harness kills --page docs/reliability.md`; do not edit it by hand.

Each part of a run is ended, killed, stopped for a minute or restarted, at a random moment (the same for the same seed),
in a real run of the reference target with real PostgreSQL, Redis, Prometheus and Locust. A cell is as expected when the
verdict is one of those that are right, the exit code is the verdict's, what happened is named, nothing hangs, no
process is left, there is no traceback, and the archive holds what was scraped before. What was not run yet stands here
as such.
"""
_SURROUNDINGS = """\
## Hostile surroundings

Here no part is ended: what a run stands in turns hostile, at a random moment. A cell is as expected by the same rules;
where nothing can be written any more, the exit code and a clear message stand for the verdict. `harness kills --cells
surroundings` runs them; what they need (root, mostly) is told where it is missing.
"""
_PATH = re.compile(r"(?<![\w/:])/(?:[\w.+-]+/){3,}([\w.+-]+)")
_LINE = "| --- | --- | --- | --- | --- | --- | --- | --- |"


def renewed(
    page: str, rows: Sequence[KillRow], cells: Sequence[Cell], seen: str, surroundings: Sequence[Surrounding] = ()
) -> str:
    """The page with these rows in place of earlier ones of the same cells.

    Args:
        page: as it was; may be empty.
        seen: when they were run, in words.
    """
    known = _known(page)
    both: list[Cell | Surrounding] = [*cells, *surroundings]
    for cell in both:
        mine = [row for row in rows if row.cell == cell.name]
        if mine:
            known[cell.name] = _line(cell, mine, seen)
    parts = [HEADING, "", _INTRODUCTION.rstrip(), "", *_grid(cells, known), "", _count(cells, known), "", _CELLS, ""]
    parts += _table(cells, known)
    if surroundings:
        parts += ["", _SURROUNDINGS.rstrip(), "", _count(surroundings, known), "", *_table(surroundings, known)]
    return "\n".join([*parts, ""])


def _count(cells: Sequence[Cell | Surrounding], known: dict[str, str]) -> str:
    run = [cell for cell in cells if cell.name in known]
    right = sum(_cell_of(known[cell.name], 4) == "yes" for cell in run)
    return f"{right} of {len(run)} cells as expected in each run; {len(cells) - len(run)} of {len(cells)} not run yet."


def _table(cells: Sequence[Cell | Surrounding], known: dict[str, str]) -> list[str]:
    lines = [known[cell.name] for cell in cells if cell.name in known]
    reasons = [f"- `{cell.name}`: {cell.why}." for cell in cells]
    return [HEAD, _LINE, *lines, "", "Why these outcomes are the right ones:", "", *reasons]


def _grid(cells: Sequence[Cell], known: dict[str, str]) -> list[str]:
    actions = list(dict.fromkeys(cell.action for cell in cells))
    lines = [f"| Part | {' | '.join(actions)} |", f"| --- |{' --- |' * len(actions)}"]
    there = {cell.name for cell in cells}
    for part in dict.fromkeys(cell.part for cell in cells):
        shown = []
        for action in actions:
            name = f"{part} {action}"
            line = known.get(name, "")
            if name not in there:
                shown.append("-")
            elif not line:
                shown.append("not run")
            else:
                came = _cell_of(line, 3)
                shown.append(came if _cell_of(line, 4) == "yes" else f"**{came}**")
        lines.append(f"| {part} | {' | '.join(shown)} |")
    return lines


def _known(page: str) -> dict[str, str]:
    _, found, after = page.partition(HEAD)
    lines = after.splitlines()[2:] if found else []
    rows = [line for line in lines if line.startswith("| ")]
    return {_cell_of(line, 0): line for line in rows}


def _cell_of(line: str, column: int) -> str:
    return line.split(" | ")[column].removeprefix("| ").strip()


def _line(cell: Cell | Surrounding, rows: Sequence[KillRow], seen: str) -> str:
    right = sum(row.right for row in rows)
    expected = "yes" if right == len(rows) else "**no**" if right == 0 else f"**{right} of {len(rows)}**"
    kept = [row.kept for row in rows if row.kept is not None]
    problem = next((row.problem for row in rows if row.problem), "")
    first = problem or next((row.finding for row in rows if row.finding), "-")
    columns = [
        cell.name, "/".join(rows[0].expected), str(len(rows)), ", ".join(dict.fromkeys(row.outcome for row in rows)),
        expected, f"{min(kept):.0%}" if kept else "-", seen, _plain(first),
    ]  # fmt: skip
    return f"| {' | '.join(columns)} |"


def _plain(text: str) -> str:
    """One line without what a table or HTML would take for its own; of the lab's files the last word only."""
    line = " ".join(_PATH.sub(r".../\1", text).split()).replace("|", "/").replace("<", "&lt;")
    return line if len(line) <= 160 else f"{line[:157]}..."

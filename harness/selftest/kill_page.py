"""docs/reliability.md: the kill matrix as it was last seen, written by the command itself. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.selftest.kill_lab import KillRow
from harness.selftest.kills import Cell
from harness.selftest.rules import OLDEST, number, told
from harness.selftest.surroundings import Surrounding

HEADING = "# What survives what"
_CELLS = "## Each cell"
HEAD = "| Cell | Expected | Seeds | Rules | Came to | As expected | Kept | Last seen (UTC) | First finding |"
_INTRODUCTION = """\
This page is written by `harness kills --page docs/reliability.md`; do not edit it by hand.

Each part of a run is ended, killed, stopped for a minute or restarted, at a random moment (the same for the same seed),
in a real run of the reference target with real PostgreSQL, Redis, Prometheus and Locust. A cell is as expected when the
verdict is one of those that are right, the exit code is the verdict's, what happened is named, nothing hangs, no
process is left, there is no traceback, the archive holds what the run's Prometheus held just before (Kept: of the
series that lost most, 95 % at least), and the verdict says of failed requests what the load's own counters say. What
was not run yet stands here as such.
"""
_SURROUNDINGS = """\
## Hostile surroundings

Here no part is ended: what a run stands in turns hostile, at a random moment. A cell is as expected by the same rules;
where nothing can be written any more, the exit code and a clear message stand for the verdict. `harness kills --cells
surroundings` runs them; what they need (root, mostly) is told where it is missing.
"""
_BY_CLOCK = """\
Hostile from the start, so that there is no moment before it at which to ask Prometheus, are {}: Kept is how often the
worst of Locust's master, the sidecar and the harness was scraped, by the clock, and 90 % are enough.
"""
_PATH = re.compile(r"(?<![\w/:])/(?:[\w.+-]+/){3,}([\w.+-]+)")
_LINE = "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
_WITHOUT_RULES = 8  # columns
_NO_ROWS = ("| Cell |", "| --- |")


@dataclass(frozen=True)
class Tried:
    """A cell, done once: what it came to with this seed, and the share that was kept ("98%", "-" where not counted).

    Attributes:
        rules: by which ``right`` was said.
    """

    seed: int
    rules: int
    came: str
    right: bool
    kept: str


@dataclass(frozen=True)
class Known:
    """What the page says of a cell.

    Attributes:
        expected: outcomes that were right then; what was tried counts for these alone.
        tried: in the order of the seeds.
        seen: when it was last run, in words; first: what that run said first.
    """

    expected: str
    tried: tuple[Tried, ...]
    seen: str
    first: str

    @property
    def right(self) -> int:
        return sum(one.right for one in self.tried)

    def line(self, name: str) -> str:
        count = len(self.tried)
        yes = "yes" if self.right == count else "**no**" if self.right == 0 else f"**{self.right} of {count}**"
        came = ", ".join(one.came if one.right else f"**{one.came}**" for one in self.tried)
        kept, seeds = ", ".join(one.kept for one in self.tried), ", ".join(str(one.seed) for one in self.tried)
        rules = ", ".join(str(one.rules) for one in self.tried)
        return f"| {' | '.join([name, self.expected, seeds, rules, came, yes, kept, self.seen, self.first])} |"


def renewed(
    page: str, rows: Sequence[KillRow], cells: Sequence[Cell], seen: str, surroundings: Sequence[Surrounding] = ()
) -> str:
    """The page with these rows; earlier ones of the same cell and seed, or with other expectations, are gone.

    Args:
        page: as it was; may be empty.
        seen: when they were run, in words.

    Raises:
        ValueError: a line of the page is none of this command's.
    """
    known = _known(page)
    both: list[Cell | Surrounding] = [*cells, *surroundings]
    for cell in both:
        mine = [row for row in rows if row.cell == cell.name]
        if mine:
            known[cell.name] = _with(known.get(cell.name), mine, seen)
    runs = [(cell.name, one.seed, one.rules) for cell in both if cell.name in known for one in known[cell.name].tried]
    parts = [HEADING, "", _INTRODUCTION.rstrip(), "", *told(runs), "", *_grid(cells, known), ""]
    parts += [_count(cells, known), "", _CELLS, "", *_table(cells, known)]
    if surroundings:
        parts += ["", _SURROUNDINGS.rstrip(), *_by_clock(surroundings), "", _count(surroundings, known), ""]
        parts += _table(surroundings, known)
    return "\n".join([*parts, ""])


def _with(before: Known | None, rows: Sequence[KillRow], seen: str) -> Known:
    expected = "/".join(rows[0].expected)
    tried = {one.seed: one for one in before.tried} if before is not None and before.expected == expected else {}
    wrong = any(not tried[seed].right for seed in tried.keys() - {row.seed for row in rows})
    for row in rows:
        kept = f"{row.kept:.0%}" if row.kept is not None else "-"
        tried[row.seed] = Tried(row.seed, row.rules, row.outcome, row.right, kept)
    problem = next((row.problem for row in rows if row.problem), "")
    first = _plain(problem or next((row.finding for row in rows if row.finding), "-"))
    if wrong and not problem and before is not None:
        first = before.first  # what went wrong stays to be read
    return Known(expected, tuple(tried[seed] for seed in sorted(tried)), seen, first)


def _by_clock(surroundings: Sequence[Surrounding]) -> list[str]:
    names = ", ".join(f"`{cell.name}`" for cell in surroundings if cell.from_the_start)
    return ["", _BY_CLOCK.format(names).rstrip()] if names else []


def _count(cells: Sequence[Cell | Surrounding], known: Mapping[str, Known]) -> str:
    run = [known[cell.name] for cell in cells if cell.name in known]
    right = sum(one.right == len(one.tried) for one in run)
    left = f"{len(cells) - len(run)} of {len(cells)} not run yet."
    return f"{right} of {len(run)} cells as expected in each run ({sum(len(one.tried) for one in run)} runs); {left}"


def _table(cells: Sequence[Cell | Surrounding], known: Mapping[str, Known]) -> list[str]:
    lines = [known[cell.name].line(cell.name) for cell in cells if cell.name in known]
    reasons = [f"- `{cell.name}`: {cell.why}." for cell in cells]
    return [HEAD, _LINE, *lines, "", "Why these outcomes are the right ones:", "", *reasons]


def _grid(cells: Sequence[Cell], known: Mapping[str, Known]) -> list[str]:
    actions = list(dict.fromkeys(cell.action for cell in cells))
    lines = [f"| Part | {' | '.join(actions)} |", f"| --- |{' --- |' * len(actions)}"]
    there = {cell.name for cell in cells}
    for part in dict.fromkeys(cell.part for cell in cells):
        shown = []
        for action in actions:
            one = known.get(f"{part} {action}")
            if f"{part} {action}" not in there:
                shown.append("-")
            elif one is None:
                shown.append("not run")
            else:
                came = dict.fromkeys((tried.came, tried.right) for tried in one.tried)
                shown.append(", ".join(word if right else f"**{word}**" for word, right in came))
        lines.append(f"| {part} | {' | '.join(shown)} |")
    return lines


def _known(page: str) -> dict[str, Known]:
    after = page.partition(_CELLS)[2]
    return dict(_read(line) for line in after.splitlines() if line.startswith("| ") and not line.startswith(_NO_ROWS))


def _read(line: str) -> tuple[str, Known]:
    values = line.removeprefix("| ").removesuffix(" |").split(" | ")
    if len(values) == _WITHOUT_RULES:  # of a page that had none
        values.insert(3, ", ".join([str(OLDEST)] * len(values[2].split(", "))))
    name, expected, seeds, rules, came, _, kept, seen, first = values
    each = [text.split(", ") for text in (seeds, rules, came, kept)]
    tried = [
        Tried(int(seed), number(made), word.strip("*"), not word.startswith("**"), share)
        for seed, made, word, share in zip(*each, strict=True)
    ]
    return name, Known(expected, tuple(tried), seen, first)


def _plain(text: str) -> str:
    """One line without what a table or HTML would take for its own; of the lab's files the last word only."""
    line = " ".join(_PATH.sub(r".../\1", text).split()).replace("|", "/").replace("<", "&lt;")
    return line if len(line) <= 160 else f"{line[:157]}..."

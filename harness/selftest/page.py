"""The table of what the lab has seen, in a Markdown page: rows of cases that were run are renewed. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.selftest.matrix import Row

HEADING = "## What was seen"
HEAD = "| Case | Runs | Outcome | First cause | As expected | Dated | Alert | Aborted | Seen (UTC) |"
_RIGHT = "| yes |"


def renewed(page: str, rows: Sequence[Row], cases: Sequence[str], seen: str) -> str:
    """The page with the rows of these runs.

    Args:
        cases: names of all cases, in the order of the table.
        seen: when they were run, in words.

    Raises:
        ValueError: the page has no such table.
    """
    before, heading, after = page.partition(f"\n{HEADING}\n")
    lines = after.split("\n")
    if not heading or HEAD not in lines:
        raise ValueError(f"there is no table {HEAD!r} below {HEADING!r}")
    first = lines.index(HEAD) + 2
    last = next((i for i in range(first, len(lines)) if not lines[i].startswith("|")), len(lines))
    known = {line.split("|")[1].strip(): line for line in lines[first:last]}
    known |= {name: _line(name, mine, seen) for name, mine in _by_case(rows).items()}
    table = [known[name] for name in cases if name in known]
    right = sum(_RIGHT in line for line in table)
    rest = lines[last:]
    while rest and (not rest[0] or rest[0].endswith("as expected in each run.")):
        rest.pop(0)
    told = f"{right} of {len(table)} cases as expected in each run."
    return before + heading + "\n".join([*lines[:first], *table, "", told, "", *rest])


def _by_case(rows: Sequence[Row]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.case, []).append(row)
    return found


def _line(name: str, rows: Sequence[Row], seen: str) -> str:
    right = sum(row.right for row in rows)
    expected = "yes" if right == len(rows) else "**no**" if right == 0 else f"**{right} of {len(rows)}**"
    cells = [
        name, str(len(rows)), _each(row.outcome for row in rows), _each(row.cause or "-" for row in rows), expected,
        _range([row.onset_delay for row in rows]), _range([row.alert_delay for row in rows]),
        _range([row.abort_delay for row in rows]), seen,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _each(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _range(delays: Sequence[float | None]) -> str:
    known = sorted(round(d) for d in delays if d is not None)
    if not known:
        return "-"
    return f"{known[0]} s" if known[0] == known[-1] else f"{known[0]} to {known[-1]} s"

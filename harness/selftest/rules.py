"""By which rules a run of the kill matrix was taken for right: older ones checked less, and its page says so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RULES = 3  # one more whenever a cell must stand more than before
OLDEST = 1  # of every run that has no number
# What runs under older rules were not held to. Rules 1 ended with commit 116fe37, of 2026-11-24 00:11 UTC; what began
# before it wrote its page with the older introduction to its end, as the process of the third seed did.
_UNCHECKED = {
    2: "They took for right, unsaid, a run whose Prometheus did not answer when it was asked what it held (Kept was "
    "counted by the clock then, and 90 % were enough), and in all cells but two one whose requests nobody could count.",
    1: "Kept is how often Locust's master alone was scraped, by the clock (90 % were enough): no other series was "
    "looked for, and failed requests were not counted. Not all of these runs were searched for tracebacks in their "
    "logs and for processes that had lost their parent.",
}
_MOST_NAMED = 4

Made = tuple[str, int, int]  # a run: its cell, its seed, its rules


def told(runs: Sequence[Made]) -> list[str]:
    """Which runs were made under which rules, and what the older ones did not check: Markdown, newest rules first."""
    lines = [f"Each run was held to the rules of its own time (Rules). Those told above are rules {RULES}.", ""]
    for rules in sorted({RULES, *(made for _, _, made in runs)}, reverse=True):
        seeds = sorted({seed for _, seed, made in runs if made == rules})
        which = "; ".join(_of(seed, rules, runs) for seed in seeds) or "no run yet"
        lines.append(" ".join([f"- Rules {rules}: {which}.", *([_UNCHECKED[rules]] if rules != RULES else [])]))
    return lines


def number(text: str) -> int:
    """Raises ValueError: there are no such rules."""
    found = int(text)
    if not OLDEST <= found <= RULES:
        raise ValueError(f"there are no rules {found}; the newest are {RULES}")
    return found


def _of(seed: int, rules: int, runs: Sequence[Made]) -> str:
    mine = [cell for cell, one, made in runs if one == seed and made == rules]
    others = [cell for cell, one, made in runs if one == seed and made != rules]
    if not others:
        return f"seed {seed}"
    return f"seed {seed} but for {_names(others)}" if len(others) < len(mine) else f"{_names(mine)} of seed {seed}"


def _names(cells: Iterable[str]) -> str:
    names = [f"`{cell}`" for cell in cells]
    return ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} cells"

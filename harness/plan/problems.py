"""Everything wrong with one plan, told at once and in the order of its lines. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.errors import PlanError
from harness.plan.yaml_lines import Node

MAX_TOLD = 20
_MAX_MESSAGE = 600


@dataclass(frozen=True)
class Problem:
    message: str
    line: int | None
    remedy: str


@dataclass
class Problems:
    """Collects; ``raise_any`` turns what was collected into one PlanError."""

    path: str
    _found: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, message: str, *, line: int | None = None, origin: str = "", remedy: str = "") -> None:
        message = _clean(f"{origin}: {message}" if origin else message)
        problem = Problem(message, None if origin else line or None, _clean(remedy))
        if problem not in self._found:
            self._found.append(problem)

    def add_at(self, node: Node, message: str, remedy: str = "") -> None:
        self.add(message, line=node.line, origin=node.origin, remedy=remedy)

    def add_loc(self, root: Node, loc: tuple[str | int, ...], message: str, remedy: str = "") -> None:
        """A problem of the value at ``loc``, for example ("load", "stages", 0, "users")."""
        line, origin = root.place(loc)
        self.add(message, line=line, origin=origin, remedy=remedy)

    def raise_any(self) -> None:
        """Raises PlanError when anything was found; several problems are listed in it by line."""
        if not self._found:
            return
        found = sorted(self._found, key=lambda p: p.line or 0)
        first, rest = found[0], found[1:]
        if not rest:
            raise PlanError(first.message, path=self.path, line=first.line, remedy=first.remedy)
        lines = [first.message + (f"\n  {first.remedy}" if first.remedy else "")]
        for problem in rest[: MAX_TOLD - 1]:
            told = PlanError(problem.message, path=self.path, line=problem.line, remedy=problem.remedy)
            lines.append(str(told))
        if len(found) > MAX_TOLD:
            lines.append(f"and {len(found) - MAX_TOLD} more")
        raise PlanError("\n".join(lines), path=self.path, line=first.line)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'url'?" or nothing."""
    close = difflib.get_close_matches(word[:60], sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def _clean(text: str) -> str:
    """One line, printable and short: plan text that ends in an error must not control the reader's terminal."""
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 3] + "..."

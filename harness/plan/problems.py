"""Everything wrong with one plan, told at once and in the order of its lines. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.errors import PlanError
from harness.plan.wording import tell
from harness.plan.yaml_lines import Node

MAX_TOLD = 20


@dataclass(frozen=True)
class Problem:
    """``path`` is empty for a problem that does not come from the file: an override, an environment variable."""

    message: str
    path: str
    line: int | None
    remedy: str

    def error(self) -> PlanError:
        return PlanError(self.message, path=self.path, line=self.line, remedy=self.remedy)


@dataclass
class Problems:
    """Collects; ``raise_any`` turns what was collected into one PlanError."""

    path: str
    _found: list[Problem] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, message: str, *, line: int | None = None, origin: str = "", remedy: str = "") -> None:
        message = tell(f"{origin}: {message}" if origin else message)
        problem = Problem(message, "" if origin else self.path, None if origin else line or None, tell(remedy))
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
        if len(found) == 1:
            raise found[0].error()
        lines = [str(problem.error()) for problem in found[:MAX_TOLD]]
        if len(found) > MAX_TOLD:
            lines.append(f"and {len(found) - MAX_TOLD} more")
        error = PlanError("\n".join(lines))
        error.path, error.line = self.path, found[0].line
        raise error


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "; did you mean 'url'?" or nothing."""
    close = difflib.get_close_matches(word[:60], sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""

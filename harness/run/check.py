"""One thing that preflight looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import HarnessError


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        detail: what was found.
        remedy: what to do when it is not ``ok``.
        warning: what is odd about it though it is ``ok``; empty when nothing is.
        key: the plan's key that asks for it; empty when none does.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    warning: str = ""
    key: tuple[str | int, ...] = ()


def found(name: str, look: Callable[[], str]) -> Check:
    """What ``look`` found, or the error that it raised, as a check."""
    try:
        return Check(name, True, look())
    except HarnessError as error:
        return Check(name, False, error.message, error.remedy)

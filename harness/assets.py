"""Where the rules, plans, dashboards and docs lie: in the wheel below ``harness/_data``, in a checkout at its top."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from harness.errors import HarnessError

_PACKAGE = Path(__file__).resolve().parent


def data_path(name: Literal["prometheus", "plans", "dashboards", "docs"], package: Path = _PACKAGE) -> Path:
    """The folder of that name.

    Args:
        package: the folder of the ``harness`` package; tests pass another.

    Raises:
        HarnessError: neither an installed wheel nor a checkout holds it.
    """
    for candidate in (package / "_data" / name, package.parent / name):
        if candidate.is_dir():
            return candidate
    raise HarnessError(
        f"this installation lacks its {name!r} folder (looked in {package / '_data'} and {package.parent})",
        remedy="install endurance-harness again, or run it from a whole checkout",
    )


def rules_path() -> Path:
    """The folder of the recording and alert rules."""
    return data_path("prometheus") / "rules"

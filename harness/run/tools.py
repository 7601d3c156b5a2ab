"""The programs of others that a run needs."""

from __future__ import annotations

import shutil

from harness.errors import PreflightError

_PACKAGES = {"prometheus": "prometheus", "promtool": "prometheus"}


def find_tool(name: str) -> str:
    """Path of a program. Raises PreflightError with the package that holds it."""
    found = shutil.which(name)
    if found is None:
        raise PreflightError(
            f"{name} is not installed here", remedy=f"install it (Debian: apt-get install {_PACKAGES.get(name, name)})"
        )
    return found

"""How a message names a run: so that the command that it gives can be typed as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path

from harness.run.record import RunDirectory

_RUNS = Path("runs")


def name_of(directory: RunDirectory) -> str:
    """What a command takes as RUN, without --out: the name of a folder below ``runs``, else a path. Pure."""
    path = directory.path
    return shlex.quote(path.name if path.parent == _RUNS else str(path))

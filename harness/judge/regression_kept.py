"""What a comparison asked and was told, kept as ``regression.json`` in the run directory.

Kept with a run are its own values and those of the runs that it was compared with, so that judging it again,
elsewhere and later, compares with the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.errors import ArchiveError
from harness.judge.regression_values import RunValues
from harness.run.json_files import read_json, write_json
from harness.run.record import RunDirectory

FILE = "regression.json"
SCHEMA = 1
NOT_COMPARED = "it was not compared"  # measured for a history only


@dataclass(frozen=True)
class Kept:
    """What ``regression.json`` holds: the run's own values and those of its baselines, and who was refused.

    Attributes:
        marks: ``marks_of`` the run when its values were measured; after others they are stale.
    """

    run: RunValues
    baselines: tuple[RunValues, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    missing: str = ""
    mistaken: bool = False
    marks: str = ""


def marks_of(directory: RunDirectory) -> str:
    """A digest of what was set aside by hand; empty without any. Raises ArchiveError."""
    try:
        return hashlib.sha256(directory.marks.read_bytes()).hexdigest()[:16] if directory.marks.is_file() else ""
    except OSError as error:
        raise ArchiveError(f"{directory.marks} cannot be read: {error.strerror}") from error


def read_kept(directory: RunDirectory) -> Kept | None:
    """None where nothing was kept. Raises ArchiveError for a damaged file."""
    file = directory.path / FILE
    if not file.is_file():
        return None
    data = read_json(file)
    where = str(file)
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ArchiveError(f"{where}: not of schema {SCHEMA}", remedy="remove it, and compare again: harness compare")
    baselines, refused = data.get("baselines"), data.get("refused")
    if not isinstance(baselines, list) or not isinstance(refused, list):
        raise ArchiveError(f"{where}: 'baselines' and 'refused' must be lists")
    return Kept(
        RunValues.from_json(data.get("run"), where),
        tuple(RunValues.from_json(one, where) for one in baselines),
        tuple((str(one[0]), str(one[1])) for one in refused if isinstance(one, list) and len(one) == 2),
        str(data.get("missing", "")),
        bool(data.get("mistaken", False)),
        str(data.get("marks", "")),
    )


def keep(directory: RunDirectory, kept: Kept) -> None:
    """Writes ``regression.json``. Raises OSError."""
    write_json(
        directory.path / FILE,
        {
            "schema": SCHEMA,
            "run": kept.run.to_json(),
            "baselines": [one.to_json() for one in kept.baselines],
            "refused": [list(one) for one in kept.refused],
            "missing": kept.missing,
            "mistaken": kept.mistaken,
            "marks": kept.marks,
        },
    )

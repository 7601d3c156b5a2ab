"""The errors a person may meet, and the exit codes that go with them.

    HarnessError            exit 12: the harness could not do its work
    ├── UsageError          exit 2: wrong usage, a bad plan included
    │   └── PlanError       exit 2: names file, line and remedy
    ├── PreflightError      exit 12: what the plan needs is not there
    ├── QueryError          a Prometheus query failed; never "no data"
    └── ArchiveError        the run's series could not be kept or read

Only ``harness.cli`` turns one into an exit. Leaf: imports nothing of ours.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command line (DESIGN: outcomes and exit codes)."""

    PASS = 0
    USAGE = 2
    FAIL = 10
    INCONCLUSIVE = 11
    ERROR = 12


class HarnessError(Exception):
    """What happened, where, and what to do about it, in words for a person.

    Args:
        message: what happened and where.
        remedy: what the reader can do; empty when there is nothing to do.
    """

    exit_code: ExitCode = ExitCode.ERROR

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(HarnessError):
    """Wrong usage of the command line."""

    exit_code = ExitCode.USAGE


class PlanError(UsageError):
    """A plan that cannot be run, with file and line.

    Args:
        line: 1-based line of the plan, None where no single line is to blame.
    """

    def __init__(self, message: str, *, path: str = "", line: int | None = None, remedy: str = "") -> None:
        where = f"{path}:{line}: " if path and line else f"{path}: " if path else ""
        super().__init__(where + message, remedy=remedy)
        self.path = path
        self.line = line


class PreflightError(HarnessError):
    """Something the plan needs is missing or does not answer; nothing was started."""


class QueryError(HarnessError):
    """Prometheus refused or did not answer a query: an error, never an empty result."""


class ArchiveError(HarnessError):
    """The run's series could not be written, found or read."""


# A full or failing disk, or too many open files: no bug of ours, wherever it shows.
_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})


def of_the_machine(error: OSError) -> HarnessError | None:
    """What the machine, and no bug of ours, is to blame for, in words; None for any other error."""
    if error.errno not in _OF_THE_MACHINE:
        return None
    what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return HarnessError(what, remedy="make room where runs and temporary files are written ($TMPDIR)")


@contextmanager
def blaming_the_machine() -> Iterator[None]:
    """An OSError that the machine is to blame for becomes a HarnessError; others stay what they are."""
    try:
        yield
    except OSError as error:
        told = of_the_machine(error)
        if told is None:
            raise
        raise told from error

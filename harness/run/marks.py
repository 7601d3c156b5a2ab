"""Windows that were set aside by hand: writes them into a run's directory, and tells the run that is on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace

from harness.errors import HarnessError
from harness.judge.context import RATE_SECONDS
from harness.judge.set_aside import SetAside, all_aside, holes, read_marks
from harness.judge.windows import Window
from harness.plan.model import Plan
from harness.run.record import RunDirectory, RunRecord


def add_mark(directory: RunDirectory, mark: SetAside) -> None:
    """Appends one window, in one write: two at the same time do not mix.

    Raises:
        HarnessError: it could not be written.
    """
    line = json.dumps(mark.to_json(), ensure_ascii=False) + "\n"
    try:
        # A run directory from elsewhere may hold a link to a file of ours, or a pipe that nobody reads.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        file = os.open(directory.marks, flags, 0o644)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        raise HarnessError(f"{directory.marks} could not be written: {error.strerror}") from error


def quiet_windows(directory: RunDirectory, plan: Plan, record: RunRecord, steady_from: float) -> Sequence[Window]:
    """When no alert may end the run: what was set aside so far, and a minute more, since alerts look back.

    Args:
        steady_from: unix seconds; the plan's windows count from the start of the load, its warm-up before.

    Raises:
        ArchiveError: a mark cannot be read.
    """
    aside = all_aside(plan, replace(record, steady_from=steady_from), read_marks(directory.marks))
    return [Window(one.start, one.end + RATE_SECONDS) for one in holes(aside, plan.scrape_interval)]

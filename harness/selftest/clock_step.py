"""A step of the clock, emulated in the archive of a healthy run that is over.

Nobody may set the clock of a machine for a test, and no server program here can be given a clock of its own. So the
step is made where it shows: from a moment on every sample has a later time, and what comes after the run's end by the
stepped clock was never scraped. A step back is not emulated: it would need samples that no run has.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.errors import ArchiveError
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks, link_archive, move_blocks
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory
from harness.selftest.whole_run import Whole, judged_again

STEP_SECONDS = 30.0
AT_SHARE = 0.4  # of the steady state


def stepped(series: Series, at: float, step: float, end: float) -> Series:
    """The series as it had been scraped by a clock that jumps ``step`` seconds ahead ``at`` that time. Pure.

    Args:
        end: nothing is scraped after it, by the stepped clock; unix seconds.
    """
    times = np.where(series.times >= at, series.times + step, series.times)
    keep = times <= end
    return Series(series.labels, times[keep], series.values[keep])


def step_clock(whole: Whole, folder: Path) -> Whole:
    """A copy of the run below ``folder`` with the step in it, judged again; the run itself stays as it is.

    Raises:
        HarnessError: the run was not kept, or its series cannot be read or written.
    """
    directory = RunDirectory(folder / f"{whole.directory.name}-stepped")
    shutil.copytree(whole.directory, directory.path, ignore=shutil.ignore_patterns("tsdb"))
    record = directory.read_record()
    if record.steady_from is None or record.steady_to is None or record.ended_at is None:
        raise ArchiveError(f"{whole.directory}: the run has no steady state to step the clock in")
    at = record.steady_from + AT_SHARE * (record.steady_to - record.steady_from)
    start, end = record.started_at, record.ended_at
    with tempfile.TemporaryDirectory(prefix="harness-step-") as work:
        data = Path(work) / "data"
        link_archive(whole.directory / "tsdb", data)
        with PrometheusServer(data, Path(work)) as server, BlockWriter(end - start + STEP_SECONDS) as writer:
            series = server.api(timeout=60).raw('{__name__!=""}', start, end)
            writer.add((stepped(one, at, STEP_SECONDS, end) for one in series), "the stepped series")
            writer.finish(Path(work) / "blocks")
        move_blocks(find_blocks(Path(work) / "blocks"), directory.tsdb)
    return judged_again(replace(whole, directory=directory.path, meddled_at=at))

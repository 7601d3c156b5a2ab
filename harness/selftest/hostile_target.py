"""Cells of the kill matrix in which the target is hostile: answers without end, of 10 MB, or no text, and names and
errors that never repeat. What they must not take is the harness' memory, its series, its time, or its word.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil

from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.prom.blocks import link_archive
from harness.prom.server import PrometheusServer, die_with_parent
from harness.run.record import RunDirectory
from harness.selftest.evidence import kept_before
from harness.selftest.surroundings import Surrounding
from harness.selftest.whole_run import LOAD_BEGAN, Whole, whole_run

LOCUSTFILE = Path(__file__).parents[1] / "load" / "hostile_locustfile.py"
MOST_MEMORY = 1024  # MiB of any one process of the run
MOST_SERIES = 100_000  # 501 names of 139 series each, and what is not of requests
LONGEST = 500.0  # seconds; a run of 130 s and its judgement, on a busy machine
_SAMPLE_SECONDS = 0.25
_PARTS = {"--worker": "worker", "--master ": "master", "exporters.sidecar": "sidecar", "--web.listen": "prometheus"}
_PLAN = """\
name: hostile
kind: smoke
target: {{url: 'http://127.0.0.1:{port}', timeout: 5s, processes: [{{name: target, pid: {pid}}}]}}
scrape_interval: {interval}s
load:
  locustfile: {locustfile}
  warmup: 10s
  stages: [{{duration: 5s, users: {users}, spawn_rate: 8}}, {{duration: 125s, users: {users}}}]
objectives: {{latency_p95: 10s, error_ratio: 1%}}
"""


class MemoryWatch:
    """The highest memory of each part of a run, from when its load begins to its end."""

    def __init__(self) -> None:
        self.peaks: dict[str, float] = {}  # MiB

    def begin(self, harness: psutil.Process) -> Callable[[], None]:
        ended = threading.Event()

        def run() -> None:
            while not ended.wait(_SAMPLE_SECONDS):
                self._look(harness)

        thread = threading.Thread(target=run, name="memory", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()

        return end

    def _look(self, harness: psutil.Process) -> None:
        with contextlib.suppress(psutil.Error):
            self._see("harness", harness)
            for process in harness.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    line = " ".join(process.cmdline())
                    part = next((name for words, name in _PARTS.items() if words in line), "other")
                    self._see(part, process)

    def _see(self, part: str, process: psutil.Process) -> None:
        self.peaks[part] = max(self.peaks.get(part, 0.0), round(process.memory_info().rss / 2**20, 1))


@contextlib.contextmanager
def served() -> Iterator[tuple[int, int]]:
    """The hostile server's port and pid."""
    server = subprocess.Popen(
        [sys.executable, "-m", "harness.selftest.hostile_server"], stdout=subprocess.PIPE, text=True,
        preexec_fn=die_with_parent(),
    )  # fmt: skip
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise HarnessError("the hostile server did not start")
        yield int(port), server.pid
    finally:
        server.kill()
        server.communicate()


def run_against(paths: Sequence[str], users: int, interval: int, folder: Path, _: float) -> Whole:
    """A run whose users ask these paths beside a good one. Writes ``bounds.json``: MiB by part, and the series.

    Raises:
        HarnessError: it does not end, or takes more memory or series than it may.
    """
    watch = MemoryWatch()
    with served() as (port, pid):
        plan = folder / "plan.yml"
        text = _PLAN.format(port=port, pid=pid, locustfile=json.dumps(str(LOCUSTFILE)), users=users, interval=interval)
        plan.write_text(text, encoding="utf-8")
        whole = whole_run(
            folder, (), plan=plan, when=LOAD_BEGAN, meddle=watch.begin, longest=LONGEST,
            environ={"HOSTILE_PATHS": " ".join(paths)},
        )  # fmt: skip
    series = series_of(whole)
    (folder / "bounds.json").write_text(json.dumps({"mib": watch.peaks, "series": series}), encoding="utf-8")
    over = [f"{part} took {peak:.0f} MiB" for part, peak in watch.peaks.items() if peak > MOST_MEMORY]
    if series is not None and series > MOST_SERIES:
        over.append(f"{series:,} series")
    if over:
        raise HarnessError(f"more than it may take: {', '.join(over)}; {whole.directory}")
    return replace(whole, meddled_at=None)  # it was hostile from the start: all of its series must be there


def series_of(whole: Whole) -> int | None:
    """How many raw series the archive has up to the end of the steady state; None without an archive."""
    try:
        until = RunDirectory(whole.directory).read_record().steady_to
    except HarnessError:
        return None
    if until is None or not (whole.directory / "tsdb").is_dir():
        return None
    with tempfile.TemporaryDirectory(prefix="harness-kills-") as work:
        link_archive(whole.directory / "tsdb", Path(work) / "data")
        with PrometheusServer(Path(work) / "data", Path(work)) as server:
            found = server.api(timeout=60).query('count(last_over_time({job=~".+"}[1h]))', until)
    return int(found[0].values[-1]) if found else 0


def _cell(
    name: str, paths: Sequence[str], users: int, outcomes: frozenset[Outcome], told: tuple[str, ...], why: str,
    interval: int = 1,
) -> Surrounding:  # fmt: skip
    def kept(whole: Whole) -> float | None:
        share = kept_before(whole)  # of as many scrapes as seconds
        return None if share is None else min(1.0, share * interval)

    run = partial(run_against, paths, users, interval)
    return Surrounding(name, outcomes, told, why, run, kept=kept, from_the_start=True)


_UNTOUCHED = frozenset({Outcome.PASS, Outcome.WARN, Outcome.INCONCLUSIVE})
_PROVEN = frozenset({Outcome.FAIL})
_TOLD = frozenset({Outcome.WARN, Outcome.INCONCLUSIVE})
_ENDLESS = ("/endless-headers", "/endless-line", "/endless-body", "/dripping-headers", "/dripping-body", "/bomb")
# Seventy thousand series of one worker: where a busy machine loses its scrapes for longer than three intervals, the
# alert that names were capped does not hold for its minute, and that the generator did not answer is told instead.
_CAPPED = ("request names", "did not answer")

TARGET_CELLS = (
    _cell("target large-bodies", ("/large",), 8, _UNTOUCHED, (),
          "answers of 10 MB are whole and right: nothing but the generator's own limits may be told"),
    _cell("target endless-answers", _ENDLESS, 10, _PROVEN, ("error_ratio",),
          "headers and bodies without end, poured or dripped, and one that unpacks to 128 MB, are failed requests"),
    _cell("target invalid-text", ("/odd-text", "/odd-failure", "/odd-encoding"), 10, _PROVEN, ("error_ratio",),
          "invalid UTF-8 in status line, headers and body: each request counts, and the 500s among them fail the run"),
    _cell("target many-errors", ("/texts",), 10, _PROVEN, ("error_ratio",),
          "tens of thousands of distinct error texts are a handful of kinds"),
    _cell("target many-urls", ("/paths",), 10, _TOLD, _CAPPED,
          "of tens of thousands of distinct URLs five hundred have series of their own; that the rest has not is told",
          interval=5),  # seventy thousand series: each second is more than a busy machine renders
)  # fmt: skip

"""A directory that somebody made by hand: ``run.json``, ``plan.yml``, and blocks from OpenMetrics text by promtool.

24 h at 15 s with 2,000 series; and, when HARNESS_BENCH_LARGE is set (half an hour), 24 h at 5 s with 20,000 series of
100 endpoints, whose blocks a Prometheus writes (promtool would take an hour).
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.judge_24h import END, START, Day, Row, plan, write_record, write_run
from harness.plan.dump import dump_plan
from harness.prom.series import Series
from harness.run.record import RunDirectory

INTERVAL = 15.0
SERIES = 2000
LARGE = "HARNESS_BENCH_LARGE"
LARGE_SERIES = 20_000
_FILE_SECONDS = 7200.0
_POLL_SECONDS = 0.2
_STRICT = """
name: strict
target: {reference: mingus}
load: {stages: [{duration: 24h, users: 1}]}
objectives: {latency_p95: 20ms, error_ratio: 1%}
"""


def text_of(series: Sequence[Series], start: float, end: float) -> Iterator[str]:
    """OpenMetrics text of the samples with start <= time < end."""
    for one in series:
        first, last = np.searchsorted(one.times, (start, end))
        if first == last:
            continue
        labels = ",".join(f'{name}="{value}"' for name, value in one.labels.items() if name != "__name__")
        head = f"{one.labels['__name__']}{{{labels}}}"
        times, values = one.times[first:last].tolist(), one.values[first:last].tolist()
        yield "".join(f"{head} {value!r} {at:.3f}\n" for at, value in zip(times, values, strict=True))
    yield "# EOF\n"


def by_promtool(path: Path, day: Day, series: int) -> RunDirectory:
    """The directory, its blocks made from text: one file for two hours, as promtool holds a file's blocks in memory."""
    directory = RunDirectory(path)
    write_record(directory)
    directory.plan_file.write_text(dump_plan(plan(day.interval), mask=True))
    directory.tsdb.mkdir()
    listed = list(day.all(series))
    at = START // _FILE_SECONDS * _FILE_SECONDS
    while at < END:
        text = path / "openmetrics.txt"
        with text.open("w", encoding="utf-8") as file:
            file.writelines(text_of(listed, at, at + _FILE_SECONDS))
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(directory.tsdb)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        text.unlink()
        at += _FILE_SECONDS
    return directory


@dataclass(frozen=True)
class Judged:
    """``harness judge`` in a process of its own.

    Attributes:
        seconds: by the clock; cpu: of processors, Prometheus' included, which a busy machine does not change.
        memory: the most that all its processes had at one time, bytes; what they share counts once (PSS).
    """

    code: int
    seconds: float
    cpu: float
    memory: float


def judged(directory: RunDirectory, *options: str) -> Judged:
    """Judges it, and measures that."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "judge", str(directory.path), "--json", *options],
        stdout=subprocess.DEVNULL,
    )
    most = 0.0
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(_POLL_SECONDS):
            most = max(most, memory_of(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Judged(code, seconds, cpu, most)


def memory_of(pid: int) -> float:
    """Bytes of a process and its children; 0 once it is gone."""
    total = 0.0
    try:
        root = psutil.Process(pid)
        for one in [root, *root.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        return total
    return total


def run() -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        directory = by_promtool(Path(folder), Day(interval=INTERVAL), SERIES)
        found = judged(directory)
        rows += [
            ("made by hand, 24 h at 15 s, 2,000 series: judged", found.seconds, "s", "< 60", found.seconds < 60),
            ("of processors meanwhile", found.cpu, "s", "", None),
            ("most memory meanwhile, Prometheus included", found.memory / 1e9, "GB", "< 1", found.memory < 1e9),
            ("exit code of its own plan", float(found.code), "", "0", found.code == 0),
        ]
        strict = Path(folder) / "strict.yml"
        strict.write_text(_STRICT)
        stricter = judged(directory, "--plan", str(strict)).code
        rows.append(("exit code of a stricter --plan", float(stricter), "", "10", stricter == 10))
    if os.environ.get(LARGE):
        rows += large()
    return rows


def large() -> list[Row]:
    """The large day."""
    endpoints = tuple(("GET" if i % 3 else "POST", f"/api/page{i}") for i in range(100))
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as folder:
        directory = write_run(Path(folder), Day(endpoints=endpoints, failing=20), LARGE_SERIES)
        directory.plan_file.write_text(dump_plan(plan(), mask=True))
        found = judged(directory)
    return [
        ("24 h at 5 s, 20,000 series: judged", found.seconds, "s", "< 600", found.seconds < 600),
        ("of processors meanwhile", found.cpu, "s", "", None),
        ("most memory meanwhile, Prometheus included", found.memory / 1e9, "GB", "", None),
        ("its exit code", float(found.code), "", "0", found.code == 0),
    ]

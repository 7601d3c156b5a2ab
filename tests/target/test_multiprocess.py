from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from target.multiprocess import LiveProcessCollector, exposition_registry

WORKER = """
import os, signal, sys, time
from prometheus_client import Counter, Gauge, Histogram
Counter("jobs", "help", ["kind"]).labels("a").inc(2)
Histogram("lap_seconds", "help", buckets=(1, 2)).observe(1.5)
Gauge("held", "help", multiprocess_mode="livesum").set(3)
print("ready", flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.read()
"""


def start(directory: Path, how: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, how],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.communicate()


def read(collector: LiveProcessCollector) -> dict[str, float]:
    families: list[Metric] = list(collector.collect())
    return {
        sample.name + (f"_{sample.labels['le']}" if "le" in sample.labels else ""): sample.value
        for family in families
        for sample in family.samples
    }


def test_nothing_is_collected_from_an_empty_directory(tmp_path: Path) -> None:
    assert read(LiveProcessCollector(tmp_path)) == {}


def test_live_processes_are_summed_and_the_dead_keep_only_their_totals(tmp_path: Path) -> None:
    collector = LiveProcessCollector(tmp_path)
    one, two = start(tmp_path, "waits"), start(tmp_path, "waits")
    both = {"jobs_total": 4, "lap_seconds_bucket_1.0": 0, "lap_seconds_bucket_2.0": 2, "lap_seconds_bucket_+Inf": 2,
            "lap_seconds_count": 2, "lap_seconds_sum": 3, "held": 6}  # fmt: skip
    assert read(collector) == both
    end(one)
    assert read(collector) == {**both, "held": 3}
    assert read(collector) == {**both, "held": 3}  # folding twice counts nothing twice
    end(two)
    assert read(collector) == {name: value for name, value in both.items() if name != "held"}


def test_many_killed_processes_leave_three_files_and_exact_totals(tmp_path: Path) -> None:
    collector = LiveProcessCollector(tmp_path)
    for number in range(1, 13):
        end(start(tmp_path, "killed"))
        if number % 4 == 0:
            assert read(collector)["jobs_total"] == 2 * number
    assert {path.name for path in tmp_path.iterdir()} == {"counter_archive.db", "histogram_archive.db", "fold.lock"}


def test_a_file_that_was_never_written_is_no_error(tmp_path: Path) -> None:
    process = start(tmp_path, "waits")
    (tmp_path / f"counter_{os.getpid()}.db").touch()
    (tmp_path / "counter_999999999.db").touch()
    assert read(LiveProcessCollector(tmp_path))["jobs_total"] == 2
    end(process)


def test_a_directory_that_is_gone_fails_the_scrape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="gone"):
        LiveProcessCollector(tmp_path / "gone").collect()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="PROMETHEUS_MULTIPROC_DIR"):
        exposition_registry()

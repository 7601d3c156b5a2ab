"""Two runs of different days on one Prometheus: told apart, laid over each other, read by the dashboards, then gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from dashboards import expand
from dashboards.queries import compare as q
from exporters import metric_names as names
from harness.assets import rules_path
from harness.cli import main
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan
from harness.prom.api import PrometheusApi
from harness.prom.block_writer import BlockWriter
from harness.prom.private import open_run
from harness.run.record import RunDirectory
from tests.judge.fabricate import END, RECORD, START, STEADY_FROM, Made, plan, series_of

DAY = 86_400.0
BURST = STEADY_FROM + 60 - START


def write_run(folder: Path, run_id: str, made: Made, later: float) -> RunDirectory:
    directory = RunDirectory(folder / run_id)
    directory.path.mkdir(parents=True)
    moved = []
    for one in series_of(made):
        labels = {**one.labels, "run_id": run_id} if "run_id" in one.labels else one.labels
        moved.append(replace(one, labels=labels, times=one.times + later))
    with BlockWriter(END - START) as writer:
        writer.add(moved)
        writer.finish(directory.tsdb)
    times = {"started_at": START, "steady_from": STEADY_FROM, "steady_to": END, "ended_at": END + 5}
    directory.write_record(replace(RECORD, run_id=run_id, **{name: at + later for name, at in times.items()}))
    directory.plan_file.write_text(dump_plan(plan("\n  error_ratio: 1%\n  latency_p95: 800ms\n"), mask=True))
    return directory


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home") / "runs"
    write_run(root, "monday", Made(), 0.0)
    write_run(root, "tuesday", Made(errors=lambda t: np.where(t >= BURST, 0.6, 0.0), seed=2), DAY + 7.0)
    return root


@dataclass
class Served:
    told: dict[str, Any]
    api: PrometheusApi
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Served]:
    temporary = root.parent / "tmp"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "replay", "monday", "tuesday", "--align", "--port", "0", "--json",
         "--grafana", "http://grafana.example:3000/"],
        cwd=root.parent, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        told = json.loads(text)
        yield Served(told, PrometheusApi(told["prometheus"]), process)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert list(temporary.iterdir()) == [], "nothing is left"
        with pytest.raises(requests.ConnectionError):
            requests.get(told["prometheus"], timeout=5)
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_addresses_and_runs_are_told(served: Served) -> None:
    assert [(row["run_id"], row["shift_seconds"]) for row in served.told["runs"]] == [
        ("monday", 0.0), ("tuesday", -DAY - 7.0),
    ]  # fmt: skip
    first = served.told["runs"][0]
    assert first["from"].startswith("2026-09-21T14:13:2")
    assert served.told["grafana"].startswith("http://grafana.example:3000/d/harness-compare?from=17900000")
    assert served.told["grafana"].endswith("&var-stack=default")


def test_every_series_has_its_run(served: Served, root: Path) -> None:
    found = served.api.series(['{__name__!=""}'], START - 10, END + 100)
    assert {one.get("run_id") for one in found} == {"monday", "tuesday"}
    have = {one["__name__"] for one in found}
    assert {names.OBJECTIVE, "up", names.Recorded.REQUESTS, names.PROC_MEMORY} <= have
    assert not any(name.endswith("_bucket") and ":" not in name for name in have)
    assert served.api.series(['{__name__!=""}'], END + 200, END + 3 * DAY) == [], "all stand on the first one's time"


@pytest.mark.parametrize(("run_id", "later"), [("monday", 0.0), ("tuesday", DAY + 7.0)])
def test_recorded_series_are_those_of_the_judge_moved(served: Served, root: Path, run_id: str, later: float) -> None:
    directory = RunDirectory(root / run_id)
    judged = load_plan(directory.plan_file, environ={}, judging=True)
    with open_run(directory, judged, rules_path()) as data:
        for name in (names.Recorded.REQUESTS, names.Recorded.MEMORY, names.Recorded.ERROR_RATIO):
            (want,) = data.api.raw(name, data.start, data.end)
            (got,) = served.api.raw(f'{name}{{run_id="{run_id}"}}', START - 10, END + 100)
            assert len(want) > 40
            np.testing.assert_allclose(got.times, want.times - later, atol=1e-3)
            np.testing.assert_array_equal(got.values, want.values)


@pytest.mark.parametrize("query", ["P95", "REQUESTS", "ERROR_RATIO", "MEMORY", "CPU_PER_REQUEST", "POOL_USE"])
def test_the_compare_dashboard_draws_a_line_for_each_run(served: Served, query: str) -> None:
    expr = expand(getattr(q, query), stack="default", start=STEADY_FROM, end=END, run=".*")
    found = served.api.query_range(expr, STEADY_FROM + 70, END, 5)
    assert {one.labels["run"] for one in found} == {"monday", "tuesday"}
    assert all(len(one) > 20 for one in found)


def test_alerts_fire_where_they_fired(served: Served) -> None:
    found = served.api.raw(f'{names.ALERTS}{{alertstate="firing",severity="critical"}}', START, END + 10)
    assert {one.labels["run_id"] for one in found} == {"tuesday"}
    (excessive,) = [one for one in found if one.labels["alertname"] == "ErrorsExcessive"]
    assert START + BURST + 30 <= excessive.times[0] <= START + BURST + 60
    assert (np.diff(excessive.times) == 5).all()


def test_the_same_run_twice_is_refused(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(root.parent)
    with pytest.raises(SystemExit) as end:
        main(["replay", "monday", "monday"])
    assert end.value.code == 2
    assert "named twice" in capsys.readouterr().err

"""A run's own Prometheus evaluates the alerts while it is on: its archive holds ``ALERTS``, as made-up ones do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from exporters import metric_names as names
from harness.assets import rules_path
from harness.plan.loading import load_plan
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks
from harness.prom.private import open_run
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.replay.serving import Chosen, alert_series, write_runs
from tests.judge.fabricate import END, START, Made, series_of
from tests.replay.test_replay import BURST, write_run


def test_a_run_whose_alerts_fired_live_is_replayed_with_today_s_alerts_alone(tmp_path: Path) -> None:
    made = Made(errors=lambda t: np.where(t >= BURST, 0.6, 0.0))
    first = write_run(tmp_path, "first", made, 0.0)
    plan = load_plan(first.plan_file, environ={}, judging=True)
    with open_run(first, plan, rules_path(), everything=True) as opened:
        computed = list(alert_series(opened))
    assert computed, "nothing fired: the test says nothing"
    # Live it was evaluated two seconds later, and waited before it fired.
    live = [replace(one, times=one.times + 2.0) for one in computed]
    pending = [Series({**one.labels, "alertstate": "pending"}, one.times[:1] - 5.0, np.ones(1)) for one in live]
    gone = [Series({**live[0].labels, "alertname": "OfYesterday"}, live[0].times, live[0].values)]
    second = write_run(tmp_path, "second", made, 0.0)
    for block in find_blocks(second.tsdb):
        for file in sorted(block.path.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
        block.path.rmdir()
    moved = [
        replace(one, labels={**one.labels, "run_id": "second"} if "run_id" in one.labels else one.labels)
        for one in series_of(made)
    ]
    with BlockWriter(END - START) as writer:
        writer.add([*moved, *live, *pending, *gone])
        writer.finish(second.tsdb)
    data = tmp_path / "data"
    data.mkdir()
    (served,) = write_runs([Chosen(second, plan)], data, rules_path(), align=False)
    assert served.series > 0
    with PrometheusServer(data, tmp_path, lookback=15.0) as server:
        found = server.api().raw(names.ALERTS, START - 60, END + 60)
    assert {one.labels["alertname"] for one in found} == {one.labels["alertname"] for one in computed}
    assert {one.labels["alertstate"] for one in found} == {"firing"}

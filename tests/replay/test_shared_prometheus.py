"""A snapshot of a Prometheus that scrapes several stacks holds all of them; a replay shows the run's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from exporters import metric_names as names
from harness.assets import rules_path
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.replay.serving import Chosen, write_runs
from harness.run.record import RunDirectory
from tests.judge.fabricate import END, RECORD, START, Made, plan, series_of


def test_what_another_stack_measured_is_not_taken_for_the_runs(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / RECORD.run_id)
    directory.path.mkdir()
    own = series_of(Made())
    other = [
        replace(one, labels={**one.labels, names.STACK: "payments"}, values=one.values * 0 + 7)
        for one in own
        if one.labels["__name__"] in ("up", names.USERS)
    ]
    assert other
    nobodys = Series({"__name__": "prometheus_build_info"}, own[0].times, np.ones(own[0].times.size))
    with BlockWriter(END - START) as writer:
        writer.add([*own, *other, nobodys])
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    directory.plan_file.write_text(dump_plan(plan(), mask=True))
    data = tmp_path / "data"
    data.mkdir()
    asked = load_plan(directory.plan_file, environ={}, judging=True)
    write_runs([Chosen(directory, asked)], data, rules_path(), align=False)
    with PrometheusServer(data, tmp_path, lookback=15.0) as server:
        found = server.api().raw('{__name__=~"up|locust_users|prometheus_build_info"}', START, END)
    assert not any((one.values == 7).any() for one in found), "the other stack's"
    assert {one.labels["__name__"] for one in found} == {"up", names.USERS, "prometheus_build_info"}, "or of no stack"

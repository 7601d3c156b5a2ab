"""More endpoints than a plot can tell apart, on a real Prometheus: the slowest are drawn, all are in the table."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from exporters import metric_names as names
from harness.assets import rules_path
from harness.judge import judge_run
from harness.prom import on_demand
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.report.evidence import Evidence
from harness.report.fetch import MOST_ENDPOINTS
from harness.report.plots import Plot
from harness.report.writer import ReportWriter
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, STEADY, WARMUP, Made, flat, plan, series_of

COUNT = 15


def many(folder: Path) -> RunDirectory:
    """A run of COUNT endpoints; "/e0" is the fastest, the last the slowest, its name full of what regexes mean."""
    directory = RunDirectory(folder)
    folder.mkdir()
    found = {}
    for number in range(COUNT):
        name = f"/e{number}" if number < COUNT - 1 else '/x+(y)?q="\\d"'
        for one in series_of(Made(endpoint=name, slow=flat(number / COUNT), rps=flat(10))):
            found[tuple(sorted(one.labels.items()))] = one
            labels = one.labels
            if labels["__name__"] == f"{names.REQUEST_DURATION}_count":
                mean = 0.1 + 0.9 * number / COUNT
                total = Series({**labels, "__name__": f"{names.REQUEST_DURATION}_sum"}, one.times, one.values * mean)
                found[tuple(sorted(total.labels.items()))] = total
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(found.values())
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return directory


def panel(evidence: Evidence, key: str) -> Plot:
    return next(p for s in evidence.sections for _, row in s.rows for p in row if p.key == f"panel-{key}")


def test_the_slowest_are_drawn_and_all_are_told(tmp_path: Path) -> None:
    directory = many(tmp_path / "run")
    writer = ReportWriter()
    with patch.object(on_demand, "DEFER_ABOVE", 3000):
        judge_run(directory, plan(), rules_dir=rules_path(), look=writer.look)
    assert writer.trouble == ""
    drawn = panel(writer.evidence, "load-endpoint-latency")
    assert drawn.note == f"{MOST_ENDPOINTS} of {COUNT} endpoints, those with the longest mean latency"
    shown = {line.name for line in drawn.lines if line.role == "value"}
    assert shown == {f"GET /e{n}" for n in range(3, COUNT - 1)} | {'GET /x+(y)?q="\\d"'}
    slowest = next(line for line in drawn.lines if "/x" in line.name)
    # All but one in fifteen take 0.8 to 1 s: p95 by interpolation in that bucket.
    assert np.nanmedian(slowest.data.value) == pytest.approx(0.99, abs=0.02)
    table = panel(writer.evidence, "load-endpoints")
    assert table.header == ("Method", "Endpoint", "Requests/s", "Failed", "p50", "p95", "p99")
    assert len(table.rows) == COUNT
    assert all(cell.text not in ("-", "no data") for row in table.rows for cell in row)
    p95 = {row[1].text: row[5].text for row in table.rows}
    value, unit = p95['/x+(y)?q="\\d"'].split()
    assert (float(value), unit) == (pytest.approx(985, abs=25), "ms")

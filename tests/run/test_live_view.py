"""The live line's figures, from a real Prometheus over series made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from exporters.metric_names import REQUEST_DURATION, STACK, Recorded
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks, move_blocks
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.run.live_view import LiveView

BEGAN = 1795363200.0
SECONDS = 30  # since the load began
RATE = 40.0  # requests per second, on two endpoints together


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PrometheusServer]:
    times = BEGAN + np.arange(0.0, SECONDS + 1, 5.0)
    counted = [
        Series({"__name__": f"{REQUEST_DURATION}_count", STACK: stack, "name": name}, times, (times - BEGAN) * RATE / 2)
        for stack in ("default", "another")
        for name in ("/a", "/b")
    ]
    held = [
        Series(
            {"__name__": Recorded.MEMORY, STACK: "default", "kind": kind, "subject": subject}, times, times * 0.0 + mib
        )
        for kind, subject, mib in (("process", "web", 70), ("process", "job", 20), ("container", "target-1", 100))
    ]
    with BlockWriter(SECONDS) as writer:
        writer.add([*counted, *held])
        writer.finish(tmp_path / "blocks")
    move_blocks(find_blocks(tmp_path / "blocks"), tmp_path / "data")
    with PrometheusServer(tmp_path / "data", tmp_path) as running:
        yield running


def test_requests_per_second_are_those_of_the_last_seconds(server: PrometheusServer) -> None:
    view = LiveView(server.api(), "default", 5.0)
    assert view.figures(BEGAN + SECONDS).rps == pytest.approx(RATE), "a minute's rate would show half of it"
    # The window is four scrape intervals: what was counted 20 s ago and more is past.
    assert view.figures(BEGAN + SECONDS + 25).rps is None
    assert LiveView(server.api(), "nobody", 5.0).figures(BEGAN + SECONDS).rps is None


def test_a_containers_memory_is_not_counted_beside_that_of_its_processes(server: PrometheusServer) -> None:
    assert LiveView(server.api(), "default", 5.0).figures(BEGAN + SECONDS).memory == 100

"""Downsampling on a real private Prometheus: every bucket's lowest and highest sample are those of the raw series."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from exporters.metric_names import Recorded
from harness.assets import rules_path
from harness.prom import on_demand
from harness.prom.private import RunData, open_run
from harness.prom.series import FloatArray
from harness.report.sampling import RATE_SECONDS, Buckets, sample
from tests.judge.fabricate import INTERVAL, Made, plan, write_run

MEMORY = f'{Recorded.MEMORY}{{harness="default"}}'
SPIKE = 9e9


def memory(t: FloatArray) -> FloatArray:
    """Rises, and in one sample is far above."""
    return np.where(np.abs(t - 146.7) < INTERVAL / 2, SPIKE, 200e6 + 1e6 * t)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunData]:
    directory = write_run(tmp_path_factory.mktemp("sampled") / "run", Made(memory=memory))
    with patch.object(on_demand, "DEFER_ABOVE", 1000), open_run(directory, plan(), rules_path()) as opened:
        yield opened


def coarse(data: RunData) -> Buckets:
    return Buckets.over(data.start, data.end, INTERVAL, most=10)


def test_buckets_are_multiples_of_the_samples() -> None:
    day = Buckets.over(1_790_000_003.0, 1_790_086_403.0, 5.0)
    assert (day.step, day.coarse, day.whole) == (240.0, 60.0, False)
    assert day.start % 60 == 0 and day.start <= 1_790_000_003.0
    assert day.start + day.count * day.step >= 1_790_086_403.0
    assert day.count <= 400
    assert day.middles[0] % day.coarse == 0
    short = Buckets.over(1_790_000_003.0, 1_790_000_200.0, 2.0)
    assert short.whole and short.step == 2.0 and short.middles[-1] >= 1_790_000_200.0 - 2.0
    hour = Buckets.over(0.0, 3600.0, 2.0)
    assert hour.step / 2 % hour.coarse == 0 and hour.coarse <= RATE_SECONDS
    assert hour.step == 12.0  # 1,801 samples, five of them would make 361 buckets: even, so that the middle is one


@pytest.mark.parametrize("expr", [MEMORY, f"2 * {MEMORY}"], ids=["selector", "subquery"])
def test_each_bucket_keeps_its_lowest_and_highest(data: RunData, expr: str) -> None:
    buckets = coarse(data)
    assert not buckets.whole
    ((found,),) = sample(data.api, [expr], buckets)
    (raw,) = data.api.raw(MEMORY, buckets.start, data.end + buckets.step)
    factor = 2.0 if expr != MEMORY else 1.0
    checked = 0
    for i in range(buckets.count):
        low, high = buckets.start + i * buckets.step, buckets.start + (i + 1) * buckets.step
        # Prometheus 2 closes ranges on both sides, 3 on the right only.
        inside = raw.values[(raw.times > low) & (raw.times <= high)] * factor
        closed = raw.values[(raw.times >= low) & (raw.times <= high)] * factor
        if inside.size == 0:
            continue
        checked += 1
        assert found.high[i] in (pytest.approx(inside.max()), pytest.approx(closed.max()))
        assert found.low[i] in (pytest.approx(inside.min()), pytest.approx(closed.min()))
        assert found.low[i] <= found.value[i] <= found.high[i]
    assert checked >= 7
    assert np.nanmax(found.high) > SPIKE * factor * 0.9
    assert np.nanmax(found.value) < SPIKE * factor * 0.5, "the spike is in no bucket's middle: only the band shows it"


def test_every_sample_is_shown_where_there_is_room(data: RunData) -> None:
    buckets = Buckets.over(data.start, data.end, INTERVAL)
    assert buckets.whole
    ((found,),) = sample(data.api, [MEMORY], buckets)
    (raw,) = data.api.raw(MEMORY, data.start, data.end)
    assert found.value[~np.isnan(found.value)] == pytest.approx(raw.values)


def test_means_for_what_is_subtracted(data: RunData) -> None:
    buckets = coarse(data)
    expr = f'{Recorded.LATENCY_BUCKETS}{{outcome="ok", le="+Inf"}}'
    ((found,),) = sample(data.api, [expr], buckets, "mean")
    (raw,) = data.api.raw(expr, buckets.start, data.end)
    assert found.value is found.high
    assert np.nanmean(found.value) == pytest.approx(raw.values.mean(), rel=0.05)


def test_nothing_is_an_empty_list(data: RunData) -> None:
    assert sample(data.api, ["absent_name", MEMORY], coarse(data))[0] == []
    assert sample(data.api, [], coarse(data)) == []


def test_what_was_put_off_is_computed_at_the_coarser_step_only(data: RunData) -> None:
    buckets = coarse(data)
    name = Recorded.ENDPOINT_LATENCY_P99
    assert data.api.seldom(name)
    assert not data.api.seldom(MEMORY)
    data.api.coarsen(buckets.coarse)
    ((found,),) = sample(data.api, [f"{name} * 1"], buckets)
    assert data.api.seldom(name), "still not at each evaluation"
    (raw,) = data.api.raw(name, data.start, data.end)
    assert set(np.diff(raw.times)) == {buckets.coarse}
    assert np.nanmax(found.high) == pytest.approx(raw.values.max())

"""The corpus of known builds, and the resampling that the figures of docs/compare.md rest on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from accuracy.regression.corpus import BUILDS
from accuracy.regression.measure import measure, plant, resampled, resampled_rates
from harness.assets import rules_path
from harness.judge.regression_keys import at_pace
from harness.judge.regression_values import RunValues
from harness.plan.regression_file import load_queries
from target.faults import parse_fault

QUERIES = load_queries(rules_path().parent)
CPU = ("cpu_per_1000_requests", (("kind", "process"), ("subject", "web")))
RATE = ("throughput", ())
BY_NAME = {build.name: build for build in BUILDS}


def base(count: int, spread: float = 0.01) -> list[RunValues]:
    rng = np.random.default_rng(1)
    return [
        RunValues(
            f"run-{i}", "d", 8.0,
            {
                key: value * np.exp(rng.normal(0, spread) + rng.normal(0, 0.01, 8))
                for key, value in ((CPU, 3.0), (RATE, 60.0))
            },
            load=60.0,
        )
        for i in range(count)
    ]  # fmt: skip


def test_every_build_can_be_made_and_names_queries_that_are_asked() -> None:
    for build in BUILDS:
        for fault in build.faults:
            parse_fault(fault)
        assert {*build.named, *build.follows, *(name for name, _, _ in build.planted)} <= set(QUERIES.names)


def test_resampled_runs_have_the_spread_of_the_real_ones() -> None:
    real = base(12, 0.03)
    drawn = resampled(real, 400, np.random.default_rng(2))

    def spread(runs: list[RunValues]) -> float:
        return float(np.std([np.log(one.values[CPU]).mean() for one in runs], ddof=1))

    assert spread(drawn) == pytest.approx(spread(real), rel=0.1)
    assert len({one.run_id for one in drawn}) == 400


def test_a_planted_change_is_found_and_none_is_not() -> None:
    real = base(6)
    assert plant(real[0], BY_NAME["cpu"]).values[CPU] == pytest.approx(1.2 * real[0].values[CPU])
    paced = at_pace(CPU, ("pace:cpu", (("generator", "g"),)))
    told = replace(real[0], values={**real[0].values, paced: np.full(8, 0.25)})
    assert plant(told, BY_NAME["cpu"]).values[paced] == pytest.approx(0.3), "more CPU is more at any pace"
    found = resampled_rates(BY_NAME["cpu"], real, 5, 40, QUERIES)
    assert (found.found.of, found.clean.hits) == (40, 40)
    assert found.found.hits >= 38
    assert resampled_rates(BY_NAME["base"], real, 5, 40, QUERIES).clean.hits == 40


def test_what_is_called_worse_beside_it_is_counted() -> None:
    real = base(6)
    both = [plant(plant(one, BY_NAME["cpu"]), BY_NAME["throughput"]) for one in real[:1]]
    found = measure(BY_NAME["cpu"], both, real[1:], 5, QUERIES, 10)
    assert (found.found.hits, found.clean.hits, found.falsely) == (1, 0, (("throughput", 1),))

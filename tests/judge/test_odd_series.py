"""Series that no exporter of ours makes: told in words or left out, never a traceback, and never taken for health."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from exporters import metric_names as names
from harness.errors import ArchiveError
from harness.judge import judge_run
from harness.judge.verdict import Outcome, Verdict
from harness.prom.block_writer import BlockWriter
from harness.prom.series import Series
from harness.run.record import RunDirectory
from tests.judge.fabricate import RECORD, STEADY, WARMUP, Made, flat, plan, series_of

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
ON = plan("  latency_p95: 800ms\n  redis_ping_p99: 100ms\n")
Change = Callable[[Series], list[Series]]


def judged(folder: Path, change: Change, made: Made | None = None) -> Verdict:
    directory = RunDirectory(folder / "run")
    directory.path.mkdir(parents=True)
    with BlockWriter(WARMUP + STEADY) as writer:
        writer.add(new for one in series_of(made or Made()) for new in change(one))
        writer.finish(directory.tsdb)
    directory.write_record(RECORD)
    return judge_run(directory, ON, rules_dir=RULES)


def beside(start: str, change: Callable[[dict[str, str]], dict[str, str]]) -> Change:
    """A second series beside each last bucket of a histogram."""

    def both(one: Series) -> list[Series]:
        if not one.labels["__name__"].startswith(start) or one.labels.get("le") != "+Inf":
            return [one]
        return [one, Series(change(dict(one.labels)), one.times, one.values)]

    return both


def without_edge(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != "le"}


def test_a_bucket_without_an_edge_is_none(tmp_path: Path) -> None:
    verdict = judged(tmp_path, beside(names.REQUEST_DURATION, without_edge))
    assert {o.outcome for o in verdict.objectives if o.objective == "latency_p95"} == {Outcome.PASS}


@pytest.mark.parametrize("histogram", [names.REQUEST_DURATION, names.REDIS_PING])
def test_an_edge_that_is_no_number_is_named(histogram: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=f"a bucket of {histogram}.* has an edge that is no number: .*'soon'"):
        judged(tmp_path, beside(histogram, lambda labels: labels | {"le": "soon"}))


def test_nobody_knows_whether_each_process_was_scraped_without_up(tmp_path: Path) -> None:
    verdict = judged(tmp_path, lambda one: [] if one.labels["__name__"] == names.UP else [one])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("there is no `up` of job 'load'" in f.summary for f in verdict.findings)


def test_workers_that_are_no_number_are_missing(tmp_path: Path) -> None:
    def change(one: Series) -> list[Series]:
        if one.labels["__name__"] == names.WORKERS:
            return [Series(one.labels, one.times, np.full(one.times.shape, np.nan))]
        return [one]

    verdict = judged(tmp_path, change, Made(missing_workers=flat(0)))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any("Locust workers were missing" in f.summary for f in verdict.findings)

"""The same series through the real path: Prometheus writes them as blocks, `harness judge` and the alert rules judge.

So recording rules, paging, staleness, counter resets and coverage are in the measure too, not the pure judge alone.
Several series of equal load share one run, each as a process group of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from accuracy.corpus import HEALTHY, LEAKING, SLOPES, START, Purpose, Sample, draw
from accuracy.measure import HORIZON, LIMIT, judge_sample
from accuracy.noise import INTERVAL
from exporters import metric_names as names
from harness.judge import judge_run
from harness.judge.families import controlled
from harness.judge.growth import PROVEN
from harness.judge.verdict import Outcome, Verdict
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.prom.block_writer import BlockWriter
from harness.prom.series import FloatArray, Series
from harness.run.record import RunDirectory, RunRecord

RULES = Path(__file__).resolve().parent.parent / "prometheus" / "rules"
TOGETHER = 8  # groups of one run
USERS = 100.0
LONGEST = HORIZON + 120.0


@dataclass(frozen=True)
class Passed:
    """What came of one series.

    Attributes:
        pure, real: the judge's word on the arrays, and on the run directory.
        alerted_after: seconds from the start of the series to the first growth alert; None without one.
    """

    kind: str
    number: int
    per_hour: float
    slope_class: str
    pure: str
    real: str
    alerted_after: float | None


def drawn(count: int, purpose: Purpose) -> list[Sample]:
    """``count`` series of memory, healthy and leaking in turn, all kinds and slopes as evenly as they divide."""
    healthy = [(kind, None) for kind in HEALTHY]
    leaking = [(kind, slope) for slope in range(len(SLOPES)) for kind in LEAKING]
    found: list[Sample] = []
    place = 0
    while len(found) < count:
        kinds = healthy if place % 2 == 0 else leaking
        number, index = divmod(place // 2, len(kinds))
        kind, slope = kinds[index]
        sample = draw(kind, number, purpose, slope=slope)
        place += 1
        if sample.smallest >= 2**20 and not sample.median:  # memory: a rate is no gauge, a count no size
            found.append(sample)
    return found


def judged(samples: Sequence[Sample]) -> list[Passed]:
    """Each series both ways."""
    found: list[Passed] = []
    for together in _runs(samples):
        with tempfile.TemporaryDirectory(prefix="harness-accuracy-") as folder:
            verdict = judge_run(_write(RunDirectory(Path(folder)), together), _plan(len(together)), rules_dir=RULES)
        found += _compare(together, verdict)
    return found


def _runs(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Series of a varying load have a run of their own."""
    alone = [[one] for one in samples if _varies(one)]
    flat = [one for one in samples if not _varies(one)]
    return alone + [flat[i : i + TOGETHER] for i in range(0, len(flat), TOGETHER)]


def _varies(sample: Sample) -> bool:
    return sample.load is not None and float(np.ptp(sample.load[1])) > 0


def _plan(groups: int) -> Plan:
    processes = ", ".join(f"{{name: g{i}, match: service-{i}}}" for i in range(groups))
    text = f"""
name: accuracy
kind: soak
target:
  url: http://localhost:5000
  processes: [{processes}]
scrape_interval: {INTERVAL:.0f}s
load:
  locustfile: reference
  stages: [{{duration: 24h, users: {USERS:.0f}}}]
objectives:
  memory_growth: {LIMIT:.0%}
  restarts: 1000
  error_ratio: off
  db_pool_waiting: off
"""
    return load_plan_text(text, where="accuracy", environ={})


def _write(run: RunDirectory, samples: Sequence[Sample]) -> RunDirectory:
    with BlockWriter(LONGEST) as writer:
        writer.add(_series(samples))
        writer.finish(run.tsdb)
    end = START + HORIZON
    run.write_record(
        RunRecord(
            run_id="accuracy", plan="accuracy", started_at=START, target="http://localhost:5000", steady_from=START,
            steady_to=end, ended_at=end, ended_by="completed",
        )
    )  # fmt: skip
    return run


def _series(samples: Sequence[Sample]) -> Iterable[Series]:
    def one(metric: str, job: str, times: FloatArray, values: FloatArray, **labels: str) -> Series:
        every = {"__name__": metric, "harness": "default", "job": job, "instance": job, **labels}
        return Series(every, times, values)

    grid = np.round(np.arange(START, START + HORIZON + INTERVAL, INTERVAL) + 0.1, 3)
    ones = np.ones(grid.size)
    for job in (names.JOB_SIDECAR, names.JOB_LOAD, names.JOB_RUN, names.JOB_PROMETHEUS):
        yield one(names.UP, job, grid, ones)
    yield one(names.RUN_INFO, names.JOB_RUN, grid, ones, run_id="accuracy", plan="accuracy", target="x")
    for phase in names.PHASES:
        yield one(names.RUN_PHASE, names.JOB_RUN, grid, ones * (phase == "steady"), phase=phase)
    load = samples[0].load if _varies(samples[0]) else None
    users = ones * USERS if load is None else np.interp(grid, *load)
    yield one(names.USERS, names.JOB_LOAD, grid, users, user_class="U")
    for number, sample in enumerate(samples):
        group = {"groupname": f"g{number}"}
        yield one(names.PROC_MEMORY, names.JOB_SIDECAR, sample.times, sample.values, memtype="resident", **group)
        begun = np.searchsorted(np.sort(np.array(sample.restarts)), sample.times, side="right").astype(float)
        yield one(names.PROC_STARTS, names.JOB_SIDECAR, sample.times, begun, **group)
        yield one(names.PROC_NUM, names.JOB_SIDECAR, sample.times, np.ones(sample.times.size), **group)
    for number in range(len(samples)):
        yield one(names.COLLECTOR_UP, names.JOB_SIDECAR, grid, ones, collector=f"process:g{number}")


def _compare(samples: Sequence[Sample], verdict: Verdict) -> list[Passed]:
    results = [judge_sample(sample) for sample in samples]
    pure = controlled([r.outcome for r in results], [r.p_value for r in results], PROVEN)
    lines = {o.subject: o for o in verdict.objectives if o.objective == "memory_growth"}
    found = []
    for number, (sample, outcome) in enumerate(zip(samples, pure, strict=True)):
        real = lines.get(f"process:g{number}")
        alerts = [
            f.first_seen - START
            for f in verdict.findings
            if f.check == "alerts" and f.signal == "memory" and f.subject.get("subject") == f"g{number}"
            and "Growing" in f.summary and f.first_seen is not None
        ]  # fmt: skip
        found.append(
            Passed(
                sample.kind, number, sample.per_hour, sample.slope_class, outcome.word,
                real.outcome.word if real else Outcome.ERROR.word, min(alerts, default=None),
            )
        )  # fmt: skip
    return found

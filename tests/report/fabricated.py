"""Made-up runs of every kind, judged and reported as `harness judge` does it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.assets import rules_path
from harness.judge import judge_run
from harness.judge.verdict import Verdict
from harness.plan.dump import dump_plan
from harness.plan.model import Plan
from harness.prom.series import FloatArray
from harness.report.evidence import Evidence
from harness.report.writer import ReportWriter
from harness.run.json_files import write_text
from harness.run.record import RunDirectory
from tests.judge.fabricate import Made, lose, named, plan, write_run

EVIL = "<script>alert(1)</script>"


def after(second: float, before: float, then: float) -> Callable[[FloatArray], FloatArray]:
    return lambda t: np.where(t >= second, then, before).astype(float)


# Scenario -> the run and the signal of its first finding; None: there must be none.
SCENARIOS: dict[str, tuple[Made, str | None]] = {
    "healthy": (Made(), None),
    "memory-leak": (Made(memory=lambda t: 200e6 * (1 + 0.004 * t)), "memory"),
    "connection-leak": (
        Made(
            in_use=lambda t: np.clip(3 + (t - 70) / 10, 3, 10),
            waiting=after(145, 0, 5),
            errors=after(190, 0, 0.1),
            timeouts=after(190, 0, 2),
        ),
        "db_pool",
    ),
    "error-burst": (Made(errors=after(150, 0, 0.2)), "errors"),
    "slow": (Made(slow=after(150, 0.01, 0.2)), "latency"),
    "restart": (Made(starts=after(150, 0, 1)), "restarts"),
    "slow-redis": (Made(redis_ping=after(100, 0.002, 0.15)), "redis"),
    "busy": (Made(cpu=after(100, 0.4, 2.5)), "cpu"),
    "generator-lag": (Made(lag=after(100, 0.002, 0.3)), "generator"),
    "sidecar-lost": (Made(lost=lose(named("namedprocess"), 120)), "telemetry"),
    "evil": (Made(endpoint=EVIL, errors=after(150, 0, 0.2)), "errors"),
}


def reported(
    folder: Path, made: Made, on: Plan | None = None, **record: object
) -> tuple[RunDirectory, Verdict, Evidence]:
    """A whole run directory with its reports."""
    directory = write_run(folder, made, **record)
    judged_by = on or plan()
    write_text(directory.plan_file, dump_plan(judged_by, mask=True))
    writer = ReportWriter()
    verdict = judge_run(directory, judged_by, rules_dir=rules_path(), look=writer.look)
    assert writer.trouble == ""
    writer.write(directory, verdict, directory.read_record(), judged_by)
    return directory, verdict, writer.evidence

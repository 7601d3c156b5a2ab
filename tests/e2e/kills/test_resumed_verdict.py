"""A harness that is killed with SIGKILL and taken up again: its verdict is that of the run that was left alone, but for
the named gap. The target is not the harness's own: it lives on, as a team's service does (`make test-long`)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.selftest.own_target import own_target, plan_for
from harness.selftest.whole_run import Whole, resumed
from tests.e2e.whole_run import HALF_WAY, whole_run

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(1500)]

LENGTH = ("--duration", "4m")
GAP = "the harness died, and the run was taken up again"


def kill_harness(harness: psutil.Process) -> None:
    harness.kill()


def one_run(folder: Path, faults: tuple[str, ...], *, killed: bool) -> Whole:
    """Of the lab's plan against a target of its own."""
    folder.mkdir()
    with own_target(folder / "target", faults=faults) as target:
        plan, variables = plan_for(target, folder)
        meddle = kill_harness if killed else None
        whole = whole_run(folder, LENGTH, plan=plan, when=HALF_WAY, meddle=meddle, environ=variables)
        if not killed:
            return whole
        assert whole.exit_code == -9 and whole.left_running == [], "its children end with it"
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            return resumed(whole)


def told(verdict: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The findings, without the gap."""
    found = (f for f in verdict["findings"] if not f["summary"].startswith(GAP))
    return sorted((f["check"], f["signal"], f["objective"], f["outcome"]) for f in found)


@pytest.mark.parametrize(
    ("faults", "outcomes", "cause"),
    [((), ("pass", "warn"), None), (("memory_leak:mb_per_s=2,delay=0",), ("fail", "fail"), "memory")],
    ids=["healthy", "leaking"],
)
def test_it_is_that_of_the_run_that_was_left_alone(
    tmp_path: Path, faults: tuple[str, ...], outcomes: tuple[str, str], cause: str | None
) -> None:
    with ThreadPoolExecutor(1) as beside:
        alone = beside.submit(one_run, tmp_path / "alone", faults, killed=False)
        again = one_run(tmp_path / "killed", faults, killed=True)
        left_alone = alone.result().verdict
    verdict = again.verdict
    assert (left_alone["outcome"], verdict["outcome"]) == outcomes
    assert told(verdict) == told(left_alone)
    assert [f["outcome"] for f in verdict["findings"] if f["summary"].startswith(GAP)] == ["warn"]
    assert len(again.record["gaps"]) == 1 and again.record["ended_by"] == "completed"
    assert again.left_running == []
    if cause is not None:
        assert {v["first_cause"]["signal"] for v in (left_alone, verdict)} == {cause}
        growth = [next(o for o in v["objectives"] if o["objective"] == "memory_growth") for v in (left_alone, verdict)]
        assert [one["outcome"] for one in growth] == ["fail", "fail"]
        assert growth[1]["value"] == pytest.approx(growth[0]["value"], rel=0.5), "the same growth, as a share"

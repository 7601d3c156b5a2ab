"""What a baseline will be compared with is told before the run: a slip would be told by its verdict only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.plan.dump import dump_plan
from harness.plan.model import Plan
from harness.plan.regression import Baseline
from harness.run import machine
from harness.run.baseline_preflight import check_baselines
from harness.run.baselines import add_baseline
from harness.run.check import Check
from harness.run.json_files import write_json
from harness.run.preflight import preflight
from harness.run.record import RunDirectory, RunRecord
from tests.run.plans import make_plan

NOW = 1_790_000_000.0


def asking(**baseline: object) -> Plan:
    return make_plan().model_copy(update={"baseline": Baseline.model_validate(baseline)})


def earlier(root: Path, run_id: str, plan: Plan, **changed: str) -> RunDirectory:
    directory = RunDirectory(root / run_id)
    directory.path.mkdir(parents=True)
    versions = {**machine.versions(plan.load.locustfile), **changed}
    record = RunRecord(run_id, plan.name, NOW - 1000, plan.target.url, ended_by="completed", versions=versions)
    directory.write_record(replace(record, ended_at=NOW - 500))
    directory.plan_file.write_text(dump_plan(plan, mask=True))
    write_json(directory.verdict_file, {"outcome": "pass", "findings": [], "objectives": [{"outcome": "pass"}]})
    return directory


def look(plan: Plan, root: Path) -> Check:
    (found,) = check_baselines(plan, root, NOW)
    assert found.ok, "what is wrong may be mended while the run is on"
    return found


def test_a_slip_in_the_name_is_told_before_the_run(tmp_path: Path) -> None:
    assert list(check_baselines(make_plan(), tmp_path, NOW)) == []
    plan = asking(name="mian")
    assert look(plan, tmp_path).warning == "", "a first run"
    earlier(tmp_path, "r1", plan)
    add_baseline(tmp_path, "main", "r1")
    found = look(plan, tmp_path)
    assert found.warning == (
        f"there is no baseline 'mian' in {tmp_path}; there are: main: the run will be INCONCLUSIVE"
    )
    found = look(asking(name="main"), tmp_path)
    assert (found.detail, found.warning) == ("1 run, the newest r1", "")
    assert look(asking(last_passed=3), tmp_path).detail == "1 run, the newest r1"


def test_another_machine_or_load_is_told_before_the_run(tmp_path: Path) -> None:
    plan = asking(name="main")
    for run_id, changed in (("r1", {"cpu": "another one"}), ("r2", {})):
        earlier(tmp_path, run_id, plan, **changed)
        add_baseline(tmp_path, "main", run_id)
    found = look(plan, tmp_path)
    assert found.detail == "1 run, the newest r2"
    assert found.warning.startswith("left out: r1: another processor: another one, not ")
    other = plan.model_copy(update={"scrape_interval": plan.scrape_interval + 1})
    found = look(other, tmp_path)
    assert found.detail == "no comparable run"
    assert "no baseline run is comparable" in found.warning and "another scrape interval" in found.warning


def test_a_list_that_cannot_be_read_is_told_and_preflight_looks(tmp_path: Path) -> None:
    (tmp_path / "baselines.json").write_text("{")
    assert "baselines.json" in look(asking(name="main"), tmp_path).warning
    checks = preflight(asking(name="main"), environ={}, now=NOW, runs=tmp_path)
    assert [one.warning for one in checks if one.name == "baseline"] == [look(asking(name="main"), tmp_path).warning]


def test_what_is_required_and_a_short_run_cannot_tell_is_told_before_it(tmp_path: Path) -> None:
    """Memory's growth asks for sub-windows of five minutes: twenty minutes of steady state."""

    def told(duration: float, *require: str) -> list[str]:
        plan = asking(name="main", require=require)
        stages = tuple(one.model_copy(update={"duration": duration}) for one in plan.load.stages[:1])
        load = plan.load.model_copy(update={"stages": stages, "warmup": 0.0})
        plan = plan.model_copy(update={"load": load, "scrape_interval": 5.0})
        checks = list(check_baselines(plan, tmp_path, NOW))
        assert all(one.ok for one in checks)
        return [one.warning for one in checks if one.name == "baseline.require"]

    assert told(3600, "memory_growth", "throughput") == []
    (short,) = told(600, "memory_growth", "throughput")
    assert short == (
        "memory_growth cannot be told: sub-windows of 1m 15s are too short, it needs 5m: "
        "compared with any run, it will be INCONCLUSIVE"
    )
    (shorter,) = told(60, "memory_growth", "throughput")
    assert shorter.startswith(
        "memory_growth, throughput cannot be told: the steady state is too short for 4 sub-windows"
    )
    (any_at_all,) = told(60)
    assert any_at_all.startswith("nothing can be told: the steady state is too short")

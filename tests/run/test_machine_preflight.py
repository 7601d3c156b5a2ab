"""What a run takes, against what the machine has: each limit at which a night would be lost, and its remedy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from exporters.load_histogram import edges
from harness.errors import ExitCode
from harness.plan.footprint import BLOCK_BYTES_PER_SAMPLE, Footprint, footprint
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.run.check import Check
from harness.run.machine_preflight import Machine, look_around, machine_checks
from tests.run.plans import make_plan

GB = 1e9
ROOMY = Machine(Path("/runs"), 500 * GB, 500 * GB, 64 * GB, (1024, 1_000_000), (32768, 60999), True)


def day(users: int = 100, **more: str) -> Plan:
    text = (
        "name: d\ntarget: {url: 'http://127.0.0.1:9'}\nscrape_interval: 5s\n"
        f"load: {{warmup: 15m, stages: [{{duration: 24h, users: {users}}}]}}\n"
    )
    return load_plan_text(text, where="d.yml", environ={}, overrides=list(more.items()))


def look(plan: Plan, machine: Machine, name: str, **how: bool) -> Check:
    needs = footprint(plan, len(edges(plan.latency_limits)))
    return next(c for c in machine_checks(plan, needs, machine, **({"load_here": True} | how)) if c.name == name)


def test_a_day_that_was_measured_is_estimated_within_a_factor_of_two() -> None:
    # A run of smoke has 2,673 series; 24 h of 2,000 series at 5 s were 49.2 MB of blocks per 34.56 M samples.
    needs = footprint(day(), len(edges(())), target_series=0)
    assert 2673 <= needs.series <= 2 * 2673
    assert needs.samples == needs.series * 24 * 3600 / 5
    assert BLOCK_BYTES_PER_SAMPLE > 1.4
    assert 2 * 1.42 * needs.samples < needs.disk < 4 * 1.42 * needs.samples + 3 * GB


def test_what_stays_is_told_apart_from_what_a_run_takes_while_it_is_on() -> None:
    # 286,094 samples of two minutes: 2,986,442 bytes were left in the run's folder, reports and logs included.
    plan = day(**{"load.stages": "[{duration: 2m, users: 20}]", "load.warmup": "10s", "scrape_interval": "1s"})
    needs = footprint(plan, len(edges(())))
    assert 2_986_442 * needs.samples / 286_094 < 2 * needs.kept < 4 * 2_986_442 * needs.samples / 286_094
    assert needs.kept < needs.disk / 10
    needs = footprint(day(), len(edges(())))
    assert 1.42 * needs.samples < needs.kept < needs.disk / 1.5


def test_a_slower_interval_takes_less_disk_and_more_workers_take_more() -> None:
    def disk(plan: Plan, **how: int) -> float:
        return footprint(plan, 64, **how).disk

    plain = disk(day())
    assert disk(day(scrape_interval="15s")) < 0.8 * plain
    assert disk(day(**{"load.workers": "4"})) > plain
    assert disk(day(), target_series=50_000) > 5e9


@pytest.mark.parametrize(("free", "ok", "warns"), [(500 * GB, True, False), (0.5 * GB, False, False)])
def test_disk(free: float, ok: bool, warns: bool) -> None:
    found = look(day(), replace(ROOMY, disk=free), "disk")
    assert (found.ok, bool(found.warning)) == (ok, warns)
    assert "the run takes up to " in found.detail and " while it is on, and leaves up to " in found.detail
    assert "series every 5s" in found.detail
    if not ok:
        assert found.remedy == (
            "make room, give another folder with --out, or scrape less often: --set scrape_interval=15s"
        )


def test_little_room_is_said_before_it_is_none() -> None:
    needs = footprint(day(), len(edges(())))
    assert "little room" in look(day(), replace(ROOMY, disk=1.2 * needs.disk), "disk").warning
    assert "TMPDIR" in look(day(), replace(ROOMY, temporary=0.1 * needs.disk), "disk").warning
    assert "cannot be told" in look(day(), replace(ROOMY, disk=None), "disk").warning


def test_memory_for_the_users_asked_for() -> None:
    machine = replace(ROOMY, memory=4 * GB)
    assert look(day(1000), machine, "memory").ok
    found = look(day(100_000), machine, "memory")
    assert not found.ok
    assert "100,000 users at the peak included" in found.detail
    assert "--users N" in found.remedy
    assert look(day(100_000), machine, "memory", load_here=False).name == "memory"


def test_memory_of_users_that_are_on_other_machines_is_not_asked_for_here() -> None:
    here, elsewhere = footprint(day(50_000), 64), footprint(day(50_000), 64, load_here=False)
    assert here.memory - elsewhere.memory > 50_000 * 50e3


def test_descriptors_against_users() -> None:
    low = replace(ROOMY, files=(1024, 4096))
    assert look(day(900), low, "open files").ok
    found = look(day(2000), low, "open files")
    assert not found.ok
    assert found.key == ("load", "stages")
    assert found.remedy == "raise the limit (ulimit -n 2200), or share the users out: --set load.workers=3"
    assert look(day(2000, **{"load.workers": "3"}), low, "open files").ok
    assert look(day(2000), ROOMY, "open files").ok, "Locust raises a soft limit to 10,000 where the hard one allows it"
    assert not look(day(12_000), ROOMY, "open files").ok


def test_ports_for_the_connections() -> None:
    assert look(day(20_000), ROOMY, "ports").ok
    assert not look(day(40_000), ROOMY, "ports").ok
    found = look(day(), replace(ROOMY, unbindable="Address already in use"), "ports")
    assert (found.ok, found.detail) == (False, "no free port on 127.0.0.1: Address already in use")


def test_a_clock_that_nobody_keeps_matters_in_a_long_run() -> None:
    astray = replace(ROOMY, clock_kept=False)
    assert "leaves a gap" in look(day(), astray, "clock").warning
    assert look(make_plan(), astray, "clock").warning == "", "two minutes"
    assert look(day(), ROOMY, "clock").warning == ""
    assert look(day(), replace(ROOMY, clock_kept=None), "clock").ok


def test_where_the_load_is_elsewhere_its_machine_is_not_this_one() -> None:
    plan = day()
    needs = footprint(plan, 64, load_here=False)
    assert [c.name for c in machine_checks(plan, needs, ROOMY, load_here=False)] == ["disk", "memory", "clock"]


def test_what_is_read_of_this_machine(tmp_path: Path) -> None:
    here = look_around(tmp_path / "not" / "there" / "yet")
    assert here.disk is not None and here.disk > 0
    assert here.memory is not None and here.memory > 0
    assert here.files[0] <= here.files[1]
    assert here.unbindable == ""
    needs = Footprint(1, 1.0, 1e18, 1e17, 1.0, 1, 1)
    assert not next(iter(machine_checks(day(), needs, here, load_here=True))).ok


def test_check_refuses_a_run_that_this_machine_could_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["check", "smoke", "--users", "900000", "--json"])
    data = json.loads(capsys.readouterr().out)
    assert end.value.code == ExitCode.ERROR
    failed = {c["name"]: c["remedy"] for c in data["checks"] if not c["ok"]}
    assert set(failed) >= {"memory", "open files", "ports"}
    assert all(failed.values())

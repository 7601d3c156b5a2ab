"""Which machine a process runs on."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from exporters import metric_names as names
from exporters.machine_info import BOOT_ID, MachineCollector, machine_id


def exposed(machine: str | None) -> list[tuple[str, dict[str, str], float]]:
    registry = CollectorRegistry()
    registry.register(MachineCollector(machine))
    return [(s.name, s.labels, s.value) for family in registry.collect() for s in family.samples]


def test_all_processes_of_one_kernel_tell_the_same_and_not_its_own_id() -> None:
    assert machine_id() is not None
    assert machine_id() == machine_id()
    assert BOOT_ID.read_text().strip() not in (machine_id() or "")


def test_another_boot_is_another_machine(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("5c2b2ad3-8f0e-4a8f-9c8e-000000000001\n")
    (tmp_path / "b").write_text("5c2b2ad3-8f0e-4a8f-9c8e-000000000002\n")
    assert machine_id(tmp_path / "a") != machine_id(tmp_path / "b")


def test_a_machine_that_is_not_known_has_no_series(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    for file in ("missing", "empty", "odd"):
        assert machine_id(tmp_path / file) is None
    assert exposed(None) == []


def test_a_machine_is_a_label() -> None:
    assert exposed("abc") == [(names.MACHINE_INFO, {"machine": "abc"}, 1.0)]

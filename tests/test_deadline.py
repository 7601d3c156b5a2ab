"""Calls whose other side draws them out for ever are over in time: by themselves, and where the harness asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.deadline import within
from harness.errors import HarnessError
from harness.plan.model import Plan, Stage
from harness.run import notify, target_preflight
from harness.run.target_preflight import check_clock_of, check_target, check_target_metrics
from harness.scaffold import service
from harness.scaffold.service import Service, read_document
from harness.selftest.hostile_target import served
from tests.load.load_helpers import make_plan

pytestmark = pytest.mark.timeout(60)  # without the deadlines they are never over


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    with served() as (port, _):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_preflight, "TIMEOUT", 0.7)
    monkeypatch.setattr(target_preflight, "MOST_METRICS_SECONDS", 0.7)
    monkeypatch.setattr(service, "MAX_SECONDS", 0.7)
    monkeypatch.setattr(notify, "_ATTEMPT_SECONDS", 0.7)


def plan(url: str, path: str) -> Plan:
    made = make_plan(url, Path("x.py"), stages=(Stage(duration=1, users=1),))
    return made.model_copy(update={"target": made.target.model_copy(update={"health_path": path})})


def test_what_is_over_in_time_returns_or_raises() -> None:
    assert within(60, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 // 0)


def test_what_is_not_is_given_up() -> None:
    with pytest.raises(TimeoutError, match=r"no whole answer within 0\.1 s"):
        within(0.1, threading.Event().wait)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", ["/dripping-headers", "/endless-headers", "/endless-line"])
def test_a_health_path_without_end_does_not_answer(hostile: str, path: str) -> None:
    found = check_target(plan(hostile, path))
    assert not found.ok and "does not answer" in found.detail and found.remedy


@pytest.mark.parametrize("path", ["/odd-text", "/odd-failure", "/endless-body", "/dripping-body", "/large"])
def test_the_body_of_a_health_path_is_not_waited_for(hostile: str, path: str) -> None:
    assert check_target(plan(hostile, path)).ok


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", ["/dripping-headers", "/dripping-body", "/endless-headers", "/endless-body"])
def test_metrics_without_end_are_refused(hostile: str, path: str) -> None:
    found = check_target_metrics(hostile + path)
    assert not found.ok and found.remedy


@pytest.mark.usefixtures("impatient")
def test_a_clock_that_nobody_tells_is_not_waited_for(hostile: str) -> None:
    assert check_clock_of("prometheus", f"{hostile}/dripping-headers", 5.0) is None


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("path", ["/dripping-headers", "/dripping-body", "/endless-body"])
def test_a_document_without_end_is_refused(hostile: str, path: str) -> None:
    with pytest.raises(HarnessError):
        read_document(hostile + path, 0.7, None)


@pytest.mark.usefixtures("impatient")
def test_a_service_that_drips_is_none(hostile: str) -> None:
    asked = Service(f"{hostile}/dripping-headers?", headers={}, environ={}, timeout=0.7, ca_file=None)
    with pytest.raises(HarnessError, match="no whole answer within"):
        asked.document()
    assert not asked.metrics()


@pytest.mark.usefixtures("impatient")
def test_a_webhook_that_drips_has_not_been_told(hostile: str) -> None:
    assert notify._attempt(f"{hostile}/dripping-headers", {}) == ("no answer within 1 s", True)

"""What Alertmanager delivers is a line each, bounded, and never harms the run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from harness.errors import HarnessError
from harness.load.addresses import Address
from harness.run.alert_receiver import MOST_BODY, AlertLog, delivery, receive_alerts
from harness.run.interrupts import StopRequest
from harness.run.protocols import Run
from harness.run.record import RunDirectory
from harness.run.services import AlertService

BODY = {
    "version": "4", "status": "firing", "receiver": "harness", "groupKey": "{}",
    "groupLabels": {"alertname": "Watchdog"},
    "alerts": [{"status": "firing", "labels": {"alertname": "Watchdog", "severity": "none"},
                "annotations": {"summary": "works"},
                "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}],
}  # fmt: skip


@dataclass
class Notes:
    said: list[str]

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run("r1", RunDirectory(tmp_path), StopRequest(), Notes([]), lambda: 0.0)  # type: ignore[arg-type]


@pytest.fixture
def address(run: Run) -> Iterator[str]:
    with receive_alerts(AlertService(listen=Address("127.0.0.1", 0)), run) as port:
        yield f"http://127.0.0.1:{port}/alerts"


def lines(run: Run) -> list[dict[str, object]]:
    return [json.loads(line) for line in run.directory.alerts.read_text().splitlines()]


def test_a_delivery_becomes_a_line(run: Run, address: str) -> None:
    assert requests.post(address, json=BODY, timeout=5).status_code == 200
    assert lines(run) == [
        {"watchdog": "Watchdog"},
        {
            "received_at": "1970-01-01T00:00:00.000Z",
            "status": "firing",
            "receiver": "harness",
            "group_labels": {"alertname": "Watchdog"},
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "Watchdog", "severity": "none"},
                    "annotations": {"summary": "works"},
                    "starts_at": "2026-01-01T00:00:00Z",
                    "ends_at": "0001-01-01T00:00:00Z",
                }
            ],
        },
    ]


def test_many_at_once_stay_whole_lines(run: Run, address: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: requests.post(address, json=BODY, timeout=20).status_code, range(80)))
    assert answers == [200] * 80
    assert len(lines(run)) == 81


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/alerts", b"{", 400),
        ("/alerts", b"[]", 400),
        ("/alerts", b'{"alerts": [1]}', 400),
        ("/alerts", b"[" * 100_000, 400),
        ("/elsewhere", b"{}", 404),
        ("/alerts", b" " * (MOST_BODY + 1), 413),
    ],
)
def test_what_is_no_delivery_is_refused(run: Run, address: str, path: str, body: bytes, status: int) -> None:
    try:
        answer = requests.post(address.replace("/alerts", path), data=body, timeout=10).status_code
    except requests.ConnectionError:  # refused before all of it was sent
        answer = 413
    assert answer == status
    assert requests.get(address, timeout=5).status_code == 501
    assert len(lines(run)) == 1


def test_the_file_is_bounded_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    log = AlertLog(file, "none", most_bytes=2000)
    for _ in range(50):
        log.add(delivery(BODY, 0.0))
    log.close()
    log.add(delivery(BODY, 0.0))
    text = file.read_text().splitlines()
    assert json.loads(text[0]) == {"watchdog": None}
    assert json.loads(text[-1]) == {"truncated": True}
    assert file.stat().st_size < 2100
    assert 2 < len(text) < 10


def test_a_taken_address_is_named(run: Run, address: str) -> None:
    port = int(address.split(":")[2].split("/")[0])
    with (
        pytest.raises(HarnessError, match=f"cannot listen on 127.0.0.1:{port}"),
        receive_alerts(AlertService(listen=Address("127.0.0.1", port)), run),
    ):
        pytest.fail("the port is taken")

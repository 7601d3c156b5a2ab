"""The verdict posted to a web hook: what it says, what it does not, and that it never matters."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.plan.dump import dump_plan
from harness.plan.model import Notify
from harness.run.notify import message, post, report_place
from harness.run.ports import free_port
from harness.run.record import RunDirectory, RunRecord
from tests.run.plans import make_plan

SECRET = "T0/B0/secret"


class Taker(http.server.BaseHTTPRequestHandler):
    answers: list[int]
    got: list[Any]

    def do_POST(self) -> None:
        self.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            time.sleep(3)
        self.send_response(status or 200)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, type[Taker]]]:
    handler = type("H", (Taker,), {"answers": [], "got": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/services/{SECRET}", handler
    server.shutdown()
    server.server_close()


def verdict(summary: str = "memory grows", outcome: Outcome = Outcome.FAIL) -> Verdict:
    finding = Finding(check="objectives", signal="memory", outcome=outcome, summary=summary, onset=5.0)
    met = ObjectiveResult("error_ratio", "all", 0.01, 0.0, "ratio", Outcome.PASS)
    return Verdict("r1", () if outcome is Outcome.PASS else (finding,), (met,), {})


RECORD = RunRecord("r1", "soak", 0.0, "http://t", ended_by="completed")


def test_what_is_said() -> None:
    assert message(verdict(), RECORD, "./runs/r1/report.html") == {
        "text": "FAIL  soak on http://t\nFirst cause: memory grows\nRun: r1\nReport: ./runs/r1/report.html",
        "outcome": "fail",
        "exit_code": 10,
        "run_id": "r1",
        "plan": "soak",
        "target": "http://t",
        "ended_by": "completed",
        "first_cause": "memory grows",
        "report": "./runs/r1/report.html",
    }


def test_a_pass_has_no_cause_and_a_broken_run_says_how_it_ended() -> None:
    said = message(verdict(outcome=Outcome.PASS), RECORD, "x")
    assert (said["outcome"], said["first_cause"], said["text"]) == (
        "pass",
        "",
        "PASS  soak on http://t\nRun: r1\nReport: x",
    )
    stopped = RunRecord("r1", "soak", 0.0, "http://t", ended_by="interrupted")
    assert message(verdict(), stopped, "x")["text"].startswith("FAIL  soak on http://t (interrupted)\n")


def test_a_finding_neither_mentions_nor_formats_nor_tells_a_password_nor_runs_on() -> None:
    said = message(verdict("<!channel> postgresql://u:s3cret@h/d & " + "x" * 900), RECORD, "r")
    assert "&lt;!channel&gt; postgresql://u:***@h/d &amp;" in said["text"]
    assert "s3cret" not in json.dumps(said)
    assert len(said["first_cause"]) == 300


def test_where_the_report_is() -> None:
    directory = RunDirectory(Path("/runs/r1"))
    assert report_place(directory, None) == "/runs/r1/report.html"
    assert report_place(directory, "./runs") == "./runs/r1/report.html"
    assert report_place(directory, "https://ci/x/") == "https://ci/x/r1/report.html"


def test_it_arrives(hook: tuple[str, type[Taker]]) -> None:
    url, handler = hook
    assert post(url, {"text": "a"}) == ""
    assert handler.got == [{"text": "a"}]


@pytest.mark.parametrize(
    ("answers", "posted", "failure"),
    [
        ([503, 429], 3, ""),
        ([500, 500, 500], 3, "HTTP 500"),
        ([404], 1, "HTTP 404"),
        ([302], 1, "HTTP 302"),
    ],
)
def test_how_it_fails(hook: tuple[str, type[Taker]], answers: list[int], posted: int, failure: str) -> None:
    url, handler = hook
    handler.answers += answers
    said = post(url, {})
    assert len(handler.got) == posted
    host = url.split("/services")[0]
    assert said == (f"the verdict could not be posted to {host}/***: {failure}" if failure else "")


def test_a_hook_that_hangs_or_is_not_there_costs_bounded_time_and_keeps_its_secret(
    hook: tuple[str, type[Taker]],
) -> None:
    url, handler = hook
    handler.answers += [0]
    assert post(url, {}, seconds=0.5).endswith("no answer within 0 s")
    gone = f"http://127.0.0.1:{free_port()}/services/{SECRET}"
    said = post(gone, {}, seconds=10)
    assert said.endswith("connection refused")
    assert "secret" not in said


def test_the_hook_is_masked_in_the_stored_plan() -> None:
    plan = make_plan().model_copy(
        update={"notify": Notify(webhook=f"https://u:p@hooks.example:8443/services/{SECRET}")}
    )
    text = dump_plan(plan, mask=True)
    assert "webhook: https://hooks.example:8443/***" in text
    assert "secret" not in text


def test_a_wrong_hook_does_not_tell_itself() -> None:
    with pytest.raises(ValueError, match="webhook") as error:
        Notify(webhook=f"ftp://h/{SECRET}")
    assert "'***' is not a URL" in str(error.value.errors()[0]["ctx"]["error"])  # type: ignore[attr-defined]

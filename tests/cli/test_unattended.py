"""`harness status`, `harness stop` and `harness run --detach`: their whole output."""

from __future__ import annotations

import json
import os
import shlex
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.cli_result import run_detached, words_of
from harness.cli_run import run
from harness.judge.verdict import Outcome
from harness.ownership import owned
from harness.plan.model import PrometheusTarget
from harness.run.detach import announce, start_detached
from harness.run.interrupts import STOP_FILE
from harness.run.made_here import PROMETHEUS_SEAL, seal_prometheus
from harness.run.record import RunDirectory
from tests.cli.test_commands import harness, make_run

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_status_of_a_run_that_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs"), "r1", Outcome.FAIL)
    code, out, err = harness(capsys, "status")
    assert (code, err) == (0, "")
    assert out == (
        "r1: completed, fail\n  plan t on http://127.0.0.1:1\n  fail         latency_p95 <= 800ms, was 100ms\n"
    )
    code, out, _ = harness(capsys, "status", "r1", "--json")
    told = json.loads(out)
    assert (code, told["standing"], told["outcome"], told["objectives"][0]["outcome"]) == (0, "over", "fail", "fail")


def test_status_of_a_dead_harness_exits_12(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs"), "r1", Outcome.PASS, ended_at=None, ended_by="crashed").verdict_file.unlink()
    code, out, _ = harness(capsys, "status", "--brief")
    assert code == 12
    assert out.splitlines()[0] == "r1: its harness died; nobody makes load or judges"


def test_a_run_whose_harness_died_before_the_verdict_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs"), "r1", Outcome.PASS).verdict_file.unlink()
    code, out, _ = harness(capsys, "status")
    assert (code, out) == (
        12, "r1: completed, not judged\n  plan t on http://127.0.0.1:1\n  judge it: harness judge r1\n"
    )  # fmt: skip
    code, _, err = harness(capsys, "resume")
    assert code == 2
    assert err.endswith(f"is over: there is nothing to go on with\n  judge it: harness judge {Path.cwd()}/runs/r1\n")


@pytest.mark.parametrize("words", [("status", "r1", "--out"), ("status", "last", "--out"), ("report", "last", "--out")])
def test_the_command_that_is_named_finds_a_run_of_another_folder(
    capsys: pytest.CaptureFixture[str], here: Path, words: tuple[str, ...]
) -> None:
    root = here / "of the team"
    make_run(root, "r1", Outcome.PASS, ended_at=None, ended_by="crashed").verdict_file.unlink()
    make_run(here / "runs", "r2", Outcome.PASS)
    code, out, err = harness(capsys, *words, str(root))
    assert code == 12
    named = [shlex.split(line.split(": harness ")[1]) for line in (out + err).splitlines() if ": harness " in line]
    assert named and {command for command, _ in named} <= {"judge", "resume"}
    for _, run_of_it in named:
        assert harness(capsys, "status", run_of_it, "--brief")[1].startswith("r1: its harness died")


def test_stop_of_a_run_that_ends_without_a_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = make_run(Path("runs"), "r1", Outcome.PASS)
    directory.verdict_file.unlink()
    directory.work.mkdir()
    alive = iter([True, True, False])
    monkeypatch.setattr("harness.cli_unattended.still_on", lambda _: next(alive))
    code, _, err = harness(capsys, "stop", "r1")
    assert code == 12
    assert err == (
        "error: the run in runs/r1 ended without a verdict: its harness was ended at once, or died\n"
        "  judge it: harness judge r1\n"
    )


def test_status_while_the_live_prometheus_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    directory = make_run(Path("runs"), "r1", Outcome.PASS, ended_at=None, steady_to=None, ended_by="crashed")
    directory.verdict_file.unlink()
    state = {"at": time.time(), "phase": "steady", "elapsed": 30, "total": 90, "prometheus": "http://127.0.0.1:9",
             "alerts": []}  # fmt: skip
    with owned(directory.work):
        (directory.work / "state.json").write_text(json.dumps(state))
        code, out, _ = harness(capsys, "status")
        asked = json.loads(harness(capsys, "status", "--json")[1])
    assert code == 0
    assert "objectives so far: " in out and "http://127.0.0.1:9" in out.splitlines()[-1]
    assert asked["objectives"] == [] and "http://127.0.0.1:9" in asked["objectives_unknown"]


def test_status_identifies_itself_to_the_prometheus_of_a_plan_that_was_run_here(
    capsys: pytest.CaptureFixture[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(here / "state"))
    asked: list[str | None] = []

    class Guarded(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(503)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Guarded)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    directory = make_run(Path("runs"), "r1", Outcome.PASS, ended_at=None, steady_to=None, ended_by="crashed")
    directory.verdict_file.unlink()
    Path("token").write_text("canary\n")
    named = f"prometheus: {{url: '{url}', bearer_token_file: '{here / 'token'}'}}\n"
    directory.plan_file.write_text(directory.plan_file.read_text() + named)
    seal_prometheus(directory, PrometheusTarget(url=url, bearer_token_file=str(here / "token")), os.environ)
    state = {"at": time.time(), "phase": "steady", "elapsed": 30, "total": 90, "alerts": []}
    try:
        with owned(directory.work):
            for one in (url, url.replace("127.0.0.1", "localhost")):  # the second is none that the plan names
                (directory.work / "state.json").write_text(json.dumps(state | {"prometheus": one}))
                assert harness(capsys, "status")[0] == 0
            unsealed = len(asked)
            (directory.path / PROMETHEUS_SEAL).write_text("0" * 64)  # of somebody else, who holds the run's lock too
            (directory.work / "state.json").write_text(json.dumps(state | {"prometheus": url}))
            code, out, _ = harness(capsys, "status")
            assert code == 0 and "was not started by you on this machine" in out
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert set(asked) == {"Bearer canary", None}
    assert asked[0] == "Bearer canary" and asked[-1] is None
    assert len(asked) == unsealed, "nothing was asked at all"


def test_stop_of_a_run_that_is_not_on(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("runs"), "r1", Outcome.PASS)
    code, _, err = harness(capsys, "stop")
    assert code == 2
    assert err == "error: the run in runs/r1 is not on\n  how it stands: harness status r1\n"


def test_stop_makes_no_file_outside_of_the_run(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    directory = make_run(Path("runs"), "r1", Outcome.PASS)
    with owned(directory.work):  # by somebody else, in a folder that both may write
        (directory.work / STOP_FILE).symlink_to(here / "elsewhere")
        code, _, err = harness(capsys, "stop", "--no-wait")
    assert code == 12 and "cannot be told to end" in err
    assert not (here / "elsewhere").exists()


def test_stop_asks_waits_and_exits_as_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    directory = make_run(Path("runs"), "r1", Outcome.INCONCLUSIVE)
    told = threading.Event()

    def live() -> None:  # as a harness that obeys
        with owned(directory.work):
            told.set()
            while not (directory.work / STOP_FILE).exists():
                time.sleep(0.01)

    alive = threading.Thread(target=live)
    alive.start()
    told.wait()
    code, out, _ = harness(capsys, "stop", "r1")
    alive.join()
    assert (code, out) == (11, "r1: inconclusive; runs/r1/report.html\n")


def test_stop_gives_up_on_a_harness_that_does_not_react(capsys: pytest.CaptureFixture[str]) -> None:
    directory = make_run(Path("runs"), "r1", Outcome.PASS)
    with owned(directory.work):
        assert harness(capsys, "stop", "r1", "--no-wait")[0] == 0
        code, _, err = harness(capsys, "stop", "r1", "--timeout", "300ms")
    assert code == 12
    assert err.startswith("error: the run in runs/r1 did not end within 300ms\n")


def test_a_detached_run_that_cannot_start_says_why_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = harness(capsys, "run", "no-such-plan", "--detach")
    assert (code, out) == (2, "")
    assert "no-such-plan" in err
    assert list(Path("runs").iterdir()) == []


def test_the_command_line_is_handed_on_word_for_word() -> None:
    words = ["soak", "--local", "--set", "a=1", "--set", "b=2", "--users", "5", "--detach", "--json", "--out", "o"]
    context = run.make_context("run", list(words))
    assert words_of(context) == ["soak", "--local", "--users", "5", "--set", "a=1", "--set", "b=2", "--out", "o"]


def test_the_run_directory_is_announced_and_the_log_goes_there(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    directory = RunDirectory(here / "runs" / "r1")
    directory.logs.mkdir(parents=True)
    reading, writing = os.pipe()
    announce(writing, directory)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == str(directory.path)
    # A harness of the test's own in the place of ours: it announces and says something.
    fake = here / "python"
    fake.write_text(
        f"#!{sys.executable}\nimport fcntl, os, sys\n"
        "print('appended' if fcntl.fcntl(1, fcntl.F_GETFL) & os.O_APPEND else 'a cut leaves a hole', flush=True)\n"
        f"os.write(int(sys.argv[sys.argv.index('--announce-fd') + 1]), {str(directory.path).encode()!r})\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr("harness.run.detach.sys.executable", str(fake))
    found = start_detached(["run", "x"], here / "runs")
    assert found.directory == directory
    assert found.log == directory.logs / "console.log"
    assert found.log.read_text() == "appended\n"


def test_a_detached_run_is_named_so_that_it_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = SimpleNamespace(directory=RunDirectory(here / "my runs" / "r1"), pid=7, log=here / "log")
    monkeypatch.setattr("harness.cli_result.start_detached", lambda *_: found)
    run_detached(run.make_context("run", ["soak"]), Path("my runs"), as_json=False)
    assert "harness status r1 --out 'my runs'\n" in capsys.readouterr().out


def test_a_detached_run_that_is_given_up_while_it_starts_does_not_go_on(
    monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    fake = here / "python"  # a harness that looks at a slow target
    fake.write_text(f"#!{sys.executable}\nimport os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n")
    fake.chmod(0o755)
    monkeypatch.setattr("harness.run.detach.sys.executable", str(fake))

    def read(descriptor: int, mode: str) -> object:
        while not (here / "pid").is_file() or not (here / "pid").read_text():
            time.sleep(0.01)
        os.close(descriptor)
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.run.detach.os.fdopen", read)
    with pytest.raises(KeyboardInterrupt):
        start_detached(["run", "x"], here / "runs")
    with pytest.raises(ProcessLookupError):
        os.kill(int((here / "pid").read_text()), 0)
    assert list((here / "runs").iterdir()) == []


def test_a_run_directory_from_elsewhere_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;x\x07\x1b[2J\u202e"
    directory = make_run(Path("runs"), "r1", Outcome.FAIL, ended_by="aborted", reason=f"a{evil}b")
    text = directory.record_file.read_text().replace('"plan": "t"', json.dumps({"plan": f"t{evil}"})[1:-1])
    directory.record_file.write_text(text)
    verdict = directory.verdict_file.read_text().replace('"latency_p95"', json.dumps(f"latency_p95{evil}"))
    directory.verdict_file.write_text(verdict)
    for words in (["status"], ["runs"]):
        code, out, err = harness(capsys, *words)
        assert (code, err) == (0, "")
        assert "r1" in out and out.replace("\n", "").isprintable()
    state = {"at": 1.0, "alerts": [], f"x{evil}\ud800": 1}
    directory.work.mkdir()
    (directory.work / "state.json").write_text(json.dumps(state))
    code, _, err = harness(capsys, "status")
    assert code == 12 and "is not the state of a run" in err and err.replace("\n", "").isprintable()

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import HarnessError, PreflightError
from harness.prom import server as module
from harness.prom.server import PrometheusServer


def gone(pid: int, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_it_starts_answers_and_ends(tmp_path: Path):
    with PrometheusServer(tmp_path / "data", tmp_path, lookback=6) as server:
        pid = server.pid
        assert server.alive()
        assert server.api().healthy()
        flags = server.api().flags()
        assert server.url.startswith("http://127.0.0.1:")
    assert flags["storage.tsdb.path"] == str(tmp_path / "data")
    assert flags["query.lookback-delta"] == "6s"
    assert flags["storage.tsdb.min-block-duration"] == flags["storage.tsdb.max-block-duration"] == "2h"
    assert not server.alive()
    assert pid is not None and gone(pid, 1)
    assert not server.api(timeout=1).healthy()
    server.stop()  # again is no error


def test_it_restarts_on_its_port_and_knows_when_it_was_killed(tmp_path: Path):
    with PrometheusServer(tmp_path / "data", tmp_path) as server:
        url, pid = server.url, server.pid
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while server.alive() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not server.alive()
        server.restart()
        assert (server.url, server.alive()) == (url, True)
        assert server.pid != pid


def test_two_at_once_do_not_meet(tmp_path: Path):
    with PrometheusServer(tmp_path / "a", tmp_path / "wa") as a, PrometheusServer(tmp_path / "b", tmp_path / "wb") as b:
        assert a.address != b.address
        assert a.api().flags()["storage.tsdb.path"].endswith("/a")
        assert b.api().flags()["storage.tsdb.path"].endswith("/b")


def test_a_port_that_somebody_took_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        free, offered = module.free_port, [port, port]
        monkeypatch.setattr(module, "free_port", lambda: offered.pop() if offered else free())
        with PrometheusServer(tmp_path / "data", tmp_path) as server:
            assert server.address != f"127.0.0.1:{port}"
            assert server.api().healthy()
    assert not offered


def test_another_prometheus_on_the_port_is_not_taken_for_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with PrometheusServer(tmp_path / "a", tmp_path / "wa") as other:
        free, offered = module.free_port, [int(other.address.rsplit(":", 1)[1])]
        monkeypatch.setattr(module, "free_port", lambda: offered.pop() if offered else free())
        with PrometheusServer(tmp_path / "b", tmp_path / "wb") as ours:
            assert ours.address != other.address
            assert ours.api().flags()["storage.tsdb.path"].endswith("/b")


def test_without_the_binary_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightError, match="apt-get install prometheus"):
        PrometheusServer(tmp_path / "data", tmp_path).start()


def test_a_bad_configuration_is_an_error_with_the_log(tmp_path: Path):
    server = PrometheusServer(tmp_path / "data", tmp_path, config="global: {nonsense: 1}\n")
    with pytest.raises(HarnessError, match=r"(?s)did not become ready.*nonsense.*prometheus\.log"):
        server.start()
    assert not server.alive()


def test_the_configuration_may_hold_secrets(tmp_path: Path):
    with PrometheusServer(tmp_path / "data", tmp_path) as server:
        assert server.config_file.stat().st_mode & 0o777 == 0o600


def test_it_dies_with_a_parent_that_was_killed(tmp_path: Path):
    code = (
        "import sys, time, pathlib\n"
        "from harness.prom.server import PrometheusServer\n"
        "home = pathlib.Path(sys.argv[1])\n"
        "server = PrometheusServer(home / 'data', home)\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(pid)

"""The sidecar as a process: what a run starts, scrapes and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from exporters import metric_names as names
from exporters.sidecar import main
from tests.exporters.conftest import sidecar
from tests.servers import ROOT, PostgresServer, RedisServer, free_port, redis_server, stop, wait_until


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """``main`` takes the process' signals; here the process is the tests'."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(tmp: Path, *arguments: str, config: str | None = None) -> subprocess.CompletedProcess[str]:
    file = tmp / "config.json"
    if config is not None:
        file.write_text(config)
    return subprocess.run(
        [sys.executable, "-m", "exporters.sidecar", "--config", str(file), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip


def test_nothing_to_watch_serves_its_own_metrics_on_loopback(tmp_path: Path) -> None:
    with sidecar(tmp_path) as running:
        scrape = running.scrape()
        [listening] = [
            connection for connection in psutil.Process(running.process.pid).net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]  # fmt: skip
        assert listening.laddr == ("127.0.0.1", running.port)
    assert {name for name in scrape.names() if not name.startswith("process_")} == {names.MACHINE_INFO}
    assert (scrape.value("process_resident_memory_bytes") or 0) > 1e6
    assert scrape.value("process_cpu_seconds_total") is not None


def test_bad_configuration_is_exit_2_and_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = run(tmp_path, config='{"interval": 0}')
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (f"sidecar: {tmp_path}/config.json: interval must be between 0.2 and 300 seconds; it is 0\n")
    assert main(["--config", str(tmp_path / "nowhere.json")]) == 2
    assert capsys.readouterr().err == f"sidecar: {tmp_path}/nowhere.json: cannot be read: No such file or directory\n"
    with pytest.raises(SystemExit) as caught:
        main(["--nonsense"])
    assert caught.value.code == 2


def test_an_address_in_use_is_exit_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(tmp_path, config=json.dumps({"listen": address}))
    assert done.returncode == 1
    assert done.stderr.endswith(f"sidecar: cannot listen on {address}: Address already in use\n")
    assert "Traceback" not in done.stderr


def test_a_signal_ends_it_promptly(tmp_path: Path, postgres: PostgresServer, redis_cache: RedisServer) -> None:
    watched = {
        "databases": [{"name": "main", "url": postgres.url}],
        "redis": [{"name": "c", "url": redis_cache.url}],
        "interval": 60,
    }
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hung = {"redis": [{"name": "hung", "url": f"redis://127.0.0.1:{silent.getsockname()[1]}/0"}], "interval": 60}
        for sent, config in ((signal.SIGTERM, watched), (signal.SIGINT, hung)):
            with sidecar(tmp_path, **config) as running:
                began = time.monotonic()
                running.process.send_signal(sent)
                assert running.process.wait(10) == 0
                assert time.monotonic() - began < 5
                assert "Traceback" not in running.log.read_text()


def test_it_ends_with_its_parent_when_asked(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    code = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'exporters.sidecar', '--exit-with-parent',"
        f" '--config', {str(tmp_path / 'config.json')!r}, '--port-file', {str(tmp_path / 'port')!r}])\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    wait_until((tmp_path / "port").exists, "the sidecar", seconds=15)
    stop(parent, signal.SIGKILL)
    try:
        wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "its end", seconds=5)
    finally:
        if child.is_running():
            child.kill()


def test_the_first_scrape_is_complete(tmp_path: Path, postgres: PostgresServer, redis_cache: RedisServer) -> None:
    with sidecar(
        tmp_path,
        interval=30,
        processes=[{"name": "tests", "pid": redis_cache.process.pid}],
        databases=[{"name": "main", "url": postgres.url}],
        redis=[{"name": "cache", "url": redis_cache.url}],
    ) as running:
        scrape = running.scrape()
        openmetrics = requests.get(
            f"http://127.0.0.1:{running.port}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=5
        )
    for collector in ("process:tests", "database:main", "redis:cache"):
        assert scrape.value(names.COLLECTOR_UP, collector=collector) == 1
        assert (scrape.value(names.COLLECTOR_DURATION, collector=collector) or 9) < 5
    assert scrape.value(names.PG_UP, database="main") == 1
    assert scrape.value(names.REDIS_UP, redis="cache") == 1
    assert scrape.value(names.PROC_NUM, groupname="tests") == 1
    assert openmetrics.text.endswith("# EOF\n")
    assert 'pg_stat_database_deadlocks{database="main",datname="mingus"}' in openmetrics.text


def test_one_hung_database_delays_nobody(tmp_path: Path, redis_cache: RedisServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://app:hunter2@127.0.0.1:{silent.getsockname()[1]}/x"
        hung_redis = f"redis://:hunter2@127.0.0.1:{silent.getsockname()[1]}/0"
        with sidecar(
            tmp_path,
            processes=[{"name": "redis", "pid": redis_cache.process.pid}],
            databases=[{"name": "hung", "url": url}],
            redis=[{"name": "cache", "url": redis_cache.url}, {"name": "hung", "url": hung_redis}],
        ) as running:
            threads = psutil.Process(running.process.pid).num_threads()
            pings, took = [], []
            for _ in range(8):
                began = time.monotonic()
                scrape = running.scrape()
                took.append(time.monotonic() - began)
                pings.append(scrape.value("redis_ping_duration_seconds_count", redis="cache"))
                assert scrape.value(names.COLLECTOR_UP, collector="database:hung") == 0
                assert scrape.value(names.PG_UP, database="hung") == 0
                assert scrape.value(names.PG_MAX_CONNECTIONS, database="hung") is None
                assert scrape.value(names.COLLECTOR_UP, collector="redis:hung") == 0
                assert scrape.value(names.REDIS_UP, redis="hung") == 0
                assert scrape.value(names.REDIS_CLIENTS, redis="hung") is None
                assert scrape.value(names.COLLECTOR_UP, collector="redis:cache") == 1
                assert scrape.value(names.COLLECTOR_UP, collector="process:redis") == 1
                time.sleep(0.5)
            assert psutil.Process(running.process.pid).num_threads() <= threads + 1
            log = running.log.read_text()
    assert max(took) < 1.5
    # 8 looks over 3.5 seconds at an interval of half a second.
    assert pings[0] is not None and pings[-1] is not None
    assert pings[-1] - pings[0] >= 4
    assert "database:hung: cannot read: ConnectionTimeout" in log
    assert "hunter2" not in log + scrape.text


def test_a_frozen_redis_is_withdrawn_and_returns(tmp_path: Path) -> None:
    with redis_server(tmp_path) as server, sidecar(tmp_path, redis=[{"name": "c", "url": server.url}]) as running:
        assert running.scrape().value(names.REDIS_UP, redis="c") == 1
        server.process.send_signal(signal.SIGSTOP)
        try:
            frozen = time.monotonic()
            scrape = running.wait(lambda s: s.value(names.REDIS_UP, redis="c") == 0, "withdrawal")
            assert time.monotonic() - frozen < 5
            assert scrape.value(names.REDIS_MEMORY, redis="c") is None
            assert scrape.value("redis_ping_duration_seconds_count", redis="c") is None
            time.sleep(2)
        finally:
            server.process.send_signal(signal.SIGCONT)
        scrape = running.wait(lambda s: s.value(names.REDIS_UP, redis="c") == 1, "the return")
        assert scrape.value(names.REDIS_MEMORY, redis="c") is not None
        # The ping that found it frozen is in the histogram.
        assert (scrape.value("redis_ping_duration_seconds_sum", redis="c") or 0) >= 1.5


def test_a_server_that_comes_later_and_again_is_found(tmp_path: Path) -> None:
    port = free_port()
    with sidecar(tmp_path, redis=[{"name": "c", "url": f"redis://127.0.0.1:{port}/0"}]) as running:
        assert running.scrape().value(names.REDIS_UP, redis="c") == 0
        for _ in range(2):
            with redis_server(tmp_path, port=port):
                running.wait(lambda s: s.value(names.REDIS_UP, redis="c") == 1, "it")
            running.wait(lambda s: s.value(names.REDIS_UP, redis="c") == 0, "its end")
        log = running.log.read_text()
    assert log.count("redis:c: reads again") == 2
    assert log.count("cannot read") <= 6, "changes only"


def test_a_process_group_never_found_is_visible(tmp_path: Path) -> None:
    with sidecar(tmp_path, processes=[{"name": "web", "match": "no such process ever"}]) as running:
        scrape = running.scrape()
    assert scrape.value(names.PROC_NUM, groupname="web") == 0
    assert scrape.value(names.COLLECTOR_UP, collector="process:web") == 1
    assert scrape.value(names.PROC_MEMORY, groupname="web", memtype="resident") is None
    assert not any(name.startswith("namedprocess") and name != names.PROC_NUM for name in scrape.names())


def test_it_does_not_watch_itself_or_who_started_it(tmp_path: Path) -> None:
    # The folder of the configuration is on the sidecar's command line, and on no other.
    pattern = f"{re.escape(str(tmp_path))}.*config[.]json"
    with sidecar(tmp_path, processes=[{"name": "self", "match": pattern}]) as running:
        assert re.search(pattern, " ".join(psutil.Process(running.process.pid).cmdline()))
        assert running.scrape().value(names.PROC_NUM, groupname="self") == 0
    with sidecar(tmp_path, processes=[{"name": "self", "pid": os.getpid()}]) as running:
        assert running.scrape().value(names.PROC_NUM, groupname="self") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_it_needs_no_privilege_beyond_the_targets_user(tmp_path: Path) -> None:
    """As issue 3 runs it: the target's uid, no capability."""
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    target = subprocess.Popen(["sleep", "100"], cwd="/", **nobody)  # type: ignore[call-overload]
    drop = (
        "import os, sys, time, re\n"
        "import exporters.process, exporters.process_members\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from exporters.process import ProcessGroup\n"
        "from exporters.process_members import Members, Selector, own_processes\n"
        f"r = ProcessGroup(Members(Selector(pid={target.pid}), excluded=own_processes()), interval=1).read()\n"
        "print(r.members, r.fds > 0, r.sizes.proportional > 0, r.problems)\n"
    )
    try:
        done = subprocess.run([sys.executable, "-c", drop], cwd=ROOT, capture_output=True, text=True, timeout=30)
    finally:
        stop(target)
    assert done.stdout == "1 True True ()\n", done.stderr

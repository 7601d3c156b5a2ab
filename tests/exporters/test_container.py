"""The container collector against a real engine; skipped, saying why, where none can run."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters import container_metrics
from exporters import metric_names as names
from exporters.container import Container, ContainerReading
from exporters.container_events import OOM, START, ContainerEvents
from exporters.docker_engine import Engine
from exporters.families import Families
from exporters.poller import Unreadable
from tests.exporters.conftest import DockerEngine
from tests.servers import wait_until


class Eyes:
    """Events and reading of one container."""

    def __init__(self, url: str, name: str) -> None:
        engine = Engine(url, 5)
        self.events = ContainerEvents(engine, [name])
        self.events.start()
        self.connected = self.events.wait_connected(5)
        self.source = Container(name, engine, self.events)

    def close(self) -> None:
        self.events.stop()
        self.source.close()


def exposed(reading: ContainerReading | None) -> dict[str, float]:
    families = Families()
    container_metrics.expose(families, "web", reading)
    samples = [sample for family in families for sample in family.samples]
    assert all(sample.labels == {"name": "web"} for sample in samples)
    return {sample.name: sample.value for sample in samples}


def oom_once(engine: DockerEngine, name: str) -> None:
    engine.cli("exec", name, "sh", "-c", "tail /dev/zero > /dev/null", check=False)


def test_unread_is_nothing() -> None:
    assert exposed(None) == {}


def test_no_engine_is_said() -> None:
    engine = Engine("unix:///nowhere/docker.sock", 1)
    source = Container("web", engine, ContainerEvents(engine, ["web"]))
    with pytest.raises(Unreadable, match="DockerException"):
        source.read()


def test_use_limit_and_throttling(docker_engine: DockerEngine) -> None:
    before = time.time()
    # So small a quota is used up even on a busy machine.
    with docker_engine.container("--memory", "64m", "--cpus", "0.02", script="while true; do :; done") as name:
        eyes = Eyes(docker_engine.url, name)
        try:
            # A container that has not run for a moment yet has used nothing, which is no reading.
            wait_until(lambda: names.CONTAINER_CPU in exposed(eyes.source.read()), "a reading", seconds=20)
            first = exposed(eyes.source.read())
            wait_until(
                lambda: (
                    exposed(eyes.source.read())[names.CONTAINER_CPU_THROTTLED_PERIODS]
                    > first[names.CONTAINER_CPU_THROTTLED_PERIODS] + 5
                ),
                "throttling",
                seconds=20,
            )
            reading = eyes.source.read()
        finally:
            eyes.close()
        limit = int(docker_engine.cli("inspect", "--format", "{{.HostConfig.Memory}}", name))
    assert reading.problems == ()
    found = exposed(reading)
    assert found[names.CONTAINER_MEMORY_LIMIT] == limit == 64 * 2**20
    assert 50_000 < found[names.CONTAINER_WORKING_SET] < 8 * 2**20
    # The container has used no more than its quota of 2 ms in each period of 100 ms, and what a start costs.
    assert 0 < found[names.CONTAINER_CPU] - first[names.CONTAINER_CPU] < (time.time() - before) * 0.03 + 0.1
    periods, held_back = found[names.CONTAINER_CPU_PERIODS], found[names.CONTAINER_CPU_THROTTLED_PERIODS]
    assert periods >= held_back > 5
    assert found[names.CONTAINER_CPU_THROTTLED] > 0.2
    assert before - 5 < found[names.CONTAINER_START] < time.time()
    assert before < found[names.CONTAINER_LAST_SEEN] <= time.time()
    assert (found[names.CONTAINER_OOM], found[names.CONTAINER_STARTS]) == (0, 0)


def test_no_limit_is_zero(docker_engine: DockerEngine) -> None:
    with docker_engine.container() as name:
        eyes = Eyes(docker_engine.url, name)
        reading = eyes.source.read()
        eyes.close()
    assert exposed(reading)[names.CONTAINER_MEMORY_LIMIT] == 0


def test_a_worker_killed_for_memory_is_counted_though_the_container_lives(docker_engine: DockerEngine) -> None:
    with docker_engine.container("--memory", "16m", "--memory-swap", "16m") as name:
        eyes = Eyes(docker_engine.url, name)
        try:
            for expected in (1, 2):
                oom_once(docker_engine, name)
                wait_until(lambda n=expected: eyes.events.count(name, OOM) == n, "the oom event", seconds=10)
            reading = eyes.source.read()
        finally:
            eyes.close()
        assert docker_engine.cli("inspect", "--format", "{{.State.OOMKilled}} {{.RestartCount}}", name) == "false 0"
    assert exposed(reading)[names.CONTAINER_OOM] == 2
    assert reading.problems == ()


def test_a_restart_moves_the_start_time_and_counts(docker_engine: DockerEngine) -> None:
    with docker_engine.container() as name:
        eyes = Eyes(docker_engine.url, name)
        try:
            before = exposed(eyes.source.read())
            docker_engine.cli("restart", "-t", "0", name)
            wait_until(lambda: eyes.events.count(name, START) == 1, "the start event", seconds=10)
            after = exposed(eyes.source.read())
            docker_engine.cli("stop", "-t", "0", name)
            stopped = eyes.source.read()
        finally:
            eyes.close()
    assert after[names.CONTAINER_START] > before[names.CONTAINER_START]
    assert after[names.CONTAINER_STARTS] == 1
    assert stopped.problems == ("not running: exited, exit code 137",)
    assert exposed(stopped).keys() == {names.CONTAINER_OOM, names.CONTAINER_STARTS, names.CONTAINER_START}


def test_an_unknown_container_is_said(docker_engine: DockerEngine) -> None:
    eyes = Eyes(docker_engine.url, "nobody")
    with pytest.raises(Unreadable, match="knows no container 'nobody'"):
        eyes.source.read()
    eyes.close()


class Proxy:
    """A socket before the engine's that can be cut."""

    def __init__(self, path: Path, behind: str) -> None:
        self.url = f"unix://{path}"
        self._path, self._behind = path, behind
        self._links: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self.open()

    def open(self) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._path))
        self._listener.listen()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        assert self._listener is not None
        self._path.unlink()
        for link in (*self._links, self._listener):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()
        self._links.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._behind)
            self._links += [near, far]
            threading.Thread(target=_pump, args=(near, far), daemon=True).start()


def _pump(near: socket.socket, far: socket.socket) -> None:
    try:
        while True:
            for ready in select.select([near, far], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    near.shutdown(socket.SHUT_RDWR)
                    far.shutdown(socket.SHUT_RDWR)
                    return
                (far if ready is near else near).sendall(data)
    except (OSError, ValueError):
        return


@pytest.fixture
def proxy(docker_engine: DockerEngine) -> Iterator[Proxy]:
    path = Path(f"/tmp/hp-{os.getpid()}-{time.monotonic_ns()}.sock")
    proxy = Proxy(path, docker_engine.url.removeprefix("unix://"))
    yield proxy
    proxy.cut()


def test_no_event_is_lost_or_counted_twice_over_a_broken_stream(docker_engine: DockerEngine, proxy: Proxy) -> None:
    with docker_engine.container("--memory", "16m", "--memory-swap", "16m") as name:
        eyes = Eyes(proxy.url, name)
        try:
            assert eyes.connected
            oom_once(docker_engine, name)
            wait_until(lambda: eyes.events.count(name, OOM) == 1, "the first event", seconds=10)
            for expected in (3, 5):
                proxy.cut()
                wait_until(lambda: not eyes.events.connected, "the break", seconds=5)
                assert eyes.events.count(name, OOM) is None, "a count that may be behind is not given"
                oom_once(docker_engine, name)
                oom_once(docker_engine, name)
                proxy.open()
                wait_until(lambda n=expected: eyes.events.count(name, OOM) == n, "events while cut", seconds=10)
            time.sleep(0.5)
            assert eyes.events.count(name, OOM) == 5
        finally:
            eyes.close()


def test_events_before_any_was_seen_survive_a_break(docker_engine: DockerEngine, proxy: Proxy) -> None:
    with docker_engine.container("--memory", "16m", "--memory-swap", "16m") as name:
        time.sleep(1.1)  # the container's own start is out of the second in which the stream begins
        eyes = Eyes(proxy.url, name)
        try:
            proxy.cut()
            wait_until(lambda: not eyes.events.connected, "the break", seconds=5)
            with pytest.raises(Unreadable):
                eyes.source.read()
            oom_once(docker_engine, name)
            proxy.open()
            wait_until(lambda: eyes.events.count(name, OOM) == 1, "the event while cut", seconds=10)
            assert eyes.events.count(name, START) == 0
            assert eyes.source.read().problems == ()
        finally:
            eyes.close()


def test_a_quiet_stream_is_taken_up_anew_without_a_gap(
    docker_engine: DockerEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporters.container_events.QUIET_SECONDS", 0.5)
    with docker_engine.container("--memory", "16m", "--memory-swap", "16m") as name:
        eyes = Eyes(docker_engine.url, name)
        try:
            for expected in (1, 2):
                time.sleep(1.2)
                assert eyes.events.connected
                oom_once(docker_engine, name)
                wait_until(lambda n=expected: eyes.events.count(name, OOM) == n, "the event", seconds=10)
            assert eyes.events.connected
        finally:
            eyes.close()

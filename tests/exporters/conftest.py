"""Real parts for the exporters' tests: servers, a private Docker Engine, and a sidecar process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import ROOT, PostgresServer, RedisServer, postgres_server, redis_server, stop, wait_until

IMAGE = "harness-exporters-test:1"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with postgres_server(tmp_path_factory.mktemp("postgres"), settings={"max_connections": "23"}) as server:
        yield server


@pytest.fixture(scope="session")
def redis_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    args = ["--maxmemory", "64mb", "--slowlog-log-slower-than", "0"]
    with redis_server(tmp_path_factory.mktemp("redis"), args=args) as server:
        yield server


@dataclass(frozen=True)
class Scrape:
    """What one /metrics said."""

    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]
    text: str

    def value(self, name: str, **labels: str) -> float | None:
        """None: absent."""
        return self.samples.get((name, frozenset(labels.items())))

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


def parse(text: str) -> Scrape:
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, f"{key} appears twice"
            samples[key] = sample.value
    return Scrape(samples, text)


@dataclass
class Sidecar:
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def scrape(self) -> Scrape:
        answer = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5)
        answer.raise_for_status()
        return parse(answer.text)

    def wait(self, ready: Callable[[Scrape], bool], what: str, *, seconds: float = 15.0) -> Scrape:
        """The first scrape on which ``ready`` holds."""
        last: list[Scrape] = []

        def check() -> bool:
            last[:] = [self.scrape()]
            return ready(last[0])

        wait_until(check, what, log=self.log, seconds=seconds)
        return last[0]


@contextlib.contextmanager
def sidecar(tmp: Path, **config: Any) -> Iterator[Sidecar]:
    """The real process, as a run starts it."""
    home = Path(tempfile.mkdtemp(prefix="sidecar-", dir=tmp))
    (home / "config.json").write_text(json.dumps({"listen": "127.0.0.1:0", "interval": 0.5, **config}))
    log, port_file = home / "log", home / "port"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "exporters.sidecar", "--config", home / "config.json", "--port-file", port_file],
            cwd=ROOT, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        wait_until(lambda: port_file.exists() or process.poll() is not None, "sidecar", log=log)
        assert process.poll() is None, log.read_text()
        yield Sidecar(process, int(port_file.read_text()), log)
    finally:
        stop(process)


@dataclass(frozen=True)
class DockerEngine:
    """A real engine. ``version``: of cgroups, "1" or "2"."""

    url: str
    cgroup_version: str

    def cli(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["docker", "-H", self.url, *arguments], capture_output=True, text=True, timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def container(self, *arguments: str, script: str = "sleep 1000") -> Iterator[str]:
        """A running container's name; removed afterwards."""
        name = f"harness-test-{os.getpid()}-{time.monotonic_ns()}"
        self.cli("run", "-d", "--network", "none", "--name", name, *arguments, IMAGE, "sh", "-c", script)
        try:
            yield name
        finally:
            self.cli("rm", "-f", name, check=False)


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """An engine of our own; skips, saying why, where none can run."""
    missing = [name for name in ("dockerd", "containerd", "docker") if shutil.which(name) is None]
    busybox = Path("/bin/busybox")
    if missing or not busybox.exists():
        pytest.skip(f"no Docker Engine here: {', '.join(missing) or 'busybox'} is not installed")
    if os.geteuid() != 0:
        pytest.skip("no Docker Engine here: dockerd needs root")
    # A socket's path may have 108 characters: pytest's own folders are too deep.
    home = Path(tempfile.mkdtemp(prefix="hd-", dir="/tmp"))
    url = f"unix://{home}/docker.sock"
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dockerd", "--data-root", home / "data", "--exec-root", home / "exec", "--pidfile", home / "pid",
             "--host", url, "--bridge=none", "--iptables=false", "--ip6tables=false"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        try:
            wait_until(lambda: process.poll() is not None or (home / "docker.sock").exists(), "dockerd", seconds=20)
            if process.poll() is not None:
                pytest.skip(f"no Docker Engine here: dockerd ends with {_last_line(home / 'log')}")
            engine = DockerEngine(url, "")
            wait_until(lambda: bool(engine.cli("info", "--format", "{{.ID}}", check=False)), "dockerd", seconds=20)
        except TimeoutError:
            pytest.skip(f"no Docker Engine here: dockerd does not answer: {_last_line(home / 'log')}")
        _import_image(engine, busybox)
        yield DockerEngine(url, engine.cli("info", "--format", "{{.CgroupVersion}}"))
    finally:
        stop(process, signal.SIGTERM, timeout=20)
        shutil.rmtree(home, ignore_errors=True)


def _import_image(engine: DockerEngine, busybox: Path) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for applet in ("sh", "sleep", "tail", "dd", "cat"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    done = subprocess.run(
        ["docker", "-H", engine.url, "import", "-", IMAGE], input=archive.getvalue(), capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"

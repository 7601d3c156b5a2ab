"""A Docker Engine of the tests' own, with networks, and compose beside it. Skips, saying why, where none can run.

Its data are kept in a cache: images once made are there at the next start.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import ROOT, stop, wait_until

CACHE = Path(os.environ.get("HARNESS_COMPOSE_CACHE") or ROOT / ".cache" / "compose")
# Debian bookworm has no compose v2; the plugin of trixie is a program of its own, linked to libc alone.
COMPOSE_DEB = (
    "http://deb.debian.org/debian/pool/main/d/docker-compose/docker-compose_2.26.1-4_amd64.deb",
    "47681197cb2b1ab88206b42a1a92fc75f50d9530a6322d03494a473eed0408ea",
)
NEEDED = ("dockerd", "containerd", "docker", "debootstrap", "dpkg-deb", "iptables", "ip")
# A bridge of our own: an engine without one, as the exporters' tests start, removes docker0 wherever it finds it.
BRIDGE, HOST_ADDRESS = "hc-compose", "172.30.255.1"


@dataclass(frozen=True)
class Engine:
    """``socket``: of Docker's API; ``config``: the docker command's folder, which holds the compose plugin."""

    socket: Path
    config: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))},
            "DOCKER_HOST": f"unix://{self.socket}",
            "DOCKER_CONFIG": str(self.config),
            "DOCKER_BUILDKIT": "0",
        }

    def run(
        self, *arguments: str | Path, check: bool = True, timeout: float = 120, cwd: Path | None = None,
        stdin: bytes | None = None, environ: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:  # fmt: skip
        """``docker ARGUMENTS``; its output as text."""
        done = subprocess.run(
            ["docker", *map(str, arguments)], env={**self.environ, **(environ or {})}, capture_output=True, input=stdin,
            timeout=timeout, cwd=cwd,
        )  # fmt: skip
        text = subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        assert not check or text.returncode == 0, f"docker {' '.join(map(str, arguments))}:\n{text.stdout}{text.stderr}"
        return text

    def lines(self, *arguments: str) -> list[str]:
        return self.run(*arguments).stdout.split()

    def clear(self) -> None:
        """Removes what earlier tests left: containers, volumes, networks. Images stay."""
        for kind, flags in (("container", ["-aq"]), ("volume", ["-q"])):
            if found := self.lines(kind, "ls", *flags):
                self.run(kind, "rm", "-f", *found)
        self.run("network", "prune", "-f")


def _skip(reason: str) -> None:
    pytest.skip(f"no Docker Engine for the compose tests here: {reason}")


@contextlib.contextmanager
def private_engine() -> Iterator[Engine]:
    """The engine, started and ended here."""
    if platform.machine() != "x86_64":
        _skip(f"the compose plugin is unpacked for x86_64, this is {platform.machine()}")
    if os.geteuid() != 0:
        _skip("dockerd needs root")
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        _skip(f"{', '.join(missing)} not installed (scripts/setup.sh test installs them on Debian)")
    if Path("/var/run/docker.sock").exists() and _answers(Path("/var/run/docker.sock")):
        _skip("one runs on this machine already, and a second would overwrite its firewall rules")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two engines cannot share their data
        # A socket's path may have 108 characters: pytest's own folders are too deep.
        home = Path(tempfile.mkdtemp(prefix="hc-", dir="/tmp"))
        try:
            with _running(home) as socket:
                engine = Engine(socket, _config(home))
                engine.clear()
                yield engine
                engine.clear()
        finally:
            shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _running(home: Path) -> Iterator[Path]:
    socket = home / "docker.sock"
    subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)
    subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], check=True, capture_output=True)
    subprocess.run(["ip", "addr", "add", f"{HOST_ADDRESS}/24", "dev", BRIDGE], check=True, capture_output=True)
    subprocess.run(["ip", "link", "set", BRIDGE, "up"], check=True, capture_output=True)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dockerd", "--data-root", CACHE / "engine", "--exec-root", home / "exec", "--pidfile", home / "pid",
             "--host", f"unix://{socket}", "--bridge", BRIDGE,
             "--default-address-pool", "base=172.31.0.0/16,size=24"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        try:
            wait_until(lambda: process.poll() is not None or _answers(socket), "dockerd", seconds=60)
        except TimeoutError:
            _skip(f"dockerd does not answer: {_last_line(home / 'log')}")
        if process.poll() is not None:
            _skip(f"dockerd ends with {_last_line(home / 'log')}")
        yield socket
    finally:
        stop(process, signal.SIGTERM, timeout=60)
        subprocess.run(["ip", "link", "del", BRIDGE], capture_output=True)


def _answers(socket: Path) -> bool:
    done = subprocess.run(
        ["docker", "-H", f"unix://{socket}", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        timeout=30,
    )
    return done.returncode == 0


def _config(home: Path) -> Path:
    """A folder for the docker command, with the compose plugin in it; the plugin is downloaded once and checked."""
    url, expected = COMPOSE_DEB
    deb = CACHE / Path(url).name
    if not deb.is_file():
        with urllib.request.urlopen(url, timeout=120) as answer:
            deb.write_bytes(answer.read())
    if hashlib.sha256(deb.read_bytes()).hexdigest() != expected:
        deb.unlink()
        raise AssertionError(f"{url} is not what it was: its checksum differs")
    subprocess.run(["dpkg-deb", "-x", deb, home / "compose"], check=True)
    config = home / "config"
    (config / "cli-plugins").mkdir(parents=True)
    shutil.move(home / "compose/usr/libexec/docker/cli-plugins/docker-compose", config / "cli-plugins/docker-compose")
    (config / "config.json").write_text(json.dumps({}))
    return config


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no output"

"""What is open in the running stack, and what another container gets out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.compose.stack import PORTS, Stack

# Service -> ports open on more than its own loopback, while a run is on. All of them; nothing else.
OPEN = {
    "alertmanager": {9093}, "docker-proxy": {2375}, "harness": {9120, 9121}, "locust-master": {5557, 9646},
    "locust-worker": {9646}, "pidns": set(), "postgres": {5432}, "prometheus": {9090}, "redis": {6379},
    "sidecar": {9110}, "target": {5000, 9102},
}  # fmt: skip
PUBLISHED = {"target": "TARGET_PORT", "prometheus": "PROMETHEUS_PORT", "alertmanager": "ALERTMANAGER_PORT"}
ROOT_ALLOWED = {"init", "docker-proxy"}
NETWORKS = ("load", "monitoring", "data", "docker-api")
ATTACKER = Path(__file__).parent / "attacker.py"
_LISTEN = "0A"


# Open only while a run is on.
OF_A_RUN = {"harness": {9120, 9121}, "locust-master": {5557, 9646}, "locust-worker": {9646}}


def check_closed(stack: Stack, *, run: bool) -> None:
    """The list of what is open, and what each answers to a stranger; ``run``: one is on, and opens its own ports."""
    passwords = _passwords(stack)
    assert len(passwords) == 6
    expected = OPEN if run else {name: ports - OF_A_RUN.get(name, set()) for name, ports in OPEN.items()}
    there = [service for service in expected if run or service != "harness"]
    assert {service: listening(stack, service) for service in there} == {name: expected[name] for name in there}
    _check_containers(stack, [*there, "init"], passwords)
    identities = {
        "run": run,
        "target": stack.inspect("target")["Id"],
        "others": [stack.inspect(name)["Id"] for name in ("init", "prometheus")],
    }
    seen = attack(stack, NETWORKS, identities)
    got_in = {name: answer["status"] for name, answer in seen["refused"].items() if answer["status"] not in (401, 403)}
    assert got_in == {}, "a stranger's requests that should have been refused"
    assert len(seen["refused"]) > 40
    missing = {name: answer["status"] for name, answer in seen["allowed"].items() if answer["status"] != 200}
    assert missing == {}, "what the sidecar and Prometheus need"
    assert seen["redis"].startswith("-NOAUTH"), seen["redis"]
    assert seen["postgres"] == "R", "PostgreSQL asks a stranger for the password"
    shown = json.dumps(seen)
    assert [name for name, secret in passwords.items() if secret in shown] == [], "secrets that an open port shows"
    # Who is only where the load is reaches neither Docker's API nor the databases nor the sidecar.
    reached = attack(stack, ("load",), identities, "reach")["reach"]
    assert reached == {"docker-proxy": False, "postgres": False, "redis": False, "sidecar": False}


def listening(stack: Stack, service: str) -> set[int]:
    """TCP ports open on more than loopback, from the kernel's own table."""
    pid = stack.inspect(service)["State"]["Pid"]
    ports = set()
    for table, loopback in (("tcp", "7F"), ("tcp6", "00000000000000000000000001000000")):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            host, _, port = address.partition(":")
            # The bytes of an address stand in reverse: 127.x.x.x ends with 7F.
            own = host.endswith(loopback) if table == "tcp" else host == loopback
            if state == _LISTEN and not own:
                ports.add(int(port, 16))
    return ports


def attack(stack: Stack, networks: tuple[str, ...], ids: dict[str, Any], only: str = "") -> dict[str, Any]:
    """What a container in these networks gets, as attacker.py tells it."""
    engine, name = stack.engine, "attacker"
    engine.run("run", "-d", "--rm", "--name", name, "--network", f"endurance_{networks[0]}",
               "python:3.12-slim-bookworm", "sleep", "300")  # fmt: skip
    try:
        for network in networks[1:]:
            engine.run("network", "connect", f"endurance_{network}", name)
        done = engine.run(
            "exec", "-i", name, "python3", "-", json.dumps(ids), only, stdin=ATTACKER.read_bytes(), timeout=200
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    finally:
        engine.run("rm", "-f", name)


def _passwords(stack: Stack) -> dict[str, str]:
    done = stack.engine.run(
        "run", "--rm", "--network", "none", "-v", "endurance_passwords:/p:ro", "python:3.12-slim-bookworm",
        "python3", "-c", "import json, pathlib\nprint(json.dumps({p.name: p.read_text().strip()"
        " for p in pathlib.Path('/p').iterdir()}))",
    )  # fmt: skip
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _check_containers(stack: Stack, services: list[str], passwords: dict[str, str]) -> None:
    for service in services:
        found = stack.inspect(service)
        config, host = found["Config"], found["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert not host["Privileged"], service
        assert host["Memory"] > 0, f"{service} has no memory limit"
        assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}, service
        assert host["RestartPolicy"]["Name"] == ("no" if service in ("init", "harness") else "unless-stopped"), service
        root = config["User"].partition(":")[0] in ("", "0", "root")
        assert not root or service in ROOT_ALLOWED, f"{service} runs as root"
        assert sorted(host["CapAdd"] or []) == (["CHOWN", "DAC_OVERRIDE", "FOWNER"] if service == "init" else []), (
            service
        )
        sockets = [m for m in found["Mounts"] if "docker.sock" in m["Destination"] or "docker.sock" in m["Source"]]
        assert not sockets or service == "docker-proxy", service
        shown = json.dumps(config)
        assert not [name for name, secret in passwords.items() if secret in shown], (
            f"docker inspect {service} shows one"
        )
        wanted = {("127.0.0.1", PORTS[PUBLISHED[service]])} if service in PUBLISHED else set()
        ports = [binding for bindings in (host["PortBindings"] or {}).values() for binding in bindings]
        assert {(binding["HostIp"], binding["HostPort"]) for binding in ports} == wanted, service
        if service not in ("init", "harness"):
            assert config["Healthcheck"]["Test"], f"{service} has no health check"

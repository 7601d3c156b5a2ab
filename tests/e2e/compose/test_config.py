"""`docker compose config` of every way to start the stack, and what a service of one's own is refused with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.compose.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

OWN = ("docker-compose.yml", "compose.own.yml")


def config(stack: Stack, **variables: str) -> dict[str, Any]:
    done = stack.compose("config", "--format", "json", **variables)
    assert done.stderr == "", "a warning of compose"
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


def test_the_configuration_is_clean(stack: Stack) -> None:
    services = config(stack)["services"]
    assert services["harness"]["command"][:3] == ["harness", "run", "plans/compose.yml"]
    assert config(stack, PLAN="")["services"]["harness"]["command"][2] == "smoke"
    assert {port["host_ip"] for service in services.values() for port in service.get("ports", [])} == {"127.0.0.1"}


def test_a_service_of_ones_own_leaves_mingus_out(stack: Stack) -> None:
    stack.files = OWN
    loaded = config(stack, TEST_BASE_URL="http://host.docker.internal:8080")
    services = loaded["services"]
    assert {"fault", "target", "postgres", "redis"}.isdisjoint(services)
    assert "target" not in services["harness"]["depends_on"]
    for name in ("harness", "locust-master", "locust-worker", "prometheus", "sidecar"):
        assert services[name]["extra_hosts"] == ["host.docker.internal=host-gateway"], name


def test_a_service_of_ones_own_needs_its_address(stack: Stack) -> None:
    stack.files = OWN
    done = stack.compose("config", check=False)
    assert done.returncode != 0
    assert "TEST_BASE_URL" in done.stderr
    assert "http://host.docker.internal:8080" in done.stderr


def test_localhost_is_refused_with_the_remedy(stack: Stack) -> None:
    stack.files = OWN
    own = {"TEST_BASE_URL": "http://localhost:8080"}
    stack.compose("run", "--rm", "-T", "init", **own)
    done = stack.compose("run", "--rm", "-T", "--no-deps", "harness", check=False, **own)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "host.docker.internal:8080" in done.stdout + done.stderr
    assert stack.runs == []


def test_a_wrong_setting_ends_the_start(stack: Stack) -> None:
    done = stack.compose("run", "--rm", "-T", "--no-deps", "fault", check=False, FAULT="memory_leek")
    assert done.returncode == 1
    assert "FAULT: unknown fault 'memory_leek'" in done.stdout + done.stderr

"""The stack's files against each other and against the programs that read them. No engine needed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.init.files import SCRAPE_INTERVAL
from deploy.init.settings import read_settings
from exporters.metric_names import JOB_LOAD, JOB_PROMETHEUS, JOB_RUN, JOB_SIDECAR, JOB_TARGET
from target.__main__ import EXAMPLES, fault_specification, main
from target.faults import FAULT_PARAMETERS, parse_fault

ROOT = Path(__file__).resolve().parents[2]
PINNED = {
    "prom/prometheus:v3.13.3", "prom/alertmanager:v0.32.1", "grafana/grafana:13.1.0", "postgres:17-bookworm",
    "redis:8-bookworm", "haproxy:3.2-alpine", "endurance-harness",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def prometheus() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    return loaded


def test_every_image_is_pinned(compose: dict[str, Any]) -> None:
    assert {service["image"] for service in compose["services"].values()} == PINNED
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {
        "prom/prometheus:v3.13.3", "python:3.12-slim-bookworm",
    }  # fmt: skip


def test_the_intervals_agree(compose: dict[str, Any], prometheus: dict[str, Any]) -> None:
    assert prometheus["global"]["scrape_interval"] == prometheus["global"]["evaluation_interval"] == SCRAPE_INTERVAL
    assert "--query.lookback-delta=15s" in compose["services"]["prometheus"]["command"]
    datasource = yaml.safe_load((ROOT / "deploy/grafana/datasource.yml").read_text())["datasources"][0]
    assert datasource["jsonData"]["timeInterval"] == SCRAPE_INTERVAL


def test_load_processes_have_one_address(compose: dict[str, Any]) -> None:
    """Harness and Prometheus know a worker by its address: with two networks each would see another."""
    services = compose["services"]
    for name in ("locust-master", "locust-worker"):
        assert services[name]["networks"] == ["load"]
    for name in ("harness", "prometheus", "target"):
        assert "load" in services[name]["networks"]


def test_the_jobs_are_those_of_the_rules(prometheus: dict[str, Any]) -> None:
    jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
    assert set(jobs) == {JOB_LOAD, JOB_SIDECAR, JOB_RUN, JOB_TARGET, JOB_PROMETHEUS}
    for name, job in jobs.items():
        if name != JOB_TARGET:  # the harness writes that one's labels
            assert {"target_label": "harness", "replacement": "default"} in job["relabel_configs"], name


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_its_configuration() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", "--syntax-only", ROOT / "deploy/prometheus/prometheus.yml"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed; the engine's tests run it")
def test_haproxy_takes_its_configuration() -> None:
    done = subprocess.run(
        ["haproxy", "-c", "-f", ROOT / "deploy/docker-proxy/haproxy.cfg"],
        capture_output=True, text=True, env={"TARGET_CONTAINER": "endurance-target-1", "PATH": "/usr/sbin:/usr/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dashboards_find_their_datasource() -> None:
    [datasource] = yaml.safe_load((ROOT / "deploy/grafana/datasource.yml").read_text())["datasources"]
    assert datasource["uid"] == "harness-prometheus"
    found = set()
    for path in (ROOT / "dashboards/generated").glob("*.json"):
        found |= set(re.findall(r'"type": "prometheus",\s*"uid": "([^"]+)"', path.read_text()))
        found |= set(re.findall(r'"uid": "([^"]+)",\s*"type": "prometheus"', path.read_text()))
    assert found == {"harness-prometheus"}


def test_what_grafana_mounts_is_there(compose: dict[str, Any]) -> None:
    grafana = compose["services"]["grafana"]
    for mount in grafana["volumes"]:
        source = mount.partition(":")[0]
        assert not source.startswith("./") or (ROOT / source).exists(), source
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / "dashboards/generated" / home.name).is_file()
    provider = yaml.safe_load((ROOT / "dashboards/provisioning/dashboards.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == str(home.parent)
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert "GF_SECURITY_ADMIN_PASSWORD" not in grafana["environment"]


def test_the_example_explains_every_variable() -> None:
    used = set()
    for name in ("docker-compose.yml", "compose.own.yml"):
        used |= set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", (ROOT / name).read_text()))
    explained = set(re.findall(r"^#([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used - {"COMPOSE_PROJECT_NAME"} == explained - {"COMPOSE_FILE"}


def test_the_example_as_it_is_changes_nothing() -> None:
    text = (ROOT / ".env.example").read_text()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []
    assert read_settings({}).uid == 1000


def test_the_images_packages_are_those_of_the_tests() -> None:
    def pins(name: str) -> set[str]:
        return {line.split()[0] for line in (ROOT / name).read_text().splitlines() if re.match(r"[a-z0-9].*==", line)}

    runtime, everything = pins("requirements.runtime.lock"), pins("requirements.lock")
    assert runtime <= everything, runtime - everything
    assert not {pin for pin in runtime if pin.startswith(("hypothesis", "mypy", "ruff"))}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=~!; ]", entry)[0].lower() for entry in project["dependencies"]}
    missing = wanted - {pin.partition("==")[0].partition("[")[0] for pin in runtime}
    assert missing == set(), "`make lock` writes both lock files"


def test_every_fault_has_an_example() -> None:
    """FAULT=memory_leak, a name alone, must mean something for each fault that there is."""
    assert set(EXAMPLES) == set(FAULT_PARAMETERS)
    for name, example in EXAMPLES.items():
        assert parse_fault(example).name == name
        assert fault_specification(name) == example


def test_faults_are_written_in_three_ways() -> None:
    assert fault_specification("") == ""
    assert (
        fault_specification(" memory_leak ; error_burst:ratio=0.1 ") == "memory_leak:mb_per_s=2;error_burst:ratio=0.1"
    )
    with pytest.raises(ValueError, match="unknown fault 'slow'"):
        fault_specification("slow")
    with pytest.raises(ValueError, match="given twice"):
        fault_specification("memory_leak;memory_leak:mb_per_s=3")


def test_the_check_says_what_a_fault_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], {"FAULT": "memory_leak"}) is None
    assert "memory_leak:mb_per_s=2" in capsys.readouterr().err
    assert main(["--check"], {}) is None
    assert "none" in capsys.readouterr().err
    assert (main(["--check"], {"FAULT": "memory_leek"}) or "").startswith("FAULT: unknown fault 'memory_leek'; known: ")


def test_the_readme_shows_these_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = {line.partition("#")[0].strip() for line in lines}
    assert {"docker compose up -d", "docker compose logs -f harness", "docker compose wait harness"} <= commands
    assert all(any(f"127.0.0.1:{port}" in line for line in lines) for port in (3000, 5000, 9090, 9093))

"""The stack's one-shot service: settings, the files it renders, and what it writes where. No engine needed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import bcrypt
import pytest
import yaml

from deploy.init import files
from deploy.init.__main__ import main
from deploy.init.alertmanager import alertmanager_config
from deploy.init.settings import REFERENCE_URL, Settings, SettingsError, read_settings
from harness.plan.loading import load_plan
from harness.run.services import load_services, on_services

ROOT = Path(__file__).resolve().parents[2]
VOLUMES = (
    "passwords", "prometheus", "alertmanager", "grafana", "harness", "database", "redis", "target", "control",
    "prometheus-data", "runs", "checkout",
)  # fmt: skip
PASSWORDS = {"database": "d" * 32, "redis": "r" * 32}
ME = {"HARNESS_UID": str(os.getuid()), "HARNESS_GID": str(os.getgid())}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="init gives files to other users: it needs root")


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    for name in VOLUMES:
        (tmp_path / name).mkdir()
    return tmp_path


def settings(**variables: str) -> Settings:
    return read_settings(variables)


# --- settings


def test_nothing_set_is_enough() -> None:
    assert settings() == Settings(uid=1000, gid=1000, project="endurance")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HARNESS_UID", "me", "HARNESS_UID='me' is no user"),
        ("HARNESS_GID", "-1", "HARNESS_GID"),
        ("GRAFANA_ADMIN_PASSWORD", "short", "GRAFANA_ADMIN_PASSWORD must be 8 to 72"),
        ("PROMETHEUS_PASSWORD", "x" * 73, "PROMETHEUS_PASSWORD must be 8 to 72"),
        ("PROMETHEUS_PASSWORD", "two\nlines-of-it", "PROMETHEUS_PASSWORD"),
        ("SLACK_WEBHOOK_URL", "hooks.slack.com/T0/secret", "SLACK_WEBHOOK_URL must be an http"),
        ("ALERT_EMAIL_TO", "a@example.com", "SMTP_SMARTHOST"),
    ],
)
def test_wrong_settings_are_named(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words) as found:
        settings(**{name: value})
    assert "secret" not in str(found.value)


def test_a_service_of_ones_own_is_not_taken_for_mingus() -> None:
    """The stack's harness loads Mingus whatever the variable says: that must not pass as the other service."""
    with pytest.raises(SettingsError, match=r"compose\.own\.yml") as found:
        settings(TEST_BASE_URL="https://user:pw@shop.test")
    assert "pw" not in str(found.value)
    assert settings(TEST_BASE_URL="http://target:5000/").reference
    assert not settings(TEST_BASE_URL="https://shop.test", REFERENCE_TARGET="off").reference


def test_compose_hands_the_address_to_whoever_refuses_it() -> None:
    stack = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert stack["services"]["init"]["environment"]["TEST_BASE_URL"] == "${TEST_BASE_URL:-}"
    assert stack["services"]["harness"]["environment"]["TEST_BASE_URL"] == REFERENCE_URL
    assert 'environment: {REFERENCE_TARGET: "off", TEST_BASE_URL: ""}' in (ROOT / "compose.own.yml").read_text()


# --- what is rendered


def test_the_web_config_takes_the_password_alone() -> None:
    hashed = yaml.safe_load(files.web_config("right one"))["basic_auth_users"]["harness"]
    assert bcrypt.checkpw(b"right one", hashed.encode())
    assert not bcrypt.checkpw(b"wrong one", hashed.encode())


def test_the_harness_reads_its_services_file(tmp_path: Path) -> None:
    file = tmp_path / "services.yml"
    file.write_text(files.services(settings(COMPOSE_PROJECT_NAME="mine", ALLOW_HOSTS="shop.test, b.test"), PASSWORDS))
    found = load_services(file, {})
    assert found.reference is not None
    assert found.reference.containers == ("mine-target-1",)
    assert found.reference.databases[0].url == f"postgresql://mingus:{PASSWORDS['database']}@postgres:5432/mingus"
    assert {"target", "host.docker.internal", "shop.test", "b.test"} == set(found.allow_hosts)
    assert found.prometheus.scrape_interval == 5.0


def test_a_service_of_ones_own_has_no_reference(tmp_path: Path) -> None:
    file = tmp_path / "services.yml"
    file.write_text(files.services(settings(REFERENCE_TARGET="off", HARNESS_REPORT_BASE="/a/${HOME}"), PASSWORDS))
    found = load_services(file, {})
    assert found.reference is None
    assert found.report_base == "/a/${HOME}"
    assert PASSWORDS["database"] not in file.read_text()


@pytest.mark.parametrize("name", ["smoke", "soak-24h"])
def test_a_shipped_plan_means_the_stacks_own_target(name: str, tmp_path: Path) -> None:
    file = tmp_path / "services.yml"
    file.write_text(files.services(settings(), PASSWORDS))
    services = load_services(file, {})
    own = {"TEST_BASE_URL": "http://target:5000"}
    plan = load_plan(ROOT / "plans" / f"{name}.yml", environ=own, allow_hosts=services.allow_hosts)
    target = on_services(plan, services).target
    assert target.url == "http://target:5000"
    assert target.containers == ("endurance-target-1",)
    assert [database.url for database in target.databases] == [files.database_url(PASSWORDS["database"])]
    assert target.metrics == ("http://target:9102/metrics",)


CHANNELS = {
    "SLACK_WEBHOOK_URL": "https://hooks.slack.test/T0/secret",
    "SLACK_CHANNEL": "#load",
    "ALERT_WEBHOOK_URL": "http://hook.test/a",
    "ALERT_EMAIL_TO": "team@example.com",
    "SMTP_SMARTHOST": "smtp.example.com:587",
    "SMTP_FROM": "harness@example.com",
    "SMTP_USERNAME": "user",
    "SMTP_PASSWORD": "password",
}


def receivers(**variables: str) -> dict[str, set[str]]:
    config = yaml.safe_load(alertmanager_config(settings(**variables)))
    return {entry["name"]: set(entry) - {"name"} for entry in config["receivers"]}


def test_alerts_always_reach_the_run_directory_and_people_only_where_asked() -> None:
    assert receivers() == {
        "nobody": set(), "run-directory": {"webhook_configs"}, "people-critical": set(), "people-warning": set(),
    }  # fmt: skip
    everything = receivers(**CHANNELS)
    assert everything["people-critical"] == {"slack_configs", "webhook_configs", "email_configs"}
    assert everything["people-warning"] == {"slack_configs", "webhook_configs"}


def test_an_alert_that_ends_the_run_is_sent_before_the_cool_down_inhibits_it() -> None:
    routes = yaml.safe_load(alertmanager_config(settings(**CHANNELS)))["route"]["routes"]
    waits = {route["receiver"]: route["group_wait"] for route in routes if "group_wait" in route}
    assert (waits["run-directory"], waits["people-critical"]) == ("1s", "1s")


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed (scripts/setup.sh --tests)")
@pytest.mark.parametrize("variables", [{}, CHANNELS], ids=["nothing set", "everything set"])
def test_alertmanager_routes_as_meant(variables: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager_config(settings(**variables)))
    checked = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for labels, expected in (
        (["alertname=Watchdog", "severity=none"], "run-directory"),
        (["alertname=NoRun", "severity=none"], "nobody"),
        (["alertname=ErrorRatioHigh", "severity=critical"], "run-directory,people-critical"),
        (["alertname=MemoryGrows", "severity=warning"], "run-directory,people-warning"),
    ):
        command = ["amtool", "config", "routes", "test", f"--config.file={file}", f"--verify.receivers={expected}"]
        done = subprocess.run([*command, *labels], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


# --- what is written


@as_root
def test_each_file_is_its_readers_alone(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"HARNESS_UID": "4242", "HARNESS_GID": "4243"}, volumes) == 0
    owners = {"prometheus": 65534, "alertmanager": 65534, "grafana": 472, "harness": 4242, "database": 999,
              "redis": 999, "target": 4242, "passwords": 0}  # fmt: skip
    for volume, uid in owners.items():
        found = list((volumes / volume).iterdir())
        assert found, volume
        assert {(f.stat().st_uid, stat.S_IMODE(f.stat().st_mode)) for f in found} == {(uid, 0o400)}, volume
    assert (volumes / "control").stat().st_uid == (volumes / "control/targets").stat().st_uid == 4242
    assert (volumes / "runs").stat().st_uid == 4242
    said = capsys.readouterr().err
    assert (volumes / "passwords/grafana").read_text().strip() in said


@as_root
def test_a_second_start_keeps_the_passwords_and_says_none(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], ME, volumes) == 0
    first = {f.name: f.read_text() for f in (volumes / "passwords").iterdir()}
    capsys.readouterr()
    assert main([], ME, volumes) == 0
    assert {f.name: f.read_text() for f in (volumes / "passwords").iterdir()} == first
    said = capsys.readouterr().err
    assert not [name for name, secret in first.items() if secret.strip() in said]
    assert main(["passwords"], ME, volumes) == 0
    assert first["prometheus"].strip() in capsys.readouterr().out


@as_root
def test_a_password_of_ones_own_is_used_and_never_said(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {**ME, "GRAFANA_ADMIN_PASSWORD": "my own words"}, volumes) == 0
    assert (volumes / "grafana/admin-password").read_text() == "my own words"
    assert "my own words" not in capsys.readouterr().err


@as_root
def test_somebody_elses_checkout_is_refused(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.chown(volumes / "checkout", 1001, 1002)
    assert main([], {}, volumes) == 2
    assert "HARNESS_UID=1001 and HARNESS_GID=1002 into the file .env" in capsys.readouterr().err
    assert list((volumes / "passwords").iterdir()) == []


@as_root
def test_old_snapshots_go_and_fresh_ones_stay(volumes: Path) -> None:
    snapshots = volumes / "prometheus-data/snapshots"
    for name in ("old", "fresh"):
        (snapshots / name / "block").mkdir(parents=True)
    os.utime(snapshots / "old", (0, 0))
    assert main([], ME, volumes) == 0
    assert [path.name for path in snapshots.iterdir()] == ["fresh"]


def test_no_passwords_yet_is_said(volumes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["passwords"], ME, volumes) == 2
    assert "docker compose up makes them" in capsys.readouterr().err

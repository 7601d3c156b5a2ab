"""The services file: strict, with lines; and a plan put on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import PlanError, UsageError
from harness.load.addresses import Address, resolve
from harness.plan.loading import load_plan
from harness.plan.model import Plan, Target
from harness.run.faults import check_faults_for
from harness.run.options import localized
from harness.run.services import load_services, on_services, refuse_another_target
from harness.run.standing_parts import with_workers
from tests.run.plans import make_plan

FILE = """\
control_dir: /run/harness
allow_hosts: [host.docker.internal]
load:
  master: locust-master:9646
  workers: {name: localhost, port: 9700}
sidecar: sidecar:9110
docker_url: tcp://docker-proxy:2375
prometheus:
  url: http://prometheus:9090
  username: harness
  password_file: /run/secrets/p
  data_dir: /prometheus
  scrape_interval: 2s
run_metrics: 0.0.0.0:9120
alerts: {listen: "0.0.0.0:9121"}
report_base: ${BASE:-./runs}
reference:
  url: http://target:5000
  metrics: ["http://target:9102/metrics"]
  processes: [{name: web, match: "gunicorn.*target"}]
  databases: [{name: main, url: "${DATABASE_URL}"}]
"""
ENVIRON = {"DATABASE_URL": "postgresql://u:s3cret@postgres/d"}


def load(tmp_path: Path, text: str = FILE, environ: dict[str, str] | None = None):
    path = tmp_path / "services.yml"
    path.write_text(text)
    return load_services(path, ENVIRON if environ is None else environ)


def reference(**target: object) -> Plan:
    plan = make_plan()
    return plan.model_copy(update={"target": plan.target.model_copy(update={"reference": True, **target})})


def test_a_whole_file(tmp_path: Path) -> None:
    services = load(tmp_path)
    assert services.stack == "default"
    assert services.in_containers
    assert services.locust.master == Address("locust-master", 9646)
    assert services.locust.workers == (Address("localhost", 9700),)
    assert (services.locust.bind_port, services.locust.listen) == (5557, "0.0.0.0")
    assert services.prometheus.scrape_interval == 2
    assert (services.run_metrics.host, services.run_metrics.port) == ("0.0.0.0", 9120)
    assert services.alerts is not None
    assert services.alerts.watchdog == "Watchdog"
    assert services.report_base == "./runs"


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("contrl_dir: /x", "control_dir: /run/harness", r"yml:1: unknown key 'contrl_dir'; did you mean 'control_dir'"),
        ("  mastr: a:1", "  master: locust-master:9646", r"services.yml:4: unknown key 'mastr' in load"),
        ("sidecar: sidecar", "sidecar: sidecar:9110", r"services.yml:6: sidecar: 'sidecar' is not HOST:PORT"),
        ("control_dir: run", "control_dir: /run/harness", r"yml:1: control_dir: 'run' must be an absolute path"),
        ("  workers: {port: 1}", "  workers: {name: localhost, port: 9700}", "workers needs either name or addresses"),
        (
            '  workers: {addresses: ["a:1", "b:2"]}', "  workers: {name: localhost, port: 9700}",
            "all workers must serve on one port",
        ),
        ("", "  username: harness\n", "username and password_file go together"),
        ("", "  scrape_interval: 2s\n", "prometheus.scrape_interval is missing"),
        ("  scrape_interval: soon", "  scrape_interval: 2s", "services.yml:13: prometheus.scrape_interval"),
    ],
)  # fmt: skip
def test_mistakes_name_file_line_and_remedy(tmp_path: Path, wrong: str, right: str, words: str) -> None:
    assert right in FILE
    with pytest.raises(PlanError, match=words):
        load(tmp_path, FILE.replace(right, wrong))


def test_an_unset_variable_is_an_error_and_no_file_is_one(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="DATABASE_URL is not set"):
        load(tmp_path, environ={})
    with pytest.raises(PlanError, match="no such file"):
        load_services(tmp_path / "none.yml", {})
    with pytest.raises(PlanError, match="mapping"):
        load(tmp_path, "- a\n")


def test_the_reference_plan_meets_the_standing_target(tmp_path: Path) -> None:
    plan = on_services(reference(), load(tmp_path))
    assert plan.target.url == "http://target:5000"
    assert plan.target.reference
    assert [p.match for p in plan.target.processes] == ["gunicorn.*target"]
    assert plan.target.databases[0].url == ENVIRON["DATABASE_URL"]
    assert {"target", "host.docker.internal"} <= set(plan.target.allow_hosts)
    assert (plan.stack, plan.scrape_interval, plan.prometheus) == ("default", 2, None)


def test_a_reference_that_does_not_stand_is_refused(tmp_path: Path) -> None:
    services = load(tmp_path, FILE.split("reference:")[0])
    with pytest.raises(UsageError, match="which the services file does not name") as error:
        on_services(reference(), services)
    assert "TEST_BASE_URL" in error.value.remedy


ADDRESSED = """\
name: mine
target: {%s}
load: {stages: [{duration: 1m, users: 1}]}
"""
COMPOSE = {"TEST_BASE_URL": "http://target:5000"}  # set by docker-compose.yml, not by a person


@pytest.mark.parametrize(
    "written", ['url: "http://shop.test"', 'url: "http://localhost:5000"', 'url: "${SHOP:-http://shop.test/}"']
)
def test_the_reference_does_not_stand_in_for_the_plans_own_service(tmp_path: Path, written: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(ADDRESSED % written)
    services = load(tmp_path)
    plan = load_plan(file, environ=COMPOSE, allow_hosts=("target",))
    assert plan.target.url == "http://target:5000", "the variable wins: the run would be Mingus's"
    with pytest.raises(UsageError, match=r"mine.yml:2: the plan is for http://.*, but the reference target") as error:
        refuse_another_target(file, plan, services, COMPOSE)
    assert "compose.own.yml" in error.value.remedy


@pytest.mark.parametrize(
    "written", ["reference: mingus", 'url: "${TEST_BASE_URL:-http://localhost:5000}"', 'url: "http://target:5000/"']
)
def test_a_plan_that_means_the_reference_gets_it(tmp_path: Path, written: str) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(ADDRESSED % written)
    refuse_another_target(file, load_plan(file, environ=COMPOSE, allow_hosts=("target",)), load(tmp_path), COMPOSE)


@pytest.mark.parametrize("url", ["http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]:5000"])
def test_a_local_url_means_the_container_itself_and_is_refused(tmp_path: Path, url: str) -> None:
    plan = make_plan().model_copy(update={"target": Target(url=url)})
    with pytest.raises(UsageError, match="inside a container") as error:
        on_services(plan, load(tmp_path))
    assert "http://host.docker.internal:5000" in error.value.remedy
    outside = load(tmp_path, "in_containers: false\n" + FILE)
    assert on_services(plan, outside).target.url == url


def test_a_local_database_is_refused_too_and_its_password_not_told(tmp_path: Path) -> None:
    target = Target(
        url="http://shop:80", databases=({"name": "main", "url": "postgresql://u:s3cret@localhost:5432/d"},)
    )
    with pytest.raises(UsageError, match="inside a container") as error:
        on_services(make_plan().model_copy(update={"target": target}), load(tmp_path))
    assert "s3cret" not in str(error.value)
    assert "postgresql://host.docker.internal:5432/d" in error.value.remedy


def test_every_address_of_the_workers_name_is_a_worker(tmp_path: Path) -> None:
    services = load(tmp_path)
    assert resolve(Address("localhost", 9700)) == [Address("127.0.0.1", 9700)]
    assert with_workers(make_plan(), services).load.workers == 1
    plan = make_plan()
    wanting = plan.model_copy(update={"load": plan.load.model_copy(update={"workers": 4})})
    with pytest.raises(Exception, match=r"asks for 4 Locust workers, 1 stand: 127.0.0.1:9700") as error:
        with_workers(wanting, services)
    assert "--scale locust-worker=4" in error.value.remedy  # type: ignore[attr-defined]


def test_what_does_not_go_together(tmp_path: Path) -> None:
    services = load(tmp_path)
    with pytest.raises(UsageError, match="--local"):
        localized(reference(), True, services)
    with pytest.raises(UsageError, match="finds it standing") as error:
        check_faults_for(reference(), ["memory_leak"], services)
    assert "FAULT=" in error.value.remedy

"""The services file: where the standing parts of a run are (`harness run PLAN --services FILE`). Strict as plans."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from harness.errors import UsageError
from harness.load.addresses import Address, StandingLocust
from harness.plan.environment import TARGET_URL, substitute, target_url
from harness.plan.model import BaseUrl, DatabaseTarget, HttpUrl, Name, Plan, ProcessTarget, RedisTarget, Seconds, Target
from harness.plan.problems import Problems
from harness.plan.schema_errors import add_schema_errors
from harness.plan.secrets import mask_url
from harness.plan.yaml_lines import Node, parse_yaml, read_text

VARIABLE = "HARNESS_SERVICES"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared with, never listened on


def _address(text: object) -> Address:
    if isinstance(text, Address):
        return text
    host, colon, port = str(text).rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return Address(host, int(port))


HostPort = Annotated[Address, BeforeValidator(_address)]
Port = Annotated[int, Field(gt=0, lt=65536)]
AbsolutePath = Annotated[Path, AfterValidator(lambda path: _absolute(path))]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} must be an absolute path")
    return path


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class WorkerServices(_Frozen):
    """A DNS name of which every address is a worker, or the addresses."""

    name: str | None = None
    port: Port = 9646
    addresses: tuple[HostPort, ...] = ()

    @model_validator(mode="after")
    def _one_way_to_find_them(self) -> Self:
        if (self.name is None) == (not self.addresses):
            raise ValueError("workers needs either name or addresses")
        if len({address.port for address in self.addresses}) > 1:
            raise ValueError("all workers must serve on one port: they read one order")
        return self


class LoadServices(_Frozen):
    master: HostPort
    workers: WorkerServices
    bind_port: Port = 5557
    listen: str = "0.0.0.0"  # noqa: S104 - in a container's own network; the services file can narrow it


class PrometheusService(_Frozen):
    url: HttpUrl
    username: str | None = None
    password_file: str | None = None
    data_dir: AbsolutePath | None = None
    scrape_interval: Annotated[Seconds, Field(ge=1, le=300)]

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self


class AlertService(_Frozen):
    """Where Alertmanager's deliveries come in. ``watchdog`` is the alert that always fires; ``none``: there is none."""

    listen: HostPort
    watchdog: str = "Watchdog"


class ReferenceService(_Frozen):
    """The reference target where it stands; see ``harness.plan.model.Target``."""

    url: BaseUrl
    metrics: tuple[HttpUrl, ...] = ()
    processes: tuple[ProcessTarget, ...] = ()
    containers: tuple[str, ...] = ()
    databases: tuple[DatabaseTarget, ...] = ()
    redis: tuple[RedisTarget, ...] = ()


class Services(_Frozen):
    """Everything that a run finds standing."""

    stack: Name = "default"
    in_containers: bool = True
    control_dir: AbsolutePath
    allow_hosts: tuple[str, ...] = ()
    load: LoadServices
    sidecar: HostPort | None = None
    docker_url: str | None = None
    prometheus: PrometheusService
    run_metrics: HostPort
    alerts: AlertService | None = None
    report_base: str | None = None
    reference: ReferenceService | None = None

    @property
    def locust(self) -> StandingLocust:
        load = self.load
        workers = load.workers.addresses
        if load.workers.name is not None:
            workers = (Address(load.workers.name, load.workers.port),)
        return StandingLocust(self.control_dir, load.master, workers, load.bind_port, load.listen)


def load_services(path: Path, environ: Mapping[str, str]) -> Services:
    """Reads a services file; ``${VAR}`` in it is an environment variable.

    Raises:
        PlanError: naming file, line and remedy.
    """
    where = str(path)
    root = parse_yaml(read_text(path), where)
    problems = Problems(where)
    if root.mapping is None:
        problems.add("a services file is a mapping of keys to values", line=1, remedy="see docs/services.md")
        problems.raise_any()
    substitute(root, environ, problems)
    problems.raise_any()
    try:
        return Services.model_validate(root.plain())
    except ValidationError as error:
        add_schema_errors(error, root, problems, Services)
        problems.raise_any()
        raise  # unreachable: a ValidationError always adds a problem


def on_services(plan: Plan, services: Services) -> Plan:
    """The plan against the services: their Prometheus, stack and interval, and their reference target. Pure.

    Raises:
        UsageError: the plan's target is not among the services, or is looked for inside the harness's own container.
    """
    target, reference = plan.target, services.reference
    # A plan that names the reference's address means it too, whatever it would watch elsewhere: soak-24h is one.
    if target.reference or (reference is not None and target.url == reference.url):
        if reference is None:
            raise UsageError(
                "the plan asks for the reference target, which the services file does not name",
                remedy="give it a reference: section, or give the address of your own service with TEST_BASE_URL",
            )
        host = urlsplit(reference.url).hostname or ""
        resolved = target.model_dump() | reference.model_dump()
        resolved["allow_hosts"] = tuple(dict.fromkeys((*target.allow_hosts, *services.allow_hosts, host)))
        target = Target.model_validate(resolved)
    if services.in_containers:
        _refuse_local(target)
    return plan.model_copy(
        update={
            "target": target,
            "prometheus": None,
            "stack": services.stack,
            "scrape_interval": services.prometheus.scrape_interval,
        }
    )


def refuse_another_target(file: Path, plan: Plan, services: Services, environ: Mapping[str, str]) -> None:
    """Where TEST_BASE_URL is the services' reference target, the plan must not name another address itself.

    The compose stack sets the variable, not a person: the reference target's PASS would be taken for the plan's own.

    Raises:
        UsageError: it does.
    """
    reference = services.reference
    written = target_url(parse_yaml(read_text(file), str(file)))
    if reference is None or plan.target.url != reference.url or written is None or not written.text:
        return
    named = Node(written.text, written.line)
    if TARGET_URL not in written.text:
        substitute(named, environ, Problems(str(file)))
        url = (named.text or "").strip().rstrip("/")
        if url and url != reference.url:
            raise UsageError(
                f"{file}:{written.line}: the plan is for {mask_url(url)}, but the reference target {reference.url} "
                f"would be loaded in its place ({TARGET_URL} says so)",
                remedy="with docker compose: add -f compose.own.yml and give your service's address in TEST_BASE_URL; "
                f"to load the reference target write url: ${{{TARGET_URL}}} or reference: mingus; or give --target",
            )


def _refuse_local(target: Target) -> None:
    urls = [target.url, *target.metrics, *(d.url for d in target.databases), *(r.url for r in target.redis)]
    for url in urls:
        parts = urlsplit(url)
        if (parts.hostname or "") in _LOCAL:
            there = f"{parts.scheme}://host.docker.internal" + (f":{parts.port}" if parts.port else "")
            raise UsageError(
                f"{mask_url(url)}: inside a container {parts.hostname} is the container itself, not your machine",
                remedy=f"write {there}{parts.path} for a service on this machine, or its name on the container network",
            )

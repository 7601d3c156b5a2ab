"""A plan as a validated, frozen type (DESIGN: plan). Made by ``harness.plan.loading``; nobody inside re-checks it.

Durations are seconds, sizes bytes, shares ratios. Pure.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.plan.arrivals import RateStage, Schedule, Shape, Spacing, peak_rate
from harness.plan.capacity import Capacity, with_stages
from harness.plan.objectives import Objective
from harness.plan.regression import Baseline
from harness.plan.secrets import mask_hook, mask_url
from harness.units import parse_duration, parse_rate, parse_ratio

DEFAULT_HORIZON = 24 * 3600.0
DEFAULT_ALLOW_HOSTS = ("localhost", "127.0.0.1", "::1")
# A target that stalls for so long still meets every arrival of the open model.
SLOT_SECONDS = 4.0
FEWEST_SLOTS = 20
# Stands in a reference target's url until the local stack has started it on a free port.
REFERENCE_URL = "http://127.0.0.1:0"

Seconds = Annotated[float, BeforeValidator(parse_duration)]
PositiveSeconds = Annotated[Seconds, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


def _url(url: str, schemes: tuple[str, ...]) -> str:
    """Raises ValueError, which never repeats a password."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and (parts.port is None or 0 <= parts.port <= 65535)
    except ValueError:
        usable = False
    if not usable or any(c.isspace() or not c.isprintable() for c in url):
        expected = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ValueError(f"{mask_url(url)!r} is not a URL that begins with {expected}")
    return url


def _http_url(url: str) -> str:
    if not urlsplit(_url(url, ("http", "https"))).hostname:
        raise ValueError(f"{mask_url(url)!r} names no host")
    return url


def _base_url(url: str) -> str:
    parts = urlsplit(_http_url(url))
    if parts.query or parts.fragment:
        raise ValueError(f"{mask_url(url)!r} must be a base URL, without ? or #")
    return url


def _hook(url: str) -> str:
    try:
        return _http_url(url)
    except ValueError:  # whose text tells the URL
        raise ValueError(f"{mask_hook(url)!r} is not a URL that begins with http:// or https://") from None


HttpUrl = Annotated[str, AfterValidator(_http_url)]
BaseUrl = Annotated[str, AfterValidator(_base_url)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class ProcessTarget(_Frozen):
    """A group of processes to watch: by regex on the command line, a pid, or a pid file. Children are members too."""

    name: Name
    match: str | None = None
    pid: Annotated[int, Field(gt=0)] | None = None
    pidfile: str | None = None

    @model_validator(mode="after")
    def _one_way_to_find_it(self) -> Self:
        ways = [way for way in (self.match, self.pid, self.pidfile) if way is not None]
        if len(ways) != 1:
            raise ValueError(f"process {self.name!r} needs exactly one of match, pid and pidfile; it has {len(ways)}")
        if self.match is not None:
            try:
                empty = re.compile(self.match).search("") is not None
            except (re.error, RecursionError, OverflowError) as error:
                raise ValueError(f"match {self.match!r} is not a regular expression: {error}") from None
            if empty:
                raise ValueError(f"match {self.match!r} matches everything; name the processes")
        return self


class DatabaseTarget(_Frozen):
    """A PostgreSQL (postgresql://) or PgBouncer (pgbouncer://) to watch."""

    name: Name
    url: Annotated[str, AfterValidator(lambda url: _url(url, ("postgresql", "postgres", "pgbouncer")))]


class RedisTarget(_Frozen):
    name: Name
    url: Annotated[str, AfterValidator(lambda url: _url(url, ("redis", "rediss")))]


class Target(_Frozen):
    """What is loaded and watched.

    A ``reference`` target is started by the harness in local mode; its url is ``REFERENCE_URL`` until then, and the
    local stack fills in url, metrics, processes, databases and redis (``model_copy``).
    """

    url: BaseUrl
    reference: bool = False
    allow_hosts: tuple[str, ...] = DEFAULT_ALLOW_HOSTS
    headers: dict[str, str] = {}
    ca_file: str | None = None
    timeout: PositiveSeconds = 10.0
    health_path: str = "/health"
    expects: dict[str, Annotated[int, Field(ge=100, le=599)]] = {}
    metrics: tuple[HttpUrl, ...] = ()
    processes: tuple[ProcessTarget, ...] = ()
    containers: tuple[str, ...] = ()
    databases: tuple[DatabaseTarget, ...] = ()
    redis: tuple[RedisTarget, ...] = ()


class PrometheusTarget(_Frozen):
    """A Prometheus that is already there. Absent: the harness starts one."""

    url: HttpUrl
    bearer_token_file: str | None = None
    selector: str | None = None


class Stage(_Frozen):
    """One stretch of load. Closed model: users. Open model: arrivals per second (``rate``).

    Attributes:
        shape: open model: how the stage comes to its rate and leaves it, see ``harness.plan.arrivals.pieces``.
        steps: of the shape ``step``; ``amplitude`` (share of the rate) and ``period`` of the shape ``sine``.
    """

    duration: PositiveSeconds
    users: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    spawn_rate: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    rate: Annotated[float, BeforeValidator(parse_rate), Field(ge=0, le=1_000_000)] | None = None
    shape: Shape | None = None
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    amplitude: Annotated[float, BeforeValidator(parse_ratio), Field(gt=0, le=1)] | None = None
    period: PositiveSeconds | None = None


class Load(_Frozen):
    locustfile: str
    model: Literal["closed", "open"] = "closed"
    spacing: Spacing | None = None
    slots: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    warmup: Seconds = 0.0
    seed: int = 1
    max_users: Annotated[int, Field(ge=1)] = 10_000
    user_classes: tuple[str, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds of load in all."""
        return sum(stage.duration for stage in self.stages)

    @property
    def arrival_slots(self) -> int:
        """Users that stand ready for the open model's arrivals; each carries out one at a time."""
        return self.slots or max(FEWEST_SLOTS, math.ceil(peak_rate(self.rates) * SLOT_SECONDS))

    @property
    def rates(self) -> tuple[RateStage, ...]:
        """The stages of the open model; none in the closed one."""
        if self.model != "open":
            return ()
        chosen = ("shape", "steps", "amplitude", "period")
        return tuple(
            RateStage(
                stage.duration, stage.rate or 0.0, **{k: v for k in chosen if (v := getattr(stage, k)) is not None}
            )
            for stage in self.stages
        )

    @property
    def schedule(self) -> Schedule:
        """When the open model's arrivals are due."""
        return Schedule(self.rates, self.spacing or "poisson", self.seed)


class Aside(_Frozen):
    """A window that is known beforehand and left out of the judgement: a nightly job, a deploy. ``at``: of the load."""

    at: Seconds
    duration: PositiveSeconds
    reason: Annotated[str, Field(min_length=1, max_length=200)]


class Notify(_Frozen):
    """Where the verdict is posted to. The URL of such a hook is a secret as a whole."""

    webhook: Annotated[str, AfterValidator(_hook)]


class Plan(_Frozen):
    """One plan. ``objectives`` are resolved: environment, inheritance and `off` are already applied.

    ``objectives_off`` names what was removed, so that the report can say so.
    """

    name: Name
    kind: Literal["smoke", "soak", "stress", "capacity"] = "soak"
    stack: Name = "default"
    target: Target
    prometheus: PrometheusTarget | None = None
    scrape_interval: Annotated[Seconds, Field(ge=1, le=300)] = 5.0
    load: Load
    capacity: Capacity | None = None
    horizon: PositiveSeconds = DEFAULT_HORIZON
    objectives: tuple[Objective, ...] = ()
    objectives_off: tuple[str, ...] = ()
    baseline: Baseline | None = None
    set_aside: tuple[Aside, ...] = ()
    notify: Notify | None = None
    abort_on: tuple[str, ...] = ("critical",)

    @model_validator(mode="before")
    @classmethod
    def _objectives_are_resolved(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("objectives"), dict):
            raise ValueError("objectives must be resolved by harness.plan.loading")
        return with_stages(data)

    @property
    def steady_seconds(self) -> float:
        """Planned length of the judged window."""
        return max(0.0, self.load.duration - self.load.warmup)

    @property
    def latency_limits(self) -> tuple[float, ...]:
        """Sorted distinct latency limits in seconds: each becomes a histogram edge."""
        return tuple(sorted({o.limit for o in self.objectives if o.spec.family == "latency"}))

    def objective(self, name: str) -> Objective | None:
        """The whole run's objective of that name."""
        return next((o for o in self.objectives if o.name == name and not o.endpoint), None)

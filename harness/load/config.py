"""What the launcher tells each Locust child: one JSON object in the environment variable ``HARNESS_LOAD_CONFIG``. Pure.

A locustfile may read it too (seed, max_users); without it a locustfile runs alone, as Locust would run it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from harness.plan.arrivals import RateStage, Spacing

VARIABLE = "HARNESS_LOAD_CONFIG"
Role = Literal["master", "worker"]


@dataclass(frozen=True)
class LoadStage:
    """One stretch of load: seconds, users at its end, users per second on the way (None: at once)."""

    duration: float
    users: int
    spawn_rate: float | None = None


@dataclass(frozen=True)
class LoadConfig:
    """One child's world.

    Attributes:
        name: instance name, stable over restarts: locust-master, locust-worker-1, ...
        control_dir: where the child announces its port.
        host: address on which its /metrics, and a master's control routes, listen.
        port: the port it served before a restart; 0 for any.
        fixed_port: serve on ``port`` or not at all: it is scraped there.
        parent: pid of the launcher; the child ends when that process does.
        heartbeats: seconds (a worker sends one a second) without which the master takes a worker for lost.
        token: bearer token of the master's control routes; empty for workers.
        edges: histogram edges in seconds.
        workers: worker processes of the run, for a locustfile that shares something out among them.
        rates: stages of the open model, whose ``stages`` hold its users; empty: the closed model.
        spacing: of the open model's arrivals.
        begun_at: unix seconds at which a load that is taken up again began; None: it begins now.
        reserved: [method, name] of the endpoints that the plan judges.
        secrets: file that holds headers and token instead (harness.load.secret_file); empty: there is none.
    """

    role: Role
    name: str
    control_dir: str
    stages: tuple[LoadStage, ...]
    edges: tuple[float, ...]
    url: str
    parent: int
    port: int = 0
    host: str = "127.0.0.1"
    fixed_port: bool = False
    heartbeats: int = 3
    token: str = ""
    stack: str = "default"
    warmup: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 10.0
    ca_file: str | None = None
    seed: int = 1
    max_users: int = 10_000
    workers: int = 1
    reserved: tuple[tuple[str, str], ...] = ()
    rates: tuple[RateStage, ...] = ()
    spacing: Spacing = "poisson"
    begun_at: float | None = None
    secrets: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LoadConfig:
        """Reads what ``to_json`` wrote. Raises ValueError, TypeError or KeyError for anything else."""
        data: dict[str, Any] = json.loads(text)
        data["stages"] = tuple(LoadStage(**stage) for stage in data["stages"])
        data["rates"] = tuple(RateStage(**stage) for stage in data.get("rates", ()))
        data["edges"] = tuple(data["edges"])
        data["reserved"] = tuple((method, name) for method, name in data["reserved"])
        return cls(**data)

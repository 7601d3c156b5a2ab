"""A Locust child's configuration, command line and environment. Pure but for the pid of the launcher."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError
from harness.load.config import VARIABLE, LoadConfig, LoadStage, Role
from harness.load.secret_file import hide
from harness.plan.model import FEWEST_SLOTS, SLOT_SECONDS, Plan

LOOPBACK = "127.0.0.1"
MASTER_SILENCE = 30.0  # seconds without an answer before a master that still exists is taken for dead
HOLD_MARGIN = 15.0  # seconds beyond the users' grace in which a held load must come to rest
_LONGEST_GRACE = 120.0  # seconds; a request that is cut off is counted by nobody
_SPAWN_SECONDS = 10.0  # in which the open model's users are there
_SLOTS_PER_SECOND = 20.0
_BOOT = Path(__file__).with_name("boot.py")


def child_config(
    plan: Plan,
    *,
    role: Role,
    name: str,
    control_dir: Path,
    stages: tuple[LoadStage, ...],
    edges: tuple[float, ...],
    port: int,
    token: str,
    host: str = LOOPBACK,
    fixed_port: bool = False,
    begun_at: float | None = None,
) -> LoadConfig:
    """The plan as one child needs it; ``port`` is the one it served before a restart, 0 for any."""
    ca_file = plan.target.ca_file
    return LoadConfig(
        role=role,
        name=name,
        control_dir=str(control_dir.resolve()),
        stages=stages,
        edges=edges,
        url=plan.target.url,
        parent=os.getpid(),
        port=port,
        host=host,
        fixed_port=fixed_port,
        token=token,
        stack=plan.stack,
        warmup=plan.load.warmup,
        headers=dict(plan.target.headers),
        timeout=plan.target.timeout,
        ca_file=str(Path(ca_file).resolve()) if ca_file else None,
        seed=plan.load.seed,
        max_users=plan.load.max_users,
        workers=plan.load.workers,
        rates=plan.load.rates,
        spacing=plan.load.spacing or "poisson",
        begun_at=begun_at,
        reserved=tuple(sorted({(o.method, o.endpoint) for o in plan.objectives if o.endpoint})),
    )


def child_arguments(
    plan: Plan, role: Role, bind_port: int, grace: int, *, bind_host: str = LOOPBACK, master_host: str = LOOPBACK
) -> list[str]:
    """Locust's command line.

    Args:
        bind_host: address on which the master waits for workers; ``master_host``: where they find it.
        grace: whole seconds (Locust takes no others) that a user may take to finish its request when told to go: the
            slowest requests must not vanish from the counts.
    """
    arguments = ["-f", f"{_BOOT},{Path(plan.load.locustfile).resolve()}", "--host", plan.target.url.rstrip("/")]
    arguments += ["--loglevel", "INFO", "--exit-code-on-error", "0"]
    if role == "master":
        arguments += ["--master", "--headless", "--expect-workers", str(plan.load.workers), "--only-summary"]
        arguments += ["--master-bind-host", bind_host, "--master-bind-port", str(bind_port)]
        arguments += ["--stop-timeout", str(grace)]
    else:
        arguments += ["--worker", "--master-host", master_host, "--master-port", str(bind_port)]
    return [*arguments, *plan.load.user_classes]


def child_environment(environment: Mapping[str, str], config: LoadConfig) -> dict[str, str]:
    """A child's environment: the caller's without Locust's own variables, which would change the run.

    Raises:
        OSError: the file for what is secret cannot be written.
    """
    kept = {key: value for key, value in environment.items() if not key.upper().startswith("LOCUST_")}
    return {**kept, VARIABLE: hide(config).to_json(), "PYTHONUNBUFFERED": "1"}


def grace(plan: Plan) -> int:
    """Whole seconds (Locust takes no others) that a user may take to finish its request when it is told to go."""
    return math.ceil(min(plan.target.timeout, _LONGEST_GRACE)) + 1


def check_locustfile(plan: Plan) -> None:
    """Raises HarnessError: it is not there, or Locust could not load it."""
    locustfile = Path(plan.load.locustfile)
    if not locustfile.is_file():
        raise HarnessError(f"the locustfile {locustfile} is not there", remedy="correct load.locustfile in the plan")
    if "," in str(locustfile.resolve()):
        raise HarnessError(f"Locust cannot load {locustfile}: a comma in the path", remedy="rename the folder")


def steering(plan: Plan, load: float) -> tuple[int, float | None]:
    """(users, arrivals per second) of a load in the plan's own unit; no rate in the closed model."""
    if plan.load.model == "closed":
        return max(0, round(load)), None
    return plan.load.slots or max(FEWEST_SLOTS, math.ceil(load * SLOT_SECONDS)), load


def load_stages(plan: Plan) -> tuple[LoadStage, ...]:
    """Users over time; of the open model those that stand ready. Raises HarnessError: a stage names none."""
    if plan.load.model == "open":
        slots = plan.load.arrival_slots
        return (LoadStage(plan.load.duration, slots, max(_SLOTS_PER_SECOND, slots / _SPAWN_SECONDS)),)
    stages = []
    for at, stage in enumerate(plan.load.stages, start=1):
        if stage.users is None:
            raise HarnessError(f"plan {plan.name}: stage {at} of the load names no users", remedy="give it users: N")
        stages.append(LoadStage(stage.duration, stage.users, stage.spawn_rate))
    return tuple(stages)

"""What ``--duration`` and ``--users`` make of a plan. Pure."""

from __future__ import annotations

from harness.errors import PlanError, UsageError
from harness.plan.dump import dump_plan
from harness.plan.loading import load_plan_text
from harness.plan.model import Load, Plan, Stage

# Ramps and warm-up may take this share of a shortened run: the rest is there to be judged.
MOST_WARMUP_SHARE = 0.25


def with_duration(plan: Plan, total: float) -> Plan:
    """The plan with ``total`` seconds of load.

    A longer run lengthens the last stage. A shorter one of kind soak or smoke cuts the last stage; stages before it
    (the ramp) are squeezed into a quarter of the run when they are longer, with their spawn rates raised alike. Plans
    of kind stress or capacity keep their steps' proportions. The warm-up stays, but is at most a quarter of the run.

    Raises:
        UsageError: no time at all, or what comes out is no plan.
    """
    if total <= 0:
        raise UsageError("--duration must be longer than nothing", remedy="write for example --duration 10m")
    load = plan.load
    if plan.capacity is not None:  # the search ends then at the latest
        capacity = plan.capacity.model_copy(update={"longest": total})
        changed = load.model_copy(update={"stages": (_lasting(load.stages[0], total),)})
        return _with_load(plan.model_copy(update={"capacity": capacity}), changed)
    before, last = load.stages[:-1], load.stages[-1]
    ramp = load.duration - last.duration
    if total >= load.duration:
        stages = [*before, _lasting(last, last.duration + total - load.duration)]
    elif plan.kind in ("stress", "capacity"):
        stages = [_squeezed(stage, total / load.duration) for stage in load.stages]
    else:
        factor = min(1.0, MOST_WARMUP_SHARE * total / ramp) if ramp else 1.0
        stages = [_squeezed(stage, factor) for stage in before]
        stages.append(_lasting(last, total - ramp * factor))
    warmup = min(load.warmup, MOST_WARMUP_SHARE * total)
    return _with_load(plan, load.model_copy(update={"stages": tuple(stages), "warmup": warmup}))


def with_users(plan: Plan, users: int) -> Plan:
    """The plan with ``users`` users at its peak; lower stages and spawn rates shrink or grow in proportion.

    Raises:
        UsageError: below one user, a plan whose stages name no users (open model), or what comes out is no plan.
    """
    if users < 1:
        raise UsageError(f"--users {users}: a run needs at least one user")
    peak = max((stage.users or 0 for stage in plan.load.stages), default=0)
    if plan.load.model != "closed" or not peak:
        raise UsageError(
            f"--users: the plan {plan.name!r} drives its load by arrivals per second, not by users",
            remedy="change its stages in the plan",
        )
    factor = users / peak
    stages = tuple(
        stage.model_copy(
            update={
                "users": None if stage.users is None else max(1 if stage.users else 0, round(stage.users * factor)),
                "spawn_rate": None if stage.spawn_rate is None else stage.spawn_rate * factor,
            }
        )
        for stage in plan.load.stages
    )
    return _with_load(plan, plan.load.model_copy(update={"stages": stages}))


def _with_load(plan: Plan, load: Load) -> Plan:
    """Within every bound of a plan: the run keeps it as ``plan.yml``, and is judged again by what can be read of it."""
    plan = plan.model_copy(update={"load": load})
    try:
        load_plan_text(dump_plan(plan, mask=False), where="", environ={}, judging=True)
    except PlanError as error:
        raise UsageError(
            f"with --duration or --users the plan cannot be run: {error.message}", remedy=error.remedy
        ) from error
    return plan


def _lasting(stage: Stage, duration: float) -> Stage:
    return stage.model_copy(update={"duration": duration})


def _squeezed(stage: Stage, factor: float) -> Stage:
    rate = None if stage.spawn_rate is None else stage.spawn_rate / factor
    return stage.model_copy(update={"duration": stage.duration * factor, "spawn_rate": rate})

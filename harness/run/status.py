"""What is known of a run from its directory: whether it is on, over or dead, and what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.run.live_state import LiveState, read_state
from harness.run.record import RunDirectory, RunRecord, rfc3339
from harness.run.recover import still_on
from harness.units import format_bytes, format_duration

HUNG_SECONDS = 20.0  # it writes every second while the load runs; a snapshot or a judgement takes its time in silence
Standing = Literal["on", "silent", "over", "dead"]


@dataclass(frozen=True)
class RunStatus:
    """One run at one moment.

    Attributes:
        standing: on; silent: it lives and gives no sign of life; over: it ended; dead: its harness was killed.
        state: what it said last; None when it is over, or said nothing.
        at: when this was asked, unix seconds.
    """

    record: RunRecord
    standing: Standing
    state: LiveState | None
    at: float

    @property
    def left(self) -> float | None:
        """Seconds of load that are left; None while no load runs."""
        if self.standing not in ("on", "silent") or self.state is None or not self.state.phase:
            return None
        return max(0.0, self.state.total - self.state.elapsed)

    @property
    def quiet(self) -> float | None:
        """Seconds since its last sign of life; None when it gave none."""
        return None if self.state is None else max(0.0, self.at - self.state.at)


def status_of(directory: RunDirectory, now: float) -> RunStatus:
    """Raises ArchiveError: the run's own files cannot be read."""
    # In this order: a run that ends meanwhile is seen as over, never as dead.
    on = still_on(directory)
    state = read_state(directory)
    record = directory.read_record()
    return RunStatus(record, standing_of(on, record, state, now), state, now)


def standing_of(on: bool, record: RunRecord, state: LiveState | None, now: float) -> Standing:
    """Pure.

    Args:
        on: a harness holds the run's lock.
    """
    if on:
        silent = state is not None and bool(state.phase) and now - state.at > HUNG_SECONDS
        return "silent" if silent else "on"
    return "over" if record.ended_at is not None else "dead"


def in_words(status: RunStatus, outcome: str, name: str) -> list[str]:
    """Lines for a person. Pure.

    Args:
        outcome: of the verdict, in a word; empty while there is none.
        name: of the run, as the commands take it that are named here.
    """
    record, state = status.record, status.state
    lines = [f"{record.run_id}: {_standing(status, outcome)}", f"  plan {record.plan} on {record.target}"]
    if status.standing == "dead":
        quiet = status.quiet
        seen = f"its last sign of life was {format_duration(round(quiet))} ago" if quiet is not None else ""
        lines += [f"  {seen}"] if seen else []
        if record.steady_from is None:
            return [*lines, "  its load had not begun: start it anew"]
        return [
            *lines,
            f"  go on with it: harness resume {name}",
            f"  or close and judge it: harness judge {name}",
        ]
    if status.standing == "over" and not outcome:
        return [*lines, f"  judge it: harness judge {name}"]
    if status.standing == "over" or state is None:
        return lines
    if status.left is not None:
        share = state.elapsed / state.total if state.total else 1.0
        lines.append(f"  {state.phase}, {share:.0%}, {format_duration(round(status.left))} of load left")
        lines.append(f"  {_figures(state)}")
        lines.append(f"  alerts: {', '.join(state.alerts) or 'none'}")
    else:
        lines.append(f"  now: {state.doing or 'starting'}")
    if state.prometheus:
        lines.append(f"  Prometheus: {state.prometheus}")
    return lines


def _standing(status: RunStatus, outcome: str) -> str:
    if status.standing == "on":
        return "on"
    if status.standing == "silent":
        return f"on, but it gave no sign of life for {format_duration(round(status.quiet or 0.0))}"
    if status.standing == "dead":
        return "its harness died; nobody makes load or judges"
    reason = f" ({status.record.reason})" if status.record.reason and status.record.ended_by != "completed" else ""
    return f"{status.record.ended_by}{reason}, {outcome or 'not judged'}"


def _figures(state: LiveState) -> str:
    def shown(value: float | None, text: str) -> str:
        return "-" if value is None else text

    users = "-" if state.users is None else str(state.users)
    if state.users_target is not None and state.users_target != state.users:
        users += f" of {state.users_target}"
    return ", ".join(
        (
            f"{users} users",
            shown(state.rps, f"{state.rps or 0:.1f} rps"),
            f"p95 {shown(state.p95, format_duration(state.p95 or 0.0))}",
            f"errors {shown(state.error_ratio, f'{(state.error_ratio or 0) * 100:.2f}%')}",
            f"memory {shown(state.memory, format_bytes(state.memory or 0.0))}",
        )
    )


def to_json(status: RunStatus, outcome: str) -> Mapping[str, Any]:
    """As ``harness status --json`` prints it; times as in run.json. Pure."""
    state, record = status.state, status.record
    return {
        "run_id": record.run_id,
        "plan": record.plan,
        "target": record.target,
        "standing": status.standing,
        "phase": state.phase if state and status.standing in ("on", "silent") else "",
        "doing": state.doing if state else "",
        "elapsed": state.elapsed if state else None,
        "left": status.left,
        "last_sign": rfc3339(state.at) if state else None,
        "prometheus": state.prometheus if state else "",
        "users": state.users if state else None,
        "users_target": state.users_target if state else None,
        "rps": state.rps if state else None,
        "p95": state.p95 if state else None,
        "error_ratio": state.error_ratio if state else None,
        "memory": state.memory if state else None,
        "alerts": list(state.alerts) if state else [],
        "ended_by": record.ended_by if status.standing == "over" else None,
        "reason": record.reason if status.standing == "over" else "",
        "outcome": outcome or None,
        "notes": list(record.notes),
    }

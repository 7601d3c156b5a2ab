"""What a harness tells standing Locust agents, and what they tell it: files in a folder that all of them share.

``run.json`` is the order for one run: it holds the run's token, so it is its owner's alone. It counts only while the
harness that wrote it lives (``harness.ownership``): a killed harness leaves the file, and nobody obeys it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.errors import HarnessError
from harness.load.config import LoadConfig, Role
from harness.ownership import OWNER_FILE, locked

SCHEMA = 1
ORDER_FILE = "run.json"
AGENTS = "agents"
LOGS = "logs"
FRESH_SECONDS = 15.0  # without a sign of life an agent counts as gone
AgentPhase = Literal["idle", "starting", "running", "ended"]


@dataclass(frozen=True)
class Part:
    """One role in a run: the children's configuration and Locust's arguments."""

    config: LoadConfig
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """The run that is on."""

    run_id: str
    master: Part
    worker: Part

    def part(self, role: Role) -> Part:
        return self.master if role == "master" else self.worker


@dataclass(frozen=True)
class AgentState:
    """What one agent says of itself.

    Attributes:
        run_id: the run it works or last worked for; empty before the first.
        phase: "starting": its child does not serve yet; "ended": it ended and is not started again in this run.
        starts: how often it started a child in this run.
        client_id: the child's id among Locust's workers; ``lost``: those of children that ended.
        problem: what went wrong last, in words; empty when nothing did.
        at: unix seconds of this sign of life.
    """

    name: str
    role: Role
    run_id: str = ""
    phase: AgentPhase = "idle"
    starts: int = 0
    client_id: str = ""
    lost: tuple[str, ...] = ()
    problem: str = ""
    at: float = 0.0


def write_order(folder: Path, order: Order) -> None:
    """Raises HarnessError: the folder cannot be written."""
    data = {
        "schema": SCHEMA,
        "run_id": order.run_id,
        **{
            role: {"config": part.config.to_json(), "arguments": list(part.arguments)}
            for role, part in (("master", order.master), ("worker", order.worker))
        },
    }
    write_private(folder / ORDER_FILE, json.dumps(data))


def read_order(folder: Path) -> Order | None:
    """The order that holds now; None when no run is on.

    Raises:
        HarnessError: there is one that cannot be read.
    """
    file = folder / ORDER_FILE
    try:
        if not locked(folder / OWNER_FILE):
            return None
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise HarnessError(f"{file} cannot be read: {error}", remedy="run all services as the same user") from error
    try:
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r}; this version knows {SCHEMA}")
        return Order(str(data["run_id"]), _part(data["master"]), _part(data["worker"]))
    except (ValueError, KeyError, TypeError) as error:
        remedy = "use the same version of the harness in all services"
        raise HarnessError(f"{file} is not an order that this version knows: {error!r}", remedy=remedy) from error


def _part(data: Mapping[str, Any]) -> Part:
    return Part(LoadConfig.from_json(data["config"]), tuple(str(a) for a in data["arguments"]))


def end_order(folder: Path) -> None:
    (folder / ORDER_FILE).unlink(missing_ok=True)


def write_state(folder: Path, state: AgentState) -> None:
    """Raises HarnessError: the folder cannot be written."""
    write_private(folder / AGENTS / f"{state.name}.json", json.dumps(asdict(state)))


def read_states(folder: Path) -> list[AgentState]:
    """What all agents said last, the dead included; one that cannot be read is left out: it is silent."""
    found = []
    for file in sorted((folder / AGENTS).glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            data = json.loads(file.read_text(encoding="utf-8"))
            found.append(AgentState(**{**data, "lost": tuple(data["lost"])}))
    return found


def alive(states: Sequence[AgentState], role: Role, now: float | None = None) -> list[AgentState]:
    """Those of a role that gave a sign of life just now."""
    now = time.time() if now is None else now
    return [state for state in states if state.role == role and now - state.at <= FRESH_SECONDS]


def forget_the_dead(folder: Path, now: float) -> None:
    """Removes what agents left that are long gone: containers come and go, each under a name of its own."""
    for state in read_states(folder):
        if now - state.at > FRESH_SECONDS:
            (folder / AGENTS / f"{state.name}.json").unlink(missing_ok=True)
            (folder / LOGS / f"{state.name}.log").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Atomic, readable by its owner alone. Raises HarnessError."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")  # 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise HarnessError(
            f"{path} cannot be written: {error.strerror}",
            remedy="all services must run as the same user, and that user must own the control folder",
        ) from error

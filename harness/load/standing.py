"""The load of one run on standing Locust agents (``harness.load.agent``): their counterpart of ``LoadLauncher``.

Must never import Locust, which patches the whole process.
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.load.addresses import StandingLocust, resolve
from harness.load.children import (
    HOLD_MARGIN,
    MASTER_SILENCE,
    check_locustfile,
    child_arguments,
    child_config,
    grace,
    load_stages,
    steering,
)
from harness.load.config import Role
from harness.load.control import ControlClient, ControlError
from harness.load.orders import (
    LOGS,
    Order,
    Part,
    alive,
    end_order,
    forget_the_dead,
    read_states,
    write_order,
)
from harness.load.startup import POLL, await_rest
from harness.load.status import LoadStatus, ended, status_of, unheard
from harness.plan.model import Plan

# Nobody here sees a worker's process: on a starved machine three seconds of silence, Locust's own limit, mean little.
HEARTBEATS = 10
_RESOLVE_EVERY = 5.0  # seconds: containers get new addresses when they are started again
_MOST_PROBLEMS = 50


class StandingLoad:
    """The load of one run, made by agents that stand.

    Args:
        plan: ``load.workers`` is the number of workers that must join.
        edges: histogram edges in seconds.
        logs: folder of the run for Locust's logs.
    """

    def __init__(self, plan: Plan, run_id: str, locust: StandingLocust, edges: Sequence[float], logs: Path) -> None:
        self._plan = plan
        self._run_id = run_id
        self._locust = locust
        self._edges = tuple(edges)
        self._logs = logs
        token = secrets.token_urlsafe(32)
        self._token = token
        self._control = ControlClient(locust.master.port, token, host=locust.master.host)
        self._problems: dict[str, None] = {}
        self._last = LoadStatus("stopped")
        self._answered = 0.0
        self._ordered = self._stopped = False
        self._ended = ""  # what became of the master: why the run ends
        self._most_users = 0
        self._targets: list[tuple[str, str]] = []
        self._forgotten: set[str] = set()
        self._resolve_at = 0.0

    def start(self, timeout: float = 60) -> None:
        """Orders the load and returns when the master and all workers answer; the load begins by itself then.

        Raises:
            HarnessError: they do not come up; the order is withdrawn.
        """
        check_locustfile(self._plan)
        order = self._order()
        deadline = time.monotonic() + timeout
        try:
            forget_the_dead(self._locust.control, time.time())
            write_order(self._locust.control, order)
            self._ordered = True
            self._answered = time.monotonic()
            self._await_workers(deadline, timeout)
        except BaseException:
            self.stop()
            raise

    def _order(self) -> Order:
        def part(role: Role, port: int, token: str) -> Part:
            config = child_config(
                self._plan, role=role, name=f"locust-{role}", control_dir=self._locust.control,
                stages=load_stages(self._plan), edges=self._edges, port=port, token=token, host=self._locust.listen,
                fixed_port=True,
            )  # fmt: skip
            arguments = child_arguments(
                self._plan, role, self._locust.bind_port, grace(self._plan), bind_host=self._locust.listen,
                master_host=self._locust.master.host,
            )  # fmt: skip
            return Part(replace(config, heartbeats=HEARTBEATS), tuple(arguments))

        worker_port = self._locust.workers[0].port
        return Order(
            self._run_id, part("master", self._locust.master.port, self._token), part("worker", worker_port, "")
        )

    def _await_workers(self, deadline: float, timeout: float) -> None:
        wanted = self._plan.load.workers
        while True:
            with suppress(ControlError):
                answer = self._control.status()
                self._answered = time.monotonic()
                self._last = status_of(answer, self._told(), 0)
                if self._last.workers >= wanted and self._last.state != "starting":
                    return
            self._check_master_agent()
            if self._dead:
                raise HarnessError(f"the load did not start: {'; '.join(self._told())}")
            if time.monotonic() > deadline:
                said = "; ".join(self._told())
                raise HarnessError(
                    f"only {self._last.workers} of {wanted} Locust workers joined their master at "
                    f"{self._locust.master} within {timeout:.0f} s" + (f": {said}" if said else ""),
                    remedy="look at the logs of the services of the master and the workers: do their agents run?",
                )
            time.sleep(4 * POLL)

    # --- while it runs

    def scrape_targets(self) -> list[tuple[str, str]]:
        """(instance, host:port) of the master and each worker that the names stand for now; both are the address."""
        if time.monotonic() >= self._resolve_at:
            self._resolve_at = time.monotonic() + _RESOLVE_EVERY
            found = []
            for address in (self._locust.master, *self._locust.workers):
                with suppress(HarnessError):  # its container is down: the master's count tells
                    found += resolve(address)
            self._targets = [(str(address), str(address)) for address in found]
        return self._targets

    def poll(self) -> LoadStatus:
        """How the load stands; never blocks long."""
        if not self._ordered or self._stopped:
            return self._last
        answer: dict[str, Any] | None = None
        if not self._dead:
            try:
                answer = self._control.status()
                self._answered = time.monotonic()
            except ControlError as error:
                silence = time.monotonic() - self._answered
                if silence > MASTER_SILENCE:
                    self._ended = f"the Locust master has not answered for {silence:.0f} s: {error.message}"
                self._check_master_agent()
        self._forget_the_lost()
        problems = self._told()
        if self._dead:
            self._last = ended(self._last, "dead", problems, self._last.restarts)
        elif answer is None:
            self._last = unheard(self._last, problems, self._last.restarts)
        else:
            self._last = status_of(answer, problems, self._replaced(answer))
        return self._last

    def _forget_the_lost(self) -> None:
        """What an agent saw end need not be waited for."""
        for state in read_states(self._locust.control):
            if state.run_id == self._run_id:
                for client_id in set(state.lost) - self._forgotten:
                    with suppress(ControlError):
                        self._control.forget(client_id)
                        self._forgotten.add(client_id)

    def _replaced(self, answer: dict[str, Any]) -> int:
        """Workers that were lost and came back; one that joined beside them was added, not replaced."""
        wanted = self._plan.load.workers
        if answer["lost"]:
            self._problem(f"{answer['lost']} Locust worker(s) went away or fell silent while the load ran")
        if answer["workers"] >= wanted:
            for client_id in answer["missing"]:  # its successor is there
                with suppress(ControlError):
                    self._control.forget(client_id)
        return max(0, min(int(answer["lost"]), int(answer["joined"]) - wanted))

    def _check_master_agent(self) -> None:
        for state in read_states(self._locust.control):
            if (state.role, state.run_id, state.phase) == ("master", self._run_id, "ended"):
                self._ended = state.problem or "the Locust master ended"

    def _told(self) -> tuple[str, ...]:
        """Our own problems and the agents', the one that ends the run as the last."""
        for state in read_states(self._locust.control):
            if state.run_id == self._run_id and state.problem:
                self._problem(state.problem)
        others = tuple(one for one in self._problems if one != self._ended)
        return (*others, self._ended) if self._ended else others

    @property
    def _dead(self) -> bool:
        return bool(self._ended)

    # --- the end

    def steer(self, load: float) -> None:
        """From now on this load, in place of the plan's stages: users, or arrivals per second of the open model.

        Raises:
            HarnessError: the master is gone, or does not answer.
        """
        if not self._ordered or self._dead or self._stopped:
            raise HarnessError("the load cannot be steered: its Locust master is gone")
        users, rate = steering(self._plan, load)
        self._most_users = max(self._most_users, users) if rate is not None else users  # users that stand ready stay
        self._control.steer(self._most_users, rate)

    def hold(self, timeout: float | None = None) -> None:
        """Sends all users away; counters stay and can be scraped. Returns when no user runs any more.

        Raises:
            HarnessError: the master is gone, or users were left after ``timeout`` seconds (default: the time they may
                take to finish their requests and a margin).
        """
        if not self._ordered or self._dead or self._stopped:
            raise HarnessError("the load cannot be held: its Locust master is gone")
        self._control.hold()
        await_rest(self.poll, grace(self._plan) + HOLD_MARGIN if timeout is None else timeout)

    def stop(self, timeout: float = 10) -> None:
        """Withdraws the order: the agents end their children. Waits up to ``timeout`` seconds for it. Idempotent.

        May be called from a signal handler, or another thread, in the middle of anything else here.
        """
        if self._stopped:
            return
        self._stopped = True
        if not self._ordered:
            return
        end_order(self._locust.control)
        if timeout > 0:
            with suppress(ControlError):
                self._control.quit()
            self._await_agents(time.monotonic() + timeout)
            self._keep_logs()
        if self._last.state != "dead":
            self._last = ended(self._last, "stopped", tuple(self._problems), self._last.restarts)

    def _await_agents(self, deadline: float) -> None:
        """So that the next run finds them idle."""
        while time.monotonic() < deadline:
            states = read_states(self._locust.control)
            working = [s for s in states if s.run_id == self._run_id and s.phase != "idle"]
            if not any(alive(working, role) for role in ("master", "worker")):
                return
            time.sleep(4 * POLL)

    def _keep_logs(self) -> None:
        for state in read_states(self._locust.control):
            if state.run_id == self._run_id:
                kind = "master" if state.role == "master" else f"worker-{state.name}"
                log = self._locust.control / LOGS / f"{state.name}.log"
                with suppress(OSError):  # a log is no reason to lose a run
                    shutil.copyfile(log, self._logs / f"locust-{kind}.log")

    def _problem(self, text: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems[text] = None

"""Starts, watches and ends the Locust processes of one run: a master and its workers, also for local load.

Must never import Locust, which patches the whole process.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from exporters.load_histogram import edges
from harness.errors import HarnessError
from harness.load.children import (
    HOLD_MARGIN,
    LOOPBACK,
    MASTER_SILENCE,
    check_locustfile,
    child_arguments,
    child_config,
    child_environment,
    grace,
    load_stages,
    steering,
)
from harness.load.config import LoadStage, Role
from harness.load.control import ControlClient, ControlError
from harness.load.last_words import telling
from harness.load.processes import LocustChild
from harness.load.startup import POLL, await_announcement, await_end, await_rest, check_alive
from harness.load.status import LoadStatus, ended, status_of, unheard
from harness.load.supervisor import WorkerSupervisor
from harness.plan.model import Plan

__all__ = ["MASTER", "LoadLauncher", "LoadStatus"]

MASTER = "locust-master"

_BIND_ATTEMPTS = 3


class LoadLauncher:
    """The load of one run.

    Start, poll and stop it from one thread that lives as long as the load: the kernel ends the children when the thread
    that started them ends.

    Args:
        plan: stages, target and locustfile; relative paths are taken from the working directory.
        control_dir: for the children's announcements; made if need be.
        log_dir: for their logs.
        expected_edges: histogram edges in seconds; the plan's latency limits decide when empty.
        begun_at: unix seconds at which a load that is taken up again began; None: it begins anew.
    """

    def __init__(
        self, plan: Plan, control_dir: Path, log_dir: Path, *, expected_edges: Sequence[float] = (),
        begun_at: float | None = None,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._control_dir = control_dir
        self._log_dir = log_dir
        self._begun_at = begun_at
        self._edges = tuple(expected_edges) or edges(plan.latency_limits)
        self._token = secrets.token_urlsafe(32)
        self._grace = grace(plan)
        self._master: LocustChild | None = None
        self._control: ControlClient | None = None
        self._bind_port = 0
        self._master_port = 0
        self._workers = WorkerSupervisor(
            lambda name, port: self._spawn(name, "worker", load_stages(self._plan), port),
            self._forget,
            self._problem,
            lambda: self._stopped,
        )
        self._problems: dict[str, None] = {}
        self._last = LoadStatus("stopped")
        self._answered = 0.0
        self._dead = False
        self._stopped = False
        self._most_users = 0

    # --- start

    def start(self, timeout: float = 30) -> None:
        """Starts master and workers and returns when all of them answer; the load begins by itself then.

        Raises:
            HarnessError: one of them does not come up; nothing is left running.
        """
        if self._master is not None:
            raise HarnessError("this load was started already", remedy="make a new LoadLauncher for a new run")
        check_locustfile(self._plan)
        stages = load_stages(self._plan)
        deadline = time.monotonic() + timeout
        try:
            self._control_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._log_dir.mkdir(parents=True, exist_ok=True)
            self._start_master(stages, deadline)
            for number in range(1, self._plan.load.workers + 1):
                self._workers.add(f"locust-worker-{number}")
            self._await_workers(deadline)
        except OSError as error:
            self.stop()
            raise HarnessError(f"cannot start the load: {error}") from error
        except BaseException:
            self.stop()
            raise

    def _start_master(self, stages: tuple[LoadStage, ...], deadline: float) -> None:
        for attempt in range(1, _BIND_ATTEMPTS + 1):
            self._bind_port = _free_port()
            self._master = self._spawn(MASTER, "master", stages)
            try:
                self._master_port = await_announcement(self._master, deadline).port
                break
            except HarnessError:
                # Another process took the port between our look and Locust's bind.
                if "was busy" not in self._master.last_words() or attempt == _BIND_ATTEMPTS:
                    raise
        self._control = ControlClient(self._master_port, self._token)
        self._answered = time.monotonic()

    def _await_workers(self, deadline: float) -> None:
        for place in self._workers.places:
            assert place.child is not None
            place.port = await_announcement(place.child, deadline, self._master).port
        wanted = len(self._workers.places)
        while True:
            self._last = self._answered_status(self._ask_status())
            if self._last.workers >= wanted and self._last.state != "starting":
                return
            check_alive(*self._workers.children, self._master)
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"only {self._last.workers} of {wanted} Locust workers joined their master in time",
                    remedy=f"see the logs in {self._log_dir}",
                )
            time.sleep(POLL)

    def _spawn(self, name: str, role: Role, stages: tuple[LoadStage, ...], port: int = 0) -> LocustChild:
        if self._stopped:
            raise HarnessError("the load was told to end")
        config = child_config(
            self._plan,
            role=role,
            name=name,
            control_dir=self._control_dir,
            stages=stages,
            edges=self._edges,
            port=port,
            token=self._token if role == "master" else "",
            begun_at=self._begun_at,
        )
        arguments = child_arguments(self._plan, role, self._bind_port, self._grace)
        return LocustChild(name, arguments, child_environment(os.environ, config), self._control_dir, self._log_dir)

    # --- while it runs

    def scrape_targets(self) -> list[tuple[str, str]]:
        """(instance name, host:port) of every process, dead ones included: their silence is to be seen.

        Ask again after a restart: a worker keeps its port only when nobody else took it meanwhile.
        """
        targets = [(MASTER, f"{LOOPBACK}:{self._master_port}")] if self._master_port else []
        return targets + [(w.name, f"{LOOPBACK}:{w.port}") for w in self._workers.places if w.port]

    def poll(self) -> LoadStatus:
        """Looks after the children (restarts dead or hung workers) and tells how the load stands; never blocks long."""
        if self._master is None or self._stopped:
            return self._last
        for child in (self._master, *self._workers.children):
            child.bound_log()
        answer: dict[str, Any] | None = None
        if not self._dead:
            answer = self._check_master()
        if self._dead:
            self._last = ended(self._last, "dead", tuple(self._problems), self._workers.restarts)
            return self._last
        self._workers.look_after(frozenset(answer["missing"]) if answer else frozenset())
        problems, restarts = tuple(self._problems), self._workers.restarts
        self._last = self._answered_status(answer) if answer else unheard(self._last, problems, restarts)
        return self._last

    def _check_master(self) -> dict[str, Any] | None:
        assert self._master is not None
        if not self._master.alive:
            self._master.kill()
            self._dead = True
            self._problem(f"the Locust master died ({self._master.how_it_ended()}): {_cause(self._master)}")
            return None
        try:
            answer = self._ask_status()
        except ControlError as error:
            silence = time.monotonic() - self._answered
            if silence > MASTER_SILENCE:
                self._dead = True
                self._problem(f"the Locust master has not answered for {silence:.0f} s: {error.message}")
            return None
        self._answered = time.monotonic()
        return answer

    def _forget(self, client_id: str) -> None:
        if self._control is not None:
            self._control.forget(client_id)

    # --- the end

    def steer(self, load: float) -> None:
        """From now on this load, in place of the plan's stages: users, or arrivals per second of the open model.

        Raises:
            HarnessError: the master is gone, or does not answer.
        """
        if self._control is None or self._dead or self._stopped:
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
        if self._control is None or self._dead or self._stopped:
            raise HarnessError("the load cannot be held: its Locust master is gone")
        self._control.hold()
        await_rest(self.poll, self._grace + HOLD_MARGIN if timeout is None else timeout)

    def stop(self, timeout: float = 10) -> None:
        """Ends all children: asks first, kills what is left after ``timeout`` seconds (0: at once). Idempotent.

        May be called from a signal handler, or another thread, in the middle of anything else here.
        """
        self._stopped = True
        children = [c for c in (self._master, *self._workers.children) if c is not None]
        deadline = time.monotonic() + timeout
        if timeout > 0 and self._master is not None and self._master.alive:
            self._ask_to_quit(self._master)
            await_end(children, time.monotonic() + timeout / 2)
        for child in children:
            if child.alive:
                child.terminate()
        await_end(children, deadline)
        for child in children:
            child.kill()
        if self._last.state != "dead":
            self._last = ended(self._last, "stopped", tuple(self._problems), self._workers.restarts)

    def _ask_to_quit(self, master: LocustChild) -> None:
        """The master sends its workers away and runs the locustfile's own quitting hooks."""
        try:
            if self._control is not None and not self._dead:
                self._control.quit()
                return
        except ControlError:
            self._problem("the Locust master did not answer when it was asked to end")
        master.terminate()

    # --- what is known

    def _ask_status(self) -> dict[str, Any]:
        assert self._control is not None
        return self._control.status()

    def _answered_status(self, answer: Mapping[str, Any]) -> LoadStatus:
        return status_of(answer, tuple(self._problems), self._workers.restarts)

    def _problem(self, text: str) -> None:
        # What became of the master is why the run ends: it is said after any number of others.
        if self._dead or len(self._problems) < 50:
            self._problems[text] = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _cause(child: LocustChild) -> str:
    return telling(child.last_words()) or "it logged nothing"

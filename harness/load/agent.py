"""A standing Locust process: ``python -m harness.load.agent master|worker|health --control DIR``.

Waits in the control folder for a run's order, runs Locust with it, ends it with the run, waits for the next. A worker
that died is started again; a master is not: the load's clock and counts died with it. Must never import Locust, which
patches the whole process.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError
from harness.load.children import child_environment
from harness.load.config import Role
from harness.load.last_words import telling
from harness.load.orders import LOGS, AgentPhase, AgentState, Order, alive, read_order, read_states, write_state
from harness.load.processes import LocustChild
from harness.load.restart import JOIN_TIMEOUT, back_off, failures_in_a_row

LOOK_EVERY = 0.5  # seconds
SIGN_OF_LIFE_EVERY = 5.0
_MOST_LOST = 100  # told of one run; a crash loop must not grow the file
END_SECONDS = 5.0  # for a child to end in order

log = logging.getLogger("agent")


class Agent:
    """One agent; ``step`` does what is to be done now and never blocks long.

    Args:
        listen: the child's own listen address, where it differs from what the order says.
    """

    def __init__(self, role: Role, control: Path, name: str, listen: str | None = None) -> None:
        self._control = control
        self._listen = listen
        self._child: LocustChild | None = None
        self._failures = 0
        self._restart_at = 0.0
        self._announcements = Path(tempfile.mkdtemp(prefix="harness-agent-"))
        self._said = ""
        self._signed = -SIGN_OF_LIFE_EVERY
        before = [state for state in read_states(control) if state.role == role]
        known = next((s for s in before if s.name == name), AgentState(name, role))
        self._state = _without_child(known)  # this process has none: an agent before it, if any, is gone with its own
        # Whoever began a run's load: a container that was made anew has another name.
        self._begun = {s.run_id for s in before if s.run_id and s.starts} if role == "master" else set()

    def step(self) -> None:
        try:
            order = read_order(self._control)
        except HarnessError as error:
            self._say(str(error))
            order = None
        if order is None:
            self.end()
            if self._state.phase != "idle":
                self._change("idle")
        else:
            if order.run_id != self._state.run_id:
                self.end()
                self._failures, self._restart_at = 0, 0.0
                self._state = AgentState(self._state.name, self._state.role, order.run_id)
            self._work(order)
        if time.monotonic() - self._signed >= SIGN_OF_LIFE_EVERY:
            self._write()

    def end(self) -> None:
        """Ends the child: asks, then kills. Idempotent."""
        child, self._child = self._child, None
        if child is None:
            return
        child.terminate()
        deadline = time.monotonic() + END_SECONDS
        while child.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        child.kill()
        log.info("run %s: the load here is over", self._state.run_id)

    def _work(self, order: Order) -> None:
        child = self._child
        if child is None:
            if time.monotonic() >= self._restart_at and (self._state.role == "master" or self._master_serves(order)):
                self._start(order)
            return
        announced = child.announcement()
        if self._state.phase == "starting" and announced is not None:
            self._state = replace(self._state, client_id=announced.client_id)
            self._change("running")
        child.bound_log()
        hung = announced is None and time.monotonic() - child.started > JOIN_TIMEOUT
        if child.alive and not hung:
            return
        child.kill()
        self._child = None
        self._state = _without_child(self._state)
        how = "it did not come up in time" if hung else child.how_it_ended()
        last = telling(child.last_words()) or "it logged nothing"
        if self._state.role == "master":
            self._change("ended", f"the Locust master died ({how}): {last}")
            return
        self._failures = failures_in_a_row(self._failures, time.monotonic() - child.started)
        self._restart_at = time.monotonic() + back_off(self._failures)
        self._change("starting", f"Locust worker {self._state.name} was lost ({how}) and is started again: {last}")

    def _master_serves(self, order: Order) -> bool:
        """Before that, a worker that joins would meet a master whose locustfile has not set itself up."""
        masters = alive(read_states(self._control), "master")
        return any((m.run_id, m.phase) == (order.run_id, "running") for m in masters)

    def _start(self, order: Order) -> None:
        state = self._state
        if state.role == "master" and (order.run_id in self._begun or state.starts):
            if state.phase != "ended":
                self._change("ended", "the Locust master's container was started anew in the middle of the run")
            return
        part = order.part(state.role)
        config = replace(
            part.config,
            name=state.name,
            parent=os.getpid(),
            control_dir=str(self._announcements),
            host=self._listen or part.config.host,
        )
        logs = self._control / LOGS
        try:
            logs.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not state.starts:
                (logs / f"{state.name}.log").write_bytes(b"")  # of another run
            environment = child_environment(os.environ, config)
            self._child = LocustChild(state.name, part.arguments, environment, self._announcements, logs)
        except (OSError, HarnessError) as error:
            self._restart_at = time.monotonic() + back_off(2)
            self._change("starting", f"Locust cannot be started on {state.name}: {error}")
            return
        self._state = replace(state, starts=state.starts + 1)
        self._change("starting")
        log.info("run %s: Locust %s started", order.run_id, state.role)

    def _change(self, phase: AgentPhase, problem: str = "") -> None:
        """What a person must know stays told until the run is over; a sign of life goes out when anything changed."""
        if problem:
            self._say(problem)
        after = replace(self._state, phase=phase, problem=problem or self._state.problem)
        self._state = after
        self._write()

    def _write(self) -> None:
        self._signed = time.monotonic()
        try:
            write_state(self._control, replace(self._state, at=time.time()))
        except HarnessError as error:
            self._say(str(error))

    def _say(self, text: str) -> None:
        """The same words once."""
        if text != self._said:
            self._said = text
            log.warning("%s", text)


def _without_child(state: AgentState) -> AgentState:
    lost = (*state.lost, state.client_id) if state.client_id else state.lost
    return replace(state, client_id="", lost=lost[-_MOST_LOST:])


def main(arguments: Sequence[str] | None = None) -> int:
    """The process; returns its exit code."""
    options = _parser().parse_args(arguments)
    if options.what == "health":
        states = read_states(options.control)
        return 0 if any(s.name == options.name for role in ("master", "worker") for s in alive(states, role)) else 1
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    agent = Agent(options.what, options.control, options.name, options.listen)
    log.info("Locust %s waits for runs in %s", options.what, options.control)
    try:
        while not stopped.wait(LOOK_EVERY):
            agent.step()
    finally:
        agent.end()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent", description="Runs Locust for one run of the harness after another.")
    parser.add_argument("what", choices=("master", "worker", "health"))
    parser.add_argument("--control", type=Path, required=True, metavar="DIR", help="folder shared with the harness")
    parser.add_argument("--name", default=socket.gethostname(), help="default: the host's name")
    parser.add_argument("--listen", metavar="HOST", help="serve metrics on this address, whatever the run says")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Puts exporter, plan shape, client defaults and memory bounds around a locustfile. Runs in Locust children only."""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from locust import LoadTestShape, runners
from locust.runners import STATE_STOPPED, STATE_STOPPING, MasterRunner

from exporters import metric_names as names
from exporters.load_exposition import gauge, histogram
from exporters.load_recorder import Recorder
from exporters.load_server import LoadServer
from harness.load import arrivals, open_model, stats_memory
from harness.load.arrival_sharing import MESSAGE, ArrivalSharing
from harness.load.arrivals import Arrivals
from harness.load.client_defaults import apply_defaults
from harness.load.config import LoadConfig
from harness.load.master import Control, EnduringMasterRunner, worker_states
from harness.load.memory_guard import guard_of_this_process
from harness.load.request_listener import Listener, listen
from harness.load.with_blocks import count_blocks_not_entered, count_left_blocks
from harness.plan.arrivals import SteeredSchedule
from harness.plan.shape import intended_users, peak_users

_RETURN_SECONDS = 10.0
_INSTALLED = "_endurance_harness"
_STEERING_SECONDS = 2.0  # in which a new number of users is reached
_LEAST_SPAWN = 10.0  # users per second
logger = logging.getLogger(__name__)


class PlanShape(LoadTestShape):
    """The plan's stages; zero users, without end, when they are over or when told to hold."""

    abstract = True
    config: LoadConfig

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.started_at: float | None = None  # unix seconds
        self.held = False
        self.steered: tuple[int, float] | None = None  # (users, rate) of whoever steers, over the stages

    def reset_time(self) -> None:
        # Locust resets at each start of its runner; the plan's clock runs once.
        if self.started_at is None:
            super().reset_time()  # type: ignore[no-untyped-call]
            self.started_at = time.time()
            if self.config.begun_at is not None:  # a load that is taken up again stands where the plan's clock does
                self.start_time -= max(0.0, self.started_at - self.config.begun_at)
                self.started_at = self.config.begun_at

    @property
    def over(self) -> bool:
        return self.held or (self.started_at is not None and self._planned() is None)

    def wanted(self) -> tuple[int, float]:
        """(users, rate) that the plan wants now."""
        at_once = float(max(1, peak_users(self.config.stages)))
        if self.started_at is None or self.held:
            return 0, at_once
        planned = self._planned()
        if planned is None:
            return 0, at_once
        if self.steered is not None:
            return self.steered
        users, rate = planned
        # Users of a load that is taken up again come within seconds, whatever the stage that it stands in says.
        return users, max(rate, at_once / _RETURN_SECONDS) if self.config.begun_at is not None else rate

    def steer(self, users: int) -> None:
        """So many users from now on, there in two seconds."""
        before, _ = self.wanted()
        self.steered = users, max(_LEAST_SPAWN, abs(users - before) / _STEERING_SECONDS)

    def _planned(self) -> tuple[int, float] | None:
        return intended_users(self.config.stages, time.perf_counter() - self.start_time)

    def tick(self) -> tuple[int, float]:
        return self.wanted()


class Plumbing:
    """Everything of ours in one Locust process; made by ``install``."""

    def __init__(self, events: Any, config: LoadConfig) -> None:
        self._config = config
        self._recorder = Recorder(config.edges, reserved=config.reserved)
        self._environment: Any = None
        self._server: LoadServer | None = None
        self._notes: list[str] = []
        self._schedule = SteeredSchedule(config.rates, config.spacing, config.seed) if config.rates else None
        self._sharing: ArrivalSharing | None = None
        self._arrivals: Arrivals | None = None
        self._exceptions = 0
        events.init.add_listener(self._on_init)
        events.quitting.add_listener(self._on_quitting)

    def _on_init(self, environment: Any, **_: Any) -> None:
        self._environment = environment
        runner = environment.runner
        routes = {}
        if self._config.role == "master":
            runner = EnduringMasterRunner.take_over(runner)
            runners.HEARTBEAT_LIVENESS = self._config.heartbeats  # Locust has no option for it
            self._note_replaced_shape()
            routes = Control(
                self._config.token, status=self._status, hold=self._hold, steer=self._steer, forget=runner.forget,
                leave=self._leave,
            ).routes  # fmt: skip
            runner.greenlet.spawn(runner.steward)
            if self._schedule is not None:
                self._sharing = ArrivalSharing(runner, self._schedule, self._config.workers)
                runner.greenlet.spawn(self._sharing.run, environment.shape_class)
        else:
            listen(environment.events.request, self._time_the_start_of_tasks(runner))
            environment.events.user_error.add_listener(self._on_user_error)
        self._server = LoadServer(self._recorder, gauges=self._gauges, routes=routes, host=self._config.host)
        try:
            port = self._server.start(self._config.port, fixed=self._config.fixed_port)
        except OSError as error:  # Locust would log it and go on, unseen by everybody
            sys.exit(f"the load metrics cannot listen on {self._config.host}:{self._config.port}: {error}")
        runner.greenlet.spawn(self._bound_memory)
        # What was imported stays for the whole run: the garbage collector need not look through it in every full pass,
        # which stops the loop for milliseconds each time.
        gc.collect()
        gc.freeze()
        self._announce(port, getattr(runner, "client_id", ""))

    def _time_the_start_of_tasks(self, runner: Any) -> Listener:
        """What records a request; latency counts from the intended start, where tasks have one."""
        if self._schedule is not None:
            self._arrivals = Arrivals(self._schedule)
            open_model.take_arrivals(self._arrivals)
            runner.register_message(MESSAGE, self._on_sharing)
            runner.greenlet.spawn(self._arrivals.run)
        elif open_model.any_paced(self._environment.user_classes):
            open_model.keep_pace()
        else:
            return self._recorder.record
        return open_model.from_intended_start(self._recorder.record)

    def _on_user_error(self, **_: Any) -> None:
        self._exceptions += 1

    def _on_quitting(self, environment: Any, **_: Any) -> None:
        if isinstance(environment.runner, EnduringMasterRunner):
            environment.runner.leaving = True

    def _note_replaced_shape(self) -> None:
        replaced = [
            name
            for name, shape in (self._environment.available_shape_classes or {}).items()
            if shape is not self._environment.shape_class
        ]
        if replaced:
            self._notes.append(
                f"the plan's stages replace the load shape {', '.join(sorted(replaced))} of the locustfile"
            )

    def _announce(self, port: int, client_id: str) -> None:
        """Whole or not at all, so that the launcher never reads half a file."""
        path = Path(self._config.control_dir) / f"{self._config.name}.json"
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"pid": os.getpid(), "port": port, "client_id": client_id}), encoding="utf-8")
        temporary.replace(path)

    def _bound_memory(self) -> None:
        runner = self._environment.runner
        worker = self._config.role == "worker"
        guard = guard_of_this_process()
        while True:
            gevent.sleep(stats_memory.INTERVAL)
            if worker:  # what the locustfile itself keeps takes memory too
                guard.look()
            stats_memory.bound_stats(runner.stats, worker=worker)
            stats_memory.fold_exceptions(runner.exceptions)

    def _gauges(self) -> Iterator[str]:
        runner = self._environment.runner
        yield from self._arrival_families()
        if isinstance(runner, MasterRunner):
            users, _ = self._environment.shape_class.wanted()
            yield gauge(names.USERS_TARGET, "Users that the plan wants now.", [({}, users)])
            states = worker_states(runner)
            yield gauge(names.WORKERS, "Workers by state.", [({"state": s}, n) for s, n in states.items()])
        else:
            # The workers' alone: the master's view would count every user twice in a sum.
            raised = "Exceptions that the locustfile's own code raised."
            yield gauge(names.USER_EXCEPTIONS, raised, [({}, self._exceptions)], kind="counter")
            users_by_class = runner.user_classes_count
            yield gauge(
                names.USERS, "Running users by class.", [({"user_class": c}, n) for c, n in users_by_class.items()]
            )

    def _on_sharing(self, environment: Any, msg: Any, **_: Any) -> None:
        assert self._arrivals is not None
        data, own = msg.data, environment.runner.client_id
        if data["rates"] and self._schedule is not None:
            self._schedule.steer(data["rates"])
        self._arrivals.share_out(data["elapsed"], data["block"], data["members"], own)

    def _arrival_families(self) -> Iterator[str]:
        """What the open model made of the plan's arrivals; nothing in the closed one."""
        if self._sharing is not None:
            yield gauge(
                names.ARRIVALS_PLANNED, "Arrivals that were due by plan.", [({}, self._sharing.planned)], kind="counter"
            )
        if self._arrivals is not None:
            made = self._arrivals
            yield gauge(names.ARRIVALS, "Arrivals that a user took.", [({}, made.started)], kind="counter")
            yield gauge(
                names.ARRIVALS_DROPPED, "Arrivals that found no free user.", [({}, made.dropped)], kind="counter"
            )
            lateness = "How late users took their arrivals."
            yield histogram(names.ARRIVAL_LAG, lateness, arrivals.EDGES, made.lag_counts, made.lag_total)

    def _leave(self) -> None:
        runner = self._environment.runner
        runner.leaving = True
        # Not in one of the runner's own greenlets, which it ends; Locust's main goes on to its shutdown then.
        gevent.spawn(runner.quit)

    def _hold(self) -> None:
        self._environment.shape_class.held = True

    def _steer(self, users: int, rate: float | None) -> None:
        self._environment.shape_class.steer(users)
        if rate is not None and self._sharing is not None:
            self._sharing.steer(rate)

    def _status(self) -> dict[str, Any]:
        runner = self._environment.runner
        shape = self._environment.shape_class
        users, _ = shape.wanted()
        return {
            "state": self._state(),
            "started_at": shape.started_at,
            "users": runner.user_count,
            "users_target": users,
            "workers": runner.worker_count,
            "worker_states": worker_states(runner),
            "missing": [client.id for client in runner.clients.missing],
            "joined": len(runner.joined),
            "lost": len(runner.lost),
            "total_requests": runner.stats.total.num_requests,
            "total_failures": runner.stats.total.num_failures,
            "exceptions": sum(row["count"] for row in runner.exceptions.values()),
            "exception": next((str(row["msg"])[:200] for row in runner.exceptions.values()), ""),
            "notes": self._notes,
        }

    def _state(self) -> str:
        shape = self._environment.shape_class
        if self._environment.runner.state in (STATE_STOPPING, STATE_STOPPED):
            return "stopped"
        if shape.over:
            return "holding"
        return "starting" if shape.started_at is None else "running"


def install(events: Any, config: LoadConfig) -> None:
    """Once per process, however often Locust (or pytest, for pytest-style files) imports the boot file."""
    if hasattr(events, _INSTALLED):
        return
    apply_defaults(config.url, config.headers, config.timeout, config.ca_file)
    count_left_blocks()
    count_blocks_not_entered()
    setattr(events, _INSTALLED, Plumbing(events, config))

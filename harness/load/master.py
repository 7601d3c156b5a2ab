"""A Locust master that outlives its workers, and the control routes that the launcher speaks to. Locust children only.

Locust's own master ends the test when its last worker is lost, and a minute after a loss it starts the whole ramp anew.
Here a lost worker is waited for: the launcher starts another one under the same name, which takes over the users.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import gevent
from locust import User
from locust.runners import STATE_INIT, STATE_MISSING, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPING, MasterRunner

from exporters.load_server import Route, StartResponse

logger = logging.getLogger(__name__)

STEWARD_INTERVAL = 1.0  # seconds
# Intervals for which the users of a lost worker wait for its replacement; then the others get them.
_REPLACEMENT_PATIENCE = 8
# Heartbeats a worker may be behind before it is forgotten; Locust itself restarts the ramp at -60.
_FORGET_AT = -30
_MAX_BODY = 4096  # bytes of a control request


class EnduringMasterRunner(MasterRunner):
    """``MasterRunner`` that neither stops nor restarts the load because workers went away.

    A locustfile that calls ``runner.quit()`` while workers are there is obeyed.
    """

    leaving = False  # the process was told to end
    _free_indexes: list[int]
    joined: set[str]  # client ids of all workers that ever joined,
    lost: set[str]  # and of those that went away or fell silent, for however short a time

    @classmethod
    def take_over(cls, runner: MasterRunner) -> EnduringMasterRunner:
        """Gives a master that Locust's main made this class: its main offers no place to choose one."""
        runner.__class__ = cls
        assert isinstance(runner, cls)
        runner._free_indexes = []
        runner.joined, runner.lost = set(), set()
        return runner

    def get_worker_index(self, client_id: str) -> int:
        """A replacement gets the index of the worker it replaces: locustfiles share out data by ``worker_index``."""
        if client_id not in self.worker_indexes and self._free_indexes:
            self.worker_indexes[client_id] = self._free_indexes.pop(0)
        return int(super().get_worker_index(client_id))  # type: ignore[no-untyped-call]

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: list[type[User]] | None = None
    ) -> None:
        super().start(user_count, spawn_rate, wait, user_classes)
        # Locust's dispatcher forgets to say that it is done when it only spread users over the workers anew, and the
        # next worker to join would then wait for ever (Locust 2.47, UsersDispatcher._dispatcher).
        if self._users_dispatcher is not None:
            self._users_dispatcher._dispatch_in_progress = False

    def stop(self, send_stop_to_client: bool = True) -> None:
        if self.leaving or self.worker_count > 0:
            super().stop(send_stop_to_client)
        else:
            logger.warning("No worker is left; the load waits for a new one.")

    def quit(self) -> None:
        if self.leaving or self.worker_count > 0:
            self.leaving = True
            super().quit()

    def check_stopped(self) -> None:
        if self.leaving or self.state == STATE_STOPPING:
            super().check_stopped()

    def handle_message(self, client_id: str, msg: Any) -> None:
        if msg.type == "heartbeat" and msg.node_id not in self.clients:
            # Struck off as lost, and back: it makes load that nobody steers. It must go, and join anew.
            self.send_message("quit", client_id=msg.node_id)
            return
        super().handle_message(client_id, msg)

    def forget(self, client_id: str) -> bool:
        """Strikes a worker off whose process is gone. Its users wait for the replacement. False: not known."""
        client = self.clients.get(client_id)
        if client is None:
            return False
        del self.clients[client_id]
        if client_id in self.worker_indexes:
            self._free_indexes.append(self.worker_indexes.pop(client_id))
        if self._users_dispatcher is not None and client.state != STATE_MISSING:
            self._users_dispatcher.remove_worker(client)
        return True

    def steward(self) -> None:
        """Never returns. Strikes off the long missing, and sees that the users are with workers that live."""
        waiting = 0
        while True:
            gevent.sleep(STEWARD_INTERVAL)
            self._keep_count()
            for client in self.clients.missing:
                if client.heartbeat <= _FORGET_AT:
                    self.forget(client.id)
            waiting = waiting + 1 if self._users_lack_a_worker() else 0
            if waiting >= _REPLACEMENT_PATIENCE:
                waiting = 0
                self._redistribute()

    def _keep_count(self) -> None:
        known = set(self.clients)
        self.joined |= known
        self.lost |= (self.joined - known) | {client.id for client in self.clients.missing}

    def _users_lack_a_worker(self) -> bool:
        """A worker was lost and none took over, or one joined at a moment when Locust gives it no users."""
        dispatcher = self._users_dispatcher
        if self.state != STATE_RUNNING or dispatcher is None or self.worker_count == 0:
            return False
        return dispatcher._rebalance or (
            self.target_user_count > 0 and any(client.state == STATE_INIT for client in self.clients.all)
        )

    def _redistribute(self) -> None:
        dispatcher = self._users_dispatcher
        if self.state == STATE_RUNNING and dispatcher is not None and not dispatcher.dispatch_in_progress:
            self.start(self.target_user_count, self.spawn_rate)


def worker_states(runner: MasterRunner) -> dict[str, int]:
    """Workers by state; every state is listed, so that a state that emptied reads 0."""
    counts = dict.fromkeys((STATE_INIT, STATE_SPAWNING, STATE_RUNNING, STATE_MISSING), 0)
    for client in runner.clients.all:
        counts[client.state] = counts.get(client.state, 0) + 1
    return counts


class Control:
    """The routes /status, /hold, /steer, /forget and /quit, each behind the bearer token.

    Args:
        status: what /status answers.
        hold: sends all users away.
        steer: sets the users, and the arrivals per second where it is given.
        forget: strikes off a worker by its client id; True when it was known.
        leave: ends the load and the process, without waiting for it.
    """

    def __init__(
        self,
        token: str,
        *,
        status: Callable[[], Mapping[str, Any]],
        hold: Callable[[], None],
        steer: Callable[[int, float | None], None],
        forget: Callable[[str], bool],
        leave: Callable[[], None],
    ) -> None:
        self._expected = f"Bearer {token}".encode()
        self._status = status
        self._hold = hold
        self._forget = forget
        self._leave = leave
        self._steer = steer

    @property
    def routes(self) -> dict[str, Route]:
        return {
            "/status": self._guarded("GET", lambda body: self._status()),
            "/hold": self._guarded("POST", self._on_hold),
            "/steer": self._guarded("POST", self._on_steer),
            "/forget": self._guarded("POST", lambda body: {"known": self._forget(str(body.get("client_id", "")))}),
            "/quit": self._guarded("POST", self._on_quit),
        }

    def _on_hold(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self._hold()
        return self._status()

    def _on_steer(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        rate = body.get("rate")
        self._steer(int(body["users"]), None if rate is None else float(rate))
        return self._status()

    def _on_quit(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self._leave()
        return {}

    def _guarded(self, method: str, answer: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> Route:
        def route(environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            given = str(environ.get("HTTP_AUTHORIZATION", "")).encode()
            if not hmac.compare_digest(given, self._expected):
                return _answer(start_response, "401 Unauthorized", {"error": "bearer token missing or wrong"})
            if environ.get("REQUEST_METHOD") != method:
                return _answer(start_response, "405 Method Not Allowed", {"error": f"use {method}"})
            try:
                body = json.loads(environ["wsgi.input"].read(_MAX_BODY) or b"{}") if method == "POST" else {}
            except ValueError:
                return _answer(start_response, "400 Bad Request", {"error": "the body is not JSON"})
            if not isinstance(body, dict):
                return _answer(start_response, "400 Bad Request", {"error": "the body is not a JSON object"})
            return _answer(start_response, "200 OK", answer(body))

        return route


def _answer(start_response: StartResponse, status: str, data: Mapping[str, Any]) -> Iterable[bytes]:
    body = json.dumps(data).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

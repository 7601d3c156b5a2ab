"""Speaks to the Locust master's control routes (``harness.load.master.Control``) ."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError

TIMEOUT = 5.0  # seconds; the master's loop may be busy spawning


class ControlError(HarnessError):
    """The master did not answer, or refused."""


class ControlClient:
    """One request per connection: a master that was replaced or restarted is simply asked anew."""

    def __init__(self, port: int, token: str, *, host: str = "127.0.0.1", timeout: float = TIMEOUT) -> None:
        self._host = host
        self._port = port
        self._token = token
        self._timeout = timeout

    def status(self) -> dict[str, Any]:
        return self._ask("GET", "/status")

    def hold(self) -> dict[str, Any]:
        return self._ask("POST", "/hold")

    def steer(self, users: int, rate: float | None) -> dict[str, Any]:
        """From now on so many users, and of the open model so many arrivals per second, whatever the stages say."""
        return self._ask("POST", "/steer", {"users": users, "rate": rate})

    def forget(self, client_id: str) -> dict[str, Any]:
        return self._ask("POST", "/forget", {"client_id": client_id})

    def quit(self) -> dict[str, Any]:
        """Asks the master to end its workers and itself; it answers before it does."""
        return self._ask("POST", "/quit")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Raises ControlError."""
        # http.client, not requests: it knows no proxy variables, and this never leaves the machine or its own network.
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            content = json.dumps(body or {}) if method == "POST" else None
            connection.request(method, path, content, {"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            data = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ControlError(f"the Locust master did not answer {method} {path}: {error}") from error
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK or not isinstance(data, dict):
            raise ControlError(f"the Locust master answered {method} {path} with {answer.status}: {data}")
        return data

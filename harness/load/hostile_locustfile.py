"""A locustfile as somebody might write it, for a target that is hostile: with both of Locust's HTTP clients.

``HOSTILE_PATHS`` names what is asked beside ``/good``; no name is given to requests, so that each path is one.
"""

import os
from itertools import cycle
from typing import Any

from locust import FastHttpUser, HttpUser, constant_pacing

PATHS = os.environ.get("HOSTILE_PATHS", "").split()


class Asks:
    """The tasks of both kinds of users."""

    client: Any
    environment: Any

    def on_start(self) -> None:
        self.paths = cycle(PATHS or ["/good"])

    def good(self) -> None:
        self.client.get("/good")

    def hostile(self) -> None:
        path = next(self.paths)
        if path == "/texts":
            self._each("/texts", lambda text: ("/store", RuntimeError(text)))
        elif path == "/paths":
            self._each("/paths", lambda text: (text, None))
        else:
            self.client.get(path)

    def look(self) -> None:
        """What a user's own checks do with an answer."""
        path = next(self.paths)
        if path.startswith("/odd"):
            with self.client.get(path, catch_response=True) as answer:
                if "name" not in answer.json():
                    answer.failure(f"no name in {answer.text!r}, {answer.headers!r}")

    def _each(self, path: str, told: Any) -> None:
        """A batch whose parts count as requests of their own."""
        for text in self.client.get(path).json():
            name, error = told(text)
            self.environment.events.request.fire(
                request_type="PART", name=name, response_time=1.0, response_length=10, exception=error, context={},
                response=None,
            )  # fmt: skip


TASKS: list[Any] = [Asks.good, Asks.hostile, Asks.look]


class Plain(Asks, HttpUser):
    tasks = TASKS
    wait_time = constant_pacing(1)


class Fast(Asks, FastHttpUser):
    tasks = TASKS
    wait_time = constant_pacing(1)

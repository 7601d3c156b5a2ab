"""Asks the stack's Prometheus, through its published port and with its password."""

from __future__ import annotations

from datetime import datetime

import requests

from tests.e2e.compose.stack import PORTS, Run, Stack


class Prometheus:
    def __init__(self, stack: Stack) -> None:
        self.url = f"http://127.0.0.1:{PORTS['PROMETHEUS_PORT']}"
        shown = stack.compose("run", "--rm", "--no-deps", "-T", "init", "passwords").stdout
        [line] = [line for line in shown.splitlines() if line.startswith("prometheus: ")]
        self.auth = ("harness", line.rpartition(" ")[2])

    @staticmethod
    def within(run: Run) -> str:
        """The steady window's length, as a range."""
        return f"{int(_unix(run.record['steady_to']) - _unix(run.record['steady_from']))}s"

    def query(self, expression: str, run: Run) -> list[tuple[dict[str, str], float]]:
        """Labels and values at the end of the run's steady state."""
        answer = requests.get(
            f"{self.url}/api/v1/query",
            params={"query": expression, "time": run.record["steady_to"]},
            auth=self.auth,
            timeout=30,
        )
        answer.raise_for_status()
        return [(entry["metric"], float(entry["value"][1])) for entry in answer.json()["data"]["result"]]


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

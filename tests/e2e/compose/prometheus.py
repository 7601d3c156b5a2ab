"""Asks the stack's Prometheus, through its published port and with its password."""

from __future__ import annotations

from datetime import datetime
from typing import Any

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
        return [(entry["metric"], float(entry["value"][1])) for entry in self._ask(expression, run)]

    def scraped(self, series: str, run: Run) -> list[float]:
        """Unix seconds of the samples of one series in the run's steady state."""
        [entry] = self._ask(f"{series}[{self.within(run)}]", run)
        return [float(time) for time, _ in entry["values"]]

    def _ask(self, expression: str, run: Run) -> list[dict[str, Any]]:
        answer = requests.get(
            f"{self.url}/api/v1/query",
            params={"query": expression, "time": run.record["steady_to"]},
            auth=self.auth,
            timeout=30,
        )
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

"""A Locust load against a server of its own, for benchmarks that compare loads side by side."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from harness.load.launcher import LoadLauncher
from harness.plan.model import Load, Plan, Stage, Target

_LOCUSTFILE = """
from locust import FastHttpUser, {wait_kind}, task

class Visitor(FastHttpUser):
    wait_time = {wait}

    @task
    def visit(self):
        self.client.get("/", name="/")
"""


class RunningLoad:
    """One plan's load on a server that ``server`` (arguments of this Python) starts and that prints its port.

    Args:
        wait: the users' wait, as a locustfile writes it.
        edges: of the histogram, in seconds; the harness' own when empty.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        server: Iterable[str],
        stage: Stage,
        *,
        wait: str = "constant(0)",
        edges: tuple[float, ...] = (),
        **load: Any,
    ) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        serving = subprocess.Popen([sys.executable, *server], stdout=subprocess.PIPE, text=True)
        stack.callback(serving.wait)
        stack.callback(serving.kill)
        assert serving.stdout is not None
        url = f"http://127.0.0.1:{serving.stdout.readline().strip()}"
        (folder / "locustfile.py").write_text(_LOCUSTFILE.format(wait=wait, wait_kind=wait.split("(")[0]))
        plan = Plan(
            name="bench",
            target=Target(url=url),
            load=Load(locustfile=str(folder / "locustfile.py"), stages=(stage,), **load),
        )
        self.launcher = LoadLauncher(plan, folder / "control", folder / "logs", expected_edges=edges)
        stack.callback(self.launcher.stop)
        self.launcher.start()

    def counters(self) -> dict[str, float]:
        """Each sample of all processes by name, summed; a bucket's name with its ``le``."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        found: dict[str, float] = {}
        for name, address in self.launcher.scrape_targets():
            text = opener.open(f"http://{address}/metrics", timeout=10).read().decode()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if sample.labels.get("outcome") == "error":
                        continue
                    key = sample.name + (" " + sample.labels["le"] if "le" in sample.labels else "")
                    if sample.name.startswith("process_") and "master" in name:
                        key = "master " + key
                    found[key] = found.get(key, 0.0) + sample.value
        return found


def poll(loads: Iterable[RunningLoad], seconds: float) -> None:
    """Looks after the loads for so long."""
    loads = list(loads)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for load in loads:
            load.launcher.poll()
        time.sleep(0.5)


def increases(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0.0) for key, value in after.items()}


def quantile(counts: dict[str, float], name: str, share: float) -> float:
    """Of a histogram's increases, in seconds, by linear interpolation within a bucket; NaN without any."""
    buckets = sorted(
        (float(key.split(" ")[1].replace("+Inf", "inf")), value)
        for key, value in counts.items()
        if key.startswith(name + "_bucket ")
    )
    wanted = share * buckets[-1][1] if buckets else 0.0
    edge = below = 0.0
    for upper, count in buckets:
        if count >= wanted and count > 0:
            return (
                edge + (wanted - below) / max(count - below, 1e-9) * (upper - edge) if upper != float("inf") else edge
            )
        edge, below = upper, count
    return float("nan")

"""Memory that Locust's master gains over 24 hours, bare and with the harness' bounds.

Each kind runs in a process of its own on a simulated clock: a worker's report every 3 s, a history row every 5 s, ten
request names, 5 % failures with texts that differ. What is measured is the growth of the resident set after the first
simulated ten minutes. That the bounded statistics still tell the same is checked on the way: the counts, rates and
percentiles of Locust's web page, its CSV file and the newest row of its charts must be equal in both kinds.
"""

from __future__ import annotations

import csv
import gc
import io
import json
import random
import subprocess
import sys
from typing import Any
from unittest import mock

Row = tuple[str, float, str, str, bool]

HOURS = 24.0
GOAL_MB = 5.0
_NAMES = 10
_REPORT = 3
_SETTLED = 600


def simulate(kind: str, hours: float) -> dict[str, Any]:
    """Runs one kind ("bare" or "bounded") in a process of its own: {"growth_mb", "figures", "csv", ...}."""
    return _read(_start(kind, hours))


def run() -> list[Row]:
    """About half a minute; both kinds at once."""
    running = {kind: _start(kind, HOURS) for kind in ("bare", "bounded")}
    found = {kind: _read(process) for kind, process in running.items()}
    bare, bounded = found["bare"]["growth_mb"], found["bounded"]["growth_mb"]
    same = all(found["bare"][part] == found["bounded"][part] for part in ("figures", "csv", "last_history"))
    return [
        ("memory growth in 24 h, bare Locust", bare, "MB", "", True),
        ("memory growth in 24 h, with the harness", bounded, "MB", f"< {GOAL_MB:g} MB", bounded < GOAL_MB),
        ("rates, percentiles and counts equal", float(same), "bool", "1", same),
    ]


def _start(kind: str, hours: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.load_memory", "--child", kind, str(hours)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _read(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = process.communicate(timeout=300)
    if process.returncode:
        raise RuntimeError(f"the simulation ended with exit code {process.returncode}")
    found: dict[str, Any] = json.loads(output)
    return found


def _child(kind: str, hours: float) -> None:
    # Locust patches the process at import; this one exists for nothing else.
    import locust.stats as stats_module
    import psutil
    from locust.event import Events

    from harness.load.stats_memory import INTERVAL, bound_stats

    now = 1_700_000_000.0
    clock = mock.patch.object(stats_module.time, "time", lambda: now)
    draw = random.Random(7)  # noqa: S311 - no secret
    process = psutil.Process()
    with clock:
        master = stats_module.RequestStats()
        worker = stats_module.RequestStats(use_response_times_cache=False)
        events, worker_events = Events(), Events()
        stats_module.setup_distributed_stats_event_listeners(events, master)
        stats_module.setup_distributed_stats_event_listeners(worker_events, worker)
        runner = mock.Mock(stats=master, user_count=100)
        settled = 0.0
        for second in range(int(hours * 3600)):
            now += 1.0
            for _ in range(3):
                name = f"/name/{draw.randrange(_NAMES)}"
                worker.log_request("GET", name, draw.expovariate(1 / 120), 512)
                if draw.random() < 0.05:
                    worker.log_error("GET", name, f"order {draw.randrange(10**9)} was refused")
            if second % _REPORT == 0:
                data: dict[str, Any] = {}
                worker_events.report_to_master.fire(client_id="w", data=data)
                events.worker_report.fire(client_id="w", data=data)
            if second % 5 == 0:
                stats_module.update_stats_history(runner, timestamp=f"{now:.0f}")
            if kind == "bounded" and second % int(INTERVAL) == 0:
                bound_stats(master, worker=False)
                bound_stats(worker, worker=True)
            if second == _SETTLED:
                gc.collect()
                settled = process.memory_info().rss / 1e6
        gc.collect()
        growth = process.memory_info().rss / 1e6 - settled
        entries = [master.total, *(master.entries[key] for key in sorted(master.entries))]
        figures = [
            entry.to_dict()
            | {"errors": sum(error.occurrences for error in master.errors.values())}
            | {str(p): entry.get_response_time_percentile(p) for p in stats_module.PERCENTILES_TO_REPORT}
            | {f"current {p}": entry.get_current_response_time_percentile(p) for p in (0.5, 0.95)}
            for entry in entries
        ]
        table = io.StringIO()
        csv_of = stats_module.StatsCSV(mock.Mock(stats=master), stats_module.PERCENTILES_TO_REPORT)
        csv_of.requests_csv(csv.writer(table))
    found = {
        "growth_mb": growth,
        "figures": figures,
        "csv": table.getvalue(),
        "history_rows": len(master.history),
        "last_history": master.history[-1:],
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    if "--child" in sys.argv:
        _child(sys.argv[-2], float(sys.argv[-1]))
    else:
        for row in run():
            sys.stdout.write(f"{row}\n")

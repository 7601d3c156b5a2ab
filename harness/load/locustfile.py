"""The Mingus load: works under ``harness run`` and alone.

    locust -f harness/load/locustfile.py --host http://... --headless -u 500 -r 50 -t 10m --csv=out

Environment: TEST_BASE_URL (default host), PCT_MOBILE (0.6), TARGET_P95_MS (800). Alone it exits 1 when the overall p95
exceeds TARGET_P95_MS, more than 1 % of the requests failed, or none was made. That p95 is Locust's own: rounded to two
digits, which is why the harness does not judge by it. Under the harness, which judges its own series, the rule is off.
"""

from __future__ import annotations

import json
import math
import os
import sys
import uuid
from typing import Any

from locust import events
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner

from harness.load.accounts import AccountBook, share_of
from harness.load.journeys import MingusUser
from harness.load.personas import PersonaSource

CONFIG_VARIABLE = "HARNESS_LOAD_CONFIG"
WORKERS_MESSAGE = "mingus_workers"
ASK_MESSAGE = "mingus_ask_workers"
MAX_USERS = 10_000
MAX_FAIL_RATIO = 0.01
DEFAULT_P95_MS = 800.0
DEFAULT_MOBILE_SHARE = 0.6


def number_from(variable: str, default: float, low: float, high: float) -> float:
    """A number from the environment; a wrong one ends the process with a message rather than being ignored."""
    raw = os.environ.get(variable, "").strip()
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        sys.exit(f"{variable}={raw!r} must be a number from {low:g} to {high:g}")
    return value


TARGET_P95_MS = number_from("TARGET_P95_MS", DEFAULT_P95_MS, 0.001, 1e9)
MOBILE_SHARE = number_from("PCT_MOBILE", DEFAULT_MOBILE_SHARE, 0.0, 1.0)


class MingusVisitor(MingusUser):
    """The user class of this file."""

    host = os.environ.get("TEST_BASE_URL") or "http://localhost:5000"


def listen_to_master(environment: Environment, **_: Any) -> None:
    """On a worker: learn from the master how many share the run's accounts. On the master: teach who joins later."""
    runner = environment.runner
    if isinstance(runner, WorkerRunner):
        runner.register_message(WORKERS_MESSAGE, learn_workers)
        # Asked from here: what the master sends before the line above, when the worker connects, is lost.
        runner.send_message(ASK_MESSAGE)
    elif isinstance(runner, MasterRunner):
        runner.register_message(ASK_MESSAGE, teach_late_worker)


def tell_workers(environment: Environment, **_: Any) -> None:
    """On the master: at the start, before users are spawned."""
    runner = environment.runner
    if isinstance(runner, MasterRunner):
        environment.mingus_workers = max(1, runner.worker_count)  # type: ignore[attr-defined]
        runner.send_message(WORKERS_MESSAGE, {"workers": environment.mingus_workers, "late": False})  # type: ignore[attr-defined]


def teach_late_worker(environment: Environment, msg: Any, **_: Any) -> None:
    """On the master, asked by a worker: who is there before the test begins hears it with all others."""
    runner = environment.runner
    if isinstance(runner, MasterRunner) and runner.state in (STATE_SPAWNING, STATE_RUNNING):
        answer = {"workers": getattr(environment, "mingus_workers", 1), "late": True}
        runner.send_message(WORKERS_MESSAGE, answer, client_id=msg.node_id)


def learn_workers(environment: Environment, msg: Any, **_: Any) -> None:
    """On a worker, told by the master. Its users may be there already: the limit of their accounts changes."""
    environment.mingus_workers = int(msg.data["workers"])  # type: ignore[attr-defined]
    environment.mingus_late = bool(msg.data["late"])  # type: ignore[attr-defined]
    if hasattr(environment, "mingus_accounts"):
        environment.mingus_accounts.limit = account_limit(environment)


def account_limit(environment: Environment) -> int:
    """Accounts that this process may register."""
    config = load_config()
    workers = getattr(environment, "mingus_workers", int(config.get("workers", 1)))
    # A late worker took over the index of the one it replaces, but not its accounts.
    late = getattr(environment, "mingus_late", False)
    index = workers if late else max(0, getattr(environment.runner, "worker_index", 0))
    return share_of(int(config.get("max_users", MAX_USERS)), index, workers)


def load_config() -> dict[str, Any]:
    """What the harness says of the load; nothing when Locust runs alone."""
    config: dict[str, Any] = json.loads(os.environ.get(CONFIG_VARIABLE) or "{}")
    return config


def open_accounts(environment: Environment, **_: Any) -> None:
    """Give the process its accounts; a second test in the web UI goes on with them."""
    if hasattr(environment, "mingus_accounts") or isinstance(environment.runner, MasterRunner):
        return
    index = max(0, getattr(environment.runner, "worker_index", 0))
    seed = int(load_config().get("seed", 1))
    source = PersonaSource(seed, index, nonce=uuid.uuid4().hex[:12], mobile_share=MOBILE_SHARE)
    environment.mingus_accounts = AccountBook(source, account_limit(environment))  # type: ignore[attr-defined]


def standalone_verdict(requests: int, p95_ms: float, fail_ratio: float, target_ms: float) -> list[str]:
    """Why a run alone does not pass; nothing when it does. Times in milliseconds. Pure."""
    if requests < 1:
        return ["no request was made"]
    reasons = []
    if not p95_ms <= target_ms:  # written so that NaN fails
        reasons.append(f"p95 {p95_ms:g} ms exceeds TARGET_P95_MS {target_ms:g} ms")
    if not fail_ratio <= MAX_FAIL_RATIO:
        reasons.append(f"{fail_ratio:.2%} of the requests failed, more than {MAX_FAIL_RATIO:.0%}")
    return reasons


def judge_alone(environment: Environment, **_: Any) -> None:
    """Set the exit code of a run without the harness."""
    if CONFIG_VARIABLE in os.environ or isinstance(environment.runner, WorkerRunner):
        return
    total = environment.stats.total
    p95 = total.get_response_time_percentile(0.95) if total.num_requests else math.nan
    reasons = standalone_verdict(total.num_requests, float(p95), total.fail_ratio, TARGET_P95_MS)
    if environment.runner is not None and environment.runner.exceptions:
        reasons.append("a user's code raised an exception (see above)")
    for reason in reasons:
        sys.stderr.write(f"FAIL: {reason}\n")
    # Set in both cases: Locust's own rule would exit 1 for a single failed request.
    environment.process_exit_code = 1 if reasons else 0


events.init.add_listener(listen_to_master)  # type: ignore[no-untyped-call]
events.test_start.add_listener(tell_workers)  # type: ignore[no-untyped-call]
events.test_start.add_listener(open_accounts)  # type: ignore[no-untyped-call]
events.quitting.add_listener(judge_alone)  # type: ignore[no-untyped-call]

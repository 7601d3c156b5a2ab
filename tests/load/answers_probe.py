"""Asks each path once with both of Locust's clients, as a Locust child does, and prints what each request came to.

Arguments: URL, seconds of the time-out, most bytes of a body, paths. In a process of its own: importing Locust patches.
"""

import json
import resource
import sys
from types import SimpleNamespace
from typing import Any

import locust  # noqa: F401 - first: it patches
from gevent.pool import Pool
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from exporters.load_errors import error_kind
from exporters.metric_names import ERROR_KINDS
from harness.load import answer_limits
from harness.load.client_defaults import apply_defaults

URL, SECONDS, MOST, *PATHS = sys.argv[1:]
answer_limits.MOST_BODY = int(MOST)
apply_defaults(URL, {}, float(SECONDS), None)
found: dict[str, Any] = {}


def ask(kind: str, path: str) -> None:
    told: list[Any] = []
    hook: Any = EventHook()  # type: ignore[no-untyped-call]
    hook.add_listener(lambda **event: told.append(event))
    user: Any = SimpleNamespace(context=dict)
    client: Any = (
        HttpSession(URL, hook, user)
        if kind == "plain"
        else FastHttpSession(
            URL, hook, user, network_timeout=float(SECONDS), connection_timeout=float(SECONDS), max_retries=0
        )
    )
    answer = client.get(path)
    event = told[0] if len(told) == 1 else {"exception": f"{len(told)} events"}
    error = event["exception"]
    found[f"{kind} {path}"] = {
        "error": "" if error is None else ERROR_KINDS[error_kind(error, event.get("response"))],
        "text": str(error), "status": answer.status_code, "bytes": event.get("response_length"),
    }  # fmt: skip


pool = Pool(100)
for each in PATHS:
    for client_kind in ("plain", "fast"):
        pool.spawn(ask, client_kind, each)
pool.join()
found["peak bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(found))

"""A plan and a locustfile as text, from what a service answered. Pure.

Everything from outside stands in them as a Python literal or a JSON string (which YAML reads as such), never as code.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pprint import pformat

from harness.plan.environment import escape
from harness.scaffold.openapi import Operation
from harness.scaffold.service import Asked

_VARIABLE = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")


@dataclass(frozen=True)
class Draft:
    """What is to be written.

    Attributes:
        chosen: operations that the load makes.
        left: (operation, why) of those that it does not.
        headers: of the plan; values with ``${NAME}`` stay so.
        allow_hosts: besides loopback.
        metrics: the service has some; ``pool``: they tell of a connection pool.
    """

    name: str
    url: str
    locustfile: str
    chosen: Sequence[Asked]
    left: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] | None = None
    allow_hosts: Sequence[str] = ()
    ca_file: str | None = None
    timeout: float = 10.0
    metrics: bool = False
    source: str = ""
    pool: bool = False


def locustfile_text(draft: Draft) -> str:
    """The locustfile: one task for each operation."""
    used: set[str] = set()
    variables = sorted({name for one in draft.chosen for name in _variables(one.operation)})
    source = f" from {_safe(draft.source)}" if draft.source else ""
    lines = [
        f'"""Load on {_safe(draft.name)}, written by `harness init`{source}.',
        "",
        "Each task is one request that the service answered when this was written. Make journeys of them: what",
        "people do one after another, as often as they do it.",
        '"""',
        "",
        *(["import os", ""] if variables else []),
        "from locust import HttpUser, between, task",
        "",
        # Read here, so that `harness check` tells that one is not set, and not each request of the load.
        *([*(f"{name} = os.environ[{name!r}]" for name in variables), ""] if variables else []),
        "",
        "class Visitor(HttpUser):",
        "    wait_time = between(0.5, 1.5)  # seconds that a person looks at an answer",
    ]
    for one in draft.chosen:
        lines += ["", *_task(one, used)]
    if draft.left:
        lines += ["", "", "# Left out:"]
        lines += [f"# - {_safe(words)}: {_safe(why)}" for words, why in draft.left]
    return "\n".join(lines) + "\n"


def plan_text(draft: Draft) -> str:
    """The plan: a short run to begin with; what to change for a day stands in its comments."""
    probe = next(
        (a for a in draft.chosen if a.operation.method == "GET" and a.status and not _variables(a.operation)), None
    )
    expects = {
        a.operation.path: a.status
        for a in draft.chosen
        if a.operation.method == "GET" and a.status and not (a.operation.headers or a.operation.queries)
    }
    headers = dict(draft.headers or {})
    lines = [
        f"# Load on {_safe(draft.name)}, written by `harness init`. Every key: docs/plan.md.",
        f"name: {_text(draft.name)}",
        "kind: smoke                    # for a day: soak, a stage of 24h, scrape_interval: 5s, growth objectives",
        "target:",
        f"  url: {_text(draft.url)}",
    ]
    if draft.allow_hosts:
        lines.append(f"  allow_hosts: [{', '.join(_text(host) for host in draft.allow_hosts)}]")
    lines.append(f"  timeout: {draft.timeout:g}s")
    if draft.ca_file:
        lines.append(f"  ca_file: {_text(draft.ca_file)}")
    if headers:
        lines.append("  headers:")
        lines += [f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in headers.items()]
    if probe is not None:
        lines.append(f"  health_path: {_text(probe.operation.path)}")
    if expects:
        lines.append("  expects:                     # asked before the load; another answer, and nothing starts")
        lines += [f"    {_text(path)}: {status}" for path, status in list(expects.items())[:10]]
    if draft.metrics:
        lines.append(f"  metrics: [{_text(draft.url + '/metrics')}]")
    else:
        lines.append("  # metrics: [http://localhost:5000/metrics]           # the service's own, where it has some")
    lines += [
        '  # processes: [{name: web, match: "gunicorn.*app"}]   # for memory, CPU, descriptors, restarts',
        "scrape_interval: 2s",
        "load:",
        f"  locustfile: {_text(draft.locustfile)}",
        "  warmup: 20s                  # not judged",
        "  stages:",
        "    - {duration: 10s, users: 10, spawn_rate: 2}",
        "    - {duration: 3m, users: 10}",
        "objectives:",
        "  latency_p95: 1s",
        "  error_ratio: 1%",
        '  throughput: ">= 1 rps"       # less would mean that hardly anything was tested',
    ]
    if draft.metrics and not draft.pool:
        lines.append("  db_pool_waiting: off         # every plan asks for it; its metrics tell of no pool")
    return "\n".join(lines) + "\n"


def _task(asked: Asked, used: set[str]) -> list[str]:
    operation = asked.operation
    arguments = [repr(operation.path), f"name={operation.name!r}"]
    secret = {name: value for name, value in operation.headers.items() if _VARIABLE.search(value)}
    fixed = {name: value for name, value in operation.headers.items() if name not in secret}
    if fixed or secret:
        pairs = [f"{name!r}: {value!r}" for name, value in fixed.items()]
        pairs += [f"{name!r}: {_from_environment(value)}" for name, value in secret.items()]
        arguments.append(f"headers={{{', '.join(pairs)}}}")
    if operation.queries:
        pairs = [f"{name!r}: {variable}" for name, variable in operation.queries.items()]
        arguments.append(f"params={{{', '.join(pairs)}}}")
    if operation.body is not None:
        literal = pformat(operation.body, width=100, sort_dicts=False).replace("\n", "\n            ")
        arguments.append(f"{'data' if operation.form else 'json'}={literal}")
    arguments.append("allow_redirects=False")  # a redirect may lead the load to another host
    return [
        "    @task",
        f"    def {_identifier(operation, used)}(self) -> None:",
        f"        self.client.{operation.method.lower()}(",
        *(f"            {argument}," for argument in arguments),
        "        )",
    ]


def _from_environment(value: str) -> str:
    """An expression of the value; its variable is a name of the locustfile."""
    match = _VARIABLE.search(value)
    assert match is not None
    before, after = value[: match.start()], value[match.end() :]
    parts = [repr(before)] if before else []
    parts.append(match[1])
    parts += [repr(after)] if after else []
    return " + ".join(parts)


def _variables(operation: Operation) -> list[str]:
    """Environment variables that the request takes."""
    found = (_VARIABLE.search(value) for value in operation.headers.values())
    return [*operation.queries.values(), *(match[1] for match in found if match)]


def _identifier(operation: Operation, used: set[str]) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", f"{operation.method} {operation.name}".lower(), flags=re.ASCII).strip("_")[:60]
    name = base = words if words.isidentifier() and not keyword.iskeyword(words) else "request"
    number = 2
    while name in used:
        name, number = f"{base}_{number}", number + 1
    used.add(name)
    return name


def _text(value: str) -> str:
    """A YAML scalar that reads as ``value``, whatever stands in it: variables are none."""
    return json.dumps(escape(value))


def _safe(text: str) -> str:
    """One line that ends no comment and no docstring."""
    line = "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
    return line.replace('"', "'").replace("\\", "/")[:200]

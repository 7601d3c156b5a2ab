"""What must hold between the fields of a plan. Pure: files are looked up by ``harness.plan.files``."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from harness.plan.arrivals import peak_rate
from harness.plan.capacity_checks import check_capacity
from harness.plan.model import Load, Plan
from harness.plan.no_effect import check_no_effect
from harness.plan.problems import Problems, did_you_mean
from harness.plan.stress import check_stress
from harness.plan.yaml_lines import Node

SEVERITIES = ("critical", "warning")
# The recording rules read windows of one minute; slower than this a window may hold fewer than the samples a rate
# needs.
MAX_SCRAPE_INTERVAL = 15.0
MAX_LOAD_SECONDS = 31 * 86_400.0

_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_ALERT = re.compile(r"[A-Z][A-Za-z0-9]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"'
_SELECTOR = re.compile(rf"\{{\s*{_MATCHER}(?:\s*,\s*{_MATCHER})*\s*,?\s*\}}")

Check = Callable[[Plan, Node, Problems], None]


def check_plan(plan: Plan, root: Node, problems: Problems, *, judging: bool = False) -> None:
    """Adds every problem found.

    Args:
        judging: no load will start by this plan, so no host needs to be allowed.
    """
    if not judging:
        _hosts(plan, root, problems)
        check_no_effect(plan, root, problems)
    for check in (
        _kind,
        _health_path,
        _headers,
        _names,
        _stages,
        _longest,
        _warmup,
        _scrape_interval,
        _selector,
    ):
        check(plan, root, problems)


def _kind(plan: Plan, root: Node, problems: Problems) -> None:
    if plan.kind == "stress":
        check_stress(plan, root, problems)
    check_capacity(plan, root, problems)


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def host_allowed(host: str, allowed: Collection[str]) -> bool:
    """Whether load may go to ``host``: it is named, or both are names of this very machine's loopback."""
    names = {name.lower().strip("[]") for name in allowed}
    return host.lower() in names or (is_loopback(host) and any(is_loopback(name) for name in names))


def _hosts(plan: Plan, root: Node, problems: Problems) -> None:
    host = urlsplit(plan.target.url).hostname or ""
    if not host_allowed(host, plan.target.allow_hosts):
        problems.add_loc(
            root,
            ("target", "url"),
            f"the host {host!r} is not in allow_hosts ({', '.join(plan.target.allow_hosts) or 'empty'})",
            f"if load may really go there: --allow-host {host}, or add it to target.allow_hosts",
        )


def _headers(plan: Plan, root: Node, problems: Problems) -> None:
    for name, value in plan.target.headers.items():
        loc = ("target", "headers", name)
        if not _HEADER_NAME.fullmatch(name):
            problems.add_loc(root, loc, f"{name!r} is no header name", "write for example Authorization: Bearer ...")
        if any((ord(c) < 32 and c != "\t") or ord(c) == 127 for c in value):
            problems.add_loc(
                root, loc, f"the header {name} holds a control character", "remove line breaks from its value"
            )
        # HTTP/1.1 header fields are ISO-8859-1; clients refuse the rest, with every request of the run.
        if any(ord(c) > 255 for c in value):
            problems.add_loc(
                root, loc, f"the header {name} holds a character that HTTP cannot carry", "encode its value in ASCII"
            )


def _names(plan: Plan, root: Node, problems: Problems) -> None:
    target = plan.target
    for section, names in (
        ("processes", [p.name for p in target.processes]),
        ("containers", list(target.containers)),
        ("databases", [d.name for d in target.databases]),
        ("redis", [r.name for r in target.redis]),
    ):
        first: dict[str, int] = {}
        for index, name in enumerate(names):
            if name in first:
                line = root.at(("target", section, first[name])).line
                problems.add_loc(
                    root,
                    ("target", section, index),
                    f"the name {name!r} stands twice in target.{section}" + (f", first on line {line}" if line else ""),
                    "give each its own name: it tells their series apart",
                )
            first.setdefault(name, index)
    for index, name in enumerate(target.containers):
        if not _CONTAINER.fullmatch(name):
            problems.add_loc(
                root, ("target", "containers", index), f"{name!r} is no container name", "docker ps lists the names"
            )


def _stages(plan: Plan, root: Node, problems: Problems) -> None:
    load = plan.load
    if load.model == "open":
        _rates(load, root, problems)
        return
    for index, stage in enumerate(load.stages):
        for key, given in (("rate", stage.rate is not None), ("shape", stage.shape is not None)):
            if given:
                problems.add_loc(
                    root,
                    ("load", "stages", index, key),
                    f"{key} belongs to the open model; this plan's model is closed",
                    "give users and spawn_rate instead, or write model: open above the stages",
                )
        if stage.users is None:
            problems.add_loc(
                root,
                ("load", "stages", index),
                f"stage {index + 1} of the load has no users",
                "add for example users: 50",
            )
    if all(stage.users == 0 for stage in load.stages):
        problems.add_loc(
            root,
            ("load", "stages"),
            "no stage has a user, so no request would be made",
            "give a stage users above zero",
        )


def _rates(load: Load, root: Node, problems: Problems) -> None:
    """The stages of the open model."""
    for index, stage in enumerate(load.stages):
        if stage.rate is None:
            problems.add_loc(root, ("load", "stages", index), "a stage of the open model needs rate", "add rate: 100")
        for key, value in (("users", stage.users), ("spawn_rate", stage.spawn_rate)):
            if value is not None:
                problems.add_loc(
                    root,
                    ("load", "stages", index, key),
                    f"{key} belongs to the closed model; this plan's model is open",
                    "give rate instead, in arrivals per second; slots: N sets how many may be under way at once",
                )
        if stage.shape == "sine" and not stage.rate:
            problems.add_loc(root, ("load", "stages", index), "a sine needs a rate to swing about", "add rate: 100")
    if peak_rate(load.rates) <= 0:
        problems.add_loc(root, ("load", "stages"), "no stage has an arrival, so no request would be made", "add a rate")


def _longest(plan: Plan, root: Node, problems: Problems) -> None:
    if plan.load.duration > MAX_LOAD_SECONDS:
        problems.add_loc(
            root,
            ("load", "stages"),
            f"the stages take {plan.load.duration / 86_400:.0f} days in all",
            f"check their units; at most {MAX_LOAD_SECONDS / 86_400:.0f} days are run",
        )


def _health_path(plan: Plan, root: Node, problems: Problems) -> None:
    paths: list[tuple[str, tuple[str, ...]]] = [(plan.target.health_path, ("target", "health_path"))]
    paths += [(path, ("target", "expects", path)) for path in plan.target.expects]
    for path, loc in paths:
        if not path.startswith("/") or any(c.isspace() or not c.isprintable() for c in path):
            problems.add_loc(root, loc, f"{path!r} is no path of a URL", "begin it with a slash: /health")


def _warmup(plan: Plan, root: Node, problems: Problems) -> None:
    if plan.load.warmup >= plan.load.duration:
        problems.add_loc(
            root,
            ("load", "warmup"),
            f"the warm-up ({plan.load.warmup:g} s) is as long as the whole load ({plan.load.duration:g} s): "
            "nothing would be left to judge",
            "shorten load.warmup or lengthen the last stage",
        )


def _scrape_interval(plan: Plan, root: Node, problems: Problems) -> None:
    if plan.scrape_interval > MAX_SCRAPE_INTERVAL:
        problems.add_loc(
            root,
            ("scrape_interval",),
            f"{plan.scrape_interval:g} s is too slow: the rules read windows of one minute",
            f"use {MAX_SCRAPE_INTERVAL:g}s or less",
        )


def _selector(plan: Plan, root: Node, problems: Problems) -> None:
    selector = plan.prometheus.selector if plan.prometheus else None
    if selector is not None and not _SELECTOR.fullmatch(selector.strip()):
        problems.add_loc(
            root,
            ("prometheus", "selector"),
            f"{selector!r} is no series selector",
            """write label matchers in braces, for example '{harness="mingus"}'""",
        )


def check_abort_on(root: Node, problems: Problems, alert_names: Collection[str] | None) -> None:
    """Before the plan is validated: it needs no other key, and is told together with what is wrong with those.

    Args:
        alert_names: names that ``abort_on`` may use; None when the rules are not at hand to compare with.
    """
    node = (root.mapping or {}).get("abort_on")
    known = [*SEVERITIES, *(alert_names or ())]
    for index, item in enumerate(node.value if node is not None and isinstance(node.value, list) else ()):
        word = item.text
        if word is None or word in known or (alert_names is None and _ALERT.fullmatch(word)):
            continue
        problems.add_loc(
            root,
            ("abort_on", index),
            f"{word!r} is neither a severity nor an alert{did_you_mean(word, known)}",
            f"write {' or '.join(SEVERITIES)}, or the name of an alert from prometheus/rules/alerts.yml",
        )

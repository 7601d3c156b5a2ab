"""The plan's ``objectives:`` section: limits, `off`, endpoints, and what every plan inherits. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from harness.plan.objectives import ENDPOINT_OBJECTIVES, INHERITED, SPECS, Objective, parse_limit, parse_users
from harness.plan.problems import Problems, did_you_mean
from harness.plan.yaml_lines import Node

OFF = frozenset({"off", "Off", "OFF", "false", "False", "FALSE", "no", "No", "NO"})
ENDPOINTS = "endpoints"
STRESSING = frozenset({"stress", "capacity"})
_ENDPOINT = re.compile(r"([A-Z][A-Z0-9_-]*) (\S(?:.*\S)?)")
_ORDER = {name: index for index, name in enumerate(SPECS)}


def canonical_order(objectives: Iterable[Objective]) -> tuple[Objective, ...]:
    """The order in which every report lists objectives: the whole run's first, then by endpoint."""
    return tuple(sorted(objectives, key=lambda o: (o.endpoint, o.method, _ORDER[o.name])))


def read_objectives(
    root: Node, section: Node | None, problems: Problems
) -> tuple[tuple[Objective, ...], tuple[str, ...]]:
    """Resolved objectives in canonical order, and the names that were removed by `off`.

    Of an endpoint's, the name is written "POST /login latency_p95".
    """
    found: list[Objective] = []
    removed: set[str] = set()
    entries = _mapping(root, ("objectives",), section, problems)
    for name, node in entries.items():
        loc = ("objectives", name)
        if name == ENDPOINTS:
            for endpoint, inner in _mapping(root, loc, node, problems).items():
                _endpoint(root, (*loc, endpoint), endpoint, inner, found, removed, problems)
            continue
        if name not in SPECS:
            problems.add_loc(root, loc, f"unknown objective {name!r}{did_you_mean(name, SPECS)}", _known(SPECS))
        elif node.text in OFF:
            removed.add(name)
        else:
            _limit(root, loc, name, "", "", node, found, problems)
    named = {o.name for o in found if not o.endpoint} | removed
    kind = (root.mapping or {}).get("kind")
    if kind is not None and kind.text == "capacity":
        named |= {"db_pool_waiting"}  # what runs out at the edge is asked for, not forbidden
    found += [
        Objective(name, limit, SPECS[name].op, inherited=True) for name, limit in INHERITED.items() if name not in named
    ]
    return canonical_order(found), tuple(sorted(removed))


def _endpoint(
    root: Node,
    loc: tuple[str | int, ...],
    endpoint: str,
    node: Node,
    found: list[Objective],
    removed: set[str],
    problems: Problems,
) -> None:
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None:
        problems.add_loc(
            root,
            loc,
            f"{endpoint!r} is no endpoint",
            'write the method in capitals and the request name: "POST /login"',
        )
        return
    inside = _mapping(root, loc, node, problems)
    if not inside and (node.value is None or node.mapping is not None):
        way_out = "write one, as {latency_p95: 500ms}, or remove it"
        problems.add_loc(root, loc, f"{endpoint!r} has no objective", way_out)
    for name, inner in inside.items():
        here = (*loc, name)
        if name not in ENDPOINT_OBJECTIVES:
            if name in SPECS:
                message = f"{name} belongs to the whole run, not to an endpoint"
            else:
                message = f"unknown objective {name!r}{did_you_mean(name, ENDPOINT_OBJECTIVES)}"
            problems.add_loc(root, here, message, _known(ENDPOINT_OBJECTIVES))
        elif inner.text in OFF:
            removed.add(f"{match[1]} {match[2]} {name}")
        else:
            _limit(root, here, name, match[1], match[2], inner, found, problems)


def _limit(
    root: Node,
    loc: tuple[str | int, ...],
    name: str,
    method: str,
    endpoint: str,
    node: Node,
    found: list[Objective],
    problems: Problems,
) -> None:
    spec = SPECS[name]
    kind = (root.mapping or {}).get("kind")
    if spec.family == "stress" and (kind is None or kind.text not in STRESSING):
        problems.add_loc(
            root,
            loc,
            f"{name} is judged in plans of kind stress and capacity only",
            f"write kind: stress, with steps of load, or remove {name}",
        )
        return
    if node.text is None:
        problems.add_loc(
            root, loc, f"{name}: a limit is missing here", f"write a limit, or {name}: off to leave this objective out"
        )
        return
    try:
        users = parse_users(name, node.text)
        limit, op = parse_limit(spec, node.text) if users is None else (users, spec.op)
    except ValueError as error:
        problems.add_loc(root, loc, str(error), f"{name}: off leaves this objective out")
        return
    unit = "users" if users is not None else ""
    found.append(Objective(name, limit, op, method=method, endpoint=endpoint, measured_in=unit))


def _mapping(root: Node, loc: tuple[str | int, ...], node: Node | None, problems: Problems) -> dict[str, Node]:
    if node is None or node.value is None:
        return {}
    if node.mapping is None:
        example = '"POST /login": {latency_p95: 500ms}' if len(loc) > 1 else "latency_p95: 800ms"
        problems.add_loc(root, loc, f"{loc[-1]} must be a mapping", f"write for example {example}")
        return {}
    return node.mapping


def _known(names: Iterable[str]) -> str:
    return "known: " + ", ".join(sorted(names, key=_ORDER.__getitem__))

"""``--set dotted.key=value``: places one value in a plan's tree before it is validated. Pure."""

from __future__ import annotations

import re

from harness.errors import PlanError
from harness.plan.environment import set_target_url
from harness.plan.yaml_lines import Node, parse_yaml

_SEGMENT = re.compile(r'"([^"]*)"|([^."]+)')
_NULLS = frozenset({"null", "~"})
MAX_LENGTH = 64 * 1024


def apply_override(root: Node, key: str, value: str) -> None:
    """Sets ``key`` in the tree; missing mappings on the way are made, list items are named by their number from 0.

    A value that begins with ``[`` or ``{`` is read as YAML, everything else as it stands (``off`` and ``>= 100 rps``
    need no quotes). A key that holds a dot or a space is named as it is where the plan has it, or in double quotes.

    Raises:
        PlanError: names the override; never its value, which may be a secret.
    """
    origin = f"--set {key[:120]}"
    node = _value_node(value, origin)
    steps = _steps(root, key, origin)
    if steps == ["target", "url"]:
        set_target_url(root, node)
        return
    parent = root
    for depth, step in enumerate(steps[:-1]):
        parent = _descend(parent, step, origin, ".".join(steps[: depth + 1]))
    _put(parent, steps[-1], node, origin, ".".join(steps[:-1]))


def _value_node(value: str, origin: str) -> Node:
    if len(value) > MAX_LENGTH:
        raise PlanError(f"{origin}: the value is longer than {MAX_LENGTH // 1024} KiB", remedy="write it into the plan")
    stripped = value.strip()
    if stripped[:1] in ("[", "{"):
        return _without_lines(parse_yaml(stripped, origin, origin=origin))
    return Node(None if stripped in _NULLS else value, 0, origin)


def _without_lines(node: Node) -> Node:
    for part in node.walk():
        part.line = 0
        part.key_lines = {}
    return node


def _steps(root: Node, key: str, origin: str) -> list[str]:
    """The path's steps; a key of the plan that itself holds dots is matched whole, the longest first."""
    steps: list[str] = []
    node: Node | None = root
    rest = key.strip()
    while rest:
        known = sorted((node.mapping or {}) if node else {}, key=len, reverse=True)
        step = next((k for k in known if rest == k or rest.startswith(k + ".")), None)
        if step is None:
            match = _SEGMENT.match(rest)
            if match is None or (match.end() < len(rest) and rest[match.end()] != "."):
                raise PlanError(f"{origin}: not a dotted key", remedy="write for example --set load.workers=2")
            step = match[1] if match[1] is not None else match[2].strip()
            consumed = match.end()
        else:
            consumed = len(step)
        if not step or rest[consumed:] == ".":
            raise PlanError(f"{origin}: a step of the key is empty", remedy="write for example --set load.workers=2")
        steps.append(step)
        node = _child(node, step)
        rest = rest[consumed + 1 :]
        if len(steps) > 16:
            raise PlanError(f"{origin}: the key has too many steps", remedy="write for example --set load.workers=2")
    if not steps:
        raise PlanError("--set: the key is empty", remedy="write for example --set load.workers=2")
    return steps


def _child(node: Node | None, step: str) -> Node | None:
    if node is None:
        return None
    if isinstance(node.value, dict):
        return node.value.get(step)
    if isinstance(node.value, list) and step.isdecimal() and int(step[:6]) < len(node.value):
        return node.value[int(step[:6])]
    return None


def _descend(parent: Node, step: str, origin: str, where: str) -> Node:
    if parent.value is None:
        parent.value = {}
    if isinstance(parent.value, dict):
        child = parent.value.get(step)
        if child is None or child.value is None:
            child = parent.value[step] = Node({}, 0, origin)
    else:
        child = _item(parent, step, origin, where)
    if not isinstance(child.value, dict | list):
        raise PlanError(
            f"{origin}: {where} is a single value and holds no further keys",
            remedy=f"set {where} itself, or check the key",
        )
    return child


def _put(parent: Node, step: str, node: Node, origin: str, where: str) -> None:
    if parent.value is None:
        parent.value = {}
    if isinstance(parent.value, dict):
        parent.value[step] = node
        parent.key_lines.pop(step, None)
        return
    _item(parent, step, origin, where)
    assert isinstance(parent.value, list)
    parent.value[int(step)] = node


def _item(parent: Node, step: str, origin: str, where: str) -> Node:
    assert isinstance(parent.value, list)
    child = _child(parent, step)
    if child is None:
        raise PlanError(
            f"{origin}: {where or 'the plan'} is a list of {len(parent.value)} items and has no item {step[:40]!r}",
            remedy="items are numbered from 0, for example load.stages.0.users",
        )
    return child

"""``${VAR}`` in a plan's values, and the variables of the original suite. Pure: the environment is passed in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from harness.plan.problems import Problems
from harness.plan.yaml_lines import Node

TARGET_URL = "TEST_BASE_URL"
TARGET_P95_MS = "TARGET_P95_MS"
PCT_MOBILE = "PCT_MOBILE"
NOTIFY_WEBHOOK_URL = "NOTIFY_WEBHOOK_URL"

_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{")
MAX_VALUE = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_LOOPBACK = "localhost"
_LOOPBACK_HOSTS = frozenset({_LOOPBACK, "127.0.0.1", "::1"})


def substitute(root: Node, environ: Mapping[str, str], problems: Problems) -> None:
    """Replaces ``${VAR}`` and ``${VAR:-default}`` in every scalar of the tree, in place; ``$${`` stands for ``${``.

    As in a shell, the default also stands in for an empty variable. The value is inserted after parsing, so that
    nothing in a variable can change the plan's structure.
    """
    for node in root.walk():
        if node.text is not None and "${" in node.text:
            node.value = _expand(node, node.text, environ, problems)


def _expand(node: Node, text: str, environ: Mapping[str, str], problems: Problems) -> str:
    def value_of(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name, default = match[1], match[2]
        if name is None:
            problems.add_at(
                node,
                "'${' begins a variable that is not complete",
                "write ${NAME} or ${NAME:-default}; $${ for the plain characters ${",
            )
            return ""
        value = environ.get(name)
        if default is not None:
            return value or default
        if value is None:
            problems.add_at(
                node,
                f"the environment variable {name} is not set",
                f"export {name}=..., or give a default in the plan: ${{{name}:-default}}",
            )
            return ""
        return value

    expanded = _VARIABLE.sub(value_of, text)
    if len(expanded) > MAX_VALUE:
        problems.add_at(node, f"the value is longer than {MAX_VALUE // 1024} KiB once its variables are filled in", "")
        return ""
    return expanded


def escape(text: str) -> str:
    """Text that ``substitute`` turns back into ``text``."""
    return text.replace("${", "$${")


def apply_suite_variables(root: Node, environ: Mapping[str, str], problems: Problems) -> None:
    """TEST_BASE_URL, TARGET_P95_MS and NOTIFY_WEBHOOK_URL win over the plan; PCT_MOBILE is only checked: the
    locustfile reads it itself.

    A TEST_BASE_URL names a service that runs already, so a reference target is not started.
    """
    url = environ.get(TARGET_URL, "").strip()
    if url:
        set_target_url(root, Node(escape(url), 0, f"environment variable {TARGET_URL}"))
    limit = environ.get(TARGET_P95_MS, "").strip()
    if limit:
        milliseconds = _number(limit)
        if not 0 < milliseconds < math.inf:
            problems.add(
                f"{limit[:80]!r} is not a number of milliseconds above zero",
                origin=f"environment variable {TARGET_P95_MS}",
                remedy=f"set it to a number such as 800, or unset {TARGET_P95_MS}",
            )
        else:
            origin = f"environment variable {TARGET_P95_MS}"
            section = _child(root, "objectives", origin)
            if section is not None:
                section["latency_p95"] = Node(repr(milliseconds / 1000), 0, origin)
    hook = environ.get(NOTIFY_WEBHOOK_URL, "").strip()
    if hook:
        origin = f"environment variable {NOTIFY_WEBHOOK_URL}"
        section = _child(root, "notify", origin)
        if section is not None:
            section["webhook"] = Node(escape(hook), 0, origin)
    mobile = environ.get(PCT_MOBILE, "").strip()
    if mobile and not 0 <= _number(mobile) <= 1:
        problems.add(
            f"{mobile[:80]!r} is not a share between 0 and 1",
            origin=f"environment variable {PCT_MOBILE}",
            remedy=f"set it to a share such as 0.6, or unset {PCT_MOBILE}",
        )


def set_target_url(root: Node, url: Node) -> None:
    """Puts a URL from outside the plan in place; the harness then starts no reference target."""
    section = _child(root, "target", url.origin)
    if section is not None:
        section["url"] = url
        section.pop("reference", None)


def target_url(root: Node) -> Node | None:
    """The node of target.url; None when the plan has none."""
    section = (root.mapping or {}).get("target")
    return (section.mapping or {}).get("url") if section is not None else None


def move_metrics(root: Node, before: Node | None, environ: Mapping[str, str]) -> None:
    """Where target.url was replaced, target.metrics of its old address goes to the new one: it is the same service.

    Args:
        before: target.url as the plan's file has it; None when it has none.
    """
    now = target_url(root)
    if before is None or now is None or now is before or not before.text or not now.text:
        return
    old = _address(_expand(before, before.text, environ, Problems("")))
    metrics = root.at(("target", "metrics"))
    if old is None or _address(now.text) is None or not isinstance(metrics.value, list):
        return
    new = urlsplit(now.text)
    for item in metrics.value:
        if item.text and not item.origin and _address(item.text) == old:
            item.value = urlunsplit(urlsplit(item.text)._replace(scheme=new.scheme, netloc=new.netloc))


def _address(url: str) -> tuple[str, str, str, int | None] | None:
    """Scheme, user, host and port, the same for each spelling; None for what is no URL, which validation tells."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    user = parts.netloc.rpartition("@")[0]
    return (parts.scheme, user, _LOOPBACK if host in _LOOPBACK_HOSTS else host, port) if host else None


def _child(root: Node, key: str, origin: str) -> dict[str, Node] | None:
    if root.mapping is None:
        return None
    node = root.mapping.get(key)
    if node is None or node.value is None:
        node = root.mapping[key] = Node({}, 0, origin)
    return node.mapping


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan

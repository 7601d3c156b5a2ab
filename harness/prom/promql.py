"""What an expression reads: PromQL as text, without a parser. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
# In this order: a string may hold a "#", a comment may hold a quote.
_TOKEN = re.compile(r"""(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)|(?P<comment>\#[^\n]*)""")
_SELECTOR = re.compile(r"([\w:]*)\s*\{([^{}]*)\}")
_BEFORE_NAMELESS = frozenset({"", "and", "or", "unless", "atan2", "bool"})
_REQUESTS_OF_ENDPOINTS = re.compile(r"(?<![\w:])(locust_request_\w+)(?![\w:])(?:\{([^{}]*)\})?")
_NAME_MATCHER = re.compile(r"__name__\s*(=~|!~|!=|=)\s*\0(\d+)\0")


def mentioned_names(expr: str) -> frozenset[str]:
    """Every word of a PromQL expression that could be a metric's name, ``{__name__="x"}`` included.

    Strings and comments do not count. Function and label names are among them: intersect with names you know.
    """
    bare, names, _ = _words(expr)
    return bare | names


def names_read(expr: str, known: Iterable[str]) -> frozenset[str]:
    """Those of the ``known`` metric names that an expression may read.

    A regex or negation on ``__name__`` counts, and a selector without any name ({job="x"}) reads every one.
    """
    bare, exact, patterns = _words(expr)
    if ("", "") in patterns:
        return frozenset(known)
    wanted = bare | exact
    found = set()
    for name in known:
        if name in wanted:
            found.add(name)
            continue
        for operator, pattern in patterns:
            try:
                matches = re.fullmatch(pattern, name) is not None
            except re.error:
                matches = True  # not a Python regex: reading it is the safe assumption
            if operator == "!=" or (operator == "!~") != matches:
                found.add(name)
    return frozenset(found)


def _hide_strings(expr: str) -> tuple[str, list[str]]:
    """The expression with each string, quotes included, replaced by NUL index NUL and each comment by a blank."""
    strings: list[str] = []

    def hide(match: re.Match[str]) -> str:
        if match["comment"]:
            return " "
        strings.append(match["string"])
        return f"\0{len(strings) - 1}\0"

    return _TOKEN.sub(hide, expr), strings


def _unquote(text: str) -> str:
    return text[1:-1] if text[0] == "`" else re.sub(r"\\(.)", r"\1", text[1:-1])


def _words(expr: str) -> tuple[frozenset[str], frozenset[str], list[tuple[str, str]]]:
    """(words outside strings, names matched exactly, other matchers on __name__ as (operator, text)).

    A selector without a name stands among the matchers as ("", "").
    """
    plain, strings = _hide_strings(expr)
    exact: set[str] = set()
    patterns: list[tuple[str, str]] = []
    for operator, index in _NAME_MATCHER.findall(plain):
        if operator == "=":
            exact.add(_unquote(strings[int(index)]))
        else:
            patterns.append((operator, _unquote(strings[int(index)])))
    for before, inside in _SELECTOR.findall(plain):
        if before.lower() in _BEFORE_NAMELESS and "__name__" not in inside:
            patterns.append(("", ""))
    return frozenset(_METRIC.findall(re.sub(r"\0\d+\0", " ", plain))), frozenset(exact), patterns


def of_endpoints(expr: str, names: str) -> str:
    """The expression with each raw request metric in it held to endpoints.

    Args:
        names: what stands between the quotes of a regular-expression matcher on ``name``.
    """
    held = f'name=~"{names}"'
    return _REQUESTS_OF_ENDPOINTS.sub(lambda m: m[1] + "{" + ", ".join(filter(None, (m[2], held))) + "}", expr)


def any_of(values: Iterable[str]) -> str:
    """A regular expression that matches exactly these values, as it stands between the double quotes of a matcher."""
    pattern = "|".join(re.sub(r"([.+*?()|\[\]{}^$\\])", r"\\\1", value) for value in values)
    return pattern.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def inlined(expr: str, rules: Mapping[str, str], step: float, harmless: Collection[str]) -> str | None:
    """The expression with recorded names replaced by what records them: so that it can be asked at one moment alone.

    Args:
        rules: recorded name -> its expression.
        step: seconds between evaluations, for what looks back over a recorded name.
        harmless: matchers that hold for every series, and so may be dropped.

    Returns:
        None where a recorded name is read with another matcher.
    """
    lost = False

    def replaced(match: re.Match[str]) -> str:
        nonlocal lost
        matchers = [part.strip() for part in (match[2] or "").split(",") if part.strip()]
        inner = inlined(rules[match[1]], rules, step, harmless)
        if inner is None or any(part not in harmless for part in matchers):
            lost = True
            return match[0]
        return f"({inner})" + (f"[{match[3]}:{round(step * 1000)}ms]" if match[3] else "")

    if not rules:
        return expr
    names = "|".join(re.escape(name) for name in sorted(rules, key=len, reverse=True))
    found = re.sub(rf"(?<![\w:])({names})(?![\w:])(?:\{{([^{{}}]*)\}})?(?:\[(\w+)\])?", replaced, expr)
    return None if lost else found


def quoted(value: str) -> str:
    """A label's value as it stands in a matcher, quotes included."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

"""The variables of the queries, and what stands for them outside Grafana. Pure."""

from __future__ import annotations

import re

ANY = ".*"
# Grafana's own: the edges of the range that is shown, in unix seconds, and its length.
FROM = "${__from:date:seconds}"
TO = "${__to:date:seconds}"
RANGE = "$__range"
# How much of either end of the range growth panels average, a choice on top of the dashboard.
WINDOW = "$window"
# "$1" belongs to label_replace.
_VARIABLE = re.compile(r"\$\{(?P<braced>\w+)(?::[\w:]+)?\}|\$(?P<plain>[A-Za-z_]\w*)")


def expand(
    expr: str,
    *,
    stack: str,
    start: float,
    end: float,
    run: str = ANY,
    process: str = ANY,
    pool: str = ANY,
    endpoint: str = ANY,
    window: float | None = None,
) -> str:
    """A query's template as PromQL.

    Args:
        stack: the label ``harness`` of the run's series; matched exactly.
        start, end: the range that is shown, unix seconds; growth panels compare its first with its last hour, so give
            the steady state where it is known.
        run, process, pool, endpoint: regular expressions on ``run_id``, ``subject``, ``pool`` and ``name``, as Grafana
            makes them from what was chosen. A live run's and a run directory's own series have no ``run_id``.
        window: seconds of either end of the range that growth panels average; None: an hour, or a quarter of a range
            that is shorter than four.

    Raises:
        ValueError: the template holds a variable that has no value here.
    """
    if window is None:
        window = min(3600.0, (end - start) / 4)
    values = {
        "stack": _text(stack), "run": _text(run), "process": _text(process), "pool": _text(pool),
        "endpoint": _text(endpoint), "__from": f"{start:.3f}", "__to": f"{end:.3f}",
        "__range": f"{max(1, round(end - start))}s", "window": f"{max(1, round(window))}s",
    }  # fmt: skip

    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        if name not in values:
            raise ValueError(f"no value for the variable ${name} of {expr!r}")
        return values[name]

    return _VARIABLE.sub(value, expr)


def _text(value: str) -> str:
    """Within the double quotes of a PromQL string."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

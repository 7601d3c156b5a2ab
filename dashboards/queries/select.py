"""The parts that every query is made of. Pure.

Each query is held to the stack (``$stack``) and to the chosen runs (``$run``: a regular expression on ``run_id``, a
label that only replayed runs have). What joins or sums keeps both labels, so that several runs never mix.
"""

from __future__ import annotations

from exporters.metric_names import OBJECTIVE

KEEP = "harness, run_id"
_HELD = 'harness="$stack", run_id=~"$run"'

SUBJECT = 'subject=~"$process"'
POOL = 'pool=~"$pool"'
ENDPOINT = 'name=~"$endpoint"'


def series(name: str, *matchers: str) -> str:
    """A selector of ``name`` in the chosen stack and runs."""
    return f"{name}{{{', '.join((_HELD, *matchers))}}}"


def by(*labels: str) -> str:
    """``by`` or ``on`` list: the stack, the run and these."""
    return f"({', '.join((KEEP, *labels))})"


def kept(selector: str) -> str:
    """A series that is written every 15 s (alerts, quantiles per endpoint), without gaps between.

    The look-back is three scrape intervals: below 5 s it is shorter than that.
    """
    return f"last_over_time({selector}[20s])"


def any_of(label: str, *values: str) -> str:
    """A matcher: the label has one of these values (plain words)."""
    return f'{label}=~"{"|".join(values)}"'


def limit(*objectives: str) -> str:
    """The limits of objectives over the whole run, one series per objective."""
    limits = series(OBJECTIVE, any_of("objective", *objectives), 'name=""')
    return f"max by {by('objective')} ({limits})"


def endpoint_limit(*objectives: str) -> str:
    """The limits of endpoints' own objectives, one series per endpoint and objective."""
    limits = series(OBJECTIVE, any_of("objective", *objectives), 'name!=""', ENDPOINT)
    return f"max by {by('method', 'name', 'objective')} ({limits})"


def cells(expr: str, *labels: str) -> str:
    """A table's column: one value per row, which these labels name, and no other label that would split the rows."""
    return f"max by {by(*labels)} ({expr})"

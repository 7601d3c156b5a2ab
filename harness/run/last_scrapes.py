"""What the load counted last is in its processes only until it was scraped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from harness.errors import QueryError
from harness.run.live_view import LiveView, last_scrapes_missing
from harness.run.protocols import Telemetry

_INTERVALS = 3
_SLACK = 5.0  # seconds
_LOOK_EVERY = 0.2  # seconds


def await_last_scrapes(
    view: LiveView,
    telemetry: Telemetry,
    targets: Sequence[tuple[str, str]],
    interval: float,
    clock: Callable[[], float],
) -> Sequence[str]:
    """Waits until every process of the load was scraped after this moment, three intervals at most.

    Args:
        targets: (name, address) of the processes.
        interval: seconds between scrapes.
        clock: unix seconds.

    Returns:
        The instances that were not.
    """
    since = clock()
    try:
        instances = telemetry.load_instances(targets)
    except QueryError:
        instances = [instance for instance, _ in targets]
    deadline = time.monotonic() + _INTERVALS * interval + _SLACK
    while missing := last_scrapes_missing(view, instances, since, clock()):
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_EVERY)
    return missing

"""How many examples a fuzz test tries: few for every change, a thousand and more in `make test-long`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

MANY = 1000  # of every kind of input (make test-long sets HARNESS_FUZZ_CASES)


def cases(few: int, most: int | None = None) -> Callable[[Any], Any]:
    """Settings of one fuzz test.

    Args:
        few: examples in CI, the same ones each time.
        most: examples at most, for input whose every case takes a second.
    """
    asked = int(os.environ.get("HARNESS_FUZZ_CASES", "0"))
    number = max(few, asked) if most is None else max(few, min(asked, most))
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))

"""When a Locust worker is replaced, and how long its successor waits. Pure."""

from __future__ import annotations

JOIN_TIMEOUT = 60.0  # seconds for a restarted worker to come up before it is killed and started anew
MISSING_TIMEOUT = 15.0  # seconds without a heartbeat before a worker that still exists is taken for hung
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
HEALTHY_AFTER = 60.0  # seconds of life after which the next death is restarted at once again


def why_replace(*, age: float, announced: bool, missing: float | None) -> str | None:
    """Why a worker that exists must be replaced; None: it is well.

    Args:
        age: seconds since its start.
        announced: whether it serves by now.
        missing: seconds for which its master has not heard from it; None while it does.
    """
    if not announced:
        return "it did not come up in time" if age > JOIN_TIMEOUT else None
    return "it hung" if missing is not None and missing > MISSING_TIMEOUT else None


def failures_in_a_row(before: int, lived: float) -> int:
    """Deaths in a row, this one included, after ``before``: one that lived long begins anew."""
    return 1 if lived > HEALTHY_AFTER else before + 1


def back_off(failures: int) -> float:
    """Seconds before the next start: none after the first death, then doubling up to ``LONGEST_BACK_OFF``."""
    if failures <= 1:
        return 0.0
    # The exponent is bounded: a night of deaths must not overflow it.
    return min(FIRST_BACK_OFF * 2.0 ** min(failures - 2, 16), LONGEST_BACK_OFF)

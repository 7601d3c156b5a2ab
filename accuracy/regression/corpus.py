"""Builds of the reference target to compare with each other, and what each must be found as.

Dashboards wait 100 ms in every build, as for another service: 10 % of what Mingus itself takes would be half a
millisecond, and that is the same by any standard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.judge.regression_rows import Row

BASE = ("slow_dashboard:ms=100",)


@dataclass(frozen=True)
class Build:
    """One build.

    Attributes:
        faults: switches of the reference target that make it.
        named: queries of which one at least must be worse; empty: nothing may be.
        follows: queries that truly change with it, so that naming them is no false alarm.
        planted: the same change made in numbers: by query and endpoint ("" for all) the factor of its values.
    """

    name: str
    words: str
    faults: tuple[str, ...]
    named: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    planted: tuple[tuple[str, str, float], ...] = ()

    def found(self, worse: Sequence[Row]) -> bool:
        return any(row.query in self.named and self._its(row) for row in worse)

    def false(self, worse: Sequence[Row]) -> list[Row]:
        """What is called worse though it is not."""
        return [row for row in worse if row.query not in (*self.named, *self.follows) or not self._its(row)]

    def _its(self, row: Row) -> bool:
        """The slower dashboard makes no other endpoint slower."""
        return self.name != "latency" or row.labels.get("name", "/dashboard") == "/dashboard"


BUILDS = (
    Build("base", "the same build", BASE),
    Build(
        "latency",
        "+10 % latency of GET /dashboard",
        ("slow_dashboard:ms=111",),
        ("endpoint_latency_mean", "endpoint_latency_p50", "endpoint_latency_p95"),
        ("latency_mean", "latency_p50", "latency_p95", "latency_p99", "endpoint_latency_p99"),
        tuple((f"endpoint_latency_{what}", "/dashboard", 1.10) for what in ("mean", "p50", "p95", "p99")),
    ),
    Build(
        "cpu",
        "+20 % CPU per request",
        (*BASE, "cpu_work:ms=0.73"),
        ("cpu_per_1000_requests",),
        planted=(("cpu_per_1000_requests", "", 1.20),),
    ),
    Build(
        "throughput",
        "-5 % throughput (one request of 120 waits 6.6 s)",
        (*BASE, "rare_wait:requests=120,ms=6600"),
        ("throughput",),
        # By Little's law the users who wait are both less throughput and a higher mean.
        ("latency_mean", "endpoint_latency_mean"),
        (("throughput", "", 0.95),),
    ),
)

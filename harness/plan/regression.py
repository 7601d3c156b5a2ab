"""Regression queries: what is asked of two runs to tell whether one is worse. Frozen types. Pure.

The shipped ones stand in ``prometheus/regression.yml``; a plan adds its own below ``baseline.queries``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from harness.units import parse_bytes, parse_duration, parse_rate, parse_ratio

WINDOW = "$window"
STACK = "$stack"
# Kinds of plans whose load is no steady one: their runs are compared by what they hold, not by queries.
NO_STEADY_LOAD = ("stress", "capacity")

Ratio = Annotated[float, BeforeValidator(parse_ratio)]
Seconds = Annotated[float, BeforeValidator(parse_duration)]
_PARSERS: dict[str, Callable[[str | int | float], float]] = {
    "seconds": parse_duration,
    "ratio": parse_ratio,
    "ratio/h": parse_ratio,
    "bytes": parse_bytes,
    "rps": parse_rate,
}


class RegressionQuery(BaseModel):
    """One query, evaluated over equal sub-windows of the steady state of each run.

    Attributes:
        query: PromQL with ``$window``, the sub-window's length; each series of the answer is compared by itself.
            ``$stack`` is the value of the label ``harness``; series of another stack are left out.
        better: the direction that is good.
        change: "relative" compares logarithms, "absolute" differences in ``unit`` (for what may be 0).
        tolerance: a change up to it is the same: a share, or a quantity in ``unit`` where the change is absolute.
        minimum: a change smaller than this, in ``unit``, is the same too, however large a share it is.
        between_runs: standard deviation between runs of one build that is assumed until earlier runs have shown it;
            as ``tolerance``.
        objective: the plan's objective that is about the same; such a query gates where the plan has it.
        least_requests: fewest requests in each sub-window of the series' endpoint, or of the load.
        least_window: a shorter sub-window says nothing.
        paced: CPU time, which is compared at one pace of the machine (``Pace``) where every run told it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    query: Annotated[str, Field(min_length=1, max_length=4000)]
    better: Literal["lower", "higher"] = "lower"
    change: Literal["relative", "absolute"] = "relative"
    unit: Annotated[str, Field(max_length=40)] = ""
    signal: Literal[
        "latency", "errors", "throughput", "memory", "cpu", "fds", "threads", "disk", "db_pool", "redis"
    ]  # fmt: skip
    tolerance: Annotated[Ratio, Field(gt=0)] = 0.05
    minimum: Annotated[float, Field(ge=0)] = 0.0
    between_runs: Annotated[Ratio, Field(gt=0)] = 0.02
    objective: str = ""
    least_requests: Annotated[int, Field(ge=0)] = 0
    least_window: Seconds = 0.0
    paced: bool = False

    @model_validator(mode="before")
    @classmethod
    def _in_its_unit(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        unit = str(data.get("unit", ""))
        read = {}
        for key in ("minimum", *(("tolerance", "between_runs") if data.get("change") == "absolute" else ())):
            if not isinstance(data.get(key), str | int | float):
                continue
            try:
                read[key] = _PARSERS.get(unit, float)(data[key])
            except (TypeError, ValueError):
                raise ValueError(f"{key} {data[key]!r} is no quantity of the unit {unit!r}") from None
        return {**data, **read}

    @model_validator(mode="after")
    def _what_a_pace_divides(self) -> Self:
        if self.paced and (self.signal != "cpu" or self.better != "lower" or self.change != "relative"):
            raise ValueError(
                f"the query {self.name!r} is paced, which is for relative changes of CPU time: lower is better"
            )
        return self

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if WINDOW not in self.query:
            raise ValueError(f"the query {self.name!r} does not name {WINDOW}, so it would not speak of its sub-window")
        return self


class Pace(BaseModel):
    """How fast the target's machine computes: what a request costs the load generator that runs on it.

    Attributes:
        cpu: PromQL of the generator's CPU seconds per 1,000 requests in ``$window``; no series where it does not run
            on the target's machine.
        answer_bytes: PromQL of the mean size of an answer in ``$window``: larger ones are more work for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpu: Annotated[str, Field(min_length=1)]
    answer_bytes: Annotated[str, Field(min_length=1)]


class QuerySet(BaseModel):
    """What is asked of each run.

    Attributes:
        requests: PromQL of the number of requests of each endpoint in ``$window``.
        pace: None: no query is ``paced``.
    """

    model_config = ConfigDict(frozen=True)

    requests: str
    queries: tuple[RegressionQuery, ...]
    pace: Pace | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(query.name for query in self.queries)

    def named(self, name: str) -> RegressionQuery:
        return next(query for query in self.queries if query.name == name)

    def with_own(self, own: tuple[RegressionQuery, ...]) -> QuerySet:
        """With a plan's queries; one of the same name replaces the shipped one."""
        names = {query.name for query in own}
        kept = (query for query in self.queries if query.name not in names)
        return QuerySet(requests=self.requests, queries=(*kept, *own), pace=self.pace)


class Baseline(BaseModel):
    """Earlier runs to compare with.

    Attributes:
        name: of a baseline that was set by hand.
        last_passed: so many of the newest comparable runs of this plan that passed.
        require: queries of which the plan requires an answer: worse is FAIL, "cannot tell" INCONCLUSIVE. None: those
            about the plan's objectives gate, and need no answer.
        queries: of the plan's own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")] | None = None
    last_passed: Annotated[int, Field(ge=1, le=100)] | None = None
    require: tuple[str, ...] | None = None
    queries: tuple[RegressionQuery, ...] = ()

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [query.name for query in self.queries]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the query {twice[0]!r} is there twice")
        return self

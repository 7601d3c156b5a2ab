"""What one load showed while it was held: did the objectives of the requests hold, break, or is there no evidence?

The same reading of the same raw samples is made live, where it steers the search, and of the archive, where it makes
the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from exporters import metric_names as names
from harness.judge.capacity_search import Shown
from harness.judge.context import exactly
from harness.judge.counter_window import growth, rate
from harness.judge.counters import spellings
from harness.judge.generator import CPU_LIMIT, LAG_LIMIT
from harness.judge.load_made import LEAST_LOAD
from harness.judge.results import ENOUGH_RECORDED
from harness.judge.shares import LEAST_REQUESTS
from harness.judge.surplus import MOST_LOAD
from harness.judge.windows import Window
from harness.plan.model import Plan
from harness.plan.objectives import Objective
from harness.prom.series import FloatArray, Series
from harness.units import format_value

LAG_SHARE = 0.01  # of the event loop's delays may be over the limit: a p99
DROPPED_LIMIT = 0.01
POISSON = 4.0  # standard deviations: arrivals of independent visitors vary by themselves
_BEFORE = 3.5  # scrape intervals before a window, in which a counter's value at its start is found


class RawSamples(Protocol):
    def raw(self, selector: str, start: float, end: float) -> list[Series]:
        """Raises QueryError."""


@dataclass(frozen=True)
class ProbeReading:
    """What one window of one load showed.

    Attributes:
        why: why it shows nothing, or what the load generator lacked; empty otherwise.
        broken: objectives over their limit.
        certain: they stay so, even if every further request up to the planned end were good.
    """

    shown: Shown
    why: str = ""
    broken: tuple[str, ...] = ()
    requests: float = 0.0
    failed: float = 0.0
    rps: float = math.nan
    certain: bool = False

    @property
    def error_ratio(self) -> float | None:
        return self.failed / self.requests if self.requests > 0 else None


@dataclass(frozen=True)
class ProbeReader:
    """Reads windows of one run's load.

    Attributes:
        stack: value of the label ``harness``.
        interval: seconds between scrapes.
    """

    api: RawSamples
    plan: Plan
    stack: str
    interval: float

    def read(self, load: float, window: Window, planned: float = 0.0) -> ProbeReading:
        """A window in which ``load`` (users, or arrivals per second) was held.

        Args:
            planned: seconds that it shall last in all; 0: it is over.

        Raises:
            QueryError: a query failed; that is never "no data".
        """
        answered, nothing = self._scraped(window)
        nothing = nothing or self._unmeasured(window, answered) or self._surplus(load, window, answered)
        if nothing:
            return ProbeReading("void", nothing)
        requests = self.counted(names.REQUEST_DURATION + "_count", window)
        failed = self._failed(window)
        short, dropped = self._short(load, window, answered)
        broken, certain, few = self._over(window, planned)
        generator = self._fault(window)
        rps = self._rate(names.REQUEST_DURATION + "_count", window)

        def reading(shown: Shown, why: str = "") -> ProbeReading:
            return ProbeReading(shown, why, broken, requests, failed, rps, certain)

        if short:
            return reading("generator", f"{short}{f' ({generator})' if generator else ''}")
        if broken:
            # A target that holds every slot is over its limits; a generator at its own limit makes them so itself.
            return reading("generator", generator) if generator else reading("broke")
        if dropped:
            return reading("generator", dropped)
        if few:
            return reading("void", few)
        return reading("held")

    def counted(self, name: str, window: Window, /, **labels: str | tuple[str, ...]) -> float:
        """How much the counters of a name grew in a window, over all its series."""
        found = self.api.raw(self._selector(name, labels), window.start - _BEFORE * self.interval, window.end)
        born = self._scraped_before(window)
        return math.fsum(growth(one, window, one.labels.get("instance", "") in born) for one in found)

    def _rate(self, name: str, window: Window) -> float:
        """How much the counters of a name grew per second, over all its series."""
        found = self.api.raw(self._selector(name, {}), window.start - _BEFORE * self.interval, window.end)
        born = self._scraped_before(window)
        return math.fsum(rate(one, window, one.labels.get("instance", "") in born, self.interval) for one in found)

    def _failed(self, window: Window, /, **labels: str) -> float:
        """Requests that nobody called good: those that failed, and those of which no outcome is known."""
        count = names.REQUEST_DURATION + "_count"
        known = self.counted(count, window, outcome="error", **labels)
        return max(known, self.counted(count, window, **labels) - self.counted(count, window, outcome="ok", **labels))

    def _over(self, window: Window, planned: float) -> tuple[tuple[str, ...], bool, str]:
        """Objectives over their limit; whether they stay so; why something cannot be told."""
        broken, certain, few = [], False, ""
        for objective in self.plan.objectives:
            family, share = objective.spec.family, objective.limit
            if family not in ("latency", "ratio"):
                continue
            total = self.counted(names.REQUEST_DURATION + "_count", window, **_of(objective))
            if family == "latency":
                share = 1 - (objective.spec.quantile or 0.0)
                within = self._within(objective, window)
                if within is None:
                    few = few or f"{objective.name}: the requests were not counted at {objective.limit:g} s"
                    continue
                bad = total - within
            else:
                bad = self._failed(window, **_of(objective))
            name = f"{objective.subject} {objective.name}" if objective.endpoint else objective.name
            if bad > share * total + 1e-9:
                broken.append(name)
                certain |= planned > 0 and bad > share * total * max(1.0, planned / window.span)
            elif total < max(LEAST_REQUESTS, math.ceil(1 / share - 1e-9) if share > 0 else 0):
                if total <= 0 and not objective.endpoint and self._counts_requests(window):
                    broken.append(name)  # users wait, and nobody was answered
                else:
                    few = few or f"{total:.0f} requests are too few to show {name}: hold longer (capacity.hold)"
        return tuple(broken), certain, few

    def _counts_requests(self, window: Window) -> bool:
        """Whether somebody counts them: a counter that stands still is a fact, one that is not there is none."""
        start = window.start - _BEFORE * self.interval
        return bool(self.api.raw(self._selector(names.REQUEST_DURATION + "_count", {}), start, window.end))

    def _within(self, objective: Objective, window: Window) -> float | None:
        """Good requests within the limit; None where there is no such bucket though good requests were counted."""
        labels = {"outcome": "ok", **_of(objective)}
        edge: dict[str, str | tuple[str, ...]] = {**labels, "le": spellings(objective.limit)}
        start = window.start - _BEFORE * self.interval
        if not self.api.raw(self._selector(names.REQUEST_DURATION + "_bucket", edge), start, window.end):
            ok = self.counted(names.REQUEST_DURATION + "_count", window, **labels)
            return 0.0 if ok <= 0 else None
        return self.counted(names.REQUEST_DURATION + "_bucket", window, **edge)

    def _scraped(self, window: Window) -> tuple[frozenset[str], str]:
        """The processes of the load that answered their scrapes, and why they are too few."""
        up = self._raw(names.UP, window, job=names.JOB_LOAD)
        expected = self.plan.load.workers + 1
        wanted = ENOUGH_RECORDED * window.expected(self.interval)
        answered = frozenset(s.labels.get("instance", "?") for s in up if int((s.values == 1).sum()) >= wanted)
        silent = sorted({s.labels.get("instance", "?") for s in up} - answered)
        if len(up) < expected:
            return answered, f"only {len(up)} of {expected} Locust processes were scraped"
        # A worker that was started again may have another address: its old one stays silent.
        return answered, f"{', '.join(silent)} was not scraped" if len(answered) < expected else ""

    def _unmeasured(self, window: Window, answered: frozenset[str]) -> str:
        """Whose limits nobody measured: then neither a load that was held nor one that broke is known to be one."""
        for what, name, labels in (
            ("CPU", names.PROCESS_CPU, {}),
            ("event loop's delay", names.LOOP_LAG + "_bucket", {"le": "+Inf"}),
        ):
            told = {s.labels.get("instance", "") for s in self._raw(name, window, **labels) if _finite(s).size > 1}
            if answered - told:
                return f"the {what} of {', '.join(sorted(answered - told))} was not measured"
        return ""

    def _short(self, load: float, window: Window, answered: frozenset[str]) -> tuple[str, str]:
        """Why less than the load was made, and how much of it found no free user; each empty when all is well."""
        if self.plan.load.model == "closed":
            users = [s for s in self._raw(names.USERS, window) if len(s)]
            if not users:
                return f"no {names.USERS}: nothing shows that the load was made", ""
            ran = sum(self._lasting(s, window) for s in users if s.labels.get("instance", "?") in answered)
            return (f"only {ran:,.0f} of {load:,.0f} users ran" if ran < LEAST_LOAD * load else ""), ""
        made, dropped = self._rate(names.ARRIVALS, window), self._rate(names.ARRIVALS_DROPPED, window)
        if made + dropped < LEAST_LOAD * load - POISSON * math.sqrt(load / window.span):
            return f"only {made + dropped:,.0f} of {load:,.0f} arrivals per second were offered", ""
        if dropped > DROPPED_LIMIT * (made + dropped):
            share = format_value(dropped / (made + dropped), "ratio")
            return "", f"{share} of the arrivals found no free user: give load.slots more"
        return "", ""

    def _surplus(self, load: float, window: Window, answered: frozenset[str]) -> str:
        """More users than were wanted: those of a higher load before, who have not left yet, break a lower one."""
        if self.plan.load.model != "closed":
            return ""
        # Of a process that was replaced what it had at last says nothing of the time after.
        users = [s for s in self._raw(names.USERS, window) if s.labels.get("instance", "?") in answered]
        most = sum(float(np.quantile(_finite(s), ENOUGH_RECORDED, method="higher")) for s in users if _finite(s).size)
        return f"{most:,.0f} users ran, {load:,.0f} were wanted" if most > MOST_LOAD * load + 1 else ""

    def _lasting(self, users: Series, window: Window) -> float:
        """As many as ran for most of a window; none where that was not told."""
        values = _finite(users)
        if not values.size or values.size < ENOUGH_RECORDED * window.expected(self.interval):
            return 0.0
        return float(np.quantile(values, 1 - ENOUGH_RECORDED, method="lower"))

    def _fault(self, window: Window) -> str:
        """Which of its own limits the load generator reached."""
        for one in self._raw(names.PROCESS_CPU, window, job=names.JOB_LOAD):
            cores = rate(one, window, False, math.inf) if _finite(one).size > 1 else 0.0
            if cores > CPU_LIMIT:
                return f"{one.labels.get('instance', '')} used {cores:.2f} cores: add load.workers"
        for instance in sorted({s.labels.get("instance", "") for s in self._raw(names.UP, window, job=names.JOB_LOAD)}):
            looks = self.counted(names.LOOP_LAG + "_bucket", window, le="+Inf", instance=instance)
            quick = self.counted(names.LOOP_LAG + "_bucket", window, le=spellings(LAG_LIMIT), instance=instance)
            if looks > 0 and looks - quick > LAG_SHARE * looks:
                much = format_value(LAG_LIMIT, "seconds")
                return f"the event loop of {instance} was more than {much} late: add load.workers, or processors"
        return ""

    def _scraped_before(self, window: Window) -> frozenset[str]:
        """Processes that were scraped before a window: a counter of theirs that is new in it began at 0."""
        before = self.api.raw(
            self._selector(names.UP, {"job": names.JOB_LOAD}), window.start - _BEFORE * self.interval, window.start
        )
        return frozenset(s.labels.get("instance", "") for s in before if (s.values == 1).any())

    def _raw(self, name: str, window: Window, /, **labels: str) -> list[Series]:
        return self.api.raw(self._selector(name, labels), window.start, window.end)

    def _selector(self, name: str, labels: Mapping[str, str | tuple[str, ...]]) -> str:
        plain = {key: value for key, value in labels.items() if isinstance(value, str)}
        selector = name + exactly({names.STACK: self.stack, **plain})
        for key, value in labels.items():
            if not isinstance(value, str):
                choice = "|".join(one.replace(".", r"\\.") for one in value)
                selector = f'{selector[:-1]},{key}=~"{choice}"}}'
        return selector


def _of(objective: Objective) -> dict[str, str]:
    return {"method": objective.method, "name": objective.endpoint} if objective.endpoint else {}


def _finite(series: Series) -> FloatArray:
    found: FloatArray = series.values[np.isfinite(series.values)]
    return found

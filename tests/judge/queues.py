"""Servers of known capacity in simulated time: a backlog stays from one stretch to the next, as in a real one."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize


@dataclass
class Queue:
    """M/M/c: Poisson arrivals, exponential service, ``servers`` of them, first come first served."""

    servers: int
    service: float  # mean seconds
    rng: np.random.Generator
    now: float = 0.0
    free: list[float] = field(default_factory=list)  # when each server is free again
    done: list[tuple[float, float, bool]] = field(default_factory=list)  # (end, sojourn, failed), not yet told

    def __post_init__(self) -> None:
        self.free = [0.0] * self.servers

    def run(self, rate: float, seconds: float) -> None:
        """Offers ``rate`` for a while."""
        self.arrive(rate, self.now + seconds)
        self.now += seconds

    def arrive(self, rate: float, until: float) -> None:
        count = self.rng.poisson(rate * (until - self.now))
        arrivals = np.sort(self.rng.uniform(self.now, until, count))
        services = self.rng.exponential(self.service, count)
        for arrival, service in zip(arrivals.tolist(), services.tolist(), strict=True):
            end = max(arrival, self.free[0]) + service
            heapq.heapreplace(self.free, end)
            self.done.append((end, end - arrival, False))

    def ended(self) -> list[tuple[float, float, bool]]:
        """What ended until now, once."""
        over = [one for one in self.done if one[0] <= self.now]
        self.done = [one for one in self.done if one[0] > self.now]
        return over


def erlang_c(servers: int, offered: float) -> float:
    """Probability of waiting (Erlang C, from Erlang B's recursion)."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - offered / servers * (1 - blocked))


def beyond(limit: float, rate: float, servers: int, service: float) -> float:
    """P(sojourn > limit) of M/M/c (Kleinrock, Queueing Systems I, 3.5: waiting is 0 or exponential)."""
    mu, spare = 1 / service, servers / service - rate
    if spare <= 0:
        return 1.0
    wait = erlang_c(servers, rate * service)
    if abs(spare - mu) < 1e-9 * mu:
        return math.exp(-mu * limit) * (1 + wait * mu * limit)
    late = (mu * math.exp(-spare * limit) - spare * math.exp(-mu * limit)) / (mu - spare)
    return (1 - wait) * math.exp(-mu * limit) + wait * late


def mmc_capacity(servers: int, service: float, limit: float, share: float = 0.05) -> float:
    """The rate at which ``share`` of the requests take longer than ``limit``."""
    most = servers / service
    return float(optimize.brentq(lambda r: beyond(limit, r, servers, service) - share, most * 1e-4, most * (1 - 1e-9)))


@dataclass
class Bucket:
    """A token bucket: ``rate`` tokens a second, ``burst`` at most; a request without one is refused at once."""

    rate: float
    burst: float
    rng: np.random.Generator
    now: float = 0.0
    tokens: float = 0.0
    seen: float = 0.0
    done: list[tuple[float, float, bool]] = field(default_factory=list)

    def run(self, rate: float, seconds: float) -> None:
        count = round(rate * seconds)
        for arrival in (self.now + (np.arange(count) + self.rng.uniform()) / rate).tolist():
            self.tokens = min(self.burst, self.tokens + (arrival - self.seen) * self.rate)
            self.seen = arrival
            served = self.tokens >= 1
            self.tokens -= served
            self.done.append((arrival, 0.001, not served))
        self.now += seconds

    def ended(self) -> list[tuple[float, float, bool]]:
        over, self.done = self.done, []
        return over

"""A cache in Redis the application can do without: while Redis is away, values are computed and that is counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import redis
from prometheus_client import REGISTRY, CollectorRegistry, Counter
from redis.backoff import NoBackoff
from redis.retry import Retry

# After a failure Redis is left alone for this long: otherwise every request of an outage would wait for the time-out.
RETRY_AFTER_SECONDS = 1.0


class Cache:
    """JSON values with a time to live.

    Args:
        client: with socket time-outs; it is asked at most once a second while it fails.
        registry: where mingus_cache_requests_total{cache,result} is registered; result is hit, miss or fallback.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        client: redis.Redis,
        registry: CollectorRegistry = REGISTRY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._away_until = -1.0
        self._requests = Counter("mingus_cache_requests", "Look-ups by result.", ["cache", "result"], registry=registry)

    def get_or_make(self, cache: str, key: str, ttl: float, make: Callable[[], Any]) -> Any:
        """The cached value, else make()'s, kept for ttl seconds. Values must survive JSON."""
        name = f"{cache}:{key}"
        try:
            raw = self._ask(lambda: self._client.get(name))
        except redis.RedisError:
            self._requests.labels(cache, "fallback").inc()
            return make()
        if raw is not None:
            self._requests.labels(cache, "hit").inc()
            return json.loads(raw)
        self._requests.labels(cache, "miss").inc()
        value = make()
        try:
            self._ask(lambda: self._client.set(name, json.dumps(value), px=max(1, int(ttl * 1000))))
        except redis.RedisError:
            self._requests.labels(cache, "fallback").inc()
        return value

    def forget(self, cache: str, key: str) -> None:
        """Drop a value after a change. While Redis is away the old value lives on for its ttl at most."""
        try:
            self._ask(lambda: self._client.delete(f"{cache}:{key}"))
        except redis.RedisError:
            self._requests.labels(cache, "fallback").inc()

    def ping(self) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(self._client.ping())
        except redis.RedisError:
            return False

    def _ask(self, command: Callable[[], Any]) -> Any:
        if self._clock() < self._away_until:
            raise redis.ConnectionError("Redis did not answer a moment ago")
        try:
            return command()
        except (redis.ConnectionError, redis.TimeoutError):
            self._away_until = self._clock() + RETRY_AFTER_SECONDS
            raise


def connect(url: str) -> redis.Redis:
    """A client whose calls end within half a second and that does not wait to retry."""
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))

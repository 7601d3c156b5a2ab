"""Redis as metrics, in redis_exporter's names; the label ``redis`` is the plan's name of it."""

from __future__ import annotations

from exporters import metric_names as names
from exporters.families import Families
from exporters.redis import RedisReading


def expose(families: Families, server: str, reading: RedisReading | None) -> None:
    """Adds one Redis. Unread: ``redis_up`` 0 and nothing else."""
    labels = {"redis": server}
    families.gauge(names.REDIS_UP, "1 when Redis answered.", labels, float(reading is not None))
    if reading is None:
        return
    info = reading.info
    for name, text, field in (
        (names.REDIS_CLIENTS, "Client connections, the sidecar's own included.", "connected_clients"),
        (names.REDIS_BLOCKED_CLIENTS, "Clients that wait in a blocking call.", "blocked_clients"),
        (names.REDIS_MEMORY, "Memory that Redis has allocated, in bytes.", "used_memory"),
        (names.REDIS_MEMORY_MAX, "The setting maxmemory in bytes; 0 is no limit.", "maxmemory"),
        (names.REDIS_UPTIME, "Seconds since the server began.", "uptime_in_seconds"),
    ):
        families.gauge(name, text, labels, info.get(field))
    families.gauge(names.REDIS_START, "Unix time when the server began.", labels, reading.started)
    for name, text, field in (
        (names.REDIS_EVICTED, "Keys evicted because of maxmemory.", "evicted_keys"),
        (names.REDIS_HITS, "Look-ups that found their key.", "keyspace_hits"),
        (names.REDIS_MISSES, "Look-ups that found none.", "keyspace_misses"),
    ):
        families.counter(name, text, labels, info.get(field))
    for command, use in sorted(reading.commands.items()):
        of_command = {**labels, "cmd": command}
        families.counter(names.REDIS_COMMANDS, "Calls by command.", of_command, use.calls)
        families.counter(names.REDIS_COMMANDS_DURATION, "Seconds spent by command.", of_command, use.seconds)
    families.gauge(names.REDIS_SLOWLOG_LENGTH, "Entries in the slow log.", labels, reading.slowlog_length)
    families.gauge(names.REDIS_SLOWLOG_LAST_ID, "Id of the newest slow log entry.", labels, reading.slowlog_last_id)
    families.histogram(names.REDIS_PING, "Seconds that PING took on a kept connection.", labels, reading.ping)

"""Mingus's settings, read once from the environment into a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A variable is missing or wrong; the message names it and says what would be right."""


@dataclass(frozen=True)
class Settings:
    """Each field is the variable MINGUS_<FIELD>. Times in seconds.

    Attributes:
        pool_size, pool_overflow: connections per worker: kept, and added under load.
        pool_timeout: wait for a connection before the request is answered 503.
        session_ttl: life of a log-in; the token answers 401 afterwards.
        sessions_per_user: newest log-ins kept; older ones end, so that a user's rows cannot grow.
        dashboard_ttl, lookup_ttl: life of cached dashboards, and of cached flags and subscriptions.
        scrypt_log2_n: cost of a password hash. 10 takes 1 MiB and some 3 ms: a real, memory-hard cost, yet the
            log-ins of a load do not drown what is measured where load and target share two cores. Production wants 17
            (OWASP); each hash keeps its cost.
        max_requests: requests after which gunicorn recycles a worker; 0 never.
        faults: on from the start (target.faults); fault_token: guards /faults; empty: there is no /faults.
        state_dir: a directory all workers share, made by gunicorn.conf.py.
        metrics_port: serves /metrics apart from the requests too (target.metrics_port); 0 does not.
        metrics_host: the address on which it does.
    """

    database_url: str
    redis_url: str
    workers: int = 2
    threads: int = 8
    pool_size: int = 8
    pool_overflow: int = 2
    pool_timeout: float = 5.0
    session_ttl: float = 3600.0
    sessions_per_user: int = 5
    dashboard_ttl: float = 30.0
    lookup_ttl: float = 300.0
    scrypt_log2_n: int = 10
    max_requests: int = 0
    secret: str = ""
    faults: str = ""
    fault_token: str = ""
    state_dir: str = ""
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with SQLAlchemy's name of psycopg 3."""
        return "postgresql+psycopg://" + self.database_url.partition("://")[2]


_LEAST = {
    "workers": 1, "threads": 1, "pool_size": 1, "pool_timeout": 0.001, "session_ttl": 0.001, "sessions_per_user": 1,
    "dashboard_ttl": 1, "lookup_ttl": 1, "scrypt_log2_n": 4,
}  # fmt: skip


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        SettingsError: a variable is missing, is no number, too small, or a URL of the wrong kind.
    """
    values: dict[str, str | int | float] = {}
    for field in fields(Settings):
        variable = f"MINGUS_{field.name.upper()}"
        raw = environ.get(variable, "")
        if not raw:
            continue
        if field.type == "str":
            values[field.name] = raw
            continue
        try:
            number = int(raw) if field.type == "int" else float(raw)
        except ValueError:
            raise SettingsError(f"{variable}={raw!r} is not a number") from None
        least = _LEAST.get(field.name, 0)
        if not least <= number < 1e9:
            raise SettingsError(f"{variable}={raw} must be at least {least}")
        values[field.name] = number
    for name, scheme, example in (
        ("database_url", ("postgresql", "postgres"), "postgresql://user:password@host:5432/mingus"),
        ("redis_url", ("redis", "rediss", "unix"), "redis://host:6379/0"),
    ):
        if urlsplit(str(values.get(name, ""))).scheme not in scheme:
            raise SettingsError(f"MINGUS_{name.upper()} must be set, for example to {example}")
    return Settings(**values)  # type: ignore[arg-type]

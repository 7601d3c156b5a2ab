"""The sidecar's configuration: a JSON file into a frozen, validated type. Errors name the file and the key.

{"listen": "127.0.0.1:0", "interval": 5.0, "stack": "default", "docker_url": null,
 "processes": [{"name": "web", "match": "gunicorn.*target"}],     # or "pid": 42, or "pidfile": "/run/web.pid"
 "containers": ["target"], "databases": [{"name": "main", "url": "postgresql://..."}],
 "redis": [{"name": "cache", "url": "redis://..."}]}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exporters.database import connection_options
from exporters.pgbouncer import SCHEME as PGBOUNCER
from exporters.pgbouncer import console_options
from exporters.process_members import Selector
from exporters.redis import client_of

DEFAULT_LISTEN = "127.0.0.1:0"
MIN_INTERVAL, MAX_INTERVAL = 0.2, 300.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_POSTGRES = ("postgresql", "postgres")
_REDIS = ("redis", "rediss", "unix")
_DOCKER = ("unix", "tcp", "http", "https", "ssh", "npipe")


class ConfigError(Exception):
    """The configuration cannot be used; the text names file, key and remedy, and holds no secret."""


@dataclass(frozen=True)
class NamedUrl:
    name: str
    url: str

    def __repr__(self) -> str:
        return f"NamedUrl(name={self.name!r}, url=***)"  # URLs hold passwords

    @property
    def scheme(self) -> str:
        return urlsplit(self.url).scheme


@dataclass(frozen=True)
class NamedSelector:
    name: str
    selector: Selector


@dataclass(frozen=True)
class SidecarConfig:
    """``interval``: seconds between readings. ``stack`` is said in the log; the scrape configuration sets the label."""

    host: str = "127.0.0.1"
    port: int = 0
    interval: float = 5.0
    stack: str = "default"
    processes: tuple[NamedSelector, ...] = ()
    containers: tuple[str, ...] = ()
    databases: tuple[NamedUrl, ...] = ()
    redis: tuple[NamedUrl, ...] = ()
    docker_url: str | None = None


def load_config(path: Path) -> SidecarConfig:
    """Raises ConfigError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: not valid JSON") from None
    try:
        return parse_config(data)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse_config(data: Any) -> SidecarConfig:
    """Raises ConfigError."""
    known = ("listen", "interval", "stack", "processes", "containers", "databases", "redis", "docker_url")
    fields = _object(data, "the configuration", known)
    host, port = parse_listen(fields.get("listen", DEFAULT_LISTEN))
    config = SidecarConfig(
        host=host,
        port=port,
        interval=_interval(fields.get("interval", 5.0)),
        stack=_name(fields.get("stack", "default"), "stack"),
        processes=tuple(_each(fields, "processes", _process)),
        containers=tuple(_each(fields, "containers", _name)),
        databases=tuple(_each(fields, "databases", _database)),
        redis=tuple(_each(fields, "redis", _redis)),
        docker_url=_docker_url(fields.get("docker_url")),
    )
    _distinct("processes", (entry.name for entry in config.processes))
    _distinct("containers", config.containers)
    _distinct("databases", (entry.name for entry in config.databases))
    _distinct("redis", (entry.name for entry in config.redis))
    return config


def _object(data: Any, where: str, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ConfigError(f"{where} must be an object, not {_kind(data)}")
    for key in data:
        if key not in known:
            raise ConfigError(f"{where} has an unknown key {key!r}; known are {', '.join(known)}")
    return data


def _each(fields: dict[str, Any], key: str, parse: Callable[[Any, str], Any]) -> list[Any]:
    entries = fields.get(key)
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise ConfigError(f"{key} must be a list, not {_kind(entries)}")
    return [parse(entry, f"{key}[{index}]") for index, entry in enumerate(entries)]


def _process(data: Any, where: str) -> NamedSelector:
    fields = _object(data, where, ("name", "match", "pid", "pidfile"))
    name = _name(fields.get("name"), f"{where}.name")
    given = {key: value for key, value in fields.items() if key != "name" and value is not None}
    if len(given) != 1:
        raise ConfigError(f"{where} must have exactly one of match, pid and pidfile")
    [(key, value)] = given.items()
    if key == "pid":
        if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
            raise ConfigError(f"{where}.pid must be a positive whole number")
        return NamedSelector(name, Selector(pid=value))
    text = _text(value, f"{where}.{key}")
    if key == "pidfile":
        return NamedSelector(name, Selector(pidfile=Path(text)))
    try:
        pattern = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(f"{where}.match is not a regular expression: {error}") from None
    if pattern.search(""):
        raise ConfigError(f"{where}.match {text!r} would match every process")
    return NamedSelector(name, Selector(match=pattern))


def _database(data: Any, where: str) -> NamedUrl:
    entry = _named_url(data, where, (*_POSTGRES, PGBOUNCER))
    options = console_options if entry.scheme == PGBOUNCER else connection_options
    return _usable(entry, where, lambda: options(entry.url, 1.0))


def _redis(data: Any, where: str) -> NamedUrl:
    entry = _named_url(data, where, _REDIS)
    return _usable(entry, where, lambda: client_of(entry.url, 1.0).close())


def _usable(entry: NamedUrl, where: str, attempt: Callable[[], object]) -> NamedUrl:
    try:
        attempt()
    except ValueError as error:
        raise ConfigError(f"{where}.url: {error}") from None
    return entry


def _named_url(data: Any, where: str, schemes: tuple[str, ...]) -> NamedUrl:
    fields = _object(data, where, ("name", "url"))
    name = _name(fields.get("name"), f"{where}.name")
    url = _text(fields.get("url"), f"{where}.url")
    try:
        scheme = urlsplit(url).scheme
    except ValueError:
        raise ConfigError(f"{where}.url is not a URL") from None
    if scheme not in schemes:
        # The URL itself is not quoted: it may hold a password.
        raise ConfigError(f"{where}.url must begin with {' or '.join(f'{s}://' for s in schemes)}")
    return NamedUrl(name, url)


def _docker_url(value: Any) -> str | None:
    if value is None:
        return None
    text = _text(value, "docker_url")
    if text.partition("://")[0] not in _DOCKER:
        raise ConfigError("docker_url must be like unix:///var/run/docker.sock or tcp://127.0.0.1:2375")
    return text


def parse_listen(value: Any) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises ConfigError."""
    text = _text(value, "listen")
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"listen must be HOST:PORT, for example 127.0.0.1:0; it is {text!r}")
    return host, int(port)


def _interval(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError("interval must be a number of seconds")
    if not MIN_INTERVAL <= value <= MAX_INTERVAL:
        raise ConfigError(f"interval must be between {MIN_INTERVAL:g} and {MAX_INTERVAL:g} seconds; it is {value:g}")
    return float(value)


def _name(value: Any, where: str) -> str:
    text = _text(value, where)
    if not _NAME.fullmatch(text):
        raise ConfigError(f"{where} {text!r} must be letters, digits, '_', '.' and '-', 63 at most")
    return text


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{where} must be a text that is not empty, not {_kind(value)}")
    return value


def _distinct(where: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ConfigError(f"{where} has the name {name!r} twice")
        seen.add(name)


def _kind(value: Any) -> str:
    words = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return "an empty text" if value == "" else words.get(type(value), "a number")

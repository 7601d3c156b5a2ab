"""Configurations that cannot be used are refused with file, key and remedy, and without their secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporters.sidecar_config import ConfigError, load_config, parse_config

PROCESS = {"name": "web", "match": "gunicorn.*target"}


def test_empty_is_the_defaults() -> None:
    config = parse_config({})
    assert (config.host, config.port, config.interval, config.stack) == ("127.0.0.1", 0, 5.0, "default")
    assert config.processes == config.databases == config.redis == config.containers == ()


def test_a_full_one() -> None:
    config = parse_config(
        {
            "listen": "[::1]:9100",
            "interval": 1,
            "stack": "mingus",
            "processes": [PROCESS, {"name": "db", "pid": 7, "match": None}, {"name": "c", "pidfile": "/run/c.pid"}],
            "containers": ["target"],
            "databases": [
                {"name": "main", "url": "postgresql://u:p@h/x"},
                {"name": "pool", "url": "pgbouncer://u:p@h:6432"},
            ],
            "redis": [{"name": "cache", "url": "redis://h/0"}],
            "docker_url": "unix:///var/run/docker.sock",
        }
    )
    assert (config.host, config.port, config.interval) == ("::1", 9100, 1.0)
    assert config.processes[0].selector.match is not None
    assert config.processes[0].selector.match.search("python -m gunicorn x target.wsgi:app")
    assert config.processes[1].selector.pid == 7
    assert config.processes[2].selector.pidfile == Path("/run/c.pid")
    assert [entry.scheme for entry in config.databases] == ["postgresql", "pgbouncer"]
    assert "u:p" not in repr(config)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "the configuration must be an object, not a list"),
        ({"intervall": 5}, "unknown key 'intervall'"),
        ({"interval": "5s"}, "interval must be a number"),
        ({"interval": True}, "interval must be a number"),
        ({"interval": 0}, "interval must be between"),
        ({"interval": float("nan")}, "interval must be a number"),
        ({"interval": -1}, "interval must be between"),
        ({"listen": "8080"}, "listen must be HOST:PORT"),
        ({"listen": "127.0.0.1:70000"}, "listen must be HOST:PORT"),
        ({"stack": "a b"}, "stack 'a b' must be letters"),
        ({"processes": {}}, "processes must be a list, not an object"),
        ({"processes": ["web"]}, r"processes\[0\] must be an object, not a text"),
        ({"processes": [{"name": "web"}]}, r"processes\[0\] must have exactly one of match, pid and pidfile"),
        ({"processes": [{**PROCESS, "pid": 4}]}, r"processes\[0\] must have exactly one"),
        ({"processes": [{"name": "web", "pid": "4"}]}, r"processes\[0\].pid must be a positive whole number"),
        ({"processes": [{"name": "web", "pid": True}]}, r"processes\[0\].pid must be a positive whole number"),
        ({"processes": [{"name": "web", "match": "("}]}, "is not a regular expression"),
        ({"processes": [{"name": "web", "match": ".*"}]}, "would match every process"),
        ({"processes": [{"name": "web", "match": ""}]}, "must be a text that is not empty"),
        ({"processes": [{"match": "x"}]}, r"processes\[0\].name must be a text"),
        ({"processes": [PROCESS, PROCESS]}, "processes has the name 'web' twice"),
        ({"containers": [3]}, r"containers\[0\] must be a text"),
        ({"containers": ["a", "a"]}, "containers has the name 'a' twice"),
        (
            {"databases": [{"name": "m", "url": "mysql://u:hunter2@h/x"}]},
            r"databases\[0\].url must begin with postgres",
        ),
        ({"databases": [{"name": "m", "url": "postgresql://u:hunter2@h/x?bogus=1"}]}, r"databases\[0\].url: .*bogus"),
        ({"databases": [{"name": "m", "url": "postgresql://[u:hunter2@h"}]}, r"databases\[0\].url is not a URL"),
        ({"redis": [{"name": "c", "url": "http://:hunter2@h"}]}, r"redis\[0\].url must begin with redis"),
        ({"redis": [{"name": "c", "url": "redis://:hunter2@h:x/0"}]}, r"redis\[0\].url: "),
        ({"docker_url": "/var/run/docker.sock"}, "docker_url must be like unix://"),
    ],
)
def test_refuses(data: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_config(data)
    assert "hunter2" not in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.json: cannot be read: No such file"):
        load_config(tmp_path / "missing.json")
    file = tmp_path / "bad.json"
    file.write_text('{\n "interval": 5,\n}')
    with pytest.raises(ConfigError, match=r"bad\.json:3: not valid JSON"):
        load_config(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bad\.json: not valid JSON"):
        load_config(file)
    file.write_text("[" * 100_000)
    with pytest.raises(ConfigError, match=r"bad\.json"):
        load_config(file)
    file.write_text(json.dumps({"interval": "x"}))
    with pytest.raises(ConfigError, match=r"bad\.json: interval must be"):
        load_config(file)

"""The text of every file that ``init`` writes, but for Alertmanager's. Pure, given the passwords."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bcrypt
import yaml

from deploy.init.alertmanager import WATCHDOG
from deploy.init.settings import REFERENCE_DATABASE, REFERENCE_URL, Settings

PROMETHEUS_USER = "harness"
SCRAPE_INTERVAL = "5s"  # as in deploy/prometheus/prometheus.yml
# The passwords are random and long: a costlier hash would only slow each scrape and query down.
_BCRYPT_ROUNDS = 6


def web_config(password: str) -> str:
    """web.yml of Prometheus and Alertmanager: every request needs the password."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS)).decode()
    return yaml.safe_dump({"basic_auth_users": {PROMETHEUS_USER: hashed}})


def client_config(password_file: str) -> str:
    """For promtool and amtool, which ask their servers for their health."""
    return yaml.safe_dump({"basic_auth": {"username": PROMETHEUS_USER, "password_file": password_file}})


def redis_config(password: str) -> str:
    """A cache: bounded, and gone with its container."""
    return f'requirepass {password}\nsave ""\nappendonly no\nmaxmemory 128mb\nmaxmemory-policy allkeys-lru\n'


def database_url(password: str) -> str:
    return f"postgresql://{REFERENCE_DATABASE}:{password}@postgres:5432/{REFERENCE_DATABASE}"


def redis_url(password: str) -> str:
    return f"redis://:{password}@redis:6379/0"


def services(settings: Settings, passwords: Mapping[str, str]) -> str:
    """services.yml of the harness: where the standing services are."""
    config: dict[str, Any] = {
        "control_dir": "/run/harness",
        "allow_hosts": ["target", "host.docker.internal", *settings.allow_hosts],
        "load": {"master": "locust-master:9646", "workers": {"name": "locust-worker", "port": 9646}},
        "sidecar": "sidecar:9110",
        "docker_url": "tcp://docker-proxy:2375",
        "prometheus": {
            "url": "http://prometheus:9090",
            "username": PROMETHEUS_USER,
            "password_file": "/run/secrets/harness/prometheus-password",
            "data_dir": "/prometheus",
            "scrape_interval": SCRAPE_INTERVAL,
        },
        "run_metrics": "0.0.0.0:9120",
        "alerts": {"listen": "0.0.0.0:9121", "watchdog": WATCHDOG},
        "report_base": settings.report_base,
    }
    if settings.reference:
        config["reference"] = {
            "url": REFERENCE_URL,
            "metrics": ["http://target:9102/metrics"],
            "processes": [{"name": "web", "match": "gunicorn.*target"}],
            "containers": [f"{settings.project}-target-1"],
            "databases": [{"name": "main", "url": database_url(passwords["database"])}],
            "redis": [{"name": "cache", "url": redis_url(passwords["redis"])}],
        }
    return yaml.safe_dump(_escaped(config), sort_keys=False)


def _escaped(value: Any) -> Any:
    """Nothing that a user set is taken for a variable of the file."""
    if isinstance(value, dict):
        return {key: _escaped(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_escaped(entry) for entry in value]
    return value.replace("${", "$${") if isinstance(value, str) else value

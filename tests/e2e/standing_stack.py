"""Standing services as plain processes on loopback: what the compose file runs in containers, without Docker.

Locust agents on three addresses of loopback, a sidecar that watches for its configuration, a Prometheus with a static
configuration and a password, an Alertmanager, and Mingus with its servers. `harness run --services` drives them.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml

from harness.run.ports import free_port
from target import launch
from tests.servers import ROOT, redis_server, start_postgres, stop, wait_until

PASSWORD = "loopback"
BCRYPT = "$2b$04$OUUWVl8uCxhpda6OhN4/eOcBoNLLlymEPSTLh0GTsXOeHScX4H2FO"  # of PASSWORD
AUTH = ("harness", PASSWORD)
HOOK_SECRET = "T0SECRET/B0SECRET"
WORKERS = ("127.0.0.2", "127.0.0.3")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager") or ""


@dataclass
class Service:
    """One standing process, which can be killed and started again as its container would be."""

    name: str
    command: Sequence[str]
    log: Path
    environ: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                list(self.command), cwd=ROOT, env={**os.environ, **self.environ}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """As `docker kill`: everything in it goes at once."""
        assert self.process is not None
        members = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process)


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes what is posted, as Slack would."""

    got: list[tuple[str, Any]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Stack:
    """What stands. ``posted``: (path, JSON) of what the notification's hook received."""

    home: Path
    services_file: Path
    prometheus_url: str
    services: dict[str, Service]
    hook_url: str
    posted: list[tuple[str, Any]]

    def query(self, expr: str) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.prometheus_url}/api/v1/query", params={"query": expr}, auth=AUTH, timeout=10)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


@contextlib.contextmanager
def standing_stack(
    tmp: Path, *, alertmanager: bool = True, data_dir: bool = True, admin: bool = True
) -> Iterator[Stack]:
    """Starts everything and waits until it answers.

    Args:
        alertmanager: False: none runs, but the services file still names its receiver.
        data_dir: whether the harness is told where Prometheus' data are.
        admin: whether Prometheus' admin API is on.
    """
    home = tmp / "standing"
    control = home / "control"
    control.mkdir(parents=True)
    ports = {name: free_port() for name in ("load", "bind", "sidecar", "prometheus", "alertmanager", "run", "alerts")}
    got: list[tuple[str, Any]] = []
    hook = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Taker", (Hook,), {"got": got}))
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with contextlib.ExitStack() as stack:
        stack.callback(hook.server_close)
        stack.callback(hook.shutdown)
        database = stack.enter_context(start_postgres(home))
        cache = stack.enter_context(redis_server(home)).url
        target_port, metrics_port = free_port(), free_port()
        services = _services(home, control, ports, database, cache, target_port, metrics_port, admin=admin)
        if not alertmanager:
            del services["alertmanager"]
        for service in services.values():
            service.start()
            stack.callback(service.stop)
        url = f"http://127.0.0.1:{ports['prometheus']}"
        file = home / "services.yml"
        file.write_text(
            yaml.safe_dump(
                _file(home, control, ports, url, (target_port, metrics_port), (database, cache), data_dir=data_dir)
            )
        )
        wait_until(lambda: _ok(f"http://127.0.0.1:{target_port}/health"), "Mingus", log=services["target"].log)
        wait_until(lambda: _ok(f"{url}/-/ready"), "Prometheus", log=services["prometheus"].log)
        wait_until(lambda: len(list((control / "agents").glob("*.json"))) == 3, "the agents")
        yield Stack(home, file, url, services, f"http://127.0.0.1:{hook.server_port}/services/{HOOK_SECRET}", got)


def _ok(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, auth=AUTH, timeout=2).status_code == 200
    return False


def _services(
    home: Path, control: Path, ports: dict[str, int], database: str, cache: str, target_port: int, metrics_port: int,
    *, admin: bool,
) -> dict[str, Service]:  # fmt: skip
    def service(name: str, *command: str, **environ: str) -> Service:
        return Service(name, command, home / f"{name}.log", environ)

    agent = (sys.executable, "-m", "harness.load.agent")
    found = [
        service("locust-master", *agent, "master", "--control", str(control), "--name", "locust-master"),
        *(
            service(
                f"locust-worker-{n}", *agent, "worker", "--control", str(control), "--name", f"w{n}", "--listen", host
            )
            for n, host in enumerate(WORKERS, 1)
        ),
        service(
            "sidecar", sys.executable, "-m", "exporters.sidecar", "--config", str(control / "sidecar.json"), "--watch",
            "--listen", f"127.0.0.1:{ports['sidecar']}",
        ),
        service(
            "target", *launch.command(target_port),
            **launch.environment(database, cache, faults=[], fault_token="t", secret="s", metrics_port=metrics_port),
        ),
        service("prometheus", *_prometheus(home, control, ports, admin=admin)),
        service("alertmanager", *_alertmanager(home, ports)),
    ]  # fmt: skip
    return {one.name: one for one in found}


def _prometheus(home: Path, control: Path, ports: dict[str, int], *, admin: bool) -> list[str]:
    def static(job: str, *addresses: str, **more: Any) -> dict[str, Any]:
        labels = {"harness": "default"}
        return {"job_name": job, "static_configs": [{"targets": list(addresses), "labels": labels}], **more}

    (home / "password").write_text(PASSWORD + "\n")
    load = [f"{host}:{ports['load']}" for host in ("127.0.0.1", *WORKERS)]
    own = f"127.0.0.1:{ports['prometheus']}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"},
        "rule_files": [str(ROOT / "prometheus" / "rules" / "*.yml"), str(ROOT / "prometheus" / "standing.yml")],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports['alertmanager']}"]}]}]
        },
        "scrape_configs": [
            static("load", *load),
            static("sidecar", f"127.0.0.1:{ports['sidecar']}"),
            static("harness", f"127.0.0.1:{ports['run']}"),
            static("prometheus", own, basic_auth={"username": AUTH[0], "password_file": str(home / "password")}),
            {"job_name": "target",
             "file_sd_configs": [{"files": [f"{control}/targets/*.json"], "refresh_interval": "2s"}]},
        ],
    }  # fmt: skip
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    (home / "web.yml").write_text(yaml.safe_dump({"basic_auth_users": {AUTH[0]: BCRYPT}}))
    flags = ["--web.enable-admin-api"] if admin else []
    return [
        "prometheus", f"--config.file={home / 'prometheus.yml'}", f"--web.config.file={home / 'web.yml'}",
        f"--web.listen-address={own}", f"--storage.tsdb.path={home / 'data'}", "--query.lookback-delta=3s",
        "--rules.alert.resend-delay=5s", *flags,
    ]  # fmt: skip


def _alertmanager(home: Path, ports: dict[str, int]) -> list[str]:
    receiver = {"name": "harness", "webhook_configs": [{"url": f"http://127.0.0.1:{ports['alerts']}/alerts"}]}
    config = {
        "route": {
            "receiver": "harness", "group_wait": "1s", "group_interval": "5s",
            "routes": [{"matchers": ['alertname="Watchdog"'], "receiver": "harness", "group_wait": "0s",
                        "group_interval": "5s", "repeat_interval": "10s"}],
        },
        "receivers": [receiver],
    }  # fmt: skip
    (home / "alertmanager.yml").write_text(yaml.safe_dump(config))
    return [
        ALERTMANAGER, f"--config.file={home / 'alertmanager.yml'}", f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{ports['alertmanager']}", "--cluster.listen-address=",
    ]  # fmt: skip


def _file(
    home: Path, control: Path, ports: dict[str, int], url: str, target: tuple[int, int], backends: tuple[str, str],
    *, data_dir: bool,
) -> dict[str, Any]:  # fmt: skip
    (target_port, metrics_port), (database, cache) = target, backends
    return {
        "in_containers": False,
        "control_dir": str(control),
        "load": {
            "master": f"127.0.0.1:{ports['load']}",
            "bind_port": ports["bind"],
            "listen": "127.0.0.1",
            "workers": {"addresses": [f"{host}:{ports['load']}" for host in WORKERS]},
        },
        "sidecar": f"127.0.0.1:{ports['sidecar']}",
        "prometheus": {
            "url": url,
            "username": AUTH[0],
            "password_file": str(home / "password"),
            "scrape_interval": "1s",
            **({"data_dir": str(home / "data")} if data_dir else {}),
        },
        "run_metrics": f"127.0.0.1:{ports['run']}",
        "alerts": {"listen": f"127.0.0.1:{ports['alerts']}"},
        "report_base": "https://runs.example/",
        "reference": {
            "url": f"http://127.0.0.1:{target_port}",
            "metrics": [f"http://127.0.0.1:{metrics_port}/metrics"],
            "processes": [{"name": "web", "match": f"gunicorn.*:{target_port}"}],
            "databases": [{"name": "main", "url": database}],
            "redis": [{"name": "cache", "url": cache}],
        },
    }

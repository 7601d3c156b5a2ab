"""Tells a standing sidecar what to watch, and waits until it does."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping

import requests
from prometheus_client.parser import text_string_to_metric_families

from exporters.metric_names import COLLECTOR_UP, SIDECAR_CONFIG
from harness.errors import HarnessError
from harness.load.orders import write_private
from harness.plan.model import Plan
from harness.run.services import Services
from harness.run.sidecar import sidecar_config

CONFIG_FILE = "sidecar.json"
_SECONDS = 30.0
_TIMEOUT = 5.0


def configure_sidecar(
    plan: Plan, services: Services, check: Callable[[], None] = lambda: None, *, seconds: float = _SECONDS
) -> None:
    """Hands the sidecar its configuration and returns once it works by it and can read everything.

    Args:
        check: called while waiting; may raise to give up.

    Raises:
        HarnessError: it does not answer, did not take the configuration, or cannot read a part of the target.
    """
    config = {**sidecar_config(plan), "docker_url": services.docker_url}
    del config["listen"]  # the sidecar's own command line says where
    text = json.dumps(config)
    write_private(services.control_dir / CONFIG_FILE, text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    url = f"http://{services.sidecar}/metrics"
    deadline = time.monotonic() + seconds
    while problem := _problem(url, digest):
        check()
        if time.monotonic() > deadline:
            raise HarnessError(f"the sidecar at {services.sidecar} {problem}", remedy="its log says why")
        time.sleep(0.5)


def _problem(url: str, digest: str) -> str:
    """Why it is not ready; empty when it is."""
    session = requests.Session()
    session.trust_env = False
    try:
        text = session.get(url, timeout=_TIMEOUT).text
    except requests.RequestException:
        return "does not answer"
    finally:
        session.close()
    try:
        samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    except ValueError:
        return "answers with something else than metrics"
    if not any(s.name == SIDECAR_CONFIG and s.labels.get("digest") == digest for s in samples):
        return "did not take its configuration"
    down = _down((s.labels, s.value) for s in samples if s.name == COLLECTOR_UP)
    return f"cannot read {', '.join(down)}" if down else ""


def _down(collectors: Iterable[tuple[Mapping[str, str], float]]) -> list[str]:
    return sorted(labels.get("collector", "?") for labels, value in collectors if value != 1)

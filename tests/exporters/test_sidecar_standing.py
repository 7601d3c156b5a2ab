"""A sidecar that stands: waits for its configuration, takes each new one, keeps the last good one."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from harness.errors import HarnessError
from harness.run.services import Services
from harness.run.standing_sidecar import configure_sidecar
from tests.run.plans import make_plan


def wait_for(condition: Callable[[], object], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.fixture
def watched() -> Iterator[int]:
    """A process to watch; this one's own parents are not watched."""
    process = subprocess.Popen(["sleep", "300"])
    yield process.pid
    process.kill()
    process.wait()


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The file of its configuration, not yet there, and its address."""
    config, port_file = tmp_path / "sidecar.json", tmp_path / "port"
    command = [sys.executable, "-m", "exporters.sidecar", "--config", str(config), "--watch"]
    command += ["--port-file", str(port_file)]
    log = (tmp_path / "log").open("wb")
    process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stderr=log)
    try:
        wait_for(port_file.exists, "the sidecar")
        yield config, f"127.0.0.1:{port_file.read_text().strip()}"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 10
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()


def samples(address: str) -> dict[tuple[str, str], float]:
    text = requests.get(f"http://{address}/metrics", timeout=5).text
    return {
        (s.name, s.labels.get("digest") or s.labels.get("groupname") or s.labels.get("collector", "")): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def write(config: Path, name: str, pid: int) -> str:
    text = json.dumps({"interval": 0.2, "processes": [{"name": name, "pid": pid}]})
    new = config.with_suffix(".new")
    new.write_text(text)
    new.replace(config)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def works_by(address: str, digest: str) -> bool:
    return ("harness_sidecar_config_info", digest) in samples(address)


def test_it_takes_each_configuration_and_keeps_the_last_that_can_be_used(
    sidecar: tuple[Path, str], watched: int
) -> None:
    config, address = sidecar
    first = samples(address)
    assert any(name == "process_resident_memory_bytes" for name, _ in first), (
        "it serves before it has anything to watch"
    )
    assert {name for name, _ in first if name.startswith("harness_")} == {"harness_machine_info"}

    one = write(config, "one", watched)
    wait_for(lambda: works_by(address, one), "the first configuration")
    assert samples(address)["namedprocess_namegroup_num_procs", "one"] >= 1
    assert samples(address)["harness_collector_up", "process:one"] == 1

    config.write_text('{"proceses": []}')
    time.sleep(2.5)
    assert works_by(address, one), "what cannot be used changes nothing"
    config.unlink()
    time.sleep(1.5)
    assert works_by(address, one)

    two = write(config, "two", watched)
    wait_for(lambda: works_by(address, two), "the second configuration")
    now = samples(address)
    assert ("namedprocess_namegroup_num_procs", "two") in now
    assert ("namedprocess_namegroup_num_procs", "one") not in now
    assert "is not taken" in (config.parent / "log").read_text()


def test_the_harness_hands_its_configuration_over(sidecar: tuple[Path, str], watched: int) -> None:
    config, address = sidecar
    services = Services.model_validate(
        {
            "control_dir": str(config.parent),
            "load": {"master": "a:1", "workers": {"name": "w"}},
            "sidecar": address,
            "prometheus": {"url": "http://p:9090", "scrape_interval": "1s"},
            "run_metrics": "127.0.0.1:9",
        }
    )
    plan = make_plan()
    watching = {**plan.target.model_dump(), "processes": [{"name": "me", "pid": watched}]}
    target = type(plan.target).model_validate(watching)
    configure_sidecar(plan.model_copy(update={"target": target}), services)
    assert config.stat().st_mode & 0o077 == 0, "it may hold passwords"
    assert ("namedprocess_namegroup_num_procs", "me") in samples(address)

    blind = type(plan.target).model_validate(
        {**plan.target.model_dump(), "databases": [{"name": "main", "url": "postgresql://u:s3cret@127.0.0.1:1/d"}]}
    )
    with pytest.raises(HarnessError, match="cannot read database:main") as error:
        configure_sidecar(plan.model_copy(update={"target": blind}), services, seconds=4)
    assert "s3cret" not in str(error.value)
    gone = services.model_copy(update={"sidecar": type(services.sidecar)("127.0.0.1", 1)})
    with pytest.raises(HarnessError, match="does not answer"):
        configure_sidecar(plan, gone, seconds=0.5)

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from harness.errors import HarnessError
from harness.prom.config import LiveScrape, write_targets
from harness.prom.server import PrometheusServer
from tests.prom.conftest import Exporter, answer, serve


def text(tmp_path: Path, **more) -> dict:
    scrape = LiveScrape("shop", 5.0, tmp_path / "load.json", **more)
    return {job["job_name"]: job for job in yaml.safe_load(scrape.config_for("127.0.0.1:9"))["scrape_configs"]}


def test_only_the_jobs_that_are_there(tmp_path: Path):
    assert list(text(tmp_path)) == ["load", "prometheus"]
    assert list(text(tmp_path, sidecar="a:1", run="b:2")) == ["load", "sidecar", "harness", "prometheus"]


def test_the_scrape_time_out_is_never_above_the_interval(tmp_path: Path):
    for interval, timeout in ((1.0, "1000ms"), (1.5, "1500ms"), (60.0, "10000ms")):
        config = yaml.safe_load(LiveScrape("s", interval, tmp_path / "x.json").config_for("a:1"))
        assert (
            config["global"]["scrape_interval"] == config["global"]["evaluation_interval"] == f"{interval * 1000:.0f}ms"
        )
        assert config["global"]["scrape_timeout"] == timeout


def test_target_urls_become_address_path_and_parameters(tmp_path: Path):
    jobs = text(
        tmp_path,
        target_metrics=["https://user:pw@shop.test/internal/metrics?name[]=a&name[]=b", "http://[::1]:81"],
        target_ca_file="ca.pem",
        target_headers={"authorization": "Bearer tok", "X-Other": "no"},
    )
    first, second = jobs["target"], jobs["target-2"]
    assert first["scheme"] == "https"
    assert first["metrics_path"] == "/internal/metrics"
    assert first["params"] == {"name[]": ["a", "b"]}
    assert first["static_configs"] == [{"targets": ["shop.test:443"], "labels": {"harness": "shop"}}]
    assert first["basic_auth"] == {"username": "user", "password": "pw"}
    assert first["tls_config"]["ca_file"].endswith("/ca.pem")
    assert second["static_configs"][0]["targets"] == ["[::1]:81"]
    assert second["metrics_path"] == "/metrics"
    assert second["authorization"] == {"type": "Bearer", "credentials": "tok"}
    assert "tls_config" not in second
    assert all(job["relabel_configs"] == [{"target_label": "job", "replacement": "target"}] for job in (first, second))


def test_a_file_url_is_refused(tmp_path: Path):
    with pytest.raises(HarnessError, match="file:///etc/passwd"):
        text(tmp_path, target_metrics=["file:///etc/passwd"])


def test_promtool_accepts_it(tmp_path: Path):
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: []\n")
    scrape = LiveScrape(
        "shop",
        1.5,
        tmp_path / "load.json",
        sidecar="127.0.0.1:1",
        run="127.0.0.1:2",
        target_metrics=["http://localhost/m?a=b", "http://localhost:8"],
        target_headers={"Authorization": "Bearer x"},
        rule_files=[rules],
    )
    write_targets(tmp_path / "load.json", [("w", "127.0.0.1:3")], {"harness": "shop"})
    config = tmp_path / "prometheus.yml"
    config.write_text(scrape.config_for("127.0.0.1:9"))
    checked = subprocess.run(["promtool", "check", "config", str(config)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "1 rule files found" in checked.stdout


def test_targets_are_written_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "load.json"
    write_targets(path, [], {})
    assert json.loads(path.read_text()) == []
    write_targets(path, [("locust-master", "127.0.0.1:5")], {"harness": "s"})
    wanted = [{"targets": ["127.0.0.1:5"], "labels": {"harness": "s", "instance": "locust-master"}}]
    assert json.loads(path.read_text()) == wanted
    assert [p.name for p in tmp_path.iterdir()] == ["load.json"]
    with pytest.raises(HarnessError, match="could not be written"):
        write_targets(tmp_path / "missing" / "load.json", [], {})


def test_what_is_scraped_carries_stack_job_and_instance(tmp_path: Path, exporter: Exporter):
    tokens: list[str | None] = []

    def respond(handler) -> None:
        tokens.append(handler.headers.get("Authorization"))
        answer(handler, 200, b"own 1\n", Content_Type="text/plain")

    web = serve(respond)
    targets = tmp_path / "load.json"
    write_targets(targets, [("locust-master", exporter.address)], {})
    url = f"http://127.0.0.1:{web.server_port}/deep/metrics"
    scrape = LiveScrape(
        "shop", 1.0, targets, target_metrics=[url, url + "2"], target_headers={"Authorization": "Bearer x"}
    )
    with PrometheusServer(tmp_path / "data", tmp_path, config=scrape.config_for, lookback=3) as server:
        api = server.api()
        wanted = {("load", "locust-master"), ("prometheus", server.address)}
        wanted |= {("target", f"127.0.0.1:{web.server_port}")}
        deadline = time.time() + 15
        found: set = set()
        while found != wanted and time.time() < deadline:
            time.sleep(0.2)
            found = {(s.labels["job"], s.labels["instance"]) for s in api.query('up{harness="shop"} == 1', time.time())}
        assert found == wanted
        # A worker that joins later is found without a reload.
        write_targets(targets, [("locust-master", exporter.address), ("locust-worker-1", exporter.address)], {})
        while len(found) < 4 and time.time() < deadline:
            time.sleep(0.2)
            found = {(s.labels["job"], s.labels["instance"]) for s in api.query("up == 1", time.time())}
        assert ("load", "locust-worker-1") in found
    assert set(tokens) == {"Bearer x"}
    web.shutdown()
    web.server_close()

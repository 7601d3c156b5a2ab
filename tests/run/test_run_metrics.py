import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from exporters.load_histogram import edges
from harness.errors import HarnessError
from harness.run.phases import Schedule
from harness.run.run_metrics import RunMetrics, public_url, serve_run_metrics
from tests.run.plans import make_plan


def scrape(address: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = requests.get(f"http://{address}/metrics", timeout=5).text
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_what_a_scrape_sees() -> None:
    plan = make_plan()
    metrics = RunMetrics(plan, "r1", edges(plan.latency_limits))
    with serve_run_metrics(metrics) as address:
        assert address.startswith("127.0.0.1:")
        first = scrape(address)
        info = (("plan", "t"), ("run_id", "r1"), ("target", "http://127.0.0.1:9"))
        assert first["harness_run_info", info] == 1
        phases = {p: first["harness_run_phase", (("phase", p),)] for p in ("warmup", "steady", "cooldown")}
        assert phases == {"warmup": 1, "steady": 0, "cooldown": 0}
        assert first["harness_load_workers_expected", ()] == 1
        assert first["harness_load_worker_restarts_total", ()] == 0
        assert first["harness_part_restarts_total", (("part", "sidecar"),)] == 0
        p95 = (("objective", "latency_p95"), ("op", "<="), ("subject", "all"))
        assert first["harness_objective", p95] == 0.8
        for bound in ("lower", "upper"):
            labels = tuple(sorted((*p95, ("bound", bound))))
            assert first["harness_objective_edge", labels] == 0.8, "the limit is an edge of the histogram"
        assert first["harness_objective", (("objective", "error_ratio"), ("op", "<="), ("subject", "all"))] == 0.01
        assert first["process_resident_memory_bytes", ()] > 1e6

        assert not any(name.startswith("harness_run_load_") for name, _ in first), "unknown before the load began"

        metrics.load_began(Schedule(load_from=1000.5, warmup=10, duration=60))
        metrics.set(phase="steady", restarts=2)
        metrics.set(phase="steady", restarts=2, parts={"sidecar": 3})
        metrics.set(phase="steady", restarts=2, parts={"sidecar": 1, "prometheus": 1})
        metrics.set(phase="cooldown", restarts=0)
        then = scrape(address)
        assert then["harness_run_phase", (("phase", "cooldown"),)] == 1
        assert then["harness_run_phase", (("phase", "steady"),)] == 0
        assert then["harness_run_load_start_time_seconds", ()] == 1000.5
        assert then["harness_run_load_end_time_seconds", ()] == 1060.5
        assert then["harness_load_worker_restarts_total", ()] == 2, "a counter never goes back"
        assert then["harness_part_restarts_total", (("part", "sidecar"),)] == 3
        assert then["harness_part_restarts_total", (("part", "prometheus"),)] == 1
    with pytest.raises(requests.ConnectionError):
        scrape(address)


def test_a_taken_port_is_named() -> None:
    metrics = RunMetrics(make_plan(), "r1", ())
    with serve_run_metrics(metrics) as address:
        port = int(address.rpartition(":")[2])
        with pytest.raises(HarnessError, match=address), serve_run_metrics(metrics, port=port):
            pytest.fail("the port is taken")


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("http://u:p@h:1/x/?token=1#f", "http://h:1/x"),
        ("https://h", "https://h"),
        ("http://[::1]:80/", "http://[::1]:80"),
    ],
)
def test_labels_hold_no_secret(url: str, public: str) -> None:
    assert public_url(url) == public

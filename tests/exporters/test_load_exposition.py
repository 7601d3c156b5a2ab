from __future__ import annotations

import random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from exporters.load_exposition import gauge, histogram, request_pieces, slices
from exporters.load_histogram import edges
from exporters.load_lag import EDGES as LAG_EDGES
from exporters.load_lag import INTERVAL, LoopLag
from exporters.load_recorder import Recorder


def exposed(recorder: Recorder) -> str:
    return "".join(request_pieces(recorder.snapshot(), recorder.edges, recorder.capped))


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    found: dict[Any, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found, f"{key} stands there twice"
            found[key] = sample.value
    return found


def test_of_nothing_there_are_the_families_without_samples() -> None:
    text = exposed(Recorder(edges()))
    assert samples(text) == {("locust_request_names_capped", ()): 0.0}
    assert "# TYPE locust_request_duration_seconds histogram\n" in text
    assert "# TYPE locust_request_errors_total counter\n" in text


def test_the_same_numbers_in_the_same_words_as_client_python() -> None:
    bounds = edges([0.8, 2.0])
    recorder = Recorder(bounds)
    registry = CollectorRegistry()
    theirs = Histogram(
        "locust_request_duration_seconds",
        "Time of each request in seconds, by method, name and outcome.",
        ["method", "name", "outcome"],
        buckets=bounds,
        registry=registry,
    )
    draw = random.Random(1)
    for _ in range(500):
        seconds = draw.choice([draw.expovariate(5), 0.8, 2.0, 61.0])
        outcome = draw.choice(["ok", "error"])
        recorder.record(
            request_type="GET",
            name="/a",
            response_time=seconds * 1000,
            response_length=1,
            exception=None if outcome == "ok" else TimeoutError(),
        )
        theirs.labels("GET", "/a", outcome).observe(seconds)
    # Labels are compared as text: `le` must be written the same way, or rules that join on it find nothing.
    expected = {k: v for k, v in samples(generate_latest(registry).decode()).items() if "_created" not in k[0]}
    ours = {k: v for k, v in samples(exposed(recorder)).items() if k[0].startswith("locust_request_duration")}
    assert len(expected) == 2 * (len(bounds) + 1 + 2)
    assert ours.keys() == expected.keys()
    for key, value in expected.items():
        assert ours[key] == (pytest.approx(value) if key[0].endswith("_sum") else value)
    assert 'le="2.0"' in exposed(recorder)


def test_labels_are_escaped_and_read_back() -> None:
    nasty = 'a"b\\c\nd%s%d{}\x00é,le="1"'
    recorder = Recorder(edges())
    recorder.record(request_type="GET", name=nasty, response_time=1.0, response_length=5)
    found = samples(exposed(recorder))
    # NUL stands for the labels in a template and cannot be sent either.
    key = ("locust_response_bytes_total", (("method", "GET"), ("name", nasty)))
    assert found[key] == 5
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name.endswith("_bucket") and dict(labels)["outcome"] == "ok"
    }
    assert buckets["0.001"] == 1
    assert buckets["+Inf"] == 1
    assert len(buckets) == len(edges()) + 1


def test_buckets_are_cumulative_and_agree_with_the_count_while_requests_arrive() -> None:
    recorder = Recorder(edges())
    draw = random.Random(2)

    def arrive() -> None:
        for number in range(20):
            failed = TimeoutError() if draw.random() < 0.3 else None
            recorder.record(
                request_type="GET",
                name=f"/n{number % 7}",
                response_time=draw.expovariate(1 / 100),
                response_length=1,
                exception=failed,
            )

    arrive()
    chunks = slices(request_pieces(recorder.snapshot(), recorder.edges, recorder.capped), arrive, budget=0.0)
    found = samples(b"".join(chunks).decode())
    series: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for (name, labels), value in found.items():
        if name.endswith("_bucket"):
            bare = dict(labels)
            bound = float(bare.pop("le"))
            series.setdefault(tuple(sorted(bare.items())), []).append((bound, value))
    assert len(series) == 14
    for labels, buckets in series.items():
        counts = [value for _, value in sorted(buckets)]
        assert counts == sorted(counts)
        assert counts[-1] == found["locust_request_duration_seconds_count", labels]
    # Families agree with each other too: all are of one moment.
    errors = sum(v for (name, _), v in found.items() if name == "locust_request_errors_total")
    failed = sum(
        v
        for (name, labels), v in found.items()
        if name == "locust_request_duration_seconds_count" and dict(labels)["outcome"] == "error"
    )
    total = sum(v for (name, _), v in found.items() if name == "locust_request_duration_seconds_count")
    assert errors == failed > 0
    assert total == 20


def test_every_error_kind_starts_at_zero() -> None:
    recorder = Recorder(edges())
    recorder.record(request_type="GET", name="/a", response_time=1.0, response_length=0)
    kinds = {dict(labels)["error"]: v for (name, labels), v in samples(exposed(recorder)).items() if "errors" in name}
    assert kinds == {"status": 0, "timeout": 0, "connection": 0, "validation": 0, "other": 0}


def test_slices_pause_after_their_budget_of_work() -> None:
    now = 0.0
    pauses: list[float] = []

    def pieces() -> Any:
        nonlocal now
        for number in range(6):
            now += 0.2
            yield f"{number}"

    chunks = list(slices(pieces(), lambda: pauses.append(now), clock=lambda: now, budget=0.5))
    assert chunks == [b"012", b"345"]
    assert [round(p, 3) for p in pauses] == [0.6, 1.2]


def test_a_gauge_with_and_without_labels() -> None:
    text = gauge("g", "Help.", [({}, 3), ({"a": 'x"y'}, 0.5)])
    assert text == '# HELP g Help.\n# TYPE g gauge\ng 3\ng{a="x\\"y"} 0.5\n'


def test_a_histogram_without_labels() -> None:
    text = histogram("h", "Help.", (0.5, 1.0), [1, 2, 3], 4.5)
    assert samples(text) == {
        ("h_bucket", (("le", "0.5"),)): 1,
        ("h_bucket", (("le", "1.0"),)): 3,
        ("h_bucket", (("le", "+Inf"),)): 6,
        ("h_sum", ()): 4.5,
        ("h_count", ()): 6,
    }


def test_a_stall_counts_every_tick_that_it_delayed() -> None:
    lag = LoopLag()
    due = lag.catch_up(10.0, 10.0)
    assert lag.counts[0] == 1
    due = lag.catch_up(due, due + 2.001)
    late = sum(lag.counts[LAG_EDGES.index(0.1) + 1 :])
    assert sum(lag.counts) == 42
    assert late == 39  # the ticks that were more than 100 ms late
    assert due > 12.0


def test_a_night_asleep_does_not_spin() -> None:
    lag = LoopLag()
    now = 10.0 + 12 * 3600
    assert lag.catch_up(10.0, now) == now
    assert sum(lag.counts) == 20_000
    assert lag.catch_up(now, now + INTERVAL / 2) == now + INTERVAL

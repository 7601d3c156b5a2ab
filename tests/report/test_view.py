from __future__ import annotations

import math
from dataclasses import replace

import pytest

from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.report.evidence import _other
from harness.report.headline import only_the_cause
from harness.report.markdown import summary
from harness.report.view import make_view
from harness.run.record import RunRecord
from tests.report import samples
from tests.report.samples import START, sample_plan, sample_record


@pytest.mark.parametrize(
    ("verdict", "word", "headline", "cause"),
    [
        (samples.nothing(), "INCONCLUSIVE", "Nothing was judged, so nothing is known about the service.", ""),
        (samples.passing(), "PASS", "All 3 objectives met over 2m 40s of steady state.", ""),
        (
            samples.warning(),
            "WARN",
            "No objective failed over 2m 40s of steady state, but there is something to look at (1 warning).",
            "Redis evicts keys (first seen at 15:07:50 UTC, 1m 10s after the start).",
        ),
        (
            samples.failing(),
            "FAIL",
            "2 of 4 objectives failed: latency_p95 (GET <script>alert(1)</script>), memory_growth (process web).",
            "memory of process web grows by 120 % in 10 minutes (moved first at 15:07:25 UTC, 45s after the start).",
        ),
        (
            samples.inconclusive(),
            "INCONCLUSIVE",
            "1 of 2 objectives could not be judged: memory_growth (process web).",
            "the sidecar was not scraped from 15:08:00 on.",
        ),
        (
            samples.error(),
            "ERROR",
            "The harness could not do its work, so nothing is said about the service.",
            "the archive could not be written: disk full.",
        ),
    ],
)
def test_the_first_two_sentences(verdict: Verdict, word: str, headline: str, cause: str) -> None:
    view = make_view(verdict, sample_record(), sample_plan())
    assert (view.word, view.headline, view.cause) == (word, headline, cause)


def test_gaps_without_an_open_objective_are_said() -> None:
    verdict = Verdict("r", samples.inconclusive().findings, samples.passing().objectives, {})
    view = make_view(verdict, sample_record(), sample_plan())
    assert view.headline == "The evidence has gaps, so the service cannot be said to have passed."


def test_findings_stand_in_order_of_onset_and_undated_ones_last() -> None:
    view = make_view(samples.failing(), sample_record(), sample_plan())
    assert [(row.signal, row.when) for row in view.findings] == [
        ("memory", "2026-11-22 15:07:25 UTC"),
        ("latency", "2026-11-22 15:08:40 UTC"),
        ("telemetry", "whole window"),
    ]


def test_a_time_that_is_no_number_is_no_time() -> None:
    finding = Finding("x", "memory", Outcome.WARN, "s", onset=math.nan, value=math.inf, limit=math.nan, unit="seconds")
    view = make_view(Verdict("r", (finding,), (), {}), sample_record(), sample_plan())
    assert view.findings[0].when == "whole window"
    assert view.findings[0].measured == "never (limit no data)"


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, ""),
        ({"harness": "default", "__name__": "x"}, ""),
        ({"kind": "process", "subject": "web"}, "process web"),
        ({"method": "POST", "name": "/login"}, "POST /login"),
        ({"pool": "main"}, "pool main"),
        ({"database": "main", "state": "idle"}, "database main, state=idle"),
        ({"job": "load", "instance": "w1"}, "instance w1, job load"),
    ],
)
def test_subjects_read_like_words(labels: dict[str, str], text: str) -> None:
    finding = Finding("x", "memory", Outcome.WARN, "s", subject=labels)
    view = make_view(Verdict("r", (finding,), (), {}), sample_record(), sample_plan())
    assert view.findings[0].subject == text


def test_a_run_without_a_window_or_an_end_says_so() -> None:
    record = sample_record(steady_from=None, steady_to=None, ended_at=None, ended_by="aborted", reason="TargetDown")
    facts = dict(make_view(samples.nothing(), record, sample_plan()).facts)
    assert facts["Judged window"] == "never reached"
    assert facts["Ended"] == "ended early by the harness: TargetDown"


def test_what_was_left_out_and_what_could_not_be_judged() -> None:
    text = samples.PLAN_TEXT.replace("horizon: 10m", "horizon: 24h")
    view = make_view(samples.nothing(), sample_record(notes=("worker 1 was restarted",)), sample_plan(text))
    assert view.removed == ("db_pool_waiting",)
    assert view.unjudgeable[0][0] == "memory_growth"
    assert view.unjudgeable[0][1].startswith(" needs 6h of steady state"), "its name is told before it"
    assert view.notes == ("worker 1 was restarted",)


def test_coverage_is_flattened_whatever_the_judge_puts_there() -> None:
    coverage = {
        "a": {"share": 0.5, "gap": 12, "n": 3, "none": None, "list": [1, 2], "yes": True, "empty": {}},
        "b": "text",
    }
    rows = make_view(Verdict("r", (), (), coverage), sample_record(), sample_plan()).coverage
    assert rows == (
        ("a / share", "50%"),
        ("a / gap", "12s"),
        ("a / n", "3"),
        ("a / none", "no data"),
        ("a / list", "1, 2"),
        ("a / yes", "yes"),
        ("a / empty", "none"),
        ("b", "text"),
    )
    listed = {
        "series": [{"need": "requests", "share": 0.5, "longest_gap": 3.0, "objectives": ["a", "b"], "why": ""}],
        "from": START,
    }
    assert make_view(Verdict("r", (), (), listed), sample_record(), sample_plan()).coverage == (
        ("requests", "share 50%; longest gap 3s; objectives a, b"),
        ("from", "2026-11-22 15:06:40 UTC"),
    )
    many = make_view(Verdict("r", (), (), {str(i): i for i in range(900)}), sample_record(), sample_plan()).coverage
    assert len(many) == 501 and many[-1] == ("...", "400 more in verdict.json")


def test_many_failed_objectives_are_counted_not_all_listed() -> None:
    results = tuple(ObjectiveResult(f"o{i}", "all", 1, 2, "count", Outcome.FAIL) for i in range(9))
    view = make_view(Verdict("r", (), results, {}), sample_record(), sample_plan())
    assert view.headline == "9 of 9 objectives failed: o0, o1, o2, o3, o4 and 4 more."


def test_secrets_do_not_reach_the_view() -> None:
    finding = Finding(
        "run", "telemetry", Outcome.ERROR, "cannot connect to postgresql://u:hunter2@h/db", first_seen=START
    )
    record = sample_record(
        target="http://u:hunter2@localhost", reason="http://a:hunter2@b", notes=("redis://:hunter2@c",)
    )
    view = make_view(Verdict("r", (finding,), (), {"x": "http://h?token=hunter2"}), record, sample_plan())
    assert "hunter2" not in repr(view)
    assert "very-secret" not in view.plan_yaml and "db-secret" not in view.plan_yaml


def test_a_run_that_never_came_to_be_judged_says_why_once() -> None:
    record = RunRecord(
        "r", "p", 100.0, "http://h", ended_at=102.0, ended_by="crashed", reason="locust-master ended at its start: no"
    )
    finding = Finding("run", "telemetry", Outcome.ERROR, record.reason, first_seen=102.0)
    assert only_the_cause(Verdict("r", (finding,), (), {}))
    assert not only_the_cause(Verdict("r", (replace(finding, query="up"),), (), {}))
    assert not only_the_cause(Verdict("r", (finding, finding), (), {}))
    assert not only_the_cause(Verdict("r", (), (), {}))
    text = summary(Verdict("r", (finding,), (), {}), record, sample_plan())
    assert "### Findings" not in text
    assert text.count("locust-master ended at its start") == 2, "the cause, and how it ended"
    assert "crashed: locust-master" in text


def test_a_run_that_is_only_worse_than_its_baseline_says_so_first() -> None:
    worse = [
        Finding("regression", "latency", Outcome.FAIL, "latency_mean is 216% higher than in the baseline run: 17ms"),
        Finding("regression", "latency", Outcome.FAIL, "latency_p95 of GET /a is 90% higher than in 5 baseline runs"),
        Finding("regression", "cpu", Outcome.WARN, "cpu is 9% higher than in the baseline run"),
    ]
    verdict = replace(samples.passing(), findings=tuple(worse))
    headline = make_view(verdict, sample_record(), sample_plan()).headline
    assert headline == "Worse than the baseline, though within the objectives: latency_mean, latency_p95 of GET /a."
    for one in worse:
        assert "of the comparison as a whole" in _other(0, one, verdict).empty
    assert "how the run was made" in _other(0, Finding("run", "telemetry", Outcome.WARN, "ended early"), verdict).empty

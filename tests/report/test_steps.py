"""What every report says of a run's steps, and how they stand in the curves."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from harness.report import render
from harness.report.console import print_verdict
from harness.report.limiting import limiting_rows, limiting_text
from harness.report.plots import Axis, Line, Plot
from harness.report.sampling import Sampled
from harness.report.scalability import scalability_text
from harness.report.step_plots import with_steps
from harness.report.steps import step_rows, stress_text
from tests.report.samples import EVIL, START, sample_plan, sample_record, stressed


def test_a_row_for_each_step_names_the_break_and_the_way_down() -> None:
    rows = step_rows(stressed())
    assert [(r.load, r.outcome, r.level, r.break_) for r in rows] == [
        ("50 users", "unclear", "neutral", False),
        ("100 users", "held", "ok", False),
        ("200 users", "broken", "breach", True),
        ("300 users", "broken", "breach", False),
        ("50 users", "held", "ok", False),
    ]
    assert [r.why for r in rows] == [
        "only 40 of 50 users ran", "", f"the break: GET {EVIL} latency_p95", f"GET {EVIL} latency_p95, error_ratio",
        "after the drop",
    ]  # fmt: skip
    assert [r.p95 for r in rows] == ["200ms", "200ms", "3s", "among the failed", "200ms"]
    assert rows[2].rps == "100 rps"


def test_the_answer_in_a_sentence() -> None:
    verdict = stressed()
    assert stress_text(verdict) == (
        f"It held 100 users (50 rps) and broke at 200 users (100 rps) by GET {EVIL} latency_p95. "
        "It recovered 11s after the load dropped."
    )
    told = dict(verdict.stress or {})
    never = told | {"recovery": {"state": "not", "from": START, "seconds": None, "watched": 80.0, "note": ""}}
    assert stress_text(replace(verdict, stress=never)).endswith(
        "It did not recover in the 1m 20s after the load dropped."
    )
    assert (
        stress_text(replace(verdict, stress=told | {"break": None}))
        == "It held 100 users (50 rps); no break was found."
    )
    assert stress_text(replace(verdict, stress=told | {"held": None, "recovery": {}})).startswith(
        "It broke at 200 users"
    )
    assert stress_text(replace(verdict, stress=None)) == ""


def test_every_format_tells_the_steps() -> None:
    verdict = stressed()
    formats = {name: render(name, verdict, sample_record(), sample_plan()) for name in ("markdown", "junit", "html")}
    console = io.StringIO()
    print_verdict(Console(file=console, width=200), verdict, sample_record())
    assert "| 200 users | 💥 broken | 100 rps | 3s | 0% | **the break:" in formats["markdown"]
    assert 'name="step 3: 200 users broken"' in formats["junit"]
    assert "<failure" not in formats["junit"]
    assert '<tr class="break">' in formats["html"]
    assert "step 200 users: broken, 100 rps, p95 3s, failed 0%  the break: GET" in console.getvalue()


def test_what_ran_out_first_stands_first() -> None:
    verdict = stressed()
    assert [(r.what, r.when, r.load, r.normal, r.level, r.first) for r in limiting_rows(verdict)] == [
        (f"callers that wait for {EVIL}", "8s before latency_p95 broke", "160 users", "0.5", "up to 16", True),
        ("processor of web", "2s after latency_p95 broke", "200 users", "85%", "up to 93%", False),
    ]
    told = dict(verdict.stress or {})
    nothing = replace(verdict, stress=told | {"limiting": {**told["limiting"], "order": []}})
    assert limiting_text(nothing) == "No watched resource left its normal range (a, b)."
    unwatched = replace(verdict, stress=told | {"limiting": {**told["limiting"], "order": [], "watched": []}})
    assert limiting_text(unwatched) == "No resource was watched."
    assert limiting_rows(replace(verdict, stress=None)) == ()
    markdown = render("markdown", verdict, sample_record(), sample_plan())
    assert "| processor of web | 2s after latency\\_p95 broke | 200 users | 85% | up to 93% |" in markdown
    assert "No watched resource" in render("html", nothing, sample_record(), sample_plan())


def sampled(*values: float) -> Sampled:
    array = np.array(values)
    return Sampled({}, array, array, array)


def curve(key: str) -> Plot:
    return Plot(
        key=key, title="x", kind="xy", unit="s", axis=Axis(1000.0, " ms"), across=sampled(50, 300),
        across_title="load", lines=(Line("p95", "value", sampled(0.1, 4.0)), Line("limit", "limit", sampled(9.0, 9.0))),
    )  # fmt: skip


def test_the_curve_goes_up_to_the_highest_load_and_marks_what_held_and_what_broke() -> None:
    drawn = with_steps(curve("panel-steps-latency-curve"), stressed())
    # In milliseconds; where p95 lies among the failed, as high as anything that was seen.
    assert [(p.x, p.y, p.level) for p in drawn.points] == [
        (50, 200, "neutral"), (100, 200, "ok"), (200, 3000, "breach"), (300, 4000, "breach"),
    ]  # fmt: skip
    assert drawn.points[3].text == "300 users broken: among the failed requests"
    assert drawn.uprights == ((100, "held 100 users", "ok"), (200, "broke 200 users", "breach"))
    assert drawn.across_title == "users"


def test_the_course_marks_the_break_and_the_recovery() -> None:
    plot = Plot(key="panel-steps-latency", title="x", lines=(Line("p95", "value", sampled(1.0)),))
    assert with_steps(plot, stressed()).marks == ((START + 145, "broke"), (START + 271, "recovered"))


@pytest.mark.parametrize("key", ["panel-load-latency", "panel-steps-cpu"])
def test_other_plots_stay_as_they_are(key: str) -> None:
    plot = curve(key)
    assert with_steps(plot, stressed()) is plot


def test_a_search_marks_its_interval_and_its_knee() -> None:
    answer = {"unit": "users", "low": 110.0, "high": 130.0, "knee": {"load": 90.0, "rps": 45.0}}
    verdict = replace(stressed(), stress=None, capacity=answer)
    assert len(with_steps(curve("panel-steps-latency-curve"), verdict).uprights) == 2
    drawn = with_steps(curve("panel-steps-throughput-curve"), verdict)
    assert drawn.uprights == (
        (110.0, "at least 110 users", "ok"), (130.0, "at most 130 users", "breach"), (90.0, "knee 90 users", "neutral"),
    )  # fmt: skip
    # It goes up and down by itself: every load that it tried is a point.
    assert [p.x for p in drawn.points] == [50, 50, 100, 200, 300]


LAW = {"alpha": 0.02, "beta": 0.0001, "gamma": 1.0, "r2": 0.995, "residuals": [0.01, -0.04], "peak_load": 98.99,
       "peak_rps": 26.4, "refused": ""}  # fmt: skip


def test_the_law_of_a_search_is_told_and_drawn() -> None:
    verdict = replace(stressed(), stress=None, capacity={"unit": "users", "usl": LAW})
    assert scalability_text(verdict) == (
        "Universal Scalability Law: contention 0.02, coherency 0.0001, predicted peak 26.4 rps at 99 users; "
        "explains 99.5% of the variance, off by 4% at most."
    )
    fitted = dict(with_steps(curve("panel-steps-throughput-curve"), verdict).fitted)
    assert fitted[1.0] == 1.0  # one user alone makes gamma
    assert fitted[300.0] == pytest.approx(300 / (1 + 0.02 * 299 + 0.0001 * 300 * 299))
    assert with_steps(curve("panel-steps-latency-curve"), verdict).fitted == ()


@pytest.mark.parametrize("change", [{"refused": "fewer than six loads"}, {"alpha": None}, {"gamma": float("nan")}])
def test_a_bad_fit_gives_no_number(change: dict) -> None:
    verdict = replace(stressed(), stress=None, capacity={"unit": "users", "usl": LAW | change})
    assert scalability_text(verdict).startswith("No fit of the Universal Scalability Law: ")
    assert with_steps(curve("panel-steps-throughput-curve"), verdict).fitted == ()
    assert scalability_text(stressed()) == ""

"""The comparison with earlier runs in report.html."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.report import samples
from tests.report.test_formats import Page, text_of


def row(query: str, change: str, **more: Any) -> dict[str, Any]:
    measured = {
        "query": query, "change": change, "unit": "seconds", "absolute": False,
        "labels": {"method": "GET", "name": "/a"},
        "value": 0.055, "baseline": 0.05, "effect": 0.1, "low": 0.08, "high": 0.12, "detectable": 0.04,
        "note": "",
    }  # fmt: skip
    return measured | more


UNMEASURED = {"value": None, "baseline": None, "effect": None, "low": None, "high": None, "detectable": None}
COMPARISON = {
    "run_id": samples.RUN_ID,
    "baselines": ["night-1", "night-2"],
    "refused": [{"run_id": "night-0", "reason": "another processor"}],
    "forced": [],
    "assumed": "the spread is that of 2 baseline runs",
    "rows": [
        row("cpu_per_request", "same", unit="s", effect=-0.01, low=-0.02, high=0.005),
        row("latency_p95", "worse", labels={"method": "GET", "name": samples.EVIL}),
        row("memory", "cannot tell", **UNMEASURED, note="in this run: no data"),
    ],
}


def page_of(comparison: dict[str, Any] | None) -> Page:
    return Page(text_of("html", replace(samples.failing(), comparison=comparison)))


def test_the_page_tells_each_series_with_its_effect_and_interval() -> None:
    page = page_of(COMPARISON)
    assert page.open == [] and "script" not in page.tags
    assert ("href", "#comparison") in page.attributes and ("id", "comparison") in page.attributes
    part = page.text[page.text.index("Comparison Compared with 2 earlier runs") :]
    assert "1 worse, 0 better, 1 same, 1 cannot be told." in part
    assert f"worse latency_p95 GET {samples.EVIL} 55ms 50ms +10% +8% to +12%" in part
    assert "same cpu_per_request GET /a" in part and "-1% -2% to +0.5%" in part
    assert part.index("worse latency_p95") < part.index("same cpu_per_request")
    assert "1 series could not be compared memory GET /a in this run: no data" in part
    assert "not compared with night-0: another processor" in part
    assert ("class", "word fail") in page.attributes


def test_a_comparison_that_compared_nothing_says_so() -> None:
    page = page_of({"baselines": [], "rows": [], "missing": "no earlier run passed"})
    assert "Compared with no run: no earlier run passed." in page.text
    assert "No series was compared: nothing is said of a regression." in page.text


def test_no_comparison_no_part_of_the_page() -> None:
    page = page_of(None)
    assert "Comparison" not in page.text and ("href", "#comparison") not in page.attributes


def test_a_damaged_comparison_is_no_same() -> None:
    page = page_of({"baselines": ["night-1"], "rows": [row("latency_p95", "fine"), "nonsense"]})
    assert "0 worse, 0 better, 0 same, 1 cannot be told." in page.text
    assert ("class", "word inconclusive") in page.attributes

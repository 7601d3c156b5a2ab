"""Runbook pages as the report shows them: each is whole, and the original suite's tips are where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboards import all_dashboards
from harness.assets import rules_path
from harness.prom.rules import load_rules
from harness.report.runbooks import read_runbook, runbook_place

RUNBOOKS = Path(__file__).resolve().parents[2] / "docs" / "runbooks"
PAGES = sorted(path.stem for path in RUNBOOKS.glob("*.md"))
SLOW = ("LatencyP50OverLimit", "LatencyP95OverLimit", "LatencyP99OverLimit", "LatencyOverLimitFast", "LatencyGrowing")
FULL = ("PoolExhausted", "PoolNearlyFull", "PoolUseOverLimit", "PoolWaitingOverLimit", "PoolCheckoutTimeout")
# The tip, words of it, and the pages of the alerts that it cures.
TIPS = {
    "Redis caching on hot endpoints": (("Cache hot endpoints in Redis",), SLOW),
    "indexes for profile and dashboard queries": (("index", "profile and dashboard"), (*SLOW, *FULL)),
    "pool size and max overflow": (("pool_size and max_overflow",), FULL),
    "feature flags and subscription look-ups": (("feature-flag and subscription look-ups",), SLOW),
    "precompute heavy aggregates": (("heavy dashboard aggregates",), SLOW),
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_it_means_why_and_what_to_do(name: str) -> None:
    page = read_runbook(RUNBOOKS, f"runbooks/{name}.md")
    assert page is not None and page.name == name
    assert page.means.startswith("<p>")
    assert page.causes.count("<li>") >= 1
    assert page.steps.count("<li>") >= 1


def test_every_alert_and_every_panel_names_pages_that_exist() -> None:
    assert {alert.name for alert in load_rules(rules_path()).alerts} <= set(PAGES)
    named = {name for one in all_dashboards() for panel in one.panels() for name in panel.runbooks}
    assert named <= set(PAGES)


@pytest.mark.parametrize("tip", TIPS)
def test_the_tips_of_the_original_suite_are_in_the_right_pages(tip: str) -> None:
    words, pages = TIPS[tip]
    for name in pages:
        page = read_runbook(RUNBOOKS, name)
        assert page is not None
        steps = " ".join(page.steps.split())
        assert all(word in steps for word in words), f"{name} lacks: {tip}"


def test_a_page_is_looked_up_by_a_plain_name_only(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("## What to do\n\n- leak")
    (tmp_path / "pages").mkdir()
    for name in ("../secret", "..%2fsecret", "", "runbooks/../../x y", "nothing"):
        assert read_runbook(tmp_path / "pages", name) is None
    (tmp_path / "pages" / "Page.md").write_text(
        "## What to do\n\n1. <script>alert(1)</script> [x](javascript:alert(1))"
    )
    page = read_runbook(tmp_path / "pages", "Page")
    assert page is not None
    assert "<script" not in page.steps and "href" not in page.steps and "&lt;script&gt;" in page.steps


def test_a_page_is_named_by_a_path_that_the_reader_can_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RUNBOOKS.parents[1])
    assert runbook_place("runbooks/TargetDown.md") == "docs/runbooks/TargetDown.md"
    monkeypatch.chdir(tmp_path)
    assert runbook_place("runbooks/TargetDown.md") == str(RUNBOOKS / "TargetDown.md")
    assert runbook_place("runbooks/NoSuchPage.md") == "runbooks/NoSuchPage.md"
    assert runbook_place("../../etc/pass wd") == "../../etc/pass wd"

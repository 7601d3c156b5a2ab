"""Findings as cards: what several have in common is said once."""

from __future__ import annotations

from harness.assets import data_path
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.report.evidence import Evidence
from harness.report.findings import Card, finding_cards
from tests.report.samples import RUN_ID, START, sample_record

PAGES = data_path("docs") / "runbooks"


def cards(*pages: tuple[str, str]) -> list[Card]:
    """Of findings one after the other, each by its check and its runbook's page."""
    findings = tuple(
        Finding(
            check, "db_pool", Outcome.FAIL, "it is full", first_seen=START + 30 + number, runbook=f"runbooks/{page}.md"
        )
        for number, (check, page) in enumerate(pages)
    )
    return finding_cards(Verdict(RUN_ID, findings, (), {}), sample_record(), Evidence(), PAGES)


def test_the_same_advice_is_given_once() -> None:
    first, second, third = cards(
        ("objectives", "PoolUseOverLimit"), ("objectives", "PoolWaitingOverLimit"), ("objectives", "RedisSlow")
    )
    assert (first.seen, second.seen, third.seen) == (0, 1, 0)
    assert "pool_size and max_overflow" in first.steps
    assert (second.steps, second.causes, second.page) == ("", "", "PoolWaitingOverLimit")
    assert third.steps and third.steps != first.steps


def test_what_an_alert_means_is_said_also_beside_known_advice() -> None:
    objective, alert, again = cards(
        ("objectives", "PoolUseOverLimit"), ("alerts", "PoolExhausted"), ("alerts", "PoolExhausted")
    )
    assert objective.means == "" and objective.steps
    assert (alert.seen, alert.steps) == (1, "") and "pool" in alert.means
    assert (again.seen, again.means) == (1, "")


def test_a_page_that_is_not_there_gives_no_advice() -> None:
    (card,) = cards(("alerts", "NobodyWroteThis"))
    assert (card.page, card.seen, card.means, card.steps) == ("", 0, "", "")

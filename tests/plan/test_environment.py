from __future__ import annotations

import pytest

from harness.errors import PlanError
from harness.plan.environment import escape
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan

TEXT = """\
name: x
target:
  url: ${URL:-http://localhost:5000}
  headers: {A: "%s"}
load:
  locustfile: l.py
  stages: [{duration: 5m, users: 3}]
objectives: {latency_p95: 800ms}
"""


def load(header: str = "x", text: str = TEXT, overrides: tuple[tuple[str, str], ...] = (), **environ: str) -> Plan:
    return load_plan_text(text % header, where="x.yml", environ=environ, overrides=overrides)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "1"),
        ("Bearer ${A}${B}!", "Bearer 12!"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${UNSET:-}", ""),
        ("${UNSET:-a:-b}", "a:-b"),
        ("$A", "$A"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("a $ b } c", "a $ b } c"),
        ("${TRICK}", "${A} [x] # y"),
    ],
)
def test_variables_in_values(written: str, value: str) -> None:
    plan = load(written, A="1", B="2", EMPTY="", TRICK="${A} [x] # y")
    assert plan.target.headers == {"A": value}


@pytest.mark.parametrize("text", ["${A}", "$${A}", "$$${", "plain", "${", "$", "$${$${"])
def test_escaped_text_comes_back(text: str) -> None:
    assert load(escape(text)).target.headers == {"A": text}


def test_an_unset_variable_names_its_line_and_the_way_out() -> None:
    with pytest.raises(PlanError) as caught:
        load("${TOKEN}")
    assert str(caught.value).splitlines()[0] == "x.yml:4: the environment variable TOKEN is not set"
    assert "export TOKEN=" in str(caught.value) and "${TOKEN:-default}" in str(caught.value)


@pytest.mark.parametrize("broken", ["${", "${}", "${A", "${1A}", "${A-b}", "${A B}"])
def test_a_broken_variable_is_told(broken: str) -> None:
    with pytest.raises(PlanError, match=r"x.yml:4: '[$]{' begins a variable that is not complete"):
        load(broken, A="1")


def test_a_variable_cannot_flood_the_plan() -> None:
    with pytest.raises(PlanError, match="longer than 64 KiB"):
        load("${A}" * 100, A="x" * 10_000)


def test_test_base_url_wins_over_the_plan_and_starts_no_reference_target() -> None:
    assert load(TEST_BASE_URL="http://127.0.0.1:8000/").target.url == "http://127.0.0.1:8000"
    assert load(TEST_BASE_URL="").target.url == "http://localhost:5000"
    reference = "name: x%s\ntarget: {reference: mingus}\nload: {locustfile: l.py, stages: [{duration: 5m, users: 3}]}"
    plan = load("", reference, TEST_BASE_URL="http://127.0.0.1:8000")
    assert (plan.target.reference, plan.target.url) == (False, "http://127.0.0.1:8000")


def test_a_flag_wins_over_test_base_url() -> None:
    plan = load(overrides=(("target.url", "http://localhost:1"),), TEST_BASE_URL="http://localhost:2")
    assert plan.target.url == "http://localhost:1"


def test_test_base_url_is_guarded_and_named() -> None:
    with pytest.raises(PlanError) as caught:
        load(TEST_BASE_URL="https://prod.example")
    assert str(caught.value).startswith(
        "environment variable TEST_BASE_URL: the host 'prod.example' is not in allow_hosts"
    )


def test_target_p95_ms_sets_the_whole_runs_p95() -> None:
    objective = load(TARGET_P95_MS="250").objective("latency_p95")
    assert objective is not None and objective.limit == 0.25
    objective = load("x", TEXT.replace("objectives: {latency_p95: 800ms}", ""), TARGET_P95_MS="1e3").objective(
        "latency_p95"
    )
    assert objective is not None and objective.limit == 1.0


@pytest.mark.parametrize("wrong", ["fast", "-1", "0", "nan", "inf"])
def test_a_wrong_target_p95_ms_is_named(wrong: str) -> None:
    with pytest.raises(PlanError, match="environment variable TARGET_P95_MS"):
        load(TARGET_P95_MS=wrong)


@pytest.mark.parametrize("wrong", ["1.5", "-0.1", "sixty", "nan"])
def test_a_wrong_pct_mobile_is_named(wrong: str) -> None:
    with pytest.raises(PlanError, match="environment variable PCT_MOBILE"):
        load(PCT_MOBILE=wrong)
    assert load(PCT_MOBILE="0.6") == load()

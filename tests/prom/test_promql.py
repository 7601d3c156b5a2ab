from __future__ import annotations

import re

import pytest

from harness.prom.promql import any_of, inlined, mentioned_names, names_read, of_endpoints

KNOWN = {"a:b:c", "a:b:d", "plain"}


@pytest.mark.parametrize(
    ("expr", "read"),
    [
        ("vector(1)", set()),
        ("a:b:c / a:b:d", {"a:b:c", "a:b:d"}),
        ("a:b:cc", set()),
        ('label_replace(up, "x", "a:b:c", "", "")', set()),
        ("up # a:b:c\n + a:b:d", {"a:b:d"}),
        ('up{x="# no comment"} + a:b:d', {"a:b:d"}),
        (r'up{x="\"a:b:c"}', set()),
        ("up{x=`a:b:c\\`} + plain", {"plain"}),
        ('{__name__="a:b:c"}', {"a:b:c"}),
        ('{__name__=~"a:.*"}', {"a:b:c", "a:b:d"}),
        ('{__name__!~"a:.*"}', {"plain"}),
        ('{__name__!="plain"}', KNOWN),
        ('{job="x"}', KNOWN),
        ('up or {job="x"}', KNOWN),
        ('sum by (job) ({job="x"})', KNOWN),
        ('up {job="x"}', set()),
        ('rate(up{a="b",c=~"d{2}"}[1m])', set()),
    ],
)
def test_what_an_expression_reads(expr, read):
    assert names_read(expr, KNOWN) == read


def test_mentioned_names_hold_the_metrics():
    assert {"up", "x:y:z"} <= mentioned_names('sum(rate(up[1m])) / {__name__="x:y:z"}')
    assert "hidden" not in mentioned_names('up{a="hidden"}')


def test_rules_are_held_to_endpoints() -> None:
    held = 'name=~"/a|/b"'
    expr = (
        'sum by (name, le) (rate(locust_request_duration_seconds_bucket[1m])) / locust_request_errors_total{error="x"}'
    )
    assert of_endpoints(expr, "/a|/b") == (
        f"sum by (name, le) (rate(locust_request_duration_seconds_bucket{{{held}}}[1m]))"
        f' / locust_request_errors_total{{error="x", {held}}}'
    )
    recorded = "harness_method_name:locust_request_duration_seconds:p95_1m / harness:locust_requests:rate1m"
    assert of_endpoints(recorded, "/a") == recorded, "recorded names are held already"


@pytest.mark.parametrize(
    "value", ["/api/v1/users/{id}?q=a+b|c", 'quote " back \\ slash', "(a)[b]^$*.", "-", "two\nlines"]
)
def test_any_of_matches_exactly_its_values(value: str) -> None:
    pattern = any_of([value, "other"])
    assert "\n" not in pattern and re.search(r'(?<!\\)(\\\\)*"', pattern) is None
    unquoted = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], pattern)
    assert re.fullmatch(unquoted, value) and re.fullmatch(unquoted, "other")
    assert not re.fullmatch(unquoted, value + "x")
    assert any_of([]) == ""


def test_recorded_names_are_replaced_by_their_rules() -> None:
    rules = {"a:b:c": "rate(x[1m])", "d:e:f": "a:b:c / 2"}
    harmless = {'harness="default"'}
    assert inlined("max(d:e:f)", rules, 5.0, harmless) == "max(((rate(x[1m])) / 2))"
    assert inlined('last_over_time(a:b:c{harness="default"}[20s])', rules, 5.0, harmless) == (
        "last_over_time((rate(x[1m]))[20s:5000ms])"
    )
    assert inlined('a:b:c{job="other"}', rules, 5.0, harmless) is None
    assert inlined("a:b:cc + x:a:b:c", rules, 5.0, harmless) == "a:b:cc + x:a:b:c"
    assert inlined("up", {}, 5.0, ()) == "up"

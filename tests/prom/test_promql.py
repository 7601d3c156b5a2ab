from __future__ import annotations

import pytest

from harness.prom.promql import mentioned_names, names_read

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

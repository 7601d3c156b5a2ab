from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.text import behind_its_name, markdown, markdown_code, one_line, printable, utc, xml_text

ANYTHING = st.text(st.characters(exclude_categories=[]), max_size=60)


@given(ANYTHING)
def test_xml_text_can_stand_in_a_document(text: str) -> None:
    element = ET.Element("a", b=xml_text(text))
    element.text = xml_text(text)
    back = ET.fromstring(ET.tostring(element, encoding="utf-8"))
    assert (back.text or "") == xml_text(text).replace("\r\n", "\n").replace("\r", "\n")


@given(ANYTHING)
def test_printable_text_controls_no_terminal(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", printable(text))
    printable(text).encode()
    assert "\n" not in one_line(text)


@given(ANYTHING)
def test_markdown_holds_no_html_and_stays_one_cell(text: str) -> None:
    line = markdown(text)
    assert "<" not in line and ">" not in line and "\n" not in line
    assert not re.search(r"(?<!\\)(\\\\)*\|", line)
    assert not re.search(r"(?<!\\)\|", markdown_code(text))


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("plain words, 1.2s (limit 5%)", "plain words, 1.2s (limit 5%)"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a|b", "a\\|b"),
        ("[x](http://evil)", "\\[x\\](http\u2060://evil)"),
        ("![x](y)", "\\!\\[x\\](y)"),
        ("**b** _i_ `c` ~s~ $m$", "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\~s\\~ \\$m\\$"),
        ("@team #12", "@\u2060team #\u206012"),
        ("# head", "\\# head"),
        ("- item", "\\- item"),
        ("1. item", "\u20601. item"),
        ("a\nb", "a b"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_markdown(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


@pytest.mark.parametrize(
    ("text", "code"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("``", "``` `` ```"), ("a|b", "`a\\|b`"), ("", "``")],
)
def test_markdown_code(text: str, code: str) -> None:
    assert markdown_code(text) == code


@pytest.mark.parametrize("moment", [None, math.nan, math.inf, 1e300, -1e300])
def test_no_time_is_unknown(moment: float | None) -> None:
    assert utc(moment) == "unknown"


def test_times_are_utc() -> None:
    assert utc(1_795_360_000.4) == "2026-11-22 15:06:40 UTC"
    assert utc(1_795_360_000.4, date=False) == "15:06:40 UTC"


def test_why_an_objective_is_not_judged_reads_as_a_sentence_behind_its_name() -> None:
    assert behind_its_name("memory_growth", "memory_growth needs 6h") == " needs 6h"
    assert behind_its_name("GET /a latency_p99", "latency_p99 needs 300 requests") == " needs 300 requests"
    assert behind_its_name("", "the plan has no objective left") == ": the plan has no objective left"
    assert behind_its_name("cpu", "nothing\ntells it") == ": nothing tells it"

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from harness.judge.verdict import Finding, Outcome, Verdict
from harness.report import render
from tests.report import samples
from tests.report.samples import EVIL, sample_plan, sample_record

# What Jenkins' and GitLab's readers accept: element -> (attributes needed, attributes allowed, children in order).
SUITE = {"name", "tests", "failures", "errors", "time"}
SCHEMA: dict[str, tuple[set[str], set[str], tuple[str, ...]]] = {
    "testsuites": (SUITE, SUITE, ("testsuite",)),
    "testsuite": (
        SUITE | {"skipped", "timestamp", "hostname"},
        SUITE | {"skipped", "timestamp", "hostname"},
        ("properties", "testcase", "system-out"),
    ),
    "properties": (set(), set(), ("property",)),
    "property": ({"name", "value"}, {"name", "value"}, ()),
    "testcase": ({"name", "classname", "time"}, {"name", "classname", "time"}, ("failure", "error", "system-out")),
    "failure": ({"message", "type"}, {"message", "type"}, ()),
    "error": ({"message", "type"}, {"message", "type"}, ()),
    "system-out": (set(), set(), ()),
}


def conform(element: ET.Element) -> None:
    needed, allowed, children = SCHEMA[element.tag]
    assert needed <= set(element.attrib) <= allowed, element.tag
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order), f"children of {element.tag} out of order"
    for child in element:
        conform(child)


def parsed(verdict: Verdict) -> ET.Element:
    return ET.fromstring(render("junit", verdict, sample_record(), sample_plan()).encode())


@pytest.mark.parametrize("make", samples.ALL)
def test_the_structure_is_junits_and_the_counts_are_true(make: object) -> None:
    verdict: Verdict = make()  # type: ignore[operator]
    root = parsed(verdict)
    conform(root)
    cases = root.findall(".//testcase")
    for element in (root, root[0]):
        assert int(element.attrib["tests"]) == len(cases)
        assert int(element.attrib["failures"]) == len(root.findall(".//failure"))
        assert int(element.attrib["errors"]) == len(root.findall(".//error"))
    assert root[0].attrib["skipped"] == "0" and not root.findall(".//skipped")
    names = [(case.attrib["classname"], case.attrib["name"]) for case in cases]
    assert len(set(names)) == len(names)
    # Green if and only if the verdict is: this is what a CI acts on.
    red = int(root.attrib["failures"]) + int(root.attrib["errors"]) > 0
    assert red == (verdict.outcome > Outcome.WARN)


def test_nothing_judged_is_an_error_not_an_empty_green_suite() -> None:
    [case] = parsed(samples.nothing()).findall(".//testcase")
    error = case.find("error")
    assert error is not None and error.attrib == {
        "message": "Nothing was judged, so nothing is known about the service.",
        "type": "INCONCLUSIVE",
    }


def test_a_failure_an_error_and_a_warning() -> None:
    root = parsed(samples.failing())
    by_name = {case.attrib["name"]: case for case in root.findall(".//testcase")}
    failure = by_name["memory_growth (process web) <= 50%"].find("failure")
    assert failure is not None and failure.attrib["type"] == "FAIL"
    assert failure.attrib["message"] == "memory_growth (process web): 120%, limit <= 50%"
    assert failure.text == "memory_growth (process web): 120%, limit <= 50%\ngrew to the end"
    error = by_name["error_ratio <= 1%"].find("error")
    assert error is not None and error.attrib == {
        "type": "INCONCLUSIVE",
        "message": "error_ratio: no data, limit <= 1%",
    }
    assert len(by_name["throughput >= 20 rps"]) == 0
    finding = by_name["memory (process web): memory of process web grows by 120 % in 10 minutes"]
    assert finding.attrib["classname"] == "endurance.smoke.findings.trend"
    text = finding[0].text or ""
    assert 'query: harness_kind_subject:memory_bytes:working_set{subject="web"}' in text
    assert "held for: 1m 55s" in text
    warned = next(case for name, case in by_name.items() if name.startswith("telemetry"))
    assert [child.tag for child in warned] == ["system-out"]


def test_hostile_names_are_text_and_illegal_characters_are_gone() -> None:
    text = render("junit", samples.failing(), sample_record(), sample_plan())
    assert "<script" not in text and "\x1b" not in text and "\x00" not in text
    text.encode("utf-8")
    assert any(EVIL in case.attrib["name"] for case in ET.fromstring(text.encode()).findall(".//testcase"))


def test_findings_of_one_name_stay_apart() -> None:
    finding = Finding("alerts", "memory", Outcome.WARN, "same")
    names = [
        c.attrib["name"]
        for c in parsed(Verdict("r", (finding,) * 3, samples.passing().objectives, {})).findall(".//testcase")
    ]
    assert names[-3:] == ["memory: same", "memory: same #2", "memory: same #3"]

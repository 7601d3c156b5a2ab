"""docs/faults.md names the faults and the cases that there are, with the numbers and outcomes that they have."""

from __future__ import annotations

from pathlib import Path

from harness.selftest.case import HEALTHY
from harness.selftest.cases import CASES
from target.faults import FAULT_PARAMETERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def rows(title: str) -> dict[str, list[str]]:
    """First cell -> the others, of the table below a heading."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    return {first.strip("`"): rest for first, *rest in cells}


def test_every_fault_is_on_the_page_with_its_numbers() -> None:
    page = rows("Faults of the target")
    assert list(page) == list(FAULT_PARAMETERS)
    for name, (numbers, effect) in page.items():
        assert numbers == ", ".join(f"`{key}`" for key in FAULT_PARAMETERS[name] if key != "delay"), name
        assert effect


def test_the_readme_says_how_many_there_are() -> None:
    readme = (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert f"(docs/faults.md) has {len(FAULT_PARAMETERS)} switchable faults" in readme


def test_every_case_is_on_the_page_with_what_is_right() -> None:
    page = rows("Cases")
    assert list(page) == list(CASES)
    for name, (outcome, cause, done, why) in page.items():
        case = CASES[name]
        assert outcome == ("healthy" if case.outcomes == HEALTHY else "/".join(o.word for o in case.outcomes)), name
        assert cause == (" or ".join(case.signals) or "-"), name
        assert all(f"`{fault}`" in done for fault in case.faults), name
        assert " ".join(case.arguments) in done, name
        assert why == case.why

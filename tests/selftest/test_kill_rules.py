"""The page of the kill matrix says by which rules each run was taken for right, and claims no more than was checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.kill_lab import to_json
from harness.selftest.kill_page import HEAD, renewed
from harness.selftest.kills import CELLS
from harness.selftest.rules import RULES, told
from tests.selftest.test_kills import ROW

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
OLD = """# What survives what

## Each cell

| Cell | Expected | Seeds | Came to | As expected | Kept | Last seen (UTC) | First finding |
| --- | --- | --- | --- | --- | --- | --- | --- |
| sidecar SIGTERM | warn/inconclusive | 1, 2 | inconclusive, warn | yes | 101%, 99% | then | it died |
| sidecar SIGKILL | warn/inconclusive | 1, 2 | warn, **pass** | **1 of 2** | 100%, - | then | a pass |
"""


def test_runs_without_a_number_stay_as_of_the_oldest_rules_until_they_are_made_again() -> None:
    page = renewed(OLD, [], CELLS, "now")
    assert HEAD in page
    assert "| sidecar SIGTERM | warn/inconclusive | 1, 2 | 1, 1 | inconclusive, warn | yes | 101%, 99% |" in page
    assert "| 1, 2 | 1, 1 | warn, **pass** | **1 of 2** | 100%, - | then | a pass |" in page
    assert f"- Rules {RULES}: no run yet.\n- Rules 1: seed 1; seed 2. Kept is how often Locust's master alone" in page
    assert renewed(page, [], CELLS, "later") == page
    page = renewed(page, [replace(ROW, seed=2)], CELLS, "later")
    assert "| sidecar SIGKILL | warn/inconclusive | 1, 2 | 1, 3 | warn, warn | yes | 100%, 100% | later |" in page
    assert f"- Rules {RULES}: `sidecar SIGKILL` of seed 2.\n- Rules 1: seed 1; `sidecar SIGTERM` of seed 2. " in page


def test_the_row_of_a_run_has_the_number() -> None:
    assert to_json([ROW])["rows"][0]["rules"] == RULES
    for number in ("0", str(RULES + 1), "x"):
        page = renewed("", [ROW], CELLS, "now").replace(f"| 1 | {RULES} |", f"| 1 | {number} |")
        with pytest.raises(ValueError, match=r"no rules|literal"):
            renewed(page, [], CELLS, "now")


def test_who_was_held_to_less_is_named() -> None:
    runs = [(f"c{n}", seed, RULES) for n in range(9) for seed in (1, 2)]
    assert len(told(runs)) == 3 and told(runs)[2] == f"- Rules {RULES}: seed 1; seed 2."
    older = [(cell, seed, 2 if seed == 2 and cell != "c0" else made) for cell, seed, made in runs]
    newest, old = told(older)[2:]
    assert newest == f"- Rules {RULES}: seed 1; `c0` of seed 2."
    assert old.startswith("- Rules 2: seed 2 but for `c0`. They took for right, unsaid, ")
    half = [(cell, 1, 2 if cell < "c6" else made) for cell, seed, made in runs if seed == 1]
    assert told(half)[2] == f"- Rules {RULES}: `c6`, `c7`, `c8` of seed 1."
    assert told([*half, *((f"d{n}", 1, RULES) for n in range(9))])[3].startswith("- Rules 2: 6 cells of seed 1. ")


def test_the_page_in_docs_is_what_the_code_writes() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page, [], CELLS, "now", SURROUNDINGS) == page
    for cell in SURROUNDINGS:
        clock = page.partition("Hostile from the start")[2].partition("are enough")[0]
        assert (f"`{cell.name}`" in clock) is cell.from_the_start

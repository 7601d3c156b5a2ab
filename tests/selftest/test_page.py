"""The table of what was seen: rows of what was run are renewed, the others stay, the sum is counted anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.selftest.cases import CASES
from harness.selftest.matrix import Row
from harness.selftest.page import HEAD, HEADING, renewed

PAGE = Path(__file__).resolve().parents[2] / "docs" / "faults.md"
ROW = Row("stall", 1, ("fail",), ("latency",), "fail", "latency", True, True, "", 1.2, None, 1.0, 120.0, "x")
OLD = f"""# Lab

{HEADING}

Words.

{HEAD}
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| healthy | 1 | pass | - | yes | - | - | - | then |
| stall | 1 | warn | redis | **no** | 9 s | - | - | then |

1 of 2 cases as expected in each run.

More.

## Next
"""


def test_rows_are_renewed_and_counted() -> None:
    second = replace(ROW, repeat=2, onset_delay=3.9, alert_delay=40.0)
    new = renewed(OLD, [ROW, second], ["healthy", "stall", "other"], "now")
    assert "| stall | 2 | fail | latency | yes | 1 to 4 s | 40 s | - | now |" in new
    assert "| healthy | 1 | pass | - | yes | - | - | - | then |" in new
    assert "\n\n2 of 2 cases as expected in each run.\n\nMore.\n\n## Next\n" in new
    assert "1 of 2 cases" not in new
    assert renewed(new, [ROW, second], ["healthy", "stall", "other"], "now") == new


def test_one_wrong_run_of_several_is_no_success() -> None:
    wrong = replace(ROW, outcome="warn", found=False, problem="missed", abort_delay=55.2)
    new = renewed(OLD, [ROW, wrong], ["stall", "healthy"], "now")
    assert "| stall | 2 | fail, warn | latency | **1 of 2** | 1 s | - | 55 s | now |" in new
    assert "1 of 2 cases as expected" in new


def test_a_page_without_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="no table"):
        renewed("# Other\n", [ROW], ["stall"], "now")


def test_the_labs_own_page_has_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page, [], list(CASES), "now") == page

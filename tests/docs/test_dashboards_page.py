"""docs/dashboards.md names every dashboard and leads to files that exist."""

from __future__ import annotations

import re
from pathlib import Path

from dashboards import all_dashboards

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "dashboards.md"


def test_every_dashboard_is_on_the_page_with_its_file() -> None:
    rows = re.findall(r"^\| \[([\w ]+)\]\(\.\./dashboards/generated/([\w-]+)\.json\)", PAGE.read_text(), re.MULTILINE)
    assert rows == [(d.title, d.uid) for d in all_dashboards()]


def test_its_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert len(local) > 8
    assert [target for target in local if not (PAGE.parent / target).exists()] == []

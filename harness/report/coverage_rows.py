"""The judge's account of coverage as rows of a report. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.report.text import clean, utc
from harness.units import format_value

_MAX_ROWS = 500
# Unix seconds of 2001: no count, ratio or length in a coverage report is as large.
_A_DATE = 1e9


def coverage_rows(coverage: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Nested mappings as rows "group / name"; the judge decides what is in it."""
    rows: list[tuple[str, str]] = []

    def walk(prefix: tuple[str, ...], value: Any) -> None:
        if isinstance(value, Mapping) and value and len(prefix) < 6:
            for key, inner in value.items():
                walk((*prefix, str(key)), inner)
        elif isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) and item for item in value):
            rows.extend(_item_row(item) for item in value)
        else:
            rows.append((clean(" / ".join(prefix)), clean(_plain(prefix, value))))

    for key, value in coverage.items():
        walk((str(key),), value)
    if len(rows) > _MAX_ROWS:
        rest = len(rows) - _MAX_ROWS
        rows = [*rows[:_MAX_ROWS], ("...", f"{rest} more in verdict.json")]
    return rows


def _item_row(item: Mapping[str, Any]) -> tuple[str, str]:
    """One row of a list: what it is about (its first entry), and all else that is known of it, nothing twice."""
    (_, title), *rest = item.items()
    parts = [
        f"{str(key).replace('_', ' ')} {_plain((str(key),), value)}"
        for key, value in rest
        if value not in ("", []) and not (isinstance(value, str) and value in str(title))
    ]
    return clean(str(title)), clean("; ".join(parts))


def _plain(prefix: tuple[str, ...], value: Any) -> str:
    if value is None:
        return "no data"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        last = prefix[-1].lower()
        if value > _A_DATE:
            return utc(float(value))
        unit = "ratio" if any(word in last for word in ("ratio", "share", "coverage")) else ""
        if not unit and ("seconds" in last or last.endswith(("gap", "interval"))):
            unit = "seconds"
        return format_value(float(value), unit)
    if isinstance(value, Mapping) and not value:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value[:20]) + (" ..." if len(value) > 20 else "") or "none"
    return str(value)

"""Words of the panels."""

from __future__ import annotations


def text(paragraph: str) -> str:
    """A paragraph of source code as one line."""
    return " ".join(paragraph.split())

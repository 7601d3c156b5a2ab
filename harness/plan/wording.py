"""Plan text made fit to stand in an error message. Pure. Leaf: imports nothing of ours."""

from __future__ import annotations

_MAX_MESSAGE = 600


def tell(text: str) -> str:
    """One line, printable and short: what a plan holds must not control the reader's terminal nor flood it."""
    if len(text) > _MAX_MESSAGE:
        text = text[: _MAX_MESSAGE - 3] + "..."
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)

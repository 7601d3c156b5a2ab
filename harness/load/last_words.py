"""The one line that tells why a Locust process ended, out of what it logged last. Pure."""

from __future__ import annotations

import re

_LOGGED = re.compile(r"^\[[^\]]+\] \S+/(?P<level>[A-Z]+)/[^:]*: ?(?P<text>.*)$")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning)\b")


def telling(words: str) -> str:
    """The last error that was logged or raised, without the logger's prefix; else the last line; empty for nothing."""
    lines = [line.rstrip() for line in words.splitlines() if line.strip()]
    errors = []
    for line in lines:
        logged = _LOGGED.match(line)
        if logged and logged["level"] in ("ERROR", "CRITICAL") and logged["text"]:
            errors.append(logged["text"])
        elif _RAISED.match(line):
            errors.append(line)
    if errors:
        return errors[-1]
    last = lines[-1] if lines else ""
    logged = _LOGGED.match(last)
    return logged["text"] if logged else last

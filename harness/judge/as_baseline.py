"""What a stored verdict says of its run as one to compare with. Pure."""

from __future__ import annotations

from typing import Any

CHECK = "regression"
_GOOD = ("pass", "warn")
_UNTOLD = "inconclusive"


def passed(verdict: Any) -> bool:
    """Whether a run may be a baseline: it passed, whatever its own comparison could not tell, and was not found worse.

    Else a first "cannot tell" would keep every later run without a baseline. What is damaged did not pass.

    Args:
        verdict: as read from verdict.json.
    """
    if not isinstance(verdict, dict):
        return False
    findings, objectives = verdict.get("findings"), verdict.get("objectives")
    if not isinstance(findings, list) or not isinstance(objectives, list) or not objectives:
        return False
    parts = [*findings, *objectives]
    if not all(isinstance(one, dict) for one in parts):
        return False
    bad = [one for one in parts if one.get("outcome") not in _GOOD]
    if any(one.get("check") != CHECK or one.get("outcome") != _UNTOLD for one in bad):
        return False
    return verdict.get("outcome") in _GOOD or (bool(bad) and verdict.get("outcome") == _UNTOLD)


def generator_fault(verdict: Any) -> str | None:
    """What a verdict.json says of a load generator that was the bottleneck; empty when nothing, None when damaged."""
    findings = verdict.get("findings") if isinstance(verdict, dict) else None
    if not isinstance(findings, list) or not all(isinstance(one, dict) for one in findings):
        return None
    for one in findings:
        if one.get("check") == "generator" and one.get("outcome") not in _GOOD:
            return str(one.get("summary", "see its verdict"))
    return ""

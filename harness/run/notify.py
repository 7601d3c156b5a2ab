"""Posts the verdict to a web hook (plan: ``notify``). A hook that fails is told and changes nothing."""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from harness.deadline import within
from harness.judge.verdict import Verdict
from harness.plan.secrets import mask_hook, mask_url
from harness.run.record import RunDirectory, RunRecord

REPORT_FILE = "report.html"
ATTEMPTS = 3
TOTAL_SECONDS = 20.0
_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_LONGEST_CAUSE = 300  # characters: a message is read on a telephone


def message(verdict: Verdict, record: RunRecord, report: str) -> dict[str, Any]:
    """What is posted: Slack's ``text``, and the same as fields for programs. Pure.

    Args:
        report: where a person finds the HTML report.
    """
    first = verdict.first_cause
    cause = mask_url(" ".join(first.summary.split())) if first is not None else ""
    if len(cause) > _LONGEST_CAUSE:
        cause = cause[: _LONGEST_CAUSE - 1] + "\N{HORIZONTAL ELLIPSIS}"
    lines = [f"{verdict.outcome.name}  {record.plan} on {record.target}"]
    if record.ended_by != "completed":
        lines[0] += f" ({record.ended_by})"
    if cause:
        lines.append(f"First cause: {cause}")
    lines += [f"Run: {record.run_id}", f"Report: {report}"]
    return {
        "text": _slack("\n".join(lines)),
        "outcome": verdict.outcome.word,
        "exit_code": int(verdict.outcome.exit_code),
        "run_id": record.run_id,
        "plan": record.plan,
        "target": record.target,
        "ended_by": record.ended_by,
        "first_cause": cause,
        "report": report,
    }


def report_place(directory: RunDirectory, base: str | None) -> str:
    """Where a person finds the report: below ``base`` (a path or URL) where the run's own path means nothing. Pure."""
    if base is None:
        return str(directory.path / REPORT_FILE)
    return f"{base.rstrip('/')}/{directory.path.name}/{REPORT_FILE}"


def _slack(text: str) -> str:
    """Slack's own escapes: nothing in a finding links, mentions or formats."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def post(url: str, data: dict[str, Any], *, seconds: float = TOTAL_SECONDS) -> str:
    """Posts it, three attempts in ``seconds`` at most; returns why it failed, empty when it did not.

    The text names the host only: whoever knows the URL may post.
    """
    result: list[str] = []

    def work() -> None:
        result.append(_attempts(url, data, time.monotonic() + seconds))

    # In a thread of its own: looking a name up, or an answer that drips, cannot be bounded otherwise.
    thread = threading.Thread(target=work, name="notify", daemon=True)
    thread.start()
    thread.join(seconds)
    failure = result[0] if result else f"no answer within {seconds:.0f} s"
    return f"the verdict could not be posted to {mask_hook(url)}: {failure}" if failure else ""


def _attempts(url: str, data: dict[str, Any], deadline: float) -> str:
    failure = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        if time.monotonic() > deadline:
            break
        failure, again = _attempt(url, data)
        if not again:
            break
    return failure


def _attempt(url: str, data: dict[str, Any]) -> tuple[str, bool]:
    """Why it failed, and whether another attempt may help."""
    try:
        # A redirect is not followed: it would carry the verdict to somebody nobody named.
        status = within(_ATTEMPT_SECONDS * 2, lambda: _post(url, data))
    except (requests.Timeout, TimeoutError):
        return f"no answer within {_ATTEMPT_SECONDS:.0f} s", True
    except requests.ConnectionError as error:
        return _cause(error), True
    except requests.RequestException as error:
        return type(error).__name__, False
    if 200 <= status < 300:
        return "", False
    return f"HTTP {status}", status >= 500 or status == 429


def _post(url: str, data: dict[str, Any]) -> int:
    with requests.post(url, json=data, timeout=_ATTEMPT_SECONDS, allow_redirects=False, stream=True) as answer:
        return answer.status_code


def _cause(error: Exception) -> str:
    """Words that hold no part of the URL, which the library's text does."""
    text = str(error)
    known = ("Connection refused", "Name or service not known", "name resolution", "certificate verify failed")
    return next((words.lower() for words in known if words in text), "the connection failed")

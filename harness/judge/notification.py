"""Check "notification": did alerts reach the harness through Alertmanager? The dead man's switch tells.

An alert that always fires must have been delivered: where it was not, the silence of all others means nothing to the
people who wait for them. A WARN: the verdict rests on the series, not on what was delivered.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.judge.verdict import Finding, Outcome

CHECK = "notification"


@dataclass(frozen=True)
class Deliveries:
    """What ``alerts.jsonl`` tells.

    Attributes:
        watchdog: name of the dead man's switch; None: the run had none.
        seen: names of the alerts that were delivered.
        problem: why the file could not be read; empty when it was.
    """

    watchdog: str | None
    seen: frozenset[str] = frozenset()
    problem: str = ""


def read_deliveries(file: Path) -> Deliveries | None:
    """None where the run named no Alertmanager."""
    try:
        with file.open(encoding="utf-8") as lines:
            return parse_deliveries(lines)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        return Deliveries(None, problem=str(error))


def parse_deliveries(lines: Iterable[str]) -> Deliveries:
    """A line that cannot be read (a killed harness may leave half of one) delivers nothing. Pure."""
    watchdog: str | None = None
    seen: set[str] = set()
    known = False
    for line in lines:
        try:
            data = json.loads(line)
            if "watchdog" in data:
                if not isinstance(data["watchdog"], str | None):
                    continue
                watchdog, known = data["watchdog"], True
                continue
            seen |= {str(alert["labels"]["alertname"]) for alert in data.get("alerts", ())}
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return Deliveries(watchdog, frozenset(seen), "" if known else "its first line does not say what to expect")


def check_notification(deliveries: Deliveries | None) -> list[Finding]:
    """A finding where the path from Prometheus to people was not shown to work. Undated: it explains nothing else."""
    if deliveries is None:
        return []
    if deliveries.problem:
        summary = f"what Alertmanager delivered cannot be read (alerts.jsonl): {deliveries.problem}"
    elif deliveries.watchdog is None or deliveries.watchdog in deliveries.seen:
        return []
    else:
        summary = (
            f"the notification path does not work: the alert {deliveries.watchdog!r}, which always fires, was never "
            "delivered to the harness through Alertmanager during the run"
        )
    return [
        Finding(
            check=CHECK, signal="telemetry", outcome=Outcome.WARN, severity="warning", summary=summary,
            runbook="runbooks/Watchdog.md",
        )
    ]  # fmt: skip

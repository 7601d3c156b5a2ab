"""How soon a hard failure ends a run at a scrape interval of 5 s, by the rules themselves; docs/faults.md shows it.

The rules are evaluated over real blocks as the live Prometheus does, `for` included; the watcher looks at each scrape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.judge import judge_run
from tests.judge.fabricate import INTERVAL, START, Made, plan, write_run

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "rules"
PAGE = ROOT / "docs" / "faults.md"
ALLOWED = 60.0
ABORTING = {"ErrorsExcessive", "TargetDown", "PoolExhausted", "MemoryOverLimit"}
Curve = Callable[[np.ndarray], np.ndarray]


def since(start: float, end: float = 1e9, height: float = 1.0) -> Curve:
    """The share of each scrape interval that lies between two times, times ``height``."""
    return lambda t: height * np.clip(np.minimum(t, end) - np.maximum(t - INTERVAL, start), 0, INTERVAL) / INTERVAL


def down(start: float) -> Made:
    return Made(errors=since(start), error_kind="connection", down={"target": lambda t: (t >= start).astype(float)})


def hung(start: float) -> Made:
    """Nothing is answered; from 10 s on each request ends in a time-out."""
    alive = since(start)
    return Made(
        rps=lambda t: 40.0 * (1 - alive(t)) + 4.0 * since(start + 10)(t),
        errors=since(start),
        error_kind="timeout",
        down={"target": lambda t: (t >= start + INTERVAL).astype(float)},
    )


def pool(start: float) -> Made:
    """Exhausted from then on, and time-outs with it; a third of the requests fail of it."""
    return Made(
        in_use=lambda t: np.where(t >= start, 10, 4),
        waiting=lambda t: np.where(t >= start, 5, 0),
        timeouts=since(start, height=2.0),
        errors=since(start, height=0.33),
    )


FAILURES = {
    "target down: connections refused": (down, "TargetDown"),
    "target hangs: time-outs of 10 s": (hung, "TargetDown"),
    "60 % of the requests fail": (lambda start: Made(errors=since(start, height=0.6)), "ErrorsExcessive"),
    "all requests fail": (lambda start: Made(errors=since(start)), "ErrorsExcessive"),
    "pool exhausted, with time-outs": (pool, "PoolExhausted"),
}


def delays(folder: Path, made: Made, start: float) -> dict[str, float]:
    """Seconds until each abort alert that fires has fired and the watcher has seen it."""
    verdict = judge_run(write_run(folder, made), plan(), rules_dir=RULES)
    found: dict[str, float] = {}
    for one in verdict.findings:
        name = one.summary.split()[0]
        if one.check == "alerts" and name in ABORTING and one.first_seen is not None:
            found[name] = one.first_seen - START - start + INTERVAL
    return found


def shown(name: str) -> int:
    """The delay that docs/faults.md shows."""
    (row,) = re.findall(rf"^\| {re.escape(name)} \| `(\w+)` \| (\d+) s \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert row[0] == FAILURES[name][1]
    return int(row[1])


_IN_CI = frozenset({"target hangs: time-outs of 10 s", "60 % of the requests fail", "pool exhausted, with time-outs"})


@pytest.mark.parametrize("name", [n if n in _IN_CI else pytest.param(n, marks=pytest.mark.long) for n in FAILURES])
def test_a_hard_failure_aborts_within_a_minute(name: str, tmp_path: Path) -> None:
    make, alert = FAILURES[name]
    found = [delays(tmp_path / str(phase), make(120.0 + phase), 120.0 + phase)[alert] for phase in (2.5, 4.9)]
    print(name, found)
    assert max(found) <= ALLOWED
    assert round(max(found)) == shown(name)


@pytest.mark.parametrize("seconds", [3.0, 10.0])
def test_a_blip_ends_no_run(seconds: float, tmp_path: Path) -> None:
    start = 121.3
    blip = Made(
        errors=since(start, start + seconds),
        error_kind="connection",
        down={"target": lambda t: ((t >= start) & (t < start + seconds)).astype(float)},
        timeouts=since(start, start + seconds, 2.0),
        in_use=lambda t: np.where((t >= start) & (t < start + seconds), 10, 4),
    )
    assert delays(tmp_path, blip, start) == {}

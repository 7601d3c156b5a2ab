"""The growth judge on 50 series of 24 h at 15 s: ten kinds, healthy and leaking, as a run's objectives have them."""

from __future__ import annotations

import time

from accuracy.corpus import Purpose, draw
from accuracy.measure import judge_sample

KINDS = ("noise only", "garbage collection", "cache that fills to a cap", "daily load", "descriptors")
LEAKS = ("linear", "in lumps", "late", "by the load", "killed and restarted")
EACH = 5
GOAL_SECONDS = 2.0

Row = tuple[str, float, str, str, bool | None]


def run() -> list[Row]:
    samples = [draw(kind, n, Purpose.TUNING) for kind in KINDS for n in range(EACH)]
    samples += [draw(kind, n, Purpose.TUNING, slope=1) for kind in LEAKS for n in range(EACH)]
    judge_sample(samples[0])  # imports and tables
    began = time.process_time()
    for sample in samples:
        judge_sample(sample)
    spent = time.process_time() - began
    return [(f"CPU, {len(samples)} series", spent, "s", f"under {GOAL_SECONDS:g} s", spent < GOAL_SECONDS)]

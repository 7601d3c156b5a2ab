"""The verdict on a run whose archive is damaged: INCONCLUSIVE, with the block named. Pure."""

from __future__ import annotations

from harness.judge.verdict import Finding, Outcome, Verdict
from harness.prom.manifest import DamagedArchiveError
from harness.run.record import RunRecord


def verdict_on_damage(record: RunRecord, error: DamagedArchiveError) -> Verdict:
    """Nothing of it is judged: which samples a damaged file lost is not known, so neither is what the rest proves."""
    finding = Finding(
        check="run", signal="telemetry", outcome=Outcome.INCONCLUSIVE, severity="critical", summary=error.message,
        first_seen=record.ended_at,
    )  # fmt: skip
    return Verdict(record.run_id, (finding,), (), {})

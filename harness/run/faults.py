"""Whether a run can switch the faults on that the command line asks for."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UsageError
from harness.plan.model import Plan
from harness.run.mingus import check_faults
from harness.run.services import Services


def check_faults_for(plan: Plan, faults: Sequence[str], services: Services | None = None) -> None:
    """Raises UsageError for faults that this run cannot switch on."""
    if not plan.target.reference:
        raise UsageError(
            "--fault belongs to the reference target, which this run does not start",
            remedy="leave --fault out, or use a plan with target.reference",
        )
    if services is not None:
        raise UsageError(
            "--fault: this run does not start its target, it finds it standing",
            remedy="give the fault to the target's service, as with FAULT=NAME docker compose up",
        )
    check_faults(faults)

"""Moments worth a mark."""

from __future__ import annotations

from dashboards.queries.select import by, kept, series
from exporters.metric_names import ALERTS, RUN_PHASE, Recorded

_FIRING = 'alertstate="firing", severity!="none"'
_ABORT = 'abort="true"'
_PHASE = f"max by {by('phase')} ({series(RUN_PHASE)})"
# The first minute of each phase, not all of it: a mark and no curtain.
PHASE_BEGINS = f"{_PHASE} == 1 unless max by {by('phase')} ({series(RUN_PHASE)} offset 1m) == 1"
ALERTS_FIRING = f"max by {by('alertname', 'severity', 'signal')} ({kept(series(ALERTS, _FIRING))})"
ABORTS = f"max by {by('alertname', 'signal')} ({kept(series(ALERTS, _FIRING, _ABORT))})"
RESTARTS = f"changes({series(Recorded.STARTS)}[1m]) > 0"

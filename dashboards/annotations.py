"""What every dashboard marks on its time axis: phases, alerts, aborts, restarts."""

from __future__ import annotations

from dashboards.model import Annotation
from dashboards.queries import annotations as q

ANNOTATIONS = (
    Annotation("Phases", q.PHASE_BEGINS, "{{phase}} begins", ("phase",), "neutral"),
    Annotation(
        "Alerts",
        q.ALERTS_FIRING,
        "{{alertname}}",
        ("severity", "signal"),
        "warning",
        "no alert fired (most must hold for minutes first)",
    ),
    Annotation(
        "Aborts", q.ABORTS, "abort: {{alertname}}", ("signal",), "breach", "no abort rule fires in a healthy run"
    ),
    Annotation(
        "Restarts", q.RESTARTS, "{{subject}} restarted", ("kind",), "breach", "nothing restarts in a healthy run"
    ),
)

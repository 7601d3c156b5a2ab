from harness.run.abort import FiringAlert, deciding_alert
from harness.run.live_view import firing_alerts


def alert(name: str, **labels: str) -> FiringAlert:
    return FiringAlert(name, {"alertname": name, **labels}, "it is bad")


ABORT = alert("TargetDown", severity="critical", abort="true", job="target")
GROWTH = alert("TargetMemoryGrowing", severity="critical")


def test_nothing_fires_nothing_ends() -> None:
    assert deciding_alert([], ["critical"], "default") is None


def test_a_severity_ends_a_run_only_through_an_abort_rule() -> None:
    assert deciding_alert([GROWTH], ["critical"], "default") is None
    assert deciding_alert([GROWTH, ABORT], ["critical"], "default") == ABORT
    assert deciding_alert([ABORT], ["warning"], "default") is None
    assert deciding_alert([ABORT], [], "default") is None


def test_a_name_ends_a_run_whatever_its_labels() -> None:
    assert deciding_alert([GROWTH], ["TargetMemoryGrowing"], "default") == GROWTH


def test_another_stacks_alert_does_not_end_this_run() -> None:
    other = alert("TargetDown", severity="critical", abort="true", harness="other")
    assert deciding_alert([other], ["critical", "TargetDown"], "default") is None
    assert deciding_alert([other], ["critical"], "other") == other


def test_description_names_alert_subject_and_summary() -> None:
    assert ABORT.describe() == "TargetDown (job=target): it is bad"
    assert FiringAlert("X").describe() == "X"


def test_firing_alerts_leave_pending_and_foreign_ones_out() -> None:
    api = [
        {"labels": {"alertname": "B", "harness": "a"}, "state": "firing", "annotations": {"summary": "s"}},
        {"labels": {"alertname": "A", "harness": "a"}, "state": "pending", "annotations": {}},
        {"labels": {"alertname": "C", "harness": "b"}, "state": "firing"},
        {"labels": {"alertname": "D"}, "state": "firing"},
    ]
    assert [(a.name, a.summary) for a in firing_alerts(api, "a")] == [("B", "s"), ("D", "")]
    assert firing_alerts([], "a") == ()

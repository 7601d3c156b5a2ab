"""The checks of the answers. They are imported in a child: importing Locust patches the process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.servers import ROOT

CHILD = """
import json, sys
from harness.load import journeys, locustfile
cases = json.load(sys.stdin)
def run(name, args, body):
    check = getattr(journeys, name)
    return (check(*args) if args else check)(body)
print(json.dumps({
    "checks": [run(*case) for case in cases["checks"]],
    "verdicts": [locustfile.standalone_verdict(*map(float, case)) for case in cases["verdicts"]],
    "weights": {task.__name__: locustfile.MingusVisitor.tasks.count(task) for task in locustfile.MingusVisitor.tasks},
    "kind": journeys.ResponseInvalid.__name__,
}))
"""

EMAIL = "a@example.com"
DASHBOARD = {
    "profile": {"email": EMAIL},
    "accounts": [{"kind": "checking", "balance": 10.25}, {"kind": "credit", "balance": -0.25}],
    "net_worth": 10.0,
    "spending": [{"category": "food", "amount": 3.5}],
    "transactions": 36,
}

CASES = [
    ("check_registered", [EMAIL], {"user_id": 1, "email": EMAIL}, None),
    ("check_registered", [EMAIL], {}, "no user_id"),
    ("check_registered", [EMAIL], [], "no user_id"),
    ("check_registered", [EMAIL], {"user_id": 1, "email": "b@example.com"}, "another user's e-mail address"),
    ("check_login", [], {"token": "t" * 32, "expires_in": 10}, None),
    ("check_login", [], None, "no token"),
    ("check_login", [], {"token": ""}, "no token"),
    ("check_login", [], {"token": "t" * 32}, "no expires_in"),
    ("check_login", [], {"token": "t" * 32, "expires_in": 0}, "no expires_in"),
    ("check_dashboard", [EMAIL], DASHBOARD, None),
    ("check_dashboard", [EMAIL], {}, "no profile"),
    ("check_dashboard", ["b@example.com"], DASHBOARD, "another user's dashboard"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "accounts": []}, "no accounts"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "accounts": [{}]}, "a balance is no number"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "net_worth": "10"}, "a balance is no number"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "net_worth": 10.5}, "net worth is not the sum of the accounts"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "spending": []}, "no transactions"),
    ("check_dashboard", [EMAIL], {**DASHBOARD, "transactions": 0}, "no transactions"),
    ("check_profile", [EMAIL, {"income": 5}], {"email": EMAIL, "income": 5}, None),
    ("check_profile", [EMAIL, {"income": 5}], {"email": EMAIL, "income": 4}, "the change was not kept"),
    ("check_profile", [EMAIL, {"income": 5}], {"income": 5}, "another user's profile"),
    ("check_features", [], {"features": {"dark_mode": True}}, None),
    ("check_features", [], {"features": {}}, "no features"),
    ("check_features", [], {"features": {"dark_mode": 1}}, "a feature is neither on nor off"),
    ("check_subscription", [], {"plan": "plus", "status": "active"}, None),
    ("check_subscription", [], {"plan": "gold", "status": "active"}, "no known plan"),
    ("check_subscription", [], {"plan": "plus", "status": "ended"}, "not active"),
    ("check_health", [], {"status": "ok"}, None),
    ("check_health", [], {}, "not ok"),
    ("check_system_health", [], {"status": "degraded", "database": "ok"}, None),
    ("check_system_health", [], {"status": "ok", "database": "unreachable"}, "the database is not ok"),
    ("check_system_health", [], {"status": "down"}, "neither ok nor degraded"),
]

# requests, p95 ms, fail ratio, target ms -> passes
VERDICTS = [
    ((0, 1, 0, 800), False),
    ((100, 800, 0.01, 800), True),
    ((100, 801, 0, 800), False),
    ((100, 10, 0.0101, 800), False),
    ((100, "nan", 0, 800), False),
    ((100, 10, "nan", 800), False),
]


@pytest.fixture(scope="module")
def answers() -> dict[str, object]:
    cases = {"checks": [case[:3] for case in CASES], "verdicts": [case for case, _ in VERDICTS]}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(cases), capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_each_answer_is_judged_as_it_should_be(answers: dict[str, object]) -> None:
    judged = answers["checks"]
    assert isinstance(judged, list)
    for (name, _, body, expected), actual in zip(CASES, judged, strict=True):
        assert actual == expected, (name, body)


def test_a_run_alone_passes_only_on_good_numbers(answers: dict[str, object]) -> None:
    judged = answers["verdicts"]
    assert isinstance(judged, list)
    for (case, passes), reasons in zip(VERDICTS, judged, strict=True):
        assert (reasons == []) is passes, (case, reasons)


def test_weights_make_profile_updates_a_hot_path(answers: dict[str, object]) -> None:
    assert answers["weights"] == {
        "new_session": 1, "dashboard": 10, "update_profile": 8, "features": 4, "subscription": 4, "health": 4,
        "system_health": 2,
    }  # fmt: skip


def test_validation_failures_carry_the_name_the_exporter_knows(answers: dict[str, object]) -> None:
    assert answers["kind"] == "ResponseInvalid"

"""A client of Mingus for the tests, and a reader of its /metrics."""

from __future__ import annotations

import uuid

from prometheus_client.parser import text_string_to_metric_families

from tests.servers import MingusServer

PASSWORD = "correct horse"


def new_user(**changes: object) -> dict[str, object]:
    return {
        "email": f"{uuid.uuid4().hex}@example.com",
        "password": PASSWORD,
        "name": "Ada Brooks",
        "metro": "Chicago",
        "industry": "Finance",
        "title": "Accountant",
        "income": 67000,
        **changes,
    }


def sign_up(mingus: MingusServer) -> tuple[dict[str, object], dict[str, str]]:
    """(the user as registered, headers of its session)."""
    user = new_user()
    answer = mingus.post("/register", user)
    assert answer.status_code == 201, answer.text
    return user, log_in(mingus, user)


def log_in(mingus: MingusServer, user: dict[str, object]) -> dict[str, str]:
    answer = mingus.post("/login", {"email": user["email"], "password": user["password"]})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def samples(mingus: MingusServer) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """/metrics as {(name, sorted labels): value}."""
    answer = mingus.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(mingus: MingusServer, name: str, **labels: str) -> float:
    """One sample's value; KeyError when it is not exposed."""
    return samples(mingus)[name, tuple(sorted(labels.items()))]

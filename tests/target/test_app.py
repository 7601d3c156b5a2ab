from __future__ import annotations

import concurrent.futures
import signal
import time
from pathlib import Path

import psycopg
import pytest
import redis
import requests
from sqlalchemy import create_engine

from target.schema import create_schema
from target.store import TRANSACTIONS_PER_USER
from tests.servers import (
    RedisServer,
    Stack,
    mingus_server,
    postgres_server,
    redis_server,
    start_redis,
    stop,
    wait_until,
)
from tests.target.clients import PASSWORD, log_in, new_user, samples, sign_up, value


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def test_nobody_is_in_without_a_token(stack: Stack) -> None:
    for path in ("/dashboard", "/profile", "/features", "/subscription"):
        assert stack.mingus.get(path).status_code == 401
        assert stack.mingus.get(path, headers={"Authorization": "Bearer made-up"}).status_code == 401
        assert stack.mingus.get(path, headers={"Authorization": "Basic x"}).status_code == 401


def test_a_user_registers_logs_in_and_sees_own_money(stack: Stack) -> None:
    user, session = sign_up(stack.mingus)
    seen = stack.mingus.get("/dashboard", headers=session).json()
    assert seen["profile"]["email"] == user["email"]
    assert seen["profile"]["income"] == 67000
    assert [account["kind"] for account in seen["accounts"]] == ["checking", "savings", "credit"]
    assert seen["net_worth"] == pytest.approx(sum(account["balance"] for account in seen["accounts"]))
    assert seen["transactions"] == TRANSACTIONS_PER_USER
    assert sum(month["earned"] for month in seen["months"]) == pytest.approx(3 * 67000 / 12, abs=0.05)
    # Spending is the same money by category and by month.
    assert sum(item["amount"] for item in seen["spending"]) == pytest.approx(
        sum(month["spent"] for month in seen["months"])
    )


def test_the_dashboard_is_cached_until_the_profile_changes(stack: Stack) -> None:
    _, session = sign_up(stack.mingus)
    hits = ("mingus_cache_requests_total", (("cache", "dashboard"), ("result", "hit")))
    before = samples(stack.mingus).get(hits, 0)
    first = stack.mingus.get("/dashboard", headers=session).json()
    assert stack.mingus.get("/dashboard", headers=session).json() == first
    assert samples(stack.mingus)[hits] == before + 1
    changed = stack.mingus.session.put(f"{stack.mingus.url}/profile", json={"income": 70500}, headers=session)
    assert (changed.status_code, changed.json()["income"]) == (200, 70500)
    assert stack.mingus.get("/dashboard", headers=session).json()["profile"]["income"] == 70500
    assert stack.mingus.get("/profile", headers=session).json() == changed.json()
    keys = redis.Redis.from_url(stack.redis.url)
    assert all(keys.pttl(key) > 0 for key in keys.keys("*")), "a key without an end would stay for ever"


def test_flags_and_subscription(stack: Stack) -> None:
    _, session = sign_up(stack.mingus)
    features = stack.mingus.get("/features", headers=session).json()["features"]
    assert features["budget_alerts"] is True and features["crypto_accounts"] is False
    assert set(features) == {"budget_alerts", "spending_insights", "bill_negotiation", "crypto_accounts", "dark_mode"}
    for _ in range(2):  # computed, then cached
        subscription = stack.mingus.get("/subscription", headers=session).json()
        assert subscription["plan"] in ("free", "plus", "premium")
        assert subscription["status"] == "active"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, ""),
        ([], ""),
        ({}, "email"),
        (new_user(email="nobody"), "email"),
        (new_user(email="a b@example.com"), "email"),
        (new_user(password="short"), "password"),
        (new_user(password="\ud800" * 9), "password"),
        (new_user(income="67000"), "income"),
        (new_user(income=True), "income"),
        (new_user(income=-1), "income"),
        (new_user(name=""), "name"),
        (new_user(name="nul\x00"), "name"),
        (new_user(name="x" * 101), "name"),
        (new_user(admin=True), "admin"),
    ],
)
def test_bad_input_is_answered_400_with_the_field(stack: Stack, body: object, field: str) -> None:
    answer = stack.mingus.post("/register", body)
    assert answer.status_code == 400
    assert answer.json()["field"] == field
    assert answer.json()["error"]


def test_wrong_requests_have_json_answers(stack: Stack) -> None:
    user, session = sign_up(stack.mingus)
    mingus = stack.mingus
    assert mingus.post("/register", user).status_code == 409
    assert mingus.post("/login", {"email": user["email"], "password": "wrong-password"}).status_code == 401
    assert mingus.post("/login", {"email": "nobody@example.com", "password": PASSWORD}).status_code == 401
    assert mingus.session.put(f"{mingus.url}/profile", json={}, headers=session).status_code == 400
    # A connection of its own: the server closes it with the rest of the body unread.
    too_much = requests.post(f"{mingus.url}/login", data=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert too_much.status_code == 413
    assert mingus.get("/nothing").json()["error"]
    assert mingus.post("/health").status_code == 405


def test_log_out_ends_the_token(stack: Stack) -> None:
    _, session = sign_up(stack.mingus)
    assert stack.mingus.post("/logout", headers=session).status_code == 204
    assert stack.mingus.get("/profile", headers=session).status_code == 401


def test_an_expired_token_is_refused_and_its_row_goes(work: Path, database_url: str, redis_cache: RedisServer) -> None:
    environ = {"MINGUS_SESSION_TTL": "0.7"}
    with mingus_server(work, database_url, redis_cache.url, workers=1, environ=environ) as mingus:
        user, session = sign_up(mingus)
        assert mingus.get("/profile", headers=session).status_code == 200
        time.sleep(0.8)
        refused = mingus.get("/profile", headers=session)
        assert (refused.status_code, refused.json()["error"]) == (
            401, "the token is unknown or expired; log in again",
        )  # fmt: skip
        log_in(mingus, user)
        count = f"SELECT count(*) FROM sessions JOIN users ON id = user_id WHERE email = '{user['email']}'"
        assert rows(database_url, count) == [(1,)]


def test_sessions_of_a_user_do_not_pile_up(stack: Stack) -> None:
    user, first = sign_up(stack.mingus)
    sessions = [log_in(stack.mingus, user) for _ in range(9)]
    count = f"SELECT count(*) FROM sessions JOIN users ON id = user_id WHERE email = '{user['email']}'"
    assert rows(stack.database_url, count) == [(5,)]
    assert stack.mingus.get("/profile", headers=first).status_code == 401
    assert all(stack.mingus.get("/profile", headers=session).status_code == 200 for session in sessions[-5:])


def test_only_hashes_of_secrets_are_stored(stack: Stack) -> None:
    user, session = sign_up(stack.mingus)
    token = session["Authorization"].removeprefix("Bearer ").encode()
    stored = rows(
        stack.database_url,
        f"SELECT password_hash, token_hash FROM users JOIN sessions ON id = user_id WHERE email = '{user['email']}'",
    )
    assert str(stored[0][0]).startswith("scrypt$10$")
    assert PASSWORD not in str(stored[0][0]) and token not in bytes(stored[0][1])  # type: ignore[arg-type]


def test_the_schema_is_made_once_by_many(work: Path) -> None:
    with postgres_server(work) as server:
        url = "postgresql+psycopg://" + server.url.partition("://")[2]
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda _: create_schema(create_engine(url)), range(6)))
        assert rows(server.url, "SELECT count(*) FROM feature_flags") == [(5,)]
        indexes = {name for (name,) in rows(server.url, "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")}
        assert {"transactions_by_account", "accounts_by_user", "sessions_by_user", "users_email_key"} <= indexes


def test_mingus_works_without_redis_and_says_so(work: Path, database_url: str) -> None:
    with redis_server(work) as cache, mingus_server(work, database_url, cache.url, workers=1) as mingus:
        assert mingus.get("/system/health").json() == {"status": "ok", "database": "ok", "redis": "ok"}
        _, session = sign_up(mingus)
        stop(cache.process)
        for path in ("/dashboard", "/features", "/subscription"):
            assert mingus.get(path, headers=session).status_code == 200
        health = mingus.get("/system/health")
        assert (health.status_code, health.json()["status"], health.json()["redis"]) == (200, "degraded", "unreachable")
        for name in ("dashboard", "features", "subscription"):
            assert value(mingus, "mingus_cache_requests_total", cache=name, result="fallback") == 1
        with redis_server(work, port=cache.port):
            wait_until(lambda: mingus.get("/system/health").json()["status"] == "ok", "Redis again", seconds=5)
            mingus.get("/dashboard", headers=session)
            wait_until(lambda: mingus.get("/dashboard", headers=session).status_code == 200, "the dashboard")
            key = ("mingus_cache_requests_total", (("cache", "dashboard"), ("result", "hit")))
            wait_until(
                lambda: mingus.get("/dashboard", headers=session).ok and samples(mingus).get(key, 0) > 0,
                "a hit in the cache",
                seconds=5,
            )


def test_mingus_survives_a_restart_of_its_database(work: Path) -> None:
    with (
        postgres_server(work) as server,
        start_redis(work) as cache,
        mingus_server(work, server.url, cache, workers=1) as mingus,
    ):
        _, session = sign_up(mingus)
        with psycopg.connect(server.url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mingus'")
        assert mingus.get("/profile", headers=session).status_code == 200, "pre-ping replaces dead connections"
        stop(server.process, signal.SIGINT)
        assert mingus.get("/profile", headers=session).status_code == 503
        health = mingus.get("/system/health")
        assert (health.status_code, health.json()["database"]) == (503, "unreachable")
        assert mingus.get("/health").status_code == 200


def test_labels_do_not_grow_with_what_clients_send(stack: Stack) -> None:
    for number in range(5):
        stack.mingus.get(f"/nothing/{number}")
        stack.mingus.session.request(f"VERB{number}", f"{stack.mingus.url}/nothing")
    routes = {dict(labels)["route"] for name, labels in samples(stack.mingus) if name == "mingus_http_requests_total"}
    assert not any("nothing" in route for route in routes)
    methods = {dict(labels)["method"] for name, labels in samples(stack.mingus) if name == "mingus_http_requests_total"}
    assert methods <= {"GET", "POST", "PUT", "unknown"}

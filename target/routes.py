"""Mingus's pages: JSON in, JSON out."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy import Engine, exc, text

from target import security, store, validation
from target.cache import Cache
from target.settings import Settings


class Refused(Exception):
    """A request that is answered with this status and message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Services:
    """What the routes work with."""

    settings: Settings
    engine: Engine
    cache: Cache
    exposition: CollectorRegistry


def flag_is_on(name: str, user_id: int, rollout_percent: int) -> bool:
    """Whether a flag is on for a user: the same answer each time, for rollout_percent of all users."""
    return zlib.crc32(f"{name}:{user_id}".encode()) % 100 < rollout_percent


def build_routes(services: Services) -> Blueprint:
    """All routes over the given services."""
    pages = Blueprint("mingus", __name__)
    settings, engine, cache = services.settings, services.engine, services.cache
    # Log-ins with an unknown address must take as long as others; else they tell which addresses exist.
    decoy = security.hash_password("nobody", log2_n=settings.scrypt_log2_n, pepper=settings.secret)

    def body() -> Any:
        return request.get_json(silent=True)

    def token_hash() -> bytes:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise Refused(401, "send the header Authorization: Bearer TOKEN; POST /login gives a token")
        return security.hash_token(token)

    def signed_in() -> int:
        hashed = token_hash()
        with engine.connect() as connection:
            user_id = store.session_user(connection, hashed)
        if user_id is None:
            raise Refused(401, "the token is unknown or expired; log in again")
        return user_id

    @pages.post("/register")
    def register() -> tuple[Response, int]:
        fields = validation.check(body(), validation.REGISTRATION)
        # Hashing takes milliseconds: before a connection is taken, not while it is held.
        hashed = security.hash_password(fields["password"], log2_n=settings.scrypt_log2_n, pepper=settings.secret)
        try:
            with engine.begin() as connection:
                user_id = store.add_user(connection, fields, hashed, datetime.now(UTC).date())
        except exc.IntegrityError:
            raise Refused(409, "this e-mail address is registered already") from None
        return jsonify(user_id=user_id, email=fields["email"]), 201

    @pages.post("/login")
    def login() -> Response:
        fields = validation.check(body(), validation.LOGIN)
        with engine.connect() as connection:
            known = store.credentials(connection, fields["email"])
        stored = known[1] if known else decoy
        matches = security.verify_password(fields["password"], stored, pepper=settings.secret)
        if known is None or not matches:
            raise Refused(401, "wrong e-mail address or password")
        token = security.new_token()
        with engine.begin() as connection:
            store.add_session(
                connection, known[0], security.hash_token(token), settings.session_ttl, settings.sessions_per_user
            )
        return jsonify(token=token, user_id=known[0], expires_in=settings.session_ttl)

    @pages.post("/logout")
    def logout() -> tuple[str, int]:
        hashed = token_hash()
        with engine.begin() as connection:
            store.end_session(connection, hashed)
        return "", 204

    @pages.get("/dashboard")
    def dashboard() -> Response:
        user_id = signed_in()

        def make() -> dict[str, Any]:
            with engine.connect() as connection:
                return store.dashboard(connection, user_id)

        return jsonify(cache.get_or_make("dashboard", str(user_id), settings.dashboard_ttl, make))

    @pages.get("/profile")
    def read_profile() -> Response:
        user_id = signed_in()
        with engine.connect() as connection:
            return jsonify(store.profile(connection, user_id))

    @pages.put("/profile")
    def update_profile() -> Response:
        user_id = signed_in()
        changes = validation.check(body(), validation.PROFILE, partial=True)
        with engine.begin() as connection:
            profile = store.update_profile(connection, user_id, changes)
        cache.forget("dashboard", str(user_id))
        return jsonify(profile)

    @pages.get("/features")
    def features() -> Response:
        user_id = signed_in()

        def make() -> dict[str, int]:
            with engine.connect() as connection:
                return store.flags(connection)

        rollout = cache.get_or_make("features", "all", settings.lookup_ttl, make)
        return jsonify(features={name: flag_is_on(name, user_id, share) for name, share in rollout.items()})

    @pages.get("/subscription")
    def subscription() -> Response:
        user_id = signed_in()

        def make() -> dict[str, Any]:
            with engine.connect() as connection:
                return store.subscription(connection, user_id)

        return jsonify(cache.get_or_make("subscription", str(user_id), settings.lookup_ttl, make))

    @pages.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    @pages.get("/system/health")
    def system_health() -> tuple[Response, int]:
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
            database = "ok"
        except exc.TimeoutError:
            database = "pool exhausted"
        except exc.DBAPIError as error:
            current_app.logger.warning("database check failed: %s", error)
            database = "unreachable"
        redis = "ok" if cache.ping() else "unreachable"
        # Without Redis every page still works, from the database.
        status = "down" if database != "ok" else "ok" if redis == "ok" else "degraded"
        return jsonify(status=status, database=database, redis=redis), 503 if status == "down" else 200

    @pages.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(services.exposition), content_type=CONTENT_TYPE_LATEST)

    return pages

"""Mingus as a WSGI application: services, routes, error answers, request metrics."""

from __future__ import annotations

import time

from flask import Flask, Response, g, jsonify, request
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
from sqlalchemy import Engine, create_engine, exc
from werkzeug.exceptions import HTTPException

from target import cache as caching
from target.fault_effects.base import InjectedError
from target.fault_runtime import fault_routes, start_faults
from target.multiprocess import exposition_registry
from target.pool_metrics import instrument_pool
from target.routes import Refused, Services, build_routes
from target.settings import Settings
from target.validation import InvalidInput

MAX_BODY_BYTES = 64 * 1024
STATEMENT_TIMEOUT_MS = 10_000  # a query that hangs must not hold its connection for ever
DURATION_EDGES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def make_engine(settings: Settings) -> Engine:
    """The engine of one worker process, with its bounded pool."""
    return create_engine(
        settings.sqlalchemy_url,
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.pool_timeout,
        # A database restart then costs a reconnect, not a failed request per pooled connection.
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "application_name": "mingus",
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS}",
        },
    )


def create_app(
    settings: Settings, *, registry: CollectorRegistry = REGISTRY, exposition: CollectorRegistry | None = None
) -> Flask:
    """The application of one worker process; call it after the fork.

    Args:
        registry: where this process's metrics are registered.
        exposition: what /metrics shows; all workers' metrics by default.

    Raises:
        ValueError: the settings name a fault that does not exist or is wrongly written.
    """
    app = Flask("mingus")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    engine = make_engine(settings)
    instrument_pool(engine, registry=registry)
    cache = caching.Cache(caching.connect(settings.redis_url), registry)
    app.register_blueprint(build_routes(Services(settings, engine, cache, exposition or exposition_registry())))
    _count_requests(app, registry)
    _answer_errors(app)
    if settings.faults or settings.fault_token:
        runner = start_faults(settings, engine)
        app.register_blueprint(fault_routes(runner.board, settings.fault_token))
        app.before_request(runner.before_request)
    app.extensions["mingus_engine"] = engine
    return app


def _count_requests(app: Flask, registry: CollectorRegistry) -> None:
    requests = Counter("mingus_http_requests", "Answers.", ["method", "route", "status"], registry=registry)
    duration = Histogram(
        "mingus_http_request_duration_seconds",
        "Time to answer.",
        ["method", "route"],
        registry=registry,
        buckets=DURATION_EDGES,
    )

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        # The rule, never the path, and no client-made method: labels must stay few whatever clients send.
        route = request.url_rule.rule if request.url_rule else "unknown"
        method = request.method if request.url_rule else "unknown"
        requests.labels(method, route, str(response.status_code)).inc()
        if "began" in g:
            duration.labels(method, route).observe(time.perf_counter() - g.began)
        return response


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(InvalidInput)
    def invalid(error: InvalidInput) -> tuple[Response, int]:
        return jsonify(error=str(error), field=error.field), 400

    @app.errorhandler(Refused)
    def refused(error: Refused) -> tuple[Response, int]:
        return jsonify(error=str(error)), error.status

    @app.errorhandler(InjectedError)
    def injected(error: InjectedError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 500

    @app.errorhandler(exc.TimeoutError)
    def no_connection(error: exc.TimeoutError) -> tuple[Response, int, dict[str, str]]:
        return jsonify(error="no database connection became free in time"), 503, {"Retry-After": "1"}

    @app.errorhandler(exc.OperationalError)
    def database_away(error: exc.OperationalError) -> tuple[Response, int, dict[str, str]]:
        app.logger.warning("the database does not answer: %s", error.orig)
        return jsonify(error="the database does not answer"), 503, {"Retry-After": "1"}

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description or error.name), error.code or 500

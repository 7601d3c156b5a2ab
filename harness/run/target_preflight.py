"""Does the target answer, with what the load expects, and does its clock agree with ours? Looks, and loads nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from exporters.metric_names import POOL_CONNECTIONS, POOL_WAITING
from harness.deadline import within
from harness.plan.checks import host_allowed, is_loopback
from harness.plan.model import Plan, Target
from harness.plan.secrets import mask_url
from harness.prom.config import MOST_TARGET_SERIES, authorization
from harness.run.check import Check
from harness.run.exposition import Exposition

TIMEOUT = 5.0
_WHOLE = 2  # time-outs until the headers are there: one to connect, one to wait
MOST_METRICS_BYTES = 64 * 1024 * 1024
MOST_METRICS_SECONDS = 10.0
MANY_SERIES = 20_000  # of the target's own; a day of them at 5 s are a third of a billion samples
_KINDS = frozenset({"text/plain", "application/openmetrics-text", "application/vnd.google.protobuf"})
_POOL = {"db_pool_waiting": POOL_WAITING, "db_pool_use": POOL_CONNECTIONS}  # objective to the series that it needs
SKEW_WARNS = 3.0  # seconds; a Date header has no fractions, and an answer takes a while
_AWAY = frozenset({502, 503, 504})  # what a proxy answers when nobody is behind it
_NOT_LET_IN = frozenset({401, 403})


def target_checks(plan: Plan) -> Iterator[Check]:
    """The target itself, and the paths whose answers the plan expects."""
    yield replace(check_target(plan), key=("target", "url"))
    for path, status in plan.target.expects.items():
        yield replace(_expected(plan.target, path, status), key=("target", "expects", path))


def check_target(plan: Plan) -> Check:
    """Any HTTP answer of the service counts: it need not have the health path of the reference target.

    An answer that says that nobody is there, or that sends the load to a host that the plan does not allow, does not.
    """
    target = plan.target
    url = target.url.rstrip("/") + target.health_path
    try:
        status, headers, taken = _ask(target, url)
    except (requests.RequestException, OSError) as error:
        return Check(
            "target", False, f"{mask_url(url)} does not answer: {cause(error)}",
            "start the target, or give its address with --target URL",
        )  # fmt: skip
    said = f"{mask_url(url)} answers {status}"
    if status in _AWAY:
        return Check("target", False, said, "start the service behind it, or correct target.health_path")
    if status in (301, 302, 303, 307, 308):
        where = urljoin(url, headers.get("Location", ""))
        host = urlsplit(where).hostname or ""
        if not host_allowed(host, target.allow_hosts):
            return Check(
                "target", False, f"{said} and sends to {mask_url(where)}, a host that the plan does not allow",
                f"give the address that is meant as target.url; if load may really go there: --allow-host {host}",
            )  # fmt: skip
    notes = [_skew_note(headers.get("Date"), taken, "the target")]
    if status in _NOT_LET_IN:
        how = "the plan's headers are not accepted" if target.headers else "the plan gives no target.headers"
        notes.append(f"it lets nobody in there: {how}")
    return Check("target", True, said, warning="; ".join(filter(None, notes)))


def _expected(target: Target, path: str, status: int) -> Check:
    name = f"target {path}"
    url = target.url.rstrip("/") + path
    try:
        got, _, _ = _ask(target, url)
    except (requests.RequestException, OSError) as error:
        return Check(name, False, f"does not answer: {cause(error)}", "start the target, or correct target.expects")
    if got == status:
        return Check(name, True, f"answers {got}")
    return Check(
        name, False, f"answers {got}; the plan expects {status}",
        "every such request of the load would go wrong: mend the target, the plan's headers, or target.expects",
    )  # fmt: skip


def _ask(target: Target, url: str) -> tuple[int, Mapping[str, str], tuple[float, float]]:
    """Status, headers, and unix seconds before and after; the body is not read: it may have no end."""
    patience = min(TIMEOUT, target.timeout)
    before = time.time()
    answer = within(_WHOLE * patience, lambda: direct_get(
        url, timeout=patience, headers=dict(target.headers), verify=target.ca_file or True, allow_redirects=False,
        stream=True,
    ))  # fmt: skip
    after = time.time()
    answer.close()
    return answer.status_code, answer.headers, (before, after)


def direct_get(url: str, **how: Any) -> requests.Response:
    """``requests.get`` past the environment's proxies (and netrc): Locust and Prometheus know none of them either."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, **how)


def skew(date: str | None, taken: tuple[float, float]) -> float | None:
    """Seconds by which another's clock is ahead of ours, 0 within what cannot be told apart; None without a Date. Pure.

    Args:
        date: the header of its answer: whole seconds, cut off.
        taken: unix seconds before it was asked and after it answered.
    """
    if not date:
        return None
    try:
        moment = parsedate_to_datetime(date)
        said = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    if said + 1.0 < taken[0]:
        return said + 1.0 - taken[0]
    return max(0.0, said - taken[1])


def _skew_note(date: str | None, taken: tuple[float, float], whose: str) -> str:
    apart = skew(date, taken)
    if apart is None or abs(apart) <= SKEW_WARNS:
        return ""
    way = "ahead of" if apart > 0 else "behind"
    return f"the clock of {whose} is {abs(apart):.0f} s {way} this machine's: let NTP keep both in step"


def check_clock_of(name: str, url: str, tolerated: float) -> Check | None:
    """Whether the clock of a Prometheus, which dates every sample, agrees with ours; None where it does not say.

    Args:
        tolerated: seconds: a scrape interval. What the harness calls the steady state would begin elsewhere.
    """
    ask = direct_get if is_loopback(urlsplit(url).hostname or "") else requests.get  # as PrometheusApi
    before = time.time()
    try:
        answer = within(_WHOLE * TIMEOUT, lambda: ask(url, timeout=TIMEOUT, stream=True, allow_redirects=False))
    except (requests.RequestException, OSError):
        return None  # that it does not answer is told elsewhere
    after = time.time()
    answer.close()
    apart = skew(answer.headers.get("Date"), (before, after))
    if apart is None:
        return None
    if abs(apart) <= max(tolerated, 1.0):
        return Check(f"clock of {name}", True, "agrees with this machine's")
    return Check(
        f"clock of {name}", False,
        f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's: the judged time would be another",
        "let NTP (chrony, systemd-timesyncd) keep both machines in step",
    )  # fmt: skip


def check_target_metrics(
    url: str, count: Callable[[int], None] = lambda _: None, found: Callable[[set[str]], None] = lambda _: None,
    *, headers: Mapping[str, str] | None = None, ca_file: str | None = None, ours: bool = True,
) -> Check:  # fmt: skip
    """Whether the target's own metrics can be scraped.

    Args:
        count: told how many series they have.
        found: told which series of a connection pool stand there.
        headers, ca_file: of the plan's target, for a Prometheus of the run's own.
        ours: whether that one scrapes them; another may be let in by what stands in its configuration.
    """
    name, remedy = "target metrics", "correct target.metrics in the plan, or leave it out"
    try:
        how = {"headers": _as_scraped(url, headers or {}), "verify": ca_file or True}
        status, kind, read, endless = within(MOST_METRICS_SECONDS + TIMEOUT, lambda: _read_metrics(url, how))
    except (requests.RequestException, OSError) as error:
        return Check(name, False, f"{mask_url(url)} does not answer: {cause(error)}", remedy)
    if status in _NOT_LET_IN and not ours:
        warning = "not to this machine: the Prometheus that scrapes it must have what lets it in"
        return Check(name, True, f"{mask_url(url)} answers {status}", warning=warning)
    if status != requests.codes.ok:
        return Check(name, False, f"{mask_url(url)} answers {status}", remedy)
    if endless:
        return Check(
            name, False, f"{mask_url(url)} does not end: {endless / 1e6:.0f} MB so far",
            "no scrape would succeed; give the address of Prometheus metrics",
        )  # fmt: skip
    series = read.series
    if series == 0:
        return Check(name, False, f"{mask_url(url)} has not one series", "give the address of Prometheus metrics")
    if read.unreadable:
        return Check(
            name, False, f"{mask_url(url)} is not in Prometheus' text format: {mask_url(read.unreadable)}",
            "no scrape would succeed; give the address of Prometheus metrics",
        )  # fmt: skip
    count(series)
    found(read.found)
    if series > MOST_TARGET_SERIES:
        return Check(
            name,
            False,
            f"{mask_url(url)} has {series:,} series; at most {MOST_TARGET_SERIES:,} are scraped",
            "is a label an id, a URL or an error text? Take it out, or leave these metrics out of the plan",
        )
    notes = [_kind_note(kind)]
    if series > MANY_SERIES:
        notes.append(f"{series:,} series make a large archive and slow queries: is a label an id, a URL or an error?")
    detail = mask_url(url) + (f", {series:,} series" if series > MANY_SERIES else "")
    return Check(name, True, detail, warning="; ".join(filter(None, notes)))


def _kind_note(content_type: str) -> str:
    """What Prometheus 3 makes of the Content-Type of metrics; earlier ones read all as text. Pure."""
    media, _, parameters = content_type.partition(";")
    if media.strip().lower() in _KINDS and "," not in parameters:
        return ""
    said = f"their Content-Type is {content_type[:80]!r}" if content_type else "they have no Content-Type"
    return f"{said}, of which Prometheus 3 scrapes nothing: answer with text/plain; version=0.0.4"


def check_pool(plan: Plan, told: Sequence[set[str]]) -> Iterator[Check]:
    """A warning where the target's metrics do not tell what the plan, or every plan, asks of its connection pool. Pure.

    A warning only: it may begin with the first request that opens a connection.

    Args:
        told: of each address of metrics that could be read, the series of a pool.
    """
    there = {name for one in told for name in one}
    lacking = [name for name, series in _POOL.items() if plan.objective(name) is not None and series not in there]
    if not told or not lacking or plan.capacity is not None:
        return
    off = " ".join(f"--set objectives.{name}=off" for name in lacking)
    yield Check(
        "connection pool", True, "not told by target.metrics",
        warning=f"no {' and no '.join(_POOL[name] for name in lacking)} in target.metrics: where the load brings none, "
        f"{' and '.join(lacking)} will be INCONCLUSIVE; give {off}, or metrics of the pool (docs/metrics.md)",
    )  # fmt: skip


def _as_scraped(url: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with which the run's Prometheus will ask: a password in the URL wins, and no others are sent."""
    found = None if urlsplit(url).username is not None else authorization(headers)
    return {} if found is None else {"Authorization": " ".join(found)}


def _read_metrics(url: str, how: Mapping[str, Any]) -> tuple[int, str, Exposition, int]:
    """Status, Content-Type, what was read, and the bytes of what did not end by then (else 0)."""
    deadline = time.monotonic() + MOST_METRICS_SECONDS
    read, size = Exposition(_POOL.values()), 0
    with direct_get(url, timeout=TIMEOUT, stream=True, **how) as answer:
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code != requests.codes.ok:
            return answer.status_code, kind, read, 0
        for piece in answer.iter_content(65_536):
            size += len(piece)
            if size > MOST_METRICS_BYTES or time.monotonic() > deadline:
                return answer.status_code, kind, read, size
            read.feed(piece)
        read.end()
    return answer.status_code, kind, read, 0


def cause(error: Exception) -> str:
    """The innermost reason: requests wraps "connection refused" three times."""
    text = str(error)
    for word in ("Connection refused", "Name or service not known", "timed out", "certificate verify failed"):
        if word in text:
            return word.lower()
    return text

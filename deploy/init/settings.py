"""What the user set for the stack, read once from the environment into a frozen, checked value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

REFERENCE_DATABASE = "mingus"
REFERENCE_URL = "http://target:5000"


class SettingsError(Exception):
    """A variable is wrong. The text names it and says what would be right; it holds no secret."""


@dataclass(frozen=True)
class Email:
    """``smarthost``: host:port of a mail server."""

    to: str
    sender: str
    smarthost: str
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Settings:
    """Empty texts: not set.

    Attributes:
        uid, gid: of the harness, the load, the sidecar and the target; run directories belong to them.
        project: compose's project name; the target's container is named after it.
        reference: the stack runs Mingus with its PostgreSQL and Redis.
        allow_hosts: further hosts that may be loaded.
        report_base: the runs folder as a person reaches it.
        grafana_password, prometheus_password: the user's own; else generated.
        slack_url, webhook_url, email: where alerts go besides the run directory.
    """

    uid: int
    gid: int
    project: str
    reference: bool = True
    allow_hosts: tuple[str, ...] = ()
    report_base: str = "./runs"
    grafana_password: str = field(default="", repr=False)
    prometheus_password: str = field(default="", repr=False)
    slack_url: str = field(default="", repr=False)
    slack_channel: str = ""
    webhook_url: str = field(default="", repr=False)
    email: Email | None = None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        SettingsError: a variable is missing or wrong.
    """

    def text(name: str) -> str:
        return environ.get(name, "").strip()

    _refuse_another_target(text)
    return Settings(
        uid=_number(environ, "HARNESS_UID"),
        gid=_number(environ, "HARNESS_GID"),
        project=text("COMPOSE_PROJECT_NAME") or "endurance",
        reference=text("REFERENCE_TARGET") != "off",
        allow_hosts=tuple(text("ALLOW_HOSTS").replace(",", " ").split()),
        report_base=text("HARNESS_REPORT_BASE") or "./runs",
        grafana_password=_password(environ, "GRAFANA_ADMIN_PASSWORD"),
        prometheus_password=_password(environ, "PROMETHEUS_PASSWORD"),
        slack_url=_url(environ, "SLACK_WEBHOOK_URL"),
        slack_channel=text("SLACK_CHANNEL"),
        webhook_url=_url(environ, "ALERT_WEBHOOK_URL"),
        email=_email(text),
    )


def _refuse_another_target(text: Callable[[str], str]) -> None:
    """The reference stack loads Mingus whatever TEST_BASE_URL says: its PASS would be taken for another service's."""
    asked = text("TEST_BASE_URL").rstrip("/")
    if asked and asked != REFERENCE_URL and text("REFERENCE_TARGET") != "off":
        raise SettingsError(  # not quoted: it may hold a password
            "TEST_BASE_URL names a service of your own, and this stack would load Mingus in its place: start it with "
            "docker compose -f docker-compose.yml -f compose.own.yml up -d, or unset TEST_BASE_URL to load Mingus"
        )


def _number(environ: Mapping[str, str], name: str) -> int:
    value = environ.get(name, "").strip() or "1000"
    if not value.isdecimal() or int(value) >= 2**32 - 1:
        raise SettingsError(f"{name}={value!r} is no user or group number; write the one that `id` shows")
    return int(value)


def _password(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if value and (len(value) < 8 or len(value.encode()) > 72 or not value.isprintable()):
        raise SettingsError(f"{name} must be 8 to 72 printable characters on one line")  # 72 bytes: bcrypt's limit
    return value


def _url(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if value and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise SettingsError(f"{name} must be an http:// or https:// URL")  # not quoted: such URLs hold a token
    return value


def _email(text: object) -> Email | None:
    assert callable(text)
    to = text("ALERT_EMAIL_TO")
    if not to:
        return None
    smarthost, sender = text("SMTP_SMARTHOST"), text("SMTP_FROM") or to
    host, _, port = smarthost.rpartition(":")
    if not host or not port.isdecimal():
        raise SettingsError("ALERT_EMAIL_TO is set, so SMTP_SMARTHOST must be a mail server's host:port")
    return Email(to, sender, smarthost, text("SMTP_USERNAME"), text("SMTP_PASSWORD"))

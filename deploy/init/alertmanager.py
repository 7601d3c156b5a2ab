"""alertmanager.yml from the settings. Pure."""

from __future__ import annotations

from typing import Any

import yaml

from deploy.init.settings import Settings

HARNESS_RECEIVER = "http://harness:9121/alerts"
WATCHDOG = "Watchdog"
# An alert that ends the run is followed by its cool-down, and NoRun inhibits what has not been sent by then.
_AT_ONCE = "1s"
_TITLE = "{{ .Status | toUpper }} {{ .CommonLabels.severity }}: {{ .CommonLabels.signal }} ({{ len .Alerts }})"
_TEXT = "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ end }}"


def alertmanager_config(settings: Settings) -> str:
    """Every alert goes to the run directory; people get them by severity, over the channels that are set.

    Mail is for critical alerts only: it wakes nobody up for a warning that the verdict will name anyway.
    """
    config: dict[str, Any] = {
        "route": {
            "receiver": "nobody",
            "group_by": ["harness", "signal", "severity"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": [
                {
                    "receiver": "run-directory",
                    "matchers": [f'alertname="{WATCHDOG}"'],
                    # Often, so that a run of minutes sees it too.
                    "group_wait": "0s",
                    "group_interval": "15s",
                    "repeat_interval": "30s",
                },
                {"receiver": "nobody", "matchers": ['severity="none"']},
                {"receiver": "run-directory", "group_wait": _AT_ONCE, "group_interval": "5s", "continue": True},
                {
                    "receiver": "people-critical",
                    "matchers": ['severity="critical"'],
                    "group_wait": _AT_ONCE,
                    "repeat_interval": "1h",
                },
                {
                    "receiver": "people-warning",
                    "matchers": ['severity="warning"'],
                    "group_wait": "30s",
                    "repeat_interval": "12h",
                },
            ],
        },
        "inhibit_rules": [
            # A signal that is critical already needs no warning beside it.
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity="warning"'],
                "equal": ["harness", "signal"],
            },
            # Between runs the load and the harness do not answer, which is no incident; a run that vanished is one.
            {
                "source_matchers": ['alertname="NoRun"'],
                "target_matchers": ['severity=~"warning|critical"', 'alertname!="RunVanished"'],
            },
        ],
        "receivers": [
            {"name": "nobody"},
            {
                "name": "run-directory",
                "webhook_configs": [{"url": HARNESS_RECEIVER, "send_resolved": True}],
            },
            {"name": "people-critical", **_channels(settings), **_mail(settings)},
            {"name": "people-warning", **_channels(settings)},
        ],
    }
    return yaml.safe_dump(config, sort_keys=False)


def _channels(settings: Settings) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    if settings.slack_url:
        slack = {"api_url": settings.slack_url, "send_resolved": True, "title": _TITLE, "text": _TEXT}
        if settings.slack_channel:
            slack["channel"] = settings.slack_channel
        channels["slack_configs"] = [slack]
    if settings.webhook_url:
        channels["webhook_configs"] = [{"url": settings.webhook_url, "send_resolved": True}]
    return channels


def _mail(settings: Settings) -> dict[str, Any]:
    mail = settings.email
    if mail is None:
        return {}
    entry = {"to": mail.to, "from": mail.sender, "smarthost": mail.smarthost, "send_resolved": True}
    if mail.username:
        entry |= {"auth_username": mail.username, "auth_password": mail.password}
    return {"email_configs": [entry]}

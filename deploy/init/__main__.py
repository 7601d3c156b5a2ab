"""The one-shot service ``init`` of the compose stack.

    python -m deploy.init              # before everything else starts; again at each `up`
    python -m deploy.init passwords    # shows the passwords of Grafana and Prometheus again

It runs as root (with chown and little else, and without a network), because it alone writes files of several users.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.init import files
from deploy.init.alertmanager import alertmanager_config
from deploy.init.settings import Settings, SettingsError, read_settings
from deploy.init.volumes import kept_passwords, put, remove_snapshots, take_over

VOLUMES = Path("/volumes")
# Numeric users of the official images.
NOBODY, GRAFANA, SERVER = (65534, 65534), (472, 0), (999, 999)
_SNAPSHOT_SECONDS = 3600.0


def say(text: str) -> None:
    sys.stderr.write(f"init: {text}\n")


def main(arguments: Sequence[str], environ: Mapping[str, str], volumes: Path = VOLUMES) -> int:
    """The process; returns its exit code: 0, or 2 for settings that cannot be used."""
    try:
        settings = read_settings(environ)
        if list(arguments) == ["passwords"]:
            show(volumes)
            return 0
        check_owner(settings, volumes)
    except SettingsError as error:
        say(str(error))
        return 2
    prepare(settings, volumes)
    return 0


def check_owner(settings: Settings, volumes: Path) -> None:
    """Run directories shall belong to the user who started the stack: the one who owns the checkout."""
    owner = (volumes / "checkout").stat()
    remedy = f"write HARNESS_UID={owner.st_uid} and HARNESS_GID={owner.st_gid} into the file .env (see .env.example)"
    if owner.st_uid not in (0, settings.uid):
        raise SettingsError(
            f"this checkout is user {owner.st_uid}'s, but run directories would be user {settings.uid}'s: {remedy}"
        )
    if not take_over(volumes / "runs", (settings.uid, settings.gid), say):
        raise SettingsError(
            f"the folder runs is neither root's nor user {settings.uid}'s: move it, or set HARNESS_UID and HARNESS_GID"
        )


def prepare(settings: Settings, volumes: Path) -> None:
    """Writes every service its files. Raises OSError."""
    user = (settings.uid, settings.gid)
    given = {"grafana": settings.grafana_password, "prometheus": settings.prometheus_password}
    passwords, new = kept_passwords(
        volumes / "passwords", {**given, "database": "", "redis": "", "pepper": "", "fault-token": ""}
    )
    prometheus, database, redis = (passwords[name] for name in ("prometheus", "database", "redis"))

    put(volumes / "prometheus/web.yml", files.web_config(prometheus), NOBODY)
    put(volumes / "prometheus/password", prometheus + "\n", NOBODY)
    put(volumes / "prometheus/client.yml", files.client_config("/run/secrets/prometheus/password"), NOBODY)
    put(volumes / "alertmanager/alertmanager.yml", alertmanager_config(settings), NOBODY)
    put(volumes / "grafana/admin-password", passwords["grafana"], GRAFANA)
    put(volumes / "grafana/prometheus-password", prometheus, GRAFANA)
    put(volumes / "harness/services.yml", files.services(settings, passwords), user)
    put(volumes / "harness/prometheus-password", prometheus + "\n", user)
    put(volumes / "database/password", database, SERVER)
    put(volumes / "redis/redis.conf", files.redis_config(redis), SERVER)
    put(volumes / "redis/password", redis, SERVER)
    put(volumes / "target/database-url", files.database_url(database), user)
    put(volumes / "target/redis-url", files.redis_url(redis), user)
    put(volumes / "target/pepper", passwords["pepper"], user)
    put(volumes / "target/fault-token", passwords["fault-token"], user)
    # Prometheus looks for targets in the second; the files in the first say themselves who may read them.
    for folder in (volumes / "control", volumes / "control" / "targets"):
        folder.mkdir(mode=0o755, exist_ok=True)
        folder.chmod(0o755)
        os.chown(folder, *user)
    remove_snapshots(volumes / "prometheus-data", time.time() - _SNAPSHOT_SECONDS)
    announce(settings, passwords, new)


def announce(settings: Settings, passwords: Mapping[str, str], new: set[str]) -> None:
    """Tells generated passwords of people once; later starts do not repeat them in the logs."""
    own = {"grafana": settings.grafana_password, "prometheus": settings.prometheus_password}
    users = {"grafana": "admin", "prometheus": files.PROMETHEUS_USER}
    for name, user in users.items():
        if name in new and not own[name]:
            say(f"{name.capitalize()}: user {user}, password {passwords[name]} (said this once)")
    if not new:
        say("the passwords are those of before; `docker compose run --rm init passwords` shows them")


def show(volumes: Path) -> None:
    for name, user in (("grafana", "admin"), ("prometheus", files.PROMETHEUS_USER)):
        file = volumes / "passwords" / name
        if not file.is_file():
            raise SettingsError("there are no passwords yet: docker compose up makes them")
        sys.stdout.write(f"{name}: user {user}, password {file.read_text(encoding='utf-8').strip()}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))

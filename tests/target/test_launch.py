from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from target import launch
from target.settings import Settings, SettingsError, read_settings
from tests.servers import RedisServer, free_port, mingus_server, wait_until

DATABASE, REDIS = "postgresql://u:p@h/d", "redis://h/0"


def test_the_environment_is_read_back_as_given() -> None:
    environ = launch.environment(
        DATABASE, REDIS, workers=3, pool_size=4, faults=["error_burst:ratio=0.1"], fault_token="t", secret="s"
    )
    settings = read_settings(environ)
    assert (settings.database_url, settings.redis_url, settings.workers) == (DATABASE, REDIS, 3)
    assert (settings.pool_size, settings.pool_overflow, settings.threads) == (4, 2, 6)
    assert (settings.faults, settings.fault_token, settings.secret) == ("error_burst:ratio=0.1", "t", "s")


def test_a_healthy_worker_has_a_connection_for_each_thread() -> None:
    for pool_size in (1, 5, 8, 40):
        settings = read_settings(launch.environment(DATABASE, REDIS, pool_size=pool_size))
        assert settings.threads <= settings.pool_size + settings.pool_overflow


def test_a_wrong_fault_is_refused_before_anything_starts() -> None:
    with pytest.raises(ValueError, match="unknown fault 'nonsense'"):
        launch.environment(DATABASE, REDIS, faults=["nonsense"])


def test_the_command_is_found_by_the_plans_pattern() -> None:
    assert re.search(r"gunicorn.*target", " ".join(launch.command(8000)))
    assert "127.0.0.1:8000" in launch.command(8000)


def test_settings_name_the_variable_that_is_wrong() -> None:
    with pytest.raises(SettingsError, match="MINGUS_DATABASE_URL must be set"):
        read_settings({})
    with pytest.raises(SettingsError, match="MINGUS_REDIS_URL must be set"):
        read_settings({"MINGUS_DATABASE_URL": DATABASE})
    good = {"MINGUS_DATABASE_URL": DATABASE, "MINGUS_REDIS_URL": REDIS}
    for value in ("x", "0", "-1", "1.5", "nan", "inf"):
        with pytest.raises(SettingsError, match="MINGUS_WORKERS"):
            read_settings({**good, "MINGUS_WORKERS": value})
    with pytest.raises(SettingsError, match="MINGUS_POOL_TIMEOUT"):
        read_settings({**good, "MINGUS_POOL_TIMEOUT": "nan"})
    assert read_settings(good) == Settings(DATABASE, REDIS)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "Mingus cannot start: MINGUS_DATABASE_URL must be set"),
        (
            {"MINGUS_DATABASE_URL": DATABASE, "MINGUS_REDIS_URL": REDIS, "MINGUS_FAULTS": "nonsense"},
            "Mingus cannot start: MINGUS_FAULTS: unknown fault",
        ),
    ],
)
def test_bad_settings_end_it_with_one_message(environ: dict[str, str], message: str, tmp_path: Path) -> None:
    done = subprocess.run(
        launch.command(free_port()),
        env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), **environ},
        cwd=tmp_path,  # it must start from anywhere
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode not in (0, None)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [], "no state directory is left behind"


def test_sigterm_ends_it_promptly_and_leaves_nothing(
    work: Path, database_url: str, redis_cache: RedisServer, tmp_path: Path
) -> None:
    environ = {"TMPDIR": str(tmp_path)}
    with mingus_server(work, database_url, redis_cache.url, environ=environ) as mingus:
        assert mingus.get("/health").status_code == 200  # leaves a kept-alive connection
        assert len(list(tmp_path.glob("mingus-*"))) == 1
        master = psutil.Process(mingus.process.pid)
        # The first worker answers before the second is born.
        wait_until(lambda: len(master.children()) == 2, "the second worker")
        workers = master.children()
        began = time.monotonic()
        mingus.process.send_signal(signal.SIGTERM)
        mingus.process.wait(10)
        assert time.monotonic() - began < 5
        assert mingus.process.returncode == 0
        assert not any(worker.is_running() for worker in workers)
        assert list(tmp_path.iterdir()) == []

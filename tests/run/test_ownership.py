from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.ownership import OWNER_FILE, locked, owned
from harness.run.postgres import sweep
from harness.run.removal import remove_tree

OWNS = "import sys, time\nfrom pathlib import Path\nfrom harness.ownership import owned\n"
OWNS += "with owned(Path(sys.argv[1])):\n    print('owned', flush=True)\n    time.sleep(60)\n"


def owner_of(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", OWNS, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "owned\n"
    process.stdout.close()
    return process


def test_a_pipe_in_the_place_of_the_lock_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / OWNER_FILE)
    asked = threading.Thread(target=locked, args=[tmp_path / OWNER_FILE], daemon=True)
    asked.start()
    asked.join(60)
    assert not asked.is_alive()


def test_a_folder_is_owned_as_long_as_its_process_lives(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "work"
    assert not locked(folder / OWNER_FILE)
    with owned(folder):
        assert locked(folder / OWNER_FILE)
        assert [p.name for p in folder.iterdir()] == [OWNER_FILE]
        assert (folder / OWNER_FILE).read_text() == f"{os.getpid()}\n"
    assert not locked(folder / OWNER_FILE)
    process = owner_of(folder)
    assert locked(folder / OWNER_FILE)
    process.kill()
    process.wait()
    assert not locked(folder / OWNER_FILE), "kill -9 lifts it"


def test_sweeping_removes_what_killed_harnesses_left_and_nothing_else(tmp_path: Path) -> None:
    names = ("harness-postgres-dead", "harness-postgres-alive", "harness-postgres-no-owner", "other")
    dead, alive, unknown, other = (tmp_path / name for name in names)
    for folder in (unknown, other):
        folder.mkdir()
    (tmp_path / "harness-postgres-link").symlink_to(other)
    (other / OWNER_FILE).touch()
    killed, living = owner_of(dead), owner_of(alive)
    (dead / "postgres").mkdir()
    (dead / "postgres" / "data").touch()
    killed.kill()
    killed.wait()
    try:
        sweep(tmp_path)
    finally:
        living.kill()
        living.wait()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "harness-postgres-alive", "harness-postgres-link", "harness-postgres-no-owner", "other",
    ]  # fmt: skip


def test_a_tree_is_removed_although_somebody_still_writes_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    until = time.monotonic() + 0.5

    def write() -> None:
        while time.monotonic() < until:
            folder.mkdir(exist_ok=True)
            (folder / str(time.monotonic())).mkdir(exist_ok=True)

    writer = threading.Thread(target=lambda: _ignoring(write))
    folder.mkdir()
    writer.start()
    writer.join(0.1)
    while writer.is_alive():
        remove_tree(folder)
        time.sleep(0.01)
    remove_tree(folder)
    assert not folder.exists()


def _ignoring(write: object) -> None:
    while True:
        try:
            write()  # type: ignore[operator]
            return
        except FileNotFoundError:
            continue


def test_a_signal_does_not_stop_a_removal_half_way(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in range(3000):
        (folder / str(number)).mkdir(parents=True)
    # A shell ignores the signal for what it runs in the background, and so would this test.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer = threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            remove_tree(folder)
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not folder.exists()

"""Which processes belong to a group, with real children."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from exporters.poller import Unreadable
from exporters.process_members import Members, Selector, own_processes
from tests.exporters.obedient import Master, group_of, matching, running_master
from tests.servers import stop, wait_until


@pytest.fixture
def master() -> Iterator[Master]:
    with running_master() as process:
        yield process


def test_a_worker_whose_master_died_stays_a_member(master: Master) -> None:
    group = matching(master.tag)
    master.say("child 0.01")
    child = psutil.Process(master.pid).children()[0]
    assert group.read().members == 2
    master.process.kill()
    master.process.wait()
    try:
        assert group.read().members == 1
    finally:
        child.kill()


def test_a_shell_that_becomes_the_program_is_found(tmp_path: Path) -> None:
    tag = f"tag-{uuid.uuid4().hex}"
    # The tag is no part of the shell's command line: it reads it from a file.
    (tmp_path / "run.sh").write_text(f"sleep 0.5\nexec {sys.executable} -c 'import time; time.sleep(100)' {tag}\n")
    process = subprocess.Popen(["sh", tmp_path / "run.sh"])
    try:
        group = matching(tag)
        assert group.read().members == 0
        wait_until(lambda: group.read().members == 1, "the exec", seconds=10)
    finally:
        stop(process)


def test_the_sidecar_and_its_ancestors_are_never_members() -> None:
    own = own_processes()
    assert os.getpid() in own and os.getppid() in own
    everybody = Members(Selector(match=re.compile(".")), excluded=own).look()
    assert not own & {stat.pid for stat in everybody}
    assert group_of(pid=os.getpid()).read().members == 0


def test_by_pid_with_children(master: Master) -> None:
    master.say("child 0.01")
    assert group_of(pid=master.pid).read().members == 2


def test_a_reused_pid_is_not_taken_for_the_process_that_was_named(master: Master) -> None:
    members = Members(Selector(pid=master.pid), excluded=frozenset())
    assert [stat.pid for stat in members.look()] == [master.pid]
    members._locked = (master.pid, members._locked[1] - 1) if members._locked else None
    members._members = {master.pid: 1}
    assert members.look() == []


def test_by_pid_file(master: Master, tmp_path: Path) -> None:
    pidfile = tmp_path / "web.pid"
    group = group_of(pidfile=pidfile)
    assert group.read().members == 0, "no file: nothing runs"
    pidfile.write_text("")
    assert group.read().members == 0, "being written"
    pidfile.write_text(f"{master.pid}\n")
    assert group.read().members == 1
    pidfile.write_text("nonsense")
    with pytest.raises(Unreadable, match="holds no pid"):
        group.read()


def test_a_pid_file_older_than_its_process_names_a_former_one(master: Master, tmp_path: Path) -> None:
    pidfile = tmp_path / "web.pid"
    pidfile.write_text(f"{master.pid}\n")
    os.utime(pidfile, (time.time() - 3600, time.time() - 3600))
    assert group_of(pidfile=pidfile).read().members == 0


def test_only_new_and_young_processes_are_read_again(master: Master) -> None:
    now = [time.clock_gettime(time.CLOCK_BOOTTIME) + 60.0]  # everything is older than it takes to settle
    excluded = own_processes()
    members = Members(Selector(match=re.compile(master.tag)), excluded=excluded, boot_clock=lambda: now[0])
    before = set(psutil.pids())
    assert len(members.look()) == 1
    again = members._candidates(set(psutil.pids()) - excluded - {master.pid}, now[0])
    assert not again.keys() & before
    now[0] += 31
    members.look()
    assert len(members._settled) > 1, "the full look has read them again"

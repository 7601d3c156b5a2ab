"""Process groups of real children, held against /proc."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import uuid
from collections.abc import Iterator

import psutil
import pytest

from exporters import metric_names as names
from exporters import procfs
from exporters.process import ProcessReading
from tests.exporters.obedient import Clock, Master, cpu, exposed, fd_count, matching, running_master, status
from tests.servers import wait_until


@pytest.fixture
def master() -> Iterator[Master]:
    with running_master() as process:
        yield process


def test_a_group_never_found_says_so_and_reports_no_value() -> None:
    reading = matching(f"nobody-{uuid.uuid4().hex}").read()
    assert reading.problems == ()
    assert exposed(reading) == {(names.PROC_NUM,): 0, (names.PROC_STARTS,): 0}
    assert exposed(None) == {}


def test_values_are_those_of_proc(master: Master) -> None:
    master.say("child 0.05")
    master.say("memory 20")
    child = psutil.Process(master.pid).children()[0]
    pids = [master.pid, child.pid]
    reading = matching(master.tag).read()
    assert reading.members == 2
    assert reading.problems == ()
    assert reading.resident == pytest.approx(sum(status(pid, "VmRSS") for pid in pids), rel=0.02)
    assert reading.virtual == pytest.approx(sum(status(pid, "VmSize") for pid in pids), rel=0.001)
    assert reading.swapped == sum(status(pid, "VmSwap") for pid in pids)
    full = [psutil.Process(pid).memory_full_info() for pid in pids]
    assert reading.sizes.proportional == pytest.approx(sum(info.pss for info in full), rel=0.05)
    assert reading.sizes.unique == pytest.approx(sum(info.uss for info in full), rel=0.05)
    assert reading.fds == sum(fd_count(pid) for pid in pids)
    limit = psutil.Process(master.pid).rlimit(psutil.RLIMIT_NOFILE)[0]
    worst = max(fd_count(pid) for pid in pids)
    assert reading.fd_ratio == pytest.approx(worst / limit)
    assert reading.threads == sum(psutil.Process(pid).num_threads() for pid in pids)
    assert reading.oldest_start == pytest.approx(psutil.Process(master.pid).create_time(), abs=1.1)


def test_metrics_carry_process_exporters_names(master: Master) -> None:
    found = exposed(matching(master.tag).read())
    assert found.keys() == {
        (names.PROC_NUM,),
        (names.PROC_STARTS,),
        (names.PROC_CPU, "user"),
        (names.PROC_CPU, "system"),
        (names.PROC_MEMORY, "resident"),
        (names.PROC_MEMORY, "virtual"),
        (names.PROC_MEMORY, "swapped"),
        (names.PROC_MEMORY, "proportionalResident"),
        (names.PROC_USS,),
        (names.PROC_FDS,),
        (names.PROC_WORST_FD_RATIO,),
        (names.PROC_THREADS,),
        (names.PROC_OLDEST_START,),
    }


def test_cpu_stays_monotonic_when_a_worker_is_recycled(master: Master) -> None:
    group = matching(master.tag)
    totals = [0.0]

    def read() -> ProcessReading:
        reading = group.read()
        totals.append(cpu(reading))
        return reading

    assert read().starts == 0
    for _ in range(3):
        master.say("child 0.3")  # burns 0.3 s from its birth
        read()
        master.say("kill")
        reading = read()
        assert reading.members == 1
    assert totals == sorted(totals)
    assert reading.starts == 3
    # The kernel tells user and system time in whole ticks of 10 ms: a child may lose two of them.
    assert 0.9 - 3 * 2 * 0.01 - 1e-9 <= totals[-1] < 2.0


def test_a_zombie_counts_its_cpu_and_is_no_member(master: Master) -> None:
    group = matching(master.tag)
    group.read()
    master.say("child 0.2")
    before = group.read()
    master.say("zombie")
    after = group.read()
    assert (before.members, after.members) == (2, 1)
    assert cpu(after) >= cpu(before) >= 0.18
    assert after.problems == ()


def test_a_crash_loop_is_seen_as_starts_while_the_oldest_start_stays(master: Master) -> None:
    group = matching(master.tag)
    first = group.read()
    for _ in range(4):
        assert master.process.stdin is not None
        master.process.stdin.write("crash\n")
        master.process.stdin.flush()
        wait_until(lambda: len(psutil.Process(master.pid).children()) == 1, "the crashing child", seconds=5)
        assert group.read().members == 2
        master.say()
    last = group.read()
    assert last.starts == 4
    assert last.members == 1
    assert last.oldest_start == first.oldest_start


def test_a_child_that_came_and_went_between_two_looks_is_a_start_while_it_is_a_zombie(master: Master) -> None:
    group = matching(master.tag)
    group.read()
    master.say("child 0.1")
    master.say("zombie")
    reading = group.read()
    assert (reading.members, reading.starts) == (1, 1)
    assert cpu(reading) >= 0.1


def test_memory_and_descriptor_growth_is_seen(master: Master) -> None:
    clock = Clock()
    group = matching(master.tag, clock)
    before = group.read()
    master.say("memory 30")
    master.say("files 50")
    clock.now += 11
    after = group.read()
    assert before.resident is not None and after.resident is not None
    assert before.sizes.unique is not None and after.sizes.unique is not None
    assert before.fds is not None and after.fds is not None
    assert after.resident - before.resident == pytest.approx(30 * 2**20, rel=0.05)
    assert after.sizes.unique - before.sizes.unique == pytest.approx(30 * 2**20, rel=0.05)
    assert after.fds - before.fds == 50


def test_pss_is_read_every_ten_seconds_and_served_between(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = Clock(), []
    rollup = procfs.read_rollup
    monkeypatch.setattr(procfs, "read_rollup", lambda pid: asked.append(pid) or rollup(pid))
    group = matching(master.tag, clock)
    first = group.read().sizes
    master.say("memory 10")
    clock.now += 9.9
    assert group.read().sizes == first
    assert len(asked) == 1
    clock.now += 0.2
    assert group.read().sizes != first
    assert len(asked) == 2


def test_when_the_last_member_dies_gauges_go_and_counters_stay() -> None:
    master = Master(f"tag-{uuid.uuid4().hex}")
    group = matching(master.tag)
    group.read()
    master.say("burn 0.2")
    alive = group.read()
    master.end()
    dead = group.read()
    assert dead.problems == ()
    assert exposed(dead).keys() == {
        (names.PROC_NUM,), (names.PROC_STARTS,), (names.PROC_CPU, "user"), (names.PROC_CPU, "system"),
    }  # fmt: skip
    assert cpu(dead) >= cpu(alive) >= 0.18
    again = Master(master.tag)
    try:
        reading = group.read()
        assert (reading.members, reading.starts) == (1, 1)
        assert cpu(reading) >= cpu(dead)
    finally:
        again.end()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_without_the_right_to_read_descriptors_the_family_is_absent_and_said(master: Master) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    code = (
        "import os, re, sys\n"
        f"os.setgid({nobody}); os.setuid({nobody})\n"
        "from exporters.process import ProcessGroup\n"
        "from exporters.process_members import Members, Selector, own_processes\n"
        f"selector = Selector(match=re.compile({master.tag!r}))\n"
        "group = ProcessGroup(Members(selector, excluded=own_processes()), interval=1)\n"
        "r = group.read()\n"
        "print(r.members, r.fds, r.sizes.proportional, r.resident > 0, r.user is not None, '|'.join(r.problems))\n"
    )
    # The imports happen as root: the checkout may be closed to others.
    code = code.replace("os.setgid", "import exporters.process, exporters.process_members\nos.setgid", 1)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 None None True True descriptors of pid")
    assert "permission denied" in done.stdout
    assert "memory map of pid" in done.stdout

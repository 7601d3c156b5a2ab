"""Process groups of real children, held against /proc."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from exporters import metric_names as names
from exporters import process_metrics, procfs
from exporters.families import Families
from exporters.poller import Unreadable
from exporters.process import ProcessGroup, ProcessReading
from exporters.process_members import Members, Selector, own_processes
from tests.servers import stop, wait_until

# A master that obeys lines on its input: each grows it, or starts, recycles or ends a child that burns some CPU.
MASTER = """
import os, subprocess, sys, time
BURN = '''
import sys, time
end = time.process_time() + float(sys.argv[1])
while time.process_time() < end:
    pass
print("x", flush=True)
time.sleep(1000)
'''
children, keep = [], []
print("ready", flush=True)
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    if word == "memory":
        keep.append(bytearray(os.urandom(1024)) * (int(argument) * 1024))
    elif word == "files":
        keep += [open(os.devnull) for _ in range(int(argument))]
    elif word == "child":
        children.append(subprocess.Popen([sys.executable, "-c", BURN, argument], stdout=subprocess.PIPE))
        children[-1].stdout.read(1)
    elif word == "kill":
        child = children.pop(0)
        child.kill()
        child.wait()
    elif word == "zombie":
        children[0].kill()
        time.sleep(0.2)
    elif word == "crash":
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.15)"])
    elif word == "burn":
        end = time.process_time() + float(argument)
        while time.process_time() < end: pass
    print("done", flush=True)
"""


class Master:
    """A master process with a command line of its own, to match."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.process = subprocess.Popen(
            [sys.executable, "-c", MASTER, tag], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.say()

    @property
    def pid(self) -> int:
        return self.process.pid

    def say(self, command: str = "") -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        if command:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        assert self.process.stdout.readline()

    def end(self) -> None:
        for child in psutil.Process(self.pid).children(recursive=True) if psutil.pid_exists(self.pid) else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def master() -> Iterator[Master]:
    process = Master(f"tag-{uuid.uuid4().hex}")
    yield process
    process.end()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def group_of(clock: Callable[[], float] = time.monotonic, **selector: object) -> ProcessGroup:
    members = Members(Selector(**selector), excluded=own_processes())  # type: ignore[arg-type]
    return ProcessGroup(members, interval=0.1, clock=clock)


def matching(tag: str, clock: Callable[[], float] = time.monotonic) -> ProcessGroup:
    return group_of(clock, match=re.compile(tag))


def status(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(key)


def cpu(reading: ProcessReading) -> float:
    assert reading.user is not None and reading.system is not None
    return reading.user + reading.system


def fd_count(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def exposed(reading: ProcessReading | None) -> dict[tuple[str, ...], float]:
    families = Families()
    process_metrics.expose(families, "web", reading)
    found: dict[tuple[str, ...], float] = {}
    for family in families:
        for sample in family.samples:
            assert sample.labels.pop("groupname") == "web"
            found[sample.name, *sample.labels.values()] = sample.value
    return found


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
    assert 0.9 <= totals[-1] < 2.0


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

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from harness.errors import HarnessError, PreflightError
from harness.run.child import Child, Program, describe_exit, last_lines


def python(tmp: Path, code: str, **program) -> Child:
    return Child(
        Program(name="child", argv=[sys.executable, "-c", textwrap.dedent(code)], log=tmp / "c.log", **program)
    )


def wait_for(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_missing_program_is_a_preflight_error(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="no-such-program"):
        Child(Program(name="x", argv=["/no-such-program"], log=tmp_path / "x.log"))


def test_ending_tells_code_and_signal(tmp_path: Path) -> None:
    child = python(tmp_path, "import sys; sys.exit(3)")
    wait_for(lambda: not child.alive())
    assert child.ending() == "ended with exit code 3"
    child.stop()
    assert child.ending() == "ended with exit code 3"

    child = python(tmp_path, "import time; time.sleep(60)")
    assert child.alive()
    assert child.ending() == "is running"
    os.kill(child.pid, signal.SIGKILL)
    wait_for(lambda: not child.alive())
    assert child.ending() == "was killed by SIGKILL"
    child.stop()


def test_stop_asks_first(tmp_path: Path) -> None:
    child = python(
        tmp_path,
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: (print("in order", flush=True), sys.exit(0)))
        print("ready", flush=True)
        time.sleep(60)
        """,
    )
    wait_for(lambda: "ready" in (tmp_path / "c.log").read_text())
    child.stop()
    child.stop()
    assert "in order" in (tmp_path / "c.log").read_text()
    assert child.ending() == "ended with exit code 0"


def test_stop_kills_what_does_not_listen_and_its_whole_group(tmp_path: Path) -> None:
    child = python(
        tmp_path,
        """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        grandchild = subprocess.Popen(["sleep", "60"])
        print(grandchild.pid, flush=True)
        time.sleep(60)
        """,
    )
    wait_for(lambda: (tmp_path / "c.log").read_text().strip().isdigit())
    grandchild = int((tmp_path / "c.log").read_text())
    began = time.monotonic()
    child.stop(timeout=0.3)
    assert time.monotonic() - began < 5
    assert child.ending() == "was killed by SIGKILL"
    wait_for(lambda: gone(grandchild))


def test_ctrl_c_in_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    child = python(tmp_path, "import time; time.sleep(60)")
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    child.kill()


def test_it_dies_with_the_harness(tmp_path: Path) -> None:
    """A harness killed with SIGKILL cannot clean up; the kernel does."""
    code = """
        import sys, time
        from pathlib import Path
        from harness.run.child import Child, Program
        child = Child(Program(name="c", argv=["sleep", "60"], log=Path(sys.argv[1])))
        print(child.pid, flush=True)
        time.sleep(60)
    """
    harness = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert harness.stdout is not None
    pid = int(harness.stdout.readline())
    assert not gone(pid)
    harness.kill()
    harness.wait()
    harness.stdout.close()
    wait_for(lambda: gone(pid))


def test_wait_until_names_the_death_and_the_log(tmp_path: Path) -> None:
    child = python(tmp_path, "print('no such database'); raise SystemExit(4)")
    with pytest.raises(HarnessError, match=r"child ended with exit code 4 while it started(.|\n)*no such database"):
        child.wait_until(lambda: False, 10)
    child.stop()


def test_wait_until_gives_up_in_time(tmp_path: Path) -> None:
    child = python(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(HarnessError, match="not ready within 0 s"):
        child.wait_until(lambda: False, 0.2)
    child.kill()


def test_wait_until_asks_whether_to_go_on(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyError("stop")

    child = python(tmp_path, "import time; time.sleep(60)")
    with pytest.raises(KeyError):
        child.wait_until(lambda: False, 10, stop)
    child.kill()


def test_words(tmp_path: Path) -> None:
    assert describe_exit(0) == "ended with exit code 0"
    assert describe_exit(-15) == "was killed by SIGTERM"
    assert describe_exit(-63) == "was killed by signal 63"
    assert "cannot be read" in last_lines(tmp_path / "none")
    (tmp_path / "empty").touch()
    assert "is empty" in last_lines(tmp_path / "empty")
    (tmp_path / "log").write_text("".join(f"{n}\n" for n in range(20)))
    assert last_lines(tmp_path / "log", 2) == "    18\n    19"

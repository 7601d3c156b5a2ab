"""Runs a piece of work again and again, each time killed with SIGKILL one step later, until it comes to its end.

A step is an audit event of the interpreter that changes files or starts a program (``sys.addaudithook``): no timing, so
that each run is killed exactly where the one before was not.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

_STEPS = frozenset(
    {"os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.link", "os.chmod", "os.truncate", "shutil.move",
     "shutil.copyfile", "shutil.rmtree", "subprocess.Popen", "tempfile.mkdtemp", "tempfile.mkstemp", "ctypes.dlopen"}
)  # fmt: skip


def _is_step(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return event in _STEPS


def killed_at(step: int, work: Callable[[], None]) -> bool:
    """Does the work in a child that is killed before its ``step``-th step; False when it ended before that.

    Raises:
        AssertionError: the work failed by itself.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            seen = 0

            def count(event: str, arguments: tuple[object, ...]) -> None:
                nonlocal seen
                if _is_step(event, arguments):
                    seen += 1
                    if seen == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(count)
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, f"the work failed by itself before step {step}"
    return False

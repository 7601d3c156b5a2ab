"""The console script. Nothing is imported before there is somebody to catch a Ctrl-C.

Exit codes: 0 PASS and WARN, 10 FAIL, 11 INCONCLUSIVE, 12 the harness could not do its work, 2 wrong usage.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits."""
    try:
        with _ended_in_order(), _written_by_us_alone():
            from harness.cli_group import run_command

            code = run_command(arguments)
    except KeyboardInterrupt:
        print("ended at once; what was started here was ended, and nothing was judged", file=sys.stderr)
        code = 12
    sys.exit(code)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM as Ctrl-C while the block runs: a CI's time-out must not leave gigabytes of a judge's temporary files.

    A run handles both itself (``harness.run.interrupts``).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)  # a second one must not disturb the clean-up
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _written_by_us_alone() -> Iterator[None]:
    """Whatever umask we are given (CI runners give 0): who could write a run's files could drive its load."""
    before = os.umask(0o077)
    os.umask(before | 0o022)
    try:
        yield
    finally:
        os.umask(before)


if __name__ == "__main__":
    main()

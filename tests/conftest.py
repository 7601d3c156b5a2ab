"""How the tests of the whole project run."""

from __future__ import annotations

import signal

from hypothesis import settings

# A change must not fail for an example that only chance found today; `make test-long` searches for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("searching", derandomize=False)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    # A shell starts with SIGINT ignored what it puts in the background, and so would be all that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

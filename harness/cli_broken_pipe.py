"""When the reader of our output went away, as `head` does when it has its lines."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def read_by_nobody() -> None:
    """What is still to be written to stdout is given up: over it Python would end with an exit code of its own."""
    with suppress(OSError, ValueError, AttributeError):  # closed, no file, or none at all
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

"""What commands print on. That its reader goes away, as `tee` does with its terminal, ends no run."""

from __future__ import annotations

import errno
import os

from rich.console import Console


class Terminal(Console):
    """A console for which a reader who went away is an OSError as any other: rich's would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

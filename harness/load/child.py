"""``python -m harness.load.child ARGUMENTS``: Locust's own main, tied to its parent, deaf to stray configuration.

Locust reads ~/.locust.conf, ./locust.conf and [tool.locust] of ./pyproject.toml before anything else. Running it
elsewhere would hide them, and the locustfile's relative data files with them: its parsers are told that there are none.
"""

# Locust patches the process at import: it comes before everything else.
import locust  # noqa: I001
import ctypes
import logging
import os
import signal
import sys

from locust import argument_parser, main as locust_main

from harness.load.config import VARIABLE, LoadConfig
from harness.plan.secrets import mask_url

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Runs Locust; never returns normally."""
    _die_with(LoadConfig.from_json(os.environ[VARIABLE]).parent)
    _ignore_configuration_files()
    _mask_logs()
    sys.argv[0] = "locust"
    locust_main.main()  # type: ignore[no-untyped-call]


def _die_with(parent: int) -> None:
    """The kernel kills this process when the parent's thread that started it ends, whatever ends it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the launcher is gone already")


def _ignore_configuration_files() -> None:
    for parser in (argument_parser.get_empty_argument_parser, argument_parser.get_parser):
        names = parser.__code__.co_varnames[: parser.__code__.co_argcount]
        if not parser.__defaults__ or names[-1] != "default_config_files":
            raise RuntimeError(f"Locust {locust.__version__} finds its configuration files in another way")
        parser.__defaults__ = (*parser.__defaults__[:-1], ())


def _mask_logs() -> None:
    """Error texts of a target end up in Locust's tables and tracebacks, and URLs with passwords in error texts."""
    plain = logging.Formatter.format

    def masked(self: logging.Formatter, record: logging.LogRecord) -> str:
        return mask_url(plain(self, record))

    logging.Formatter.format = masked  # type: ignore[method-assign]


if __name__ == "__main__":
    main()

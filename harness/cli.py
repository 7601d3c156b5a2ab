"""The console script. Nothing is imported before there is somebody to catch a Ctrl-C.

Exit codes: 0 PASS and WARN, 10 FAIL, 11 INCONCLUSIVE, 12 the harness could not do its work, 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and exits."""
    try:
        from harness.cli_group import run_command

        code = run_command(arguments)
    except KeyboardInterrupt:
        print("ended at once; what was started here was ended, and nothing was judged", file=sys.stderr)
        code = 12
    sys.exit(code)


if __name__ == "__main__":
    main()

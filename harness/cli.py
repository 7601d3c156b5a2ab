"""The command line: reads arguments and environment, prints, exits. Every decision lies elsewhere.

Exit codes: 0 PASS and WARN, 10 FAIL, 11 INCONCLUSIVE, 12 the harness could not do its work, 2 wrong usage.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from rich.console import Console

from harness.cli_run import check, run
from harness.cli_runs import judge, report, runs
from harness.errors import ExitCode, HarnessError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="endurance-harness", prog_name="harness")
def cli() -> None:
    """Soaks an HTTP service for a day and gives a verdict that can be trusted.

    Exit codes: 0 PASS or WARN, 10 FAIL, 11 INCONCLUSIVE, 12 the harness could not do its work, 2 wrong usage.
    """


for command in (run, judge, report, check, runs):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. An exception that is not listed here is a bug of ours: its traceback is the right answer."""
    errors = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        errors.print(f"error: {error}", style="red" if errors.is_terminal else None)
        sys.exit(int(error.exit_code))
    except click.ClickException as error:
        error.show()
        sys.exit(int(ExitCode.USAGE))
    except (click.Abort, KeyboardInterrupt):
        errors.print("ended at once; what was started here was ended, and nothing was judged")
        sys.exit(int(ExitCode.ERROR))
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        sys.exit(int(ExitCode.ERROR))
    sys.exit(int(code or 0))


if __name__ == "__main__":
    main()

"""The command line: reads arguments and environment, prints, gives an exit code. Every decision lies elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

import click

from harness.cli_broken_pipe import read_by_nobody
from harness.errors import ExitCode, HarnessError, of_the_machine

ENDED_AT_ONCE = "ended at once; what was started here was ended, and nothing was judged"


class _Where(NamedTuple):
    """Where a command is, and its line in the list: so that listing the commands imports none of them."""

    module: str
    summary: str


COMMANDS = {
    "archive": _Where("harness.cli_archive", "What is kept of earlier runs: list, check, name baselines, prune."),
    "check": _Where("harness.cli_run", "Look at everything that PLAN needs, without load."),
    "compare": _Where("harness.cli_compare", "Compare RUN with earlier runs: is it worse, the same, better?"),
    "init": _Where("harness.cli_init", "Write a plan and a locustfile for the service at URL."),
    "judge": _Where("harness.cli_runs", "Judge RUN again, with today's rules, and write its reports again."),
    "kills": _Where("harness.cli_kills", "Kill each part of a run in each way: never a false PASS or a hang."),
    "mark": _Where("harness.cli_mark", "Set a part of a run aside, so that it is not judged."),
    "replay": _Where("harness.cli_replay", "Serve runs on a Prometheus, to open them in Grafana again."),
    "report": _Where("harness.cli_runs", "Write the reports of RUN again from its verdict, without judging."),
    "resume": _Where("harness.cli_resume", "Go on with a run whose harness was killed, to its planned end."),
    "run": _Where("harness.cli_run", "Run PLAN, judge it and write its run directory."),
    "runs": _Where("harness.cli_runs", "List the runs and their verdicts, oldest first."),
    "selftest": _Where("harness.cli_selftest", "Run the fault lab: each fault must be detected and rightly named."),
    "status": _Where("harness.cli_unattended", "Tell how a run stands: phase, time left, objectives so far."),
    "stop": _Where("harness.cli_unattended", "End a run in order, and judge what there is."),
}  # fmt: skip


class LazyGroup(click.Group):
    """Imports a command when it is called: the drivers and the numerics that one needs take a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name].module), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # before click sees it, whose exit code for it is that of a bug of ours
            read_by_nobody()
            return int(ExitCode.ERROR)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, where.summary) for name, where in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="endurance-harness", prog_name="harness")
def cli() -> None:
    """Soaks an HTTP service for a day and gives a verdict that can be trusted.

    Exit codes: 0 PASS or WARN, 10 FAIL, 11 INCONCLUSIVE, 12 the harness could not do its work, 2 wrong usage. With
    --json an error is a JSON object on stdout too: error, remedy, exit_code.
    """


def _harmless(text: str) -> str:
    """An error may quote a run directory from elsewhere: nothing in it steers the terminal, or cannot be written."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def run_command(arguments: Sequence[str] | None) -> int:
    """The exit code. An exception that is not listed here is a bug of ours: its traceback is the right answer.

    With --json among the arguments an error is told on stdout as well: a script reads one JSON document in any case.

    Raises:
        KeyboardInterrupt: it was ended at once.
    """
    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)

    def tell(error: str, remedy: str, code: ExitCode) -> int:
        if as_json:
            click.echo(json.dumps({"error": error, "remedy": remedy, "exit_code": int(code)}, indent=2))
        return int(code)

    try:
        code = cli.main(args=None if arguments is None else list(arguments), prog_name="harness", standalone_mode=False)
    except HarnessError as error:
        click.secho(_harmless(f"error: {error}"), err=True, fg="red" if sys.stderr.isatty() else None)
        return tell(error.message, error.remedy, error.exit_code)
    except click.ClickException as error:
        error.show()
        return tell(error.format_message(), "harness --help", ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        tell(ENDED_AT_ONCE, "harness judge last", ExitCode.ERROR)
        raise KeyboardInterrupt from None
    except SystemExit:  # click's only one here: the reader of its help went away, as `head` does
        return int(ExitCode.ERROR)
    except OSError as error:
        full = of_the_machine(error)
        if full is None:
            raise
        click.secho(_harmless(f"error: {full}"), err=True, fg="red" if sys.stderr.isatty() else None)
        return tell(full.message, full.remedy, full.exit_code)
    return int(code or 0)

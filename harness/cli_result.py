"""How ``harness run`` comes back: with its verdict, or at once with where a run goes on by itself."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli_broken_pipe import read_by_nobody
from harness.cli_terminal import Terminal
from harness.errors import HarnessError
from harness.plan.model import Plan
from harness.report.console import print_verdict
from harness.run.detach import start_detached
from harness.run.options import RunResult

_NOT_HANDED_ON = frozenset({"detach", "announce_fd", "as_json"})


def tell_result(result: RunResult, plan: Plan, *, as_json: bool) -> int:
    """Prints the verdict; returns the exit code. A terminal that went away changes nothing."""
    try:
        if as_json:
            click.echo(json.dumps({**result.verdict.to_json(), "directory": str(result.directory.path)}, indent=2))
        else:
            console = Terminal()
            print_verdict(console, result.verdict, result.record, plan)
            console.print(f"Run directory: {result.directory.path}", markup=False, highlight=False, soft_wrap=True)
        sys.stdout.flush()
    except (OSError, ValueError):  # ValueError: it was closed
        read_by_nobody()
    return int(result.verdict.outcome.exit_code)


def run_detached(context: click.Context, root: Path, *, as_json: bool) -> int:
    """Starts the same command in a session of its own; tells the run and how to look at it.

    Raises:
        HarnessError: it could not be started.
    """
    found = start_detached([context.info_name or "", *words_of(context)], root)
    if found.directory is None:
        text = found.log.read_text(encoding="utf-8", errors="replace")
        found.log.unlink(missing_ok=True)
        if not found.exit_code or not text.strip():
            raise HarnessError(f"the detached harness ended before its run began (exit code {found.exit_code})")
        click.echo(text, nl=False, err=True)
        if as_json:
            click.echo(json.dumps({"error": text.strip(), "remedy": "", "exit_code": found.exit_code}, indent=2))
        return found.exit_code
    run_id = found.directory.path.name
    where = "" if root == Path("runs") else f" --out {shlex.quote(str(root))}"
    if as_json:
        told = {"run_id": run_id, "directory": str(found.directory.path), "pid": found.pid, "log": str(found.log)}
        click.echo(json.dumps(told, indent=2))
        return 0
    for line in (
        f"{run_id} goes on by itself (process {found.pid})",
        f"  how it stands: harness status {run_id}{where}",
        f"  end it:        harness stop {run_id}{where}",
        f"  its log:       {found.log}",
    ):
        click.echo(line)
    return 0


def words_of(context: click.Context) -> Sequence[str]:
    """The command line again, as words, without what is for this process alone. Pure."""
    words: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if parameter.name in _NOT_HANDED_ON or value is None or value is False or value == ():
            continue
        if isinstance(parameter, click.Argument):
            words = [str(value), *words]
        elif value is True:
            words.append(parameter.opts[0])
        else:
            for one in value if isinstance(value, tuple) else (value,):
                words += [parameter.opts[0], str(one)]
    return words

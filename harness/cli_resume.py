"""``harness resume``: goes on with a run whose harness was killed."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.assets import rules_path
from harness.cli_locustfile import require_loadable
from harness.cli_result import run_detached, tell_result
from harness.cli_terminal import Terminal
from harness.errors import UsageError
from harness.report.writer import ReportWriter
from harness.run.detach import announce
from harness.run.display import UNWATCHED_SECONDS, PlainUi, make_ui
from harness.run.naming import name_of
from harness.run.options import RunOptions
from harness.run.record import RunDirectory, find_run
from harness.run.recover import taken
from harness.run.resume import read_order, refuse_what_is_not_dead
from harness.run.session import resume_session

RUNS = Path("runs")


@click.command()
@click.argument("run", default="last")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=RUNS, show_default=True,
              help="Folder of run directories.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON; progress goes to stderr.")
@click.option("--detach", is_flag=True, help="Start it and come back at once.")
@click.option("--trust", is_flag=True, help="Also a run that was not started here by you: its locustfile is run.")
@click.option("--announce-fd", type=int, hidden=True)
@click.pass_context
def resume(
    context: click.Context, run: str, out: Path, as_json: bool, detach: bool, trust: bool, announce_fd: int | None
) -> int:  # fmt: skip
    """Go on with a run whose harness was killed, to its planned end.

    RUN is a run directory, a run id or `last` (the default). The load goes on where the plan's clock stands now, the
    series in the same data; the time between is not judged, and the verdict names it. Where nothing of the load is
    left, `harness judge RUN` closes and judges it.

    Its locustfile is run, so a run that somebody else or another machine started is refused without --trust.
    """
    if detach:
        return run_detached(context, out, as_json=as_json)
    directory = RunDirectory(find_run(run, out).path.absolute())
    refuse_what_is_not_dead(directory)
    with taken(directory):
        return _go_on(directory, trust=trust, as_json=as_json, announce_fd=announce_fd)


def _go_on(directory: RunDirectory, *, trust: bool, as_json: bool, announce_fd: int | None) -> int:
    """With the run in this process' hands: whoever else had it may have taken it up, or closed it, by now."""
    refuse_what_is_not_dead(directory)
    order = read_order(directory, os.environ)
    if not (order.ours or trust):
        raise UsageError(
            f"the run in {directory.path} {order.doubt}, and to go on with it is to run "
            f"{str(order.plan.load.locustfile)[:500]!r} in {str(order.folder)[:500]!r}",
            remedy=f"where you know who made it: harness resume {name_of(directory)} --trust; close and judge "
            f"it, which runs nothing of it: harness judge {name_of(directory)}",
        )
    try:
        os.chdir(order.folder)  # the plan's file names count from there
    except (OSError, ValueError) as error:  # ValueError: nothing that could be the name of one
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"the folder that the run was started in is not there: {str(order.folder)[:500]!r}: {why}",
            remedy=f"close and judge it: harness judge {name_of(directory)}",
        ) from error
    progress = Terminal(stderr=as_json)
    result = resume_session(
        directory,
        order,
        RunOptions(
            directory.path.parent, rules_path(), os.environ, faults=order.faults,
            begun=lambda found: None if announce_fd is None else announce(announce_fd, found),
        ),
        make_ui(progress) if announce_fd is None else PlainUi(progress, every=UNWATCHED_SECONDS),
        ReportWriter(),
        ready=lambda: require_loadable(order.plan),
    )  # fmt: skip
    return tell_result(result, order.plan, as_json=as_json)

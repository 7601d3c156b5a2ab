"""``harness replay``: earlier runs on a Prometheus of their own, to open them in Grafana again."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from exporters.metric_names import STACK
from harness.assets import rules_path
from harness.cli_runs import stored_plan
from harness.errors import HarnessError
from harness.replay.serving import Chosen, Replayed, check_chosen, grafana_link, serve_runs, write_runs
from harness.run.interrupts import Interrupted, stop_on_signals
from harness.run.record import find_run, rfc3339

DATASOURCE = "harness-prometheus"


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@click.option("--align", is_flag=True, help="Move every run onto the start of the first, to lay them over each other.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=9091,
    show_default=True,
    help="Of the Prometheus, on loopback; another one when it is taken.",
)
@click.option(
    "--grafana",
    metavar="URL",
    envvar="GRAFANA_URL",
    default="http://127.0.0.1:3000",
    show_default=True,
    help="Of your Grafana, for the link. Also $GRAFANA_URL.",
)
@click.option("--buckets", is_flag=True, help="The raw buckets of histograms too; the dashboards do not need them.")
@click.option(
    "--out",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder of run directories.",
)
@click.option("--json", "as_json", is_flag=True, help="Print addresses and runs as JSON, then serve.")
def replay(
    runs: tuple[str, ...], align: bool, port: int, grafana: str, buckets: bool, root: Path, as_json: bool
) -> int:  # fmt: skip
    """Serve runs on a Prometheus, to open them in Grafana again.

    RUN is a run directory, a run id or `last`. Every series has the label run_id, recorded ones, limits and alerts
    included, as the dashboard Compare needs it. Ctrl-C ends it and leaves nothing; the runs themselves are only read.
    """
    chosen = [Chosen(directory, stored_plan(directory)) for directory in (find_run(run, root) for run in runs)]
    check_chosen(chosen)
    with stop_on_signals() as stop, tempfile.TemporaryDirectory(prefix="harness-replay-") as folder:

        def tell(run_id: str) -> None:
            stop.check()
            click.echo(f"reading {run_id}", err=True)

        data = Path(folder) / "data"
        data.mkdir()
        try:
            replayed = write_runs(chosen, data, rules_path(), align=align, buckets=buckets, tell=tell)
            stop.check()
        except Interrupted:
            return 0
        with serve_runs(chosen, data, Path(folder), port) as server:
            stack = server.api().label_values(STACK)[0]
            link = grafana_link(grafana, replayed, stack)
            click.echo(_json(server.url, link, stack, replayed) if as_json else _words(server.url, link, replayed))
            sys.stdout.flush()
            while not stop.requested:
                if not server.alive():
                    raise HarnessError("the Prometheus that served the runs ended", remedy="start it again")
                time.sleep(0.1)
    return 0


def _json(url: str, link: str, stack: str, runs: Sequence[Replayed]) -> str:
    rows = [
        {
            "run_id": run.record.run_id,
            "from": rfc3339(run.start),
            "to": rfc3339(run.end),
            "shift_seconds": run.shift,
            "series": run.series,
        }
        for run in runs
    ]
    return json.dumps({"prometheus": url, "grafana": link, "stack": stack, "runs": rows}, indent=2)


def _words(url: str, link: str, runs: Sequence[Replayed]) -> str:
    lines = []
    for run in runs:
        moved = f", moved by {run.shift:+.0f} s" if run.shift else ""
        lines.append(f"{run.record.run_id}: {run.series} series from {rfc3339(run.start)} on{moved}")
    lines += [
        f"Prometheus: {url}",
        f"Grafana:    {link}",
        f"            its datasource {DATASOURCE} must point at that Prometheus (docs/archive.md)",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines)

"""``harness compare``: is this run worse than earlier ones?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from harness.assets import rules_path
from harness.cli_compare_loads import tell_loads
from harness.cli_runs import stored_plan
from harness.cli_terminal import Terminal
from harness.errors import UsageError
from harness.judge.load_regression import KINDS
from harness.judge.load_regression_runs import compare_loads
from harness.judge.regression_rows import Change, Comparison
from harness.judge.regression_runs import by_id, compare_with, query_set, stored_run
from harness.judge.verdict import Outcome, worst
from harness.report.comparison import ComparedView, compared_view
from harness.report.text import markdown, one_line
from harness.run.baselines import Baselines, read_baselines
from harness.run.record import RunDirectory, find_run

_STYLES = {"worse": "bold red", "better": "bold green", "same": "green", "cannot tell": "magenta"}


@click.command()
@click.argument("run")
@click.argument("baselines", nargs=-1, required=True)
@click.option("--out", "root", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"),
              show_default=True, help="Folder of run directories.")  # fmt: skip
@click.option("--force", is_flag=True, help="Compare runs that are not comparable too; the result says so.")
@click.option("--require", metavar="QUERY", multiple=True, help="This must be told, else INCONCLUSIVE. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Also show what was not measured.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def compare(
    run: str, baselines: tuple[str, ...], root: Path, force: bool, require: tuple[str, ...], everything: bool,
    form: str, as_json: bool,
) -> int:  # fmt: skip
    """Compare RUN with earlier runs: is it worse, the same, better?

    Each is a run directory, a run id, `last`; each of BASELINES may be the name of a baseline.

    Each regression query of prometheus/regression.yml, and of RUN's plan, comes out as worse, same, better or cannot
    tell. Exits 10 when anything is worse; 11 when a query that --require or RUN's plan (baseline.require) names, or
    every one, cannot be told; else 0. Runs that are not comparable (another load, another machine class) are refused by
    name: exit 2.
    """
    directory = find_run(run, root)
    plan = stored_plan(directory)
    if plan.kind in KINDS:
        if require:
            raise UsageError(f"--require: a {plan.kind} run is compared by its capacity, not by queries")
        others = _directories(baselines, root, directory.read_record().run_id)
        found_loads = compare_loads(directory, others, rules_path(), force=force)
        _none_refused(directory.read_record().run_id, found_loads.refused, bool(found_loads.rows), force=force)
        return tell_loads(found_loads, "json" if as_json else form)
    queries = query_set(plan, rules_path().parent)
    unknown = [name for name in require if name not in queries.names]
    if unknown:
        raise UsageError(f"--require: there is no query {unknown[0]!r}", remedy=f"known: {', '.join(queries.names)}")
    this = stored_run(directory, queries, rules_path())
    others = _directories(baselines, root, this.record.run_id)
    found, _ = compare_with(this, others, queries, rules_path(), force=force)
    _none_refused(found.run_id, found.refused, bool(found.baselines), force=force)
    wanted = tuple(dict.fromkeys((*((plan.baseline.require if plan.baseline else None) or ()), *require)))
    outcome = _outcome(found, wanted)
    as_plain = found.to_json()
    view = compared_view(as_plain)
    assert view is not None
    view = replace(view, remarks=(*_untold(found, wanted), *view.remarks))
    if as_json or form == "json":
        told = {"outcome": outcome.word, "required": list(wanted), **as_plain}
        click.echo(json.dumps(told, indent=2, allow_nan=False))
    elif form == "markdown":
        click.echo(_markdown(view, outcome, found.run_id), nl=False)
    else:
        _print(view, outcome, everything=everything)
    return int(outcome.exit_code)


def _none_refused(run_id: str, refused: Sequence[tuple[str, str]], compared: bool, *, force: bool) -> None:
    """Raises UsageError where a run was left out, or nothing was compared."""
    told = "\n".join(f"  {name}: {why}" for name, why in refused)
    if refused and not force:
        raise UsageError(
            f"not comparable with {run_id}:\n{told}", remedy="leave them out, or --force to compare all the same"
        )
    if not compared:
        raise UsageError(f"no baseline run can be read:\n{told}", remedy="harness runs lists the runs")


def _directories(names: tuple[str, ...], root: Path, own: str) -> list[RunDirectory]:
    """The runs that are meant, each once. Raises UsageError for none, and for the run itself."""
    named = read_baselines(root)
    there = by_id(root)
    found: dict[Path, RunDirectory] = {}
    for name in names:
        for one in named.get(name, (name,)):
            directory = (there.get(one) if name in named else None) or _found(one, root, named)
            if directory.read_record().run_id == own:
                if name in named:
                    continue
                raise UsageError(f"{name!r} is the run itself", remedy="name an earlier run")
            found[directory.path.resolve()] = directory
    if not found:
        raise UsageError("there is no other run to compare with", remedy="harness runs lists the runs")
    return list(found.values())


def _found(name: str, root: Path, named: Baselines) -> RunDirectory:
    """Raises UsageError that also tells the baselines: the first thing that is typed is `compare last main`."""
    try:
        return find_run(name, root)
    except UsageError as error:
        if name == "last" or name in {run for runs in named.values() for run in runs}:
            raise
        known = ", ".join(sorted(named)) or "none yet"
        raise UsageError(
            f"{error.message}, nor the name of a baseline ({known})",
            remedy="harness runs lists the runs; harness archive baseline RUN --name NAME makes a baseline",
        ) from None


def _untold(found: Comparison, required: tuple[str, ...]) -> list[str]:
    """Why what is required cannot be told, a line each."""
    return [
        f"required, and cannot be told: {one_line(row.place)}: {one_line(row.note)}"
        for name in required
        for row in found.rows
        if row.query == name and row.change is Change.CANNOT_TELL
    ]


def _outcome(found: Comparison, require: tuple[str, ...]) -> Outcome:
    outcomes = [Outcome.FAIL for _ in found.of(Change.WORSE)]
    for name in require:
        rows = [row for row in found.rows if row.query == name]
        if not rows or any(row.change is Change.CANNOT_TELL for row in rows):
            outcomes.append(Outcome.INCONCLUSIVE)
    if any(row.change is not Change.CANNOT_TELL for row in found.rows):
        outcomes.append(Outcome.PASS)
    return worst(outcomes)  # of nothing that could be told: INCONCLUSIVE


def _print(view: ComparedView, outcome: Outcome, *, everything: bool) -> None:
    console = Terminal()
    if not console.is_terminal:
        console.width = max(console.width, 180)
    console.print(Text(f"{outcome.name}  {view.head}"), highlight=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "query", "of", "baseline", "this run", "change", "95 % interval", "would be found", ""):
        table.add_column(column, overflow="fold")
    hidden = 0
    for row in view.rows:
        if not row.measured and not everything:
            hidden += 1
            continue
        cells = (row.query, row.subject, row.baseline, row.value, row.effect, row.interval, row.detectable, row.note)
        table.add_row(Text(row.change, _STYLES.get(row.change, "magenta")), *(Text(cell) for cell in cells))
    console.print(table)
    if hidden:
        view = replace(view, remarks=(f"{hidden} series could not be compared: --all tells why", *view.remarks))
    for remark in view.remarks:
        console.print(Text(remark), highlight=False, soft_wrap=True)


def _markdown(view: ComparedView, outcome: Outcome, run_id: str) -> str:
    from harness.report.markdown import comparison_table

    return f"## {outcome.name}: {markdown(run_id)}\n\n" + comparison_table(view)

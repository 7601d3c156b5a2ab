"""``harness kills``: the kill matrix on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from harness.cli_terminal import Terminal
from harness.errors import ExitCode, UsageError
from harness.selftest.hostile import SURROUNDINGS
from harness.selftest.kill_lab import KillRow, exit_code_of, run_matrix, to_json
from harness.selftest.kill_page import renewed
from harness.selftest.kills import CELLS, Cell, choose
from harness.selftest.lab import save
from harness.selftest.soak import in_words, soak
from harness.selftest.surroundings import ALL, Surrounding, named, require_runnable
from harness.units import parse_duration

_FOLDER = "kills-%Y%m%dT%H%M%SZ"


@click.command()
@click.option(
    "--cells", "names", metavar="A,B", default="",
    help='These parts, actions or cells alone, as "sidecar"; "surroundings" are all that end no part.',
)  # fmt: skip
@click.option("--seed", type=int, default=1, show_default=True, help="Of the random moments; --repeat counts on.")
@click.option("--repeat", metavar="N", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option("--jobs", metavar="N", type=click.IntRange(1, 16), default=2, show_default=True, help="Side by side.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("runs"), show_default=True,
    help="Folder below which the runs and the matrix are kept.",
)  # fmt: skip
@click.option(
    "--page", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write what was seen into this page, as docs/reliability.md; other cells and seeds in it stay.",
)  # fmt: skip
@click.option("--soak", "soak_time", metavar="TIME", help="One long run instead, with random kills, as 2h.")
@click.option("--list", "listed", is_flag=True, help="List the cells and run none.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON; progress goes to stderr.")
def kills(
    names: str, seed: int, repeat: int, jobs: int, out: Path, page: Path | None, soak_time: str | None, listed: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Kill each part of a run in each way: never a false PASS or a hang.

    Its surroundings and its target are made hostile too.

    Exit codes: 0 every cell as expected, 10 not, 12 nothing was run.
    """
    asked = [name.strip() for name in names.split(",") if name.strip()]
    cells, hostile = _chosen(asked)
    both: list[Cell | Surrounding] = [*cells, *hostile]
    if listed:
        for cell in both:
            expected = "/".join(outcome.word for outcome in sorted(cell.outcomes))
            click.echo(f"{cell.name:<24}{expected:<28}{cell.why}")
        return 0
    console = Terminal(stderr=as_json)
    if asked:
        require_runnable(hostile)
    for one in hostile:
        if one.missing():  # nobody named it: the others are still to be run
            both.remove(one)
            console.print(f"left out: {one.name}: {one.missing()}", markup=False, highlight=False)
    began = datetime.now(UTC)
    folder = out / began.strftime(_FOLDER)
    if soak_time is not None:
        return _soak(console, folder, _seconds(soak_time), seed, as_json=as_json)
    known: list[KillRow] = []

    def tell(row: KillRow) -> None:
        known.append(row)
        save(to_json(known), folder)  # one that is ended early keeps what it has seen
        if page is not None:
            _write(page, known, f"{began:%Y-%m-%d %H:%M}")
        state = "ok" if row.right else "WRONG"
        text = f"{state:<6}{row.cell} (seed {row.seed}): {row.outcome} - {row.problem or row.finding}"
        console.print(text, markup=False, highlight=False, soft_wrap=True, style="" if row.right else "red")

    seeds = range(seed, seed + repeat)
    rows = run_matrix(both, folder, seeds=seeds, side_by_side=jobs, tell=tell)
    if as_json:
        click.echo(json.dumps(to_json(rows), indent=2))
    else:
        right = sum(row.right for row in rows)
        console.print(f"{right} of {len(rows)} as expected; {folder}", markup=False, highlight=False)
    return int(exit_code_of(rows))


def _chosen(asked: Sequence[str]) -> tuple[list[Cell], list[Surrounding]]:
    """The cells of these names, of both kinds; all without a name. Raises UsageError for a name of neither."""
    if not asked:
        return list(CELLS), list(SURROUNDINGS)
    hostile = named(SURROUNDINGS, asked)
    others = [name for name in asked if name != ALL and name not in {cell.name for cell in hostile}]
    return choose(CELLS, others) if others else [], hostile


def _soak(console: Console, folder: Path, duration: float, seed: int, *, as_json: bool) -> int:
    folder.mkdir(parents=True)
    found = soak(folder.absolute(), duration, seed, lambda text: console.print(text, markup=False, highlight=False))
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2))
    else:
        for line in in_words(found):
            click.echo(line)
    return int(ExitCode.PASS if not found.problems else ExitCode.FAIL)


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--soak: {error}") from None


def _write(page: Path, rows: list[KillRow], seen: str) -> None:
    try:
        before = page.read_text(encoding="utf-8") if page.is_file() else ""
        page.write_text(renewed(before, rows, CELLS, seen, SURROUNDINGS), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{page} cannot be renewed: {error}", remedy="give docs/reliability.md, or a new file"
        ) from error

"""Runs cells of the kill matrix and looks at what is left: the verdict, the processes, the series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.errors import ExitCode, HarnessError
from harness.judge.verdict import Outcome
from harness.selftest import surroundings
from harness.selftest.evidence import failed_share, kept_before, least_kept, look
from harness.selftest.killing import meddle, when
from harness.selftest.kills import Cell, moment
from harness.selftest.rules import RULES
from harness.selftest.surroundings import Surrounding
from harness.selftest.whole_run import Whole, judged_again, resumed, whole_run

PLAN = "selftest"
MOST_FAILED = 0.01  # of the requests: error_ratio in the lab's plans
_CLEARLY = 1.5  # by which a share is over that limit, or under it, whoever counts and up to which scrape
SCHEMA = 1
OWN_LOGS = ("harness.log", "sidecar.log", "locust-master.log")
TRACEBACK = "Traceback (most recent call last)"


@dataclass(frozen=True)
class KillRow:
    """One cell, done once.

    Attributes:
        outcome: the verdict's word; "error" when there is none.
        finding: what the verdict says first.
        kept: share of what was scraped before it that the archive holds, of the series that lost most; None where it
            could not be counted.
        failed: share of the requests that failed, as the lab counts them; None where it cannot.
        seen: samples that the run's Prometheus held just before it; 0: it was not asked, and ``kept`` is by the clock,
            which is a problem but where surroundings are hostile from the start.
        at: share of the steady state after which it was done.
        problem: what is wrong, in words; empty when nothing is.
        rules: by which that was said.
    """

    cell: str
    seed: int
    expected: tuple[str, ...]
    outcome: str
    finding: str
    kept: float | None
    at: float
    seconds: float
    directory: str
    problem: str
    failed: float | None = None
    seen: int = 0
    rules: int = RULES

    @property
    def right(self) -> bool:
        return not self.problem


def run_cell(cell: Cell | Surrounding, folder: Path, seed: int) -> KillRow:
    """Runs a cell below ``folder``, which must exist; what cannot be run is a row with its problem."""
    share = moment(cell, seed) if isinstance(cell, Cell) else surroundings.moment(cell, seed)
    try:
        if isinstance(cell, Surrounding):
            whole = cell.run(folder, share)
            return row_of(cell, seed, share, whole, (cell.kept or kept_before)(whole))
        whole = whole_run(folder, cell.arguments, plan=PLAN, when=when(share), meddle=meddle(cell), look=look)
        if cell.name == "harness SIGKILL":
            whole = judged_again(whole)
        elif cell.name == "harness restart":
            whole = resumed(whole)
        return row_of(cell, seed, share, whole, kept_before(whole))
    except (HarnessError, OSError, psutil.Error) as error:  # of one cell: the others are still to be seen
        problem = error.message if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        return KillRow(cell.name, seed, _words(cell), "error", "", None, round(share, 2), 0.0, str(folder), problem)


def row_of(cell: Cell | Surrounding, seed: int, share: float, whole: Whole, kept: float | None) -> KillRow:
    """What the run of a cell came to."""
    try:
        verdict: Mapping[str, Any] = whole.verdict
        record: Mapping[str, Any] = whole.record
    except (OSError, ValueError):
        verdict, record = {}, {}
    outcome = Outcome.from_word(str(verdict.get("outcome", "error")))
    findings = list(verdict.get("findings", ()))
    failed = failed_share(whole)
    return KillRow(
        cell=cell.name,
        seed=seed,
        expected=_words(cell),
        outcome=outcome.word,
        finding=str(findings[0]["summary"]) if findings else "",
        kept=None if kept is None else round(kept, 3),
        at=round(share, 2),
        seconds=round(whole.seconds, 1),
        directory=str(whole.directory),
        problem="; ".join(
            [*_problems(cell, whole, outcome, findings, record, kept), *contradictions(cell, outcome, findings, failed)]
        ),
        failed=None if failed is None else round(failed, 4),
        seen=sum(len(one) for one in whole.scraped),
    )


def _problems(
    cell: Cell | Surrounding, whole: Whole, outcome: Outcome, findings: Sequence[Mapping[str, Any]],
    record: Mapping[str, Any], kept: float | None,
) -> list[str]:  # fmt: skip
    found = [f"still running: {process}" for process in whole.left_running]
    if "Traceback" in whole.output:
        found.append("a traceback in its output")
    found += [f"a traceback in {log}" for log in _logs_with_tracebacks(whole.directory / "logs")]
    if not record:
        last = whole.output.strip().rpartition(chr(10))[2]
        if not isinstance(cell, Surrounding) or whole.exit_code not in cell.bare:
            return [*found, f"no verdict, exit code {whole.exit_code}: {last}"]
        return [*found, *_untold(cell, [whole.output]), *_lost(cell, whole, kept)]
    if outcome not in cell.outcomes:
        found.append(f"{outcome.word} instead of {' or '.join(_words(cell))}")
    elif whole.exit_code != int(outcome.exit_code):
        found.append(f"{outcome.word}, yet exit code {whole.exit_code}")
    told = [*(f["summary"] for f in findings), *(f["objective"] for f in findings), record.get("reason", "")]
    told += record.get("notes", ())
    return [*found, *_untold(cell, told), *_lost(cell, whole, kept)]


def _logs_with_tracebacks(folder: Path) -> list[str]:
    """Names of the logs of ours that hold one. Those of Locust's workers tell what the locustfile raised, too."""
    files = sorted(file for pattern in OWN_LOGS for file in folder.glob(pattern))
    return [file.name for file in files if TRACEBACK in file.read_text(encoding="utf-8", errors="replace")]


def _untold(cell: Cell | Surrounding, told: Sequence[str]) -> list[str]:
    if not cell.told or any(words in text for words in cell.told for text in told):
        return []
    return [f"nothing says {' or '.join(map(repr, cell.told))}"]


def contradictions(
    cell: Cell | Surrounding, outcome: Outcome, findings: Sequence[Mapping[str, Any]], failed: float | None
) -> list[str]:
    """Where the verdict says another thing of the failed requests than the load's counters do. Pure.

    Args:
        failed: share of the requests that failed, counted without the judge; None: nobody could count them.
    """
    untouched = cell.untouched if isinstance(cell, Cell) else None
    good = outcome in (Outcome.PASS, Outcome.WARN)
    if failed is None:
        return [f"{outcome.word}, and nobody could count its failed requests"] if good or untouched is not None else []
    if failed > MOST_FAILED * _CLEARLY and good:
        return [f"{outcome.word}, though {failed:.1%} of the requests failed"]
    if failed < MOST_FAILED / _CLEARLY:
        if untouched is not None and outcome not in untouched:
            return [f"{outcome.word}, though no more than {failed:.1%} of the requests failed"]
        if any(f["objective"] == "error_ratio" and f.get("outcome") == Outcome.FAIL.word for f in findings):
            return [f"error_ratio is broken, though no more than {failed:.1%} of the requests failed"]
    return []


def _lost(cell: Cell | Surrounding, whole: Whole, kept: float | None) -> list[str]:
    found = []
    if not whole.scraped and not (isinstance(cell, Surrounding) and cell.from_the_start):
        found.append(f"its Prometheus was not asked what it held: {whole.unseen}")  # by the clock little is shown
    if kept is None:
        return [*found, "its series were not kept"]
    return [*found, f"only {kept:.0%} of what was scraped before is kept"] if kept < least_kept(whole) else found


def run_matrix(
    cells: Sequence[Cell | Surrounding], out: Path, *, seeds: Sequence[int], side_by_side: int,
    tell: Callable[[KillRow], None],
) -> list[KillRow]:  # fmt: skip
    """All cells, once with each seed; ``tell`` is called with each row as soon as it is known, from this thread."""

    def one(cell: Cell | Surrounding, seed: int) -> KillRow:
        folder = (out / f"{cell.name.replace(' ', '-')}-{seed}").absolute()
        folder.mkdir(parents=True)
        return run_cell(cell, folder, seed)

    pool = ThreadPoolExecutor(side_by_side)
    try:
        futures = [pool.submit(one, cell, seed) for seed in seeds for cell in cells]
        rows = []
        for future in as_completed(futures):
            rows.append(future.result())
            tell(rows[-1])
    finally:
        pool.shutdown(cancel_futures=True)
    order = {cell.name: place for place, cell in enumerate(cells)}
    return sorted(rows, key=lambda row: (order[row.cell], row.seed))


def exit_code_of(rows: Sequence[KillRow]) -> ExitCode:
    """0: every cell as expected. 10: not. No row at all is an error: a matrix that tried nothing has shown nothing."""
    if not rows:
        return ExitCode.ERROR
    return ExitCode.PASS if all(row.right for row in rows) else ExitCode.FAIL


def to_json(rows: Sequence[KillRow]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "right": sum(row.right for row in rows),
        "runs": len(rows),
        "rows": [asdict(row) | {"right": row.right} for row in rows],
    }


def _words(cell: Cell | Surrounding) -> tuple[str, ...]:
    return tuple(outcome.word for outcome in sorted(cell.outcomes))

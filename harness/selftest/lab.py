"""Runs cases of the fault lab, as many side by side as asked for, and keeps what they came to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from harness.errors import ArchiveError, ExitCode, HarnessError
from harness.run.json_files import read_json, write_json
from harness.run.record import RunDirectory
from harness.selftest.case import Case
from harness.selftest.clock_step import step_clock
from harness.selftest.matrix import Row, compare, first_effect
from harness.selftest.outside import meddlings
from harness.selftest.whole_run import Whole, judged_again, whole_run
from harness.units import parse_duration

PLAN = "selftest"
STEP_CLOCK = "step_clock"
MATRIX = "matrix.json"


def run_case(case: Case, folder: Path) -> Whole:
    """The run of a case, below ``folder``, which must exist.

    Raises:
        HarnessError: it could not be made, or did not end.
    """
    faults = [word for fault in case.faults for word in ("--fault", fault)]
    whole = whole_run(folder, [*faults, *case.arguments], plan=PLAN, meddle=meddlings().get(case.outside))
    return step_clock(whole, folder / "runs") if case.outside == STEP_CLOCK else whole


def row_of(case: Case, whole: Whole, repeat: int = 1) -> Row:
    """What the run of a case came to."""
    try:
        verdict = whole.verdict
    except (OSError, ValueError):
        verdict = {}
    trouble = [f"still running: {process}" for process in whole.left_running]
    if "Traceback" in whole.output:
        trouble.append("a traceback in its output")
    if not verdict:
        trouble.append(f"no verdict, exit code {whole.exit_code}: {whole.output.strip().rpartition(chr(10))[2]}")
    began = first_effect(_text(whole.directory / "logs" / "target.log"), case.faults)
    return compare(
        case,
        verdict,
        exit_code=whole.exit_code,
        began_at=began if case.faults else whole.meddled_at,
        repeat=repeat,
        seconds=round(whole.seconds, 1),
        directory=str(whole.directory),
        trouble=trouble,
        aborted_at=_aborted_at(whole.directory),
    )


def _aborted_at(directory: Path) -> float | None:
    try:
        record = RunDirectory(directory).read_record()
    except ArchiveError:
        return None
    return record.ended_at if record.ended_by == "aborted" else None


def run_lab(
    cases: Sequence[Case], out: Path, *, repeat: int, side_by_side: int, tell: Callable[[Row], None]
) -> list[Row]:
    """All cases, ``repeat`` times each; the longest first, so that the last one does not run alone.

    Args:
        out: folder of this lab's runs; made when missing.
        tell: called with each row as soon as it is known, from this thread.

    Returns:
        The rows in the order of the cases.
    """

    def one(case: Case, number: int) -> Row:
        folder = (out / f"{case.name}-{number}").absolute()
        folder.mkdir(parents=True)
        try:
            return row_of(case, run_case(case, folder), number)
        except HarnessError as error:
            return compare(case, {}, exit_code=int(ExitCode.ERROR), began_at=None, repeat=number, trouble=[str(error)])

    pool = ThreadPoolExecutor(side_by_side)
    try:
        asked = [(case, number) for number in range(1, repeat + 1) for case in sorted(cases, key=_length)]
        futures = [pool.submit(one, case, number) for case, number in asked]
        rows = []
        for future in as_completed(futures):
            rows.append(future.result())
            tell(rows[-1])
    finally:
        pool.shutdown(cancel_futures=True)
    order = {case.name: place for place, case in enumerate(cases)}
    return sorted(rows, key=lambda row: (order[row.case], row.repeat))


def judge_lab_again(folder: Path, cases: Mapping[str, Case], tell: Callable[[Row], None]) -> list[Row]:
    """The rows of an earlier lab, each run judged again by today's rules: what a change of the judge does to them.

    Raises:
        HarnessError: the folder holds no matrix of a lab, or one of cases that are no more.
    """
    earlier = read_json(folder / MATRIX)
    rows = []
    try:
        for row in earlier["rows"]:
            case, directory = cases[row["case"]], Path(row["directory"])
            if not (directory / "run.json").is_file():
                continue  # it was never made: there is nothing to judge again
            before = Whole(0, "", directory, [], row["seconds"], row.get("began_at"))
            rows.append(row_of(case, judged_again(before), row["repeat"]))
            tell(rows[-1])
    except (KeyError, TypeError) as error:
        raise ArchiveError(f"{folder / MATRIX} is no matrix of this harness: {error}") from error
    return rows


def _length(case: Case) -> float:
    """Sorts long cases first: minus the seconds that a case asks for, 0 where it leaves that to the plan."""
    words = case.arguments
    return -parse_duration(words[words.index("--duration") + 1]) if "--duration" in words else 0.0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def save(matrix: dict[str, object], out: Path) -> Path:
    """Writes the matrix beside the runs; returns its file. Raises HarnessError."""
    file = out / MATRIX
    try:
        write_json(file, matrix)
    except OSError as error:
        raise HarnessError(f"the matrix could not be written to {file}: {error.strerror}") from error
    return file

"""Whatever stands in place of a run's blocks: one clear error or an honest verdict, in bounded time and memory."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.errors import ArchiveError
from harness.plan.dump import dump_plan
from harness.report.stored import read_verdict
from harness.run.record import RunDirectory
from tests.fuzzing import MANY
from tests.judge.fabricate import Made, flat, plan, write_run

LATENCY = "  latency_p95: 800ms\n  error_ratio: 1%\n"
FEW = 3
Damage = Callable[[RunDirectory, random.Random], None]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run that FAILs, whole: half of its requests are errors."""
    directory = write_run(tmp_path_factory.mktemp("whole") / "made", Made(errors=flat(0.5)))
    directory.plan_file.write_text(dump_plan(plan(LATENCY), mask=False))
    return directory


def _files(directory: RunDirectory) -> list[Path]:
    return sorted(path for path in directory.tsdb.rglob("*") if path.is_file())


def flip(directory: RunDirectory, dice: random.Random) -> None:
    path = dice.choice(_files(directory))
    data = bytearray(path.read_bytes())
    for _ in range(dice.randrange(1, 20)):
        if data:
            data[dice.randrange(len(data))] = dice.randrange(256)
    path.write_bytes(data)


def cut(directory: RunDirectory, dice: random.Random) -> None:
    path = dice.choice(_files(directory))
    os.truncate(path, dice.randrange(path.stat().st_size + 1))


def drop(directory: RunDirectory, dice: random.Random) -> None:
    path = dice.choice([*_files(directory), *(p for p in directory.tsdb.rglob("*") if p.is_dir())])
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def nonsense(directory: RunDirectory, dice: random.Random) -> None:
    dice.choice(_files(directory)).write_bytes(dice.randbytes(dice.randrange(5000)))


def link_out(directory: RunDirectory, dice: random.Random) -> None:
    path = dice.choice(_files(directory))
    path.unlink()
    path.symlink_to(dice.choice(["/etc/passwd", "/dev/zero", "/dev/urandom", "/proc/self/environ", "/nowhere"]))


def link_folder(directory: RunDirectory, dice: random.Random) -> None:
    shutil.rmtree(directory.tsdb)
    directory.tsdb.symlink_to(dice.choice(["/", "/etc", "/proc", "."]), target_is_directory=True)


def huge(directory: RunDirectory, dice: random.Random) -> None:
    """A file that seems to have a terabyte, as a bomb unpacked would."""
    os.truncate(dice.choice(_files(directory)), 2**40)


def bomb(directory: RunDirectory, dice: random.Random) -> None:
    """An archive in place of the folder."""
    shutil.rmtree(directory.tsdb)
    directory.tsdb.write_bytes(b"\x1f\x8b" + dice.randbytes(1000))


def pipe(directory: RunDirectory, dice: random.Random) -> None:
    """A reader of it would wait for ever."""
    path = dice.choice(_files(directory))
    path.unlink()
    os.mkfifo(path)


def many(directory: RunDirectory, dice: random.Random) -> None:
    """The same block under many names."""
    block = next(path for path in directory.tsdb.iterdir() if path.is_dir())
    for number in range(dice.randrange(2, 40)):
        shutil.copytree(block, directory.tsdb / f"{block.name[:-2]}{number:02d}", copy_function=os.link)


DAMAGES: tuple[Damage, ...] = (flip, flip, flip, cut, drop, nonsense, link_out, link_folder, huge, bomb, pipe, many)


@contextlib.contextmanager
def _copy(source: RunDirectory, folder: Path) -> Iterator[RunDirectory]:
    target = folder / "run"
    shutil.copytree(source.path, target)
    try:
        yield RunDirectory(target)
    finally:
        shutil.rmtree(target)


def judge(directory: RunDirectory) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(["judge", str(directory.path), "--plan", str(directory.plan_file)])
    assert isinstance(end.value.code, int)
    return end.value.code, err.getvalue()


def _try(failed: RunDirectory, folder: Path, seed: int) -> int:
    dice = random.Random(seed)
    with _copy(failed, folder) as directory:
        dice.choice(DAMAGES)(directory, dice)
        code, err = judge(directory)
    assert code in (10, 11, 12), f"seed {seed}: exit code {code}"  # never 0: it FAILed when it was whole
    if code == 12:
        assert err.startswith("error: ") and len(err) < 5000, f"seed {seed}: {err[:500]}"
    assert not [c for c in psutil.Process().children(recursive=True) if c.name() == "prometheus"], seed
    return code


def test_a_few(failed: RunDirectory, tmp_path: Path) -> None:
    assert judge(failed)[0] == 10
    for seed in range(FEW):
        _try(failed, tmp_path, seed)


@pytest.mark.parametrize("damage", [pipe, huge, bomb, link_out, link_folder])
def test_what_would_hang_or_lead_elsewhere(failed: RunDirectory, tmp_path: Path, damage: Damage) -> None:
    with _copy(failed, tmp_path) as directory:
        damage(directory, random.Random(5))
        code, err = judge(directory)
    assert code == 12
    assert err.startswith("error: ")


@pytest.mark.parametrize("name", ["verdict.json", "marks.jsonl"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(failed: RunDirectory, tmp_path: Path, name: str) -> None:
    with _copy(failed, tmp_path) as directory:
        (directory.path / name).unlink(missing_ok=True)
        os.mkfifo(directory.path / name)
        if name == "verdict.json":
            with pytest.raises(ArchiveError, match="no regular file"):
                read_verdict(directory)
        else:
            assert judge(directory)[0] in (11, 12)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_a_thousand(failed: RunDirectory, tmp_path: Path) -> None:
    offset = int(os.environ.get("HARNESS_FUZZ_SEED", "100"))
    number = int(os.environ.get("HARNESS_FUZZ_CASES", "0")) or MANY
    codes = [_try(failed, tmp_path, seed) for seed in range(offset, offset + number)]
    assert codes.count(12) > number / 10

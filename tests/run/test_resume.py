"""A run whose harness was killed, taken up again: what is kept for it, when it is refused, and what the gap is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ArchiveError, UsageError
from harness.judge.ending import check_ending
from harness.judge.set_aside import all_aside
from harness.judge.verdict import Outcome
from harness.judge.windows import Window
from harness.load.children import child_config
from harness.load.config import LoadConfig
from harness.ownership import owned
from harness.plan.model import PrometheusTarget
from harness.run.live_state import STATE_FILE, StateUi
from harness.run.options import RunOptions
from harness.run.phases import Schedule
from harness.run.record import Gap, RunDirectory, RunRecord
from harness.run.recover import taken
from harness.run.resume import (
    clear_for_new_parts,
    load_goes_on,
    read_order,
    refuse_what_is_not_dead,
    taken_up,
    taken_up_note,
    write_order,
)
from tests.run.plans import make_plan
from tests.run.test_live_state import Shown, steady

BEGUN = 1_795_364_560.0  # of the load: 120 s of it, 10 s warm-up
PLAN = make_plan()
DAY = PLAN.model_copy(update={"load": PLAN.load.model_copy(update={
    "stages": (PLAN.load.stages[0], PLAN.load.stages[1].model_copy(update={"duration": 86_380.0}))})})  # fmt: skip


@pytest.fixture
def dead(tmp_path: Path) -> RunDirectory:
    """Its harness was killed at hour 20 of 24."""
    directory = RunDirectory(tmp_path / "r1")
    (directory.work / "prometheus" / "data" / "wal").mkdir(parents=True)
    (directory.work / "load").mkdir()
    (directory.work / "sidecar.json").write_text("a password")
    directory.write_record(RunRecord("r1", "t", BEGUN - 5, "http://t", steady_from=BEGUN + 10))
    StateUi(Shown(), directory.work / STATE_FILE, lambda: BEGUN + 72_000).progress(steady(72_000))
    return directory


def test_what_was_asked_for_comes_back_whole_and_only_its_owner_may_read_it(
    dead: RunDirectory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    text = """
name: t
target: {url: "http://127.0.0.1:9", headers: {Authorization: "Bearer s3cret"}}
load:
  warmup: 10s
  stages: [{duration: 20s, users: 50, spawn_rate: 5}, {duration: 100s, users: 100}]
objectives: {latency_p95: 800ms, restarts: off}
"""
    plan, nowhere = make_plan(text), {"HOME": "nowhere"}
    write_order(dead, plan, RunOptions(tmp_path, tmp_path, nowhere, faults=("memory_leak:mb_per_s=2",)))
    order = read_order(dead, nowhere)
    assert order.plan == plan
    assert not order.ours, "nobody has a key without a home"
    assert (order.faults, order.folder) == (("memory_leak:mb_per_s=2",), tmp_path)
    assert (dead.work / "resume.json").stat().st_mode & 0o077 == 0


def test_a_remedy_names_the_run_so_that_it_can_be_typed(
    dead: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spaced = RunDirectory(dead.path.rename(tmp_path / "a run"))
    with pytest.raises(UsageError) as refused:
        read_order(spaced, {})
    assert f"harness judge '{tmp_path}/a run' " in refused.value.remedy
    with taken(spaced), pytest.raises(UsageError) as refused, taken(spaced):
        pass
    assert refused.value.remedy == f"look at it: harness status '{tmp_path}/a run'"
    (tmp_path / "runs").mkdir()
    spaced.path.rename(tmp_path / "runs" / "r1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as refused:
        taken_up(RunDirectory(Path("runs/r1")), PLAN, BEGUN + 86_390)
    assert refused.value.remedy == "close and judge it: harness judge r1"


@pytest.mark.parametrize("text", [None, "{", '{"schema": 2}', '{"schema": 1, "plan": "name: t", "faults": []}', "[]"])
def test_an_order_that_is_not_there_or_damaged_is_refused_with_what_to_do(dead: RunDirectory, text: str | None) -> None:
    if text is not None:
        (dead.work / "resume.json").write_text(text)
    with pytest.raises(UsageError, match="did not leave what it takes") as error:
        read_order(dead, {})
    assert "harness judge" in error.value.remedy


def test_the_gap_begins_with_the_last_sign_of_life(dead: RunDirectory) -> None:
    record = taken_up(dead, DAY, BEGUN + 75_600)
    assert [(g.start, g.end) for g in record.gaps] == [(BEGUN + 72_000, None)]
    gaps = load_goes_on(record.gaps, BEGUN + 75_620, DAY.load.warmup)
    assert gaps == (replace(record.gaps[0], end=BEGUN + 75_630),), "and ends with a new warm-up"
    assert taken_up_note(record, DAY, BEGUN + 75_600) == "the harness died and the run was taken up again 1h later"


def test_one_that_dies_again_has_two_gaps_or_a_longer_one(dead: RunDirectory) -> None:
    first = Gap(BEGUN + 3000, BEGUN + 3100, "x")
    dead.write_record(replace(dead.read_record(), gaps=(first,)))
    assert [g.start for g in taken_up(dead, DAY, BEGUN + 75_600).gaps] == [BEGUN + 3000, BEGUN + 72_000]
    dead.write_record(replace(dead.read_record(), gaps=(replace(first, end=None),)))
    again = taken_up(dead, DAY, BEGUN + 75_600).gaps
    assert [(g.start, g.end) for g in again] == [(BEGUN + 3000, None)], "its load never went on in between"


def test_what_cannot_be_taken_up_is_refused_with_what_to_do(dead: RunDirectory) -> None:
    with pytest.raises(UsageError, match="its planned end is past: too little") as error:
        taken_up(dead, DAY, BEGUN + 90_000)
    assert "harness judge" in error.value.remedy
    with pytest.raises(UsageError, match=r"^1m of the planned load is left: too little"):
        taken_up(dead, DAY, BEGUN + 86_340)
    with pytest.raises(UsageError, match="a run that looks for a limit"):
        taken_up(dead, DAY.model_copy(update={"kind": "capacity"}), BEGUN + 75_600)
    named = DAY.model_copy(update={"prometheus": PrometheusTarget(url="http://127.0.0.1:9")})
    with pytest.raises(UsageError, match="are in a Prometheus that its plan names") as error:
        taken_up(dead, named, BEGUN + 75_600)
    assert error.value.remedy == f"close and judge it: harness judge {dead.path}", "not to start it anew"
    with owned(dead.work), pytest.raises(UsageError, match="is on"):
        refuse_what_is_not_dead(dead)
    record = dead.read_record()
    dead.write_record(replace(record, steady_from=None))
    with pytest.raises(UsageError, match=r"the load of the run in .* had not begun"):
        taken_up(dead, DAY, BEGUN + 75_600)
    dead.write_record(replace(record, ended_at=BEGUN + 100))
    with pytest.raises(UsageError, match="is over"):
        refuse_what_is_not_dead(dead)


def test_a_clock_that_was_set_back_is_named(dead: RunDirectory) -> None:
    """What would come now would lie before what is there: Prometheus would drop it, and no gap could be told."""
    for now in (BEGUN + 71_900, BEGUN - 86_400):
        with pytest.raises(UsageError, match="the clock was set back: the run's harness was alive at") as error:
            taken_up(dead, DAY, now)
        assert "harness judge" in error.value.remedy
    assert taken_up(dead, DAY, BEGUN + 71_999.5).gaps[0].start == BEGUN + 71_999.5, "a second is no step"
    gap = Gap(BEGUN + 3000, None, "x")
    assert load_goes_on((gap,), BEGUN + 100, 10.0)[0].end == gap.start, "a gap never ends before it begins"


@pytest.mark.parametrize("at", ['"now"', "null", "NaN", "[]"])
def test_a_state_without_a_time_is_damaged(dead: RunDirectory, at: str) -> None:
    file = dead.work / STATE_FILE
    state = json.loads(file.read_text())
    file.write_text(json.dumps(state | {"at": "AT"}).replace('"AT"', at))
    with pytest.raises(ArchiveError, match="state"):
        taken_up(dead, DAY, BEGUN + 75_600)


def test_only_the_series_of_the_dead_stay(dead: RunDirectory) -> None:
    clear_for_new_parts(dead)
    assert sorted(p.name for p in dead.work.rglob("*")) == ["data", "prometheus", "wal"]


def test_the_record_keeps_its_gaps_and_refuses_nonsense(dead: RunDirectory) -> None:
    gaps = (Gap(BEGUN + 30, BEGUN + 60, "why"), Gap(BEGUN + 90, None, "why"))
    dead.write_record(replace(dead.read_record(), gaps=gaps))
    assert dead.read_record().gaps == gaps
    text = dead.record_file.read_text()
    for bad in ('"gaps": 1', '"gaps": [1]', '"gaps": [{"from": null}]', '"gaps": [{"from": "1999-01-01T00:00:00Z"}]'):
        dead.record_file.write_text(text[: text.index('"gaps"')] + bad + "}")
        with pytest.raises(ArchiveError, match="gap"):
            dead.read_record()


def test_the_phase_is_a_warm_up_again_and_the_end_stays() -> None:
    schedule = Schedule(BEGUN, 10.0, 120.0, resumed_at=BEGUN + 50)
    assert [schedule.phase(BEGUN + t) for t in (49, 55, 60, 119, 120)] == [
        "warmup", "warmup", "steady", "steady", "cooldown",
    ]  # fmt: skip
    assert schedule.steady_window(BEGUN + 120) == (BEGUN + 10, BEGUN + 120)


def test_the_judge_leaves_the_gap_out_and_names_it() -> None:
    gap = Gap(BEGUN + 30, BEGUN + 60, "the harness died, and the run was taken up again")
    record = RunRecord(
        "r1", "t", BEGUN - 5, "http://t", steady_from=BEGUN + 10, steady_to=BEGUN + 120, ended_at=BEGUN + 120,
        ended_by="completed", gaps=(gap,),
    )  # fmt: skip
    [aside] = all_aside(PLAN, record, ())
    assert (aside.start, aside.end, aside.by) == (BEGUN + 30, BEGUN + 60, "harness")
    [finding] = check_ending(record, PLAN, Window(BEGUN + 10, BEGUN + 120))
    assert (finding.outcome, finding.first_seen, finding.for_seconds) == (Outcome.WARN, BEGUN + 30, 30)
    assert finding.summary == (
        "the harness died, and the run was taken up again: nothing after 16:23:10 until 16:23:40 UTC (30s) is judged"
    )
    unfinished = replace(record, gaps=(replace(gap, end=None),), ended_at=BEGUN + 90)
    [aside] = all_aside(PLAN, unfinished, ())
    assert (aside.start, aside.end) == (BEGUN + 30, BEGUN + 90)


def test_the_children_are_told_when_the_load_began() -> None:
    config = child_config(
        PLAN, role="master", name="m", control_dir=Path("/c"), stages=(), edges=(), port=0, token="", begun_at=BEGUN
    )
    assert LoadConfig.from_json(config.to_json()).begun_at == BEGUN

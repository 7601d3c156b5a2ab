"""What a killed run left: here made by a real Prometheus over a data folder that was never archived."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from harness.errors import ArchiveError
from harness.ownership import owned
from harness.prom.blocks import find_blocks
from harness.prom.manifest import Kept, check_archive
from harness.prom.server import PrometheusServer
from harness.run.record import RunDirectory, RunRecord
from harness.run.recover import clear_dead, ended, how_it_ended, recover
from tests.prom.kill_points import killed_at
from tests.run.plans import make_plan

SELF = "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: p, static_configs: [{{targets: ['{0}']}}]}}]\n"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[RunDirectory, PrometheusServer]]:
    directory = RunDirectory(tmp_path / "run")
    home = directory.work / "prometheus"
    home.mkdir(parents=True)
    (directory.work / "load").mkdir()
    (directory.work / "sidecar.json").write_text("a password")
    began = time.time()
    directory.write_record(RunRecord("r", "p", began, "http://127.0.0.1:1", steady_from=began + 0.5))
    with PrometheusServer(home / "data", home, config=SELF.format) as server:
        until = time.monotonic() + 30  # it first scrapes after five seconds
        while not server.api().query("count_over_time(up[1m]) > 2", time.time()):
            assert time.monotonic() < until
            time.sleep(0.2)
        yield directory, server


def test_nothing_is_done_where_nothing_was_left(tmp_path: Path) -> None:
    assert recover(RunDirectory(tmp_path), make_plan()) is None


def test_series_are_recovered_once_and_only_from_a_run_that_is_over(
    live: tuple[RunDirectory, PrometheusServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, server = live
    with owned(directory.work), pytest.raises(ArchiveError, match="is still on"):
        recover(directory, make_plan())
    monkeypatch.setattr("harness.run.recover._PROMETHEUS_ENDS_SECONDS", 0.5)
    with pytest.raises(ArchiveError, match="a Prometheus still runs on"):
        recover(directory, make_plan())
    assert (directory.work / "sidecar.json").is_file()
    assert not directory.tsdb.exists()
    server.stop(timeout=0)  # killed: nothing but its log of writes is on disk

    said = recover(directory, make_plan())
    data = directory.work / "prometheus" / "data"
    assert said == f"the harness of this run was killed; its series were recovered from {data}"
    assert sum(block.samples for block in find_blocks(directory.tsdb)) > 100
    assert not directory.work.exists()
    record = directory.read_record()
    assert (record.ended_by, record.steady_to) == ("crashed", record.ended_at)
    assert record.ended_at is not None
    assert record.started_at < record.ended_at <= time.time()
    assert recover(directory, make_plan()) is None


def test_credentials_go_also_when_the_series_are_lost(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    data = directory.work / "prometheus" / "data"
    data.mkdir(parents=True)
    (directory.work / "sidecar.json").write_text("a password")
    (directory.work / "prometheus" / "prometheus.yml").write_text("a password")
    directory.write_record(RunRecord("r", "p", 1795363200.0, "http://127.0.0.1:1"))
    with pytest.raises(ArchiveError, match="no sample of the run"):
        recover(directory, make_plan())
    assert data.is_dir(), "the only evidence there is"
    assert not (directory.work / "sidecar.json").exists()
    assert "password" not in "".join(p.read_text(errors="replace") for p in directory.work.rglob("*.yml"))


@pytest.mark.parametrize("link", ["work", "work/prometheus", "work/prometheus/data", "work/prometheus/data/wal"])
@pytest.mark.parametrize("over", [False, True])
def test_a_link_out_of_a_run_from_elsewhere_costs_nobody_a_file(tmp_path: Path, link: str, over: bool) -> None:
    theirs = tmp_path / "theirs"
    for folder in ("prometheus/data/wal", "data/wal"):
        (theirs / folder).mkdir(parents=True)
        (theirs / folder / "00000000").write_text("precious")
    (theirs / "precious").write_text("precious")
    before = sorted(theirs.rglob("*"))
    directory = RunDirectory(tmp_path / "run")
    place = directory.path / link
    place.parent.mkdir(parents=True)
    place.symlink_to(theirs)
    directory.write_record(RunRecord("r", "p", 1795363200.0, "http://127.0.0.1:1"))
    if over:
        directory.tsdb.mkdir()
    with pytest.raises(ArchiveError, match=f"{place} is a symbolic link"):
        recover(directory, make_plan())
    with pytest.raises(ArchiveError, match=f"{place} is a symbolic link"):
        clear_dead(directory)
    assert sorted(theirs.rglob("*")) == before
    assert all(file.read_text() == "precious" for file in before if file.is_file())


def test_an_archived_run_that_was_killed_while_it_was_judged_loses_its_working_data(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    directory.tsdb.mkdir()
    directory.work.mkdir()
    (directory.work / "sidecar.json").write_text(json.dumps({"url": "a password"}))
    assert recover(directory, make_plan()) is None
    assert not directory.work.exists()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_recovery_killed_at_any_moment_ends_with_the_same_archive_the_next_time(
    live: tuple[RunDirectory, PrometheusServer], tmp_path: Path
) -> None:
    source, server = live
    server.stop(timeout=0)
    want: tuple[int, float | None] | None = None
    for step in count(1):
        directory = RunDirectory(Path(shutil.copytree(source.path, tmp_path / str(step))))
        killed = killed_at(step, lambda directory=directory: recover(directory, make_plan()))  # type: ignore[misc]
        if directory.tsdb.exists():
            assert check_archive(directory.tsdb).state is Kept.WHOLE
        recover(directory, make_plan())
        record = directory.read_record()
        got = (sum(block.samples for block in find_blocks(directory.tsdb)), record.ended_at)
        want = want or got
        assert got == want, f"killed at step {step}"
        assert record.steady_to == record.ended_at
        shown = {path.name for path in directory.path.iterdir() if not path.name.startswith(".run.json.")}
        assert shown == {"run.json", "tsdb"}
        shutil.rmtree(directory.path)
        if not killed:
            break
    assert step > 20


def test_a_known_end_stays_and_a_run_killed_in_its_warm_up_has_no_window() -> None:
    known = RunRecord("r", "p", 100.0, "t", steady_from=110.0, steady_to=150.0, ended_at=150.0, ended_by="interrupted")
    assert ended(known, make_plan(), None).ended_at == 150.0
    assert ended(known, make_plan(), None).ended_by == "interrupted"
    assert ended(RunRecord("r", "p", 100.0, "t", steady_from=110.0), make_plan(), None).ended_at is None


def test_the_end_that_is_known_is_told() -> None:
    ended_at_once = RunRecord(
        "r", "p", 100.0, "t", ended_at=150.0, ended_by="interrupted", reason="ended at once by a second SIGTERM"
    )
    assert how_it_ended(ended_at_once) == "this run was interrupted (ended at once by a second SIGTERM)"
    assert ended(ended_at_once, make_plan(), None).notes == (
        "this run was interrupted (ended at once by a second SIGTERM); its series were recovered later",
    )
    assert how_it_ended(RunRecord("r", "p", 100.0, "t")) == "the harness of this run was killed"

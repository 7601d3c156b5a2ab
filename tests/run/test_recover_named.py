"""A killed run whose Prometheus the plan names: its series are still there, and are read through the query API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import ArchiveError, UsageError
from harness.plan.model import Plan, PrometheusTarget
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks
from harness.prom.server import PrometheusServer
from harness.run.made_here import PROMETHEUS_SEAL, seal_prometheus
from harness.run.record import RunDirectory
from harness.run.recover_standing import recover_named
from tests.judge.fabricate import END, RECORD, START, STEADY_FROM, Made, plan, series_of


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    home = tmp_path_factory.mktemp("theirs")
    with BlockWriter(END - START) as writer:
        writer.add(series_of(Made()))
        writer.finish(home / "data")
    with PrometheusServer(home / "data", home, lookback=300) as server:
        yield server


def named(url: str) -> Plan:
    return plan().model_copy(update={"prometheus": PrometheusTarget(url=url)})


def killed(path: Path, run_id: str = "made") -> RunDirectory:
    path.mkdir()
    directory = RunDirectory(path)
    directory.write_record(
        replace(RECORD, run_id=run_id, ended_at=None, steady_to=None, ended_by="crashed", reason="it was killed")
    )
    return directory


def test_its_series_and_its_end_are_recovered(server: PrometheusServer, tmp_path: Path) -> None:
    directory = killed(tmp_path / "run")
    said = recover_named(directory, named(server.url), {})
    assert said == f"the harness of this run was killed; its series were recovered from {server.url}"
    record = directory.read_record()
    assert record.ended_at == pytest.approx(END - 5 + 1.7, abs=5.1), "the last scrape of the run's own series"
    assert (record.steady_from, record.ended_by) == (STEADY_FROM, "crashed")
    assert sum(block.samples for block in find_blocks(directory.tsdb)) > 4000
    assert recover_named(directory, named(server.url), {}) is None, "once"


def test_nothing_is_done_where_the_plan_names_none_and_what_is_not_there_is_told(
    server: PrometheusServer, tmp_path: Path
) -> None:
    assert recover_named(killed(tmp_path / "a"), plan(), {}) is None
    other = killed(tmp_path / "b", "another")
    with pytest.raises(ArchiveError, match="holds no sample of the run another"):
        recover_named(other, named(server.url), {})
    assert not other.tsdb.exists()


def test_a_run_of_somebody_else_has_no_token_sent_anywhere(server: PrometheusServer, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary\n")
    prometheus = PrometheusTarget(url=server.url, bearer_token_file=str(token))
    asks = plan().model_copy(update={"prometheus": prometheus})
    mine, theirs = {"HOME": str(tmp_path / "mine")}, {"HOME": str(tmp_path / "theirs")}
    directory = killed(tmp_path / "a run")
    seal_prometheus(directory, prometheus, theirs)
    with pytest.raises(UsageError, match="was not made by you on this machine") as refused:
        recover_named(directory, asks, mine)
    assert refused.value.remedy.endswith(f"for that address: harness judge '{directory.path}' --trust")
    assert str(token) in refused.value.message and server.url in refused.value.message
    (directory.path / PROMETHEUS_SEAL).unlink()
    with pytest.raises(UsageError, match="was not made by you"):
        recover_named(directory, asks, mine)
    seal_prometheus(directory, prometheus, mine)
    elsewhere = prometheus.model_copy(update={"url": server.url.replace("127.0.0.1", "localhost")})
    with pytest.raises(UsageError, match="was not made by you"):
        recover_named(directory, asks.model_copy(update={"prometheus": elsewhere}), mine)
    assert not directory.tsdb.exists()
    assert "were recovered" in (recover_named(directory, asks, mine) or "")


def test_who_trusts_it_has_it_sent(server: PrometheusServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary\n")
    prometheus = PrometheusTarget(url=server.url, bearer_token_file=str(tmp_path / "token"))
    asks = plan().model_copy(update={"prometheus": prometheus})
    assert "were recovered" in (recover_named(killed(tmp_path / "run"), asks, {}, trust=True) or "")

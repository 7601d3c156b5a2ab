from __future__ import annotations

import shutil
import stat
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from harness.assets import data_path
from harness.errors import ArchiveError, HarnessError, QueryError
from harness.plan.objectives import Objective
from harness.prom import backfill, on_demand
from harness.prom.damage import broken_archive
from harness.prom.private import open_run
from harness.prom.rules import load_rules
from harness.run.record import RunDirectory
from tests.prom.conftest import T0, make_plan, make_run, same, series

TIMES = T0 + 5.0 * np.arange(241)  # 20 minutes
END = TIMES[-1]
OWN = """
groups:
  - name: g
    rules:
      - {record: "harness:c:c", expr: "harness:b:b + sum by (harness) (demo_total)"}
      - {record: "harness:b:b", expr: "2 * harness:a:a"}
      - {record: "harness:a:a", expr: "sum by (harness) (rate(demo_total[1m]))"}
      - {record: "harness:n:n", expr: "sum by (harness) (not_there)"}
      - {alert: High, expr: "harness:b:b > 15", for: 30s, labels: {severity: warning}}
"""
P95 = Objective("latency_p95", 1.0, "<=")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yml").write_text(OWN)
    return tmp_path / "rules"


def raw_series(stack: str = "default"):
    buckets = [
        series("locust_request_duration_seconds_bucket", TIMES, np.arange(241) * share, harness=stack, le=le,
               method="GET", name="/", outcome="ok", instance="locust-worker-1")
        for le, share in (("0.5", 80), ("2.0", 99), ("+Inf", 100))
    ]  # fmt: skip
    labels = {"harness": stack, "method": "GET", "name": "/", "outcome": "ok", "instance": "locust-worker-1"}
    return [
        series("demo_total", TIMES, np.arange(241) * 25.0, harness=stack),
        series("locust_request_duration_seconds_count", TIMES, np.arange(241) * 100.0, **labels),
        *buckets,
    ]


@pytest.fixture(scope="module")
def archived(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    path = tmp_path_factory.mktemp("runs") / "r1"
    old = [
        series("harness:a:a", TIMES, 77.0, harness="default"),  # what an older rule recorded
        series("harness:gone:gone", TIMES, 1.0, harness="default"),
        series("harness_objective", TIMES, 9.0, harness="default", objective="latency_p95", subject="all", op="<="),
    ]
    return make_run(path, T0, END, *raw_series(), *old)


def test_recorded_series_are_made_anew_from_the_raw_ones(archived: RunDirectory, rules: Path):
    with open_run(archived, make_plan(P95), rules) as data:
        assert (data.interval, data.eval_offset, data.start, data.end, data.stack) == (5, 0, T0, END, "default")
        assert data.edges == (0.5, 2.0)
        assert data.record.run_id == "r1"
        (alert,) = data.rules
        assert (alert.name, alert.for_seconds) == ("High", 30)
        (a,) = data.api.query_range("harness:a:a", T0, END, 5)
        np.testing.assert_allclose(a.values[11:], 5.0)  # a counter born at 0 is extrapolated for its first minute
        assert a.times.tolist() == TIMES[1:].tolist()
        (c,) = data.api.query_range("harness:c:c", T0, END, 5)
        np.testing.assert_allclose(c.values, 2 * a.values + np.arange(1, 241) * 25.0)
        assert data.api.query_range("harness:n:n", T0, END, 5) == []
        assert data.api.query_range("harness:gone:gone", T0, END, 5) == []
        assert data.api.query("harness:b:b", END + 16) == []  # nothing outlives the look-back


def test_objectives_come_from_the_plan_that_is_judged(archived: RunDirectory, rules: Path):
    labels = {"harness": "default", "objective": "latency_p95", "subject": "all", "op": "<="}
    with open_run(archived, make_plan(P95), rules) as data:
        (one,) = data.api.query_range("harness_objective", T0, END, 5)
        assert one.labels == {"__name__": "harness_objective", **labels}
        assert one.times.tolist() == TIMES.tolist() and set(one.values) == {1.0}
        edges = data.api.query_range("harness_objective_edge", T0, END, 5)
        assert [(e.labels["bound"], set(e.values), len(e)) for e in edges] == [
            ("lower", {0.5}, 241),
            ("upper", {2.0}, 241),
        ]
    with open_run(archived, make_plan(), rules) as data:
        assert data.api.query_range('{__name__=~"harness_objective.*"}', T0, END, 5) == []


def test_the_shipped_rules_find_the_bucket_of_a_limit(archived: RunDirectory):
    """A whole number is the trap: le="2.0", value 2."""
    plan = make_plan(Objective("latency_p95", 2.0, "<="), Objective("latency_p99", 0.5, "<=", "GET", "/"))
    with open_run(archived, plan, data_path("prometheus") / "rules") as data:
        shares = data.api.query_range("harness_objective_bound:locust_requests_within:share1m", T0 + 5, END, 5)
        assert [(s.labels["objective"], s.labels["bound"]) for s in shares] == [
            ("latency_p95", "lower"), ("latency_p95", "upper"),
        ]  # fmt: skip
        for share in shares:
            assert len(share) == 240
            np.testing.assert_allclose(share.values, 0.99)
        name = "harness_method_name_objective_bound:locust_requests_within:share1m"
        for share in (endpoint := data.api.query_range(name, T0 + 5, END, 5)):
            assert (share.labels["name"], share.labels["objective"], len(share)) == ("/", "latency_p99", 240)
            np.testing.assert_allclose(share.values, 0.80)
        assert len(endpoint) == 2


def test_requests_within_endpoints_limits_are_those_of_the_whole_rule(tmp_path: Path):
    """The buckets of endpoints without an objective are not read: the rule would drop them."""
    other = [replace(one, labels={**one.labels, "name": "/x+y"}) for one in raw_series() if "name" in one.labels]
    alike = [replace(one, labels={**one.labels, "name": "/xxy"}) for one in other]
    directory = make_run(tmp_path / "run", T0, END, *raw_series(), *other, *alike)
    plan = make_plan(
        Objective("latency_p99", 0.5, "<=", "GET", "/"), Objective("latency_p95", 2.0, "<=", "GET", "/x+y")
    )
    rules = data_path("prometheus") / "rules"
    name = "harness_method_name_objective_bound:locust_requests_within:rate1m"
    (rule,) = (one for one in load_rules(rules).recording if one.name == name)
    asked: list[str] = []

    def evaluate(connect, evaluated, *arguments):
        asked.extend(one.expr for one in evaluated if one.name == name)
        return backfill.evaluate(connect, evaluated, *arguments)

    with patch.object(on_demand, "evaluate", evaluate), open_run(directory, plan, rules) as data:
        assert len(asked) == 1 and asked[0] != rule.expr
        got, want = ({frozenset((s.labels | {"__name__": ""}).items()): s.values[0] for s in data.api.query(expr, END)}
                     for expr in (name, rule.expr))  # fmt: skip
        assert got == want
        assert sorted(dict(labels)["name"] for labels in got) == ["/", "/", "/x+y", "/x+y"]


def test_a_moved_read_only_archive_gives_identical_answers(archived: RunDirectory, rules: Path, tmp_path: Path):
    moved = RunDirectory(tmp_path / "elsewhere" / "r1")
    shutil.copytree(archived.path, moved.path)
    before = {p: p.stat().st_mtime_ns for p in moved.path.rglob("*")}
    for path in before:
        path.chmod(stat.S_IRUSR | (stat.S_IXUSR if path.is_dir() else 0))
    everything = '{__name__!=""}'
    with open_run(archived, make_plan(P95), rules) as a, open_run(moved, make_plan(P95), rules) as b:
        assert a.api.url != b.api.url  # two servers at once
        first, second = a.api.raw(everything, T0, END), b.api.raw(everything, T0, END)
    assert len(first) == 5 + 3 + 3
    same(first, second)
    assert {p: p.stat().st_mtime_ns for p in moved.path.rglob("*")} == before


def test_costly_rules_wait_until_somebody_reads_them(archived: RunDirectory, rules: Path, monkeypatch):
    monkeypatch.setattr(on_demand, "DEFER_ABOVE", 0)
    with open_run(archived, make_plan(P95), rules) as data:
        recorder = data.api._recorder
        assert recorder.pending == {"harness:c:c"}  # the alert reads b, b reads a; n reads nothing there is
        (c,) = data.api.query_range("harness:c:c", T0, END, 5)
        assert len(c) == 240
        assert recorder.pending == frozenset()
    with open_run(archived, make_plan(P95), rules) as data:
        assert data.api.label_values("__name__", ['{harness="default"}'], T0, END).count("harness:c:c") == 1
    with open_run(archived, make_plan(P95), rules, everything=True) as data:
        assert data.api._recorder.pending == frozenset()


def test_a_run_without_an_end_is_read_to_its_last_sample(archived: RunDirectory, rules: Path, tmp_path: Path):
    crashed = RunDirectory(tmp_path / "crashed")
    shutil.copytree(archived.path, crashed.path)
    crashed.write_record(replace(archived.read_record(), ended_at=None, ended_by="crashed"))
    with open_run(crashed, make_plan(P95), rules) as data:
        assert data.end == END
    crashed.write_record(replace(crashed.read_record(), started_at=T0 - 50 * 86_400, steady_from=None, steady_to=None))
    with pytest.raises(ArchiveError, match="goes on for 50d"), open_run(crashed, make_plan(P95), rules):
        pass


def test_the_stack_is_the_archives(rules: Path, tmp_path: Path):
    one = make_run(tmp_path / "one", T0, END, *raw_series("shop"))
    with open_run(one, make_plan(P95), rules) as data:
        assert data.stack == "shop"
        assert {s.labels["harness"] for s in data.api.query("harness_objective", END)} == {"shop"}
    both = make_run(tmp_path / "both", T0, END, *raw_series("shop"), *raw_series("blog"))
    with open_run(both, make_plan(P95, stack="blog"), rules) as data:
        assert data.stack == "blog"
    with (
        pytest.raises(
            ArchiveError, match=r"several stacks \(blog, shop\), none of them the plan's, 'default'"
        ) as error,
        open_run(both, make_plan(P95), rules),
    ):
        pass
    # Commands that open runs have no --set; the plan in the directory is what they read.
    assert error.value.remedy == f"write the run's own into {both.plan_file}, as: stack: blog"
    bare = make_run(tmp_path / "bare", T0, END, series("up", TIMES, 1.0))
    with (
        pytest.raises(ArchiveError, match=r"no series .* has the label 'harness'"),
        open_run(bare, make_plan(P95), rules),
    ):
        pass


@pytest.mark.parametrize(
    "damage", ["none", "empty", "index", "half index", "other time", "chunk", "half chunk", "flipped"]
)
def test_damage_is_an_error_never_no_data(archived: RunDirectory, rules: Path, tmp_path: Path, damage: str):
    broken = RunDirectory(tmp_path / "broken")
    shutil.copytree(archived.path, broken.path)
    block = next(broken.tsdb.iterdir())
    index, chunk = block / "index", block / "chunks" / "000001"
    if damage == "none":
        shutil.rmtree(broken.tsdb)
    elif damage == "empty":
        shutil.rmtree(block)
    elif damage == "index":
        index.write_bytes(b"")
    elif damage == "half index":
        index.write_bytes(index.read_bytes()[: index.stat().st_size // 2])
    elif damage == "other time":
        broken.write_record(replace(archived.read_record(), started_at=T0 + 86400, ended_at=END + 86400))
    elif damage == "chunk":
        chunk.unlink()
    elif damage == "half chunk":
        chunk.write_bytes(chunk.read_bytes()[:20])  # within the first series
    else:
        data = bytearray(chunk.read_bytes())
        for at in range(100, len(data), 50):
            data[at] ^= 0xFF
        chunk.write_bytes(data)
    with pytest.raises((ArchiveError, QueryError)) as raised, open_run(broken, make_plan(P95), rules):
        pass
    assert len(str(raised.value)) > 40
    if damage in ("half index", "half chunk", "flipped"):
        assert raised.value.message == (
            f"the archive {broken.tsdb} is broken: block {block.name} cannot be read, "
            "files in it are damaged or cut off"
        )
        assert "undamaged copy" in raised.value.remedy


def test_which_of_several_blocks_is_cut_off(archived: RunDirectory, tmp_path: Path):
    whole = next(archived.tsdb.iterdir())
    shutil.copytree(whole, tmp_path / "01M82W3Y98QD00XS7BQBRZZ5AZ")
    shutil.copytree(whole, tmp_path / "01M82W3Y98QD00XS7BQBRZZ5B0")
    error = QueryError("HTTP 422: cannot populate chunk 8 from block 00000000000000000000000000: ...")
    unknown = broken_archive(error, tmp_path)
    assert unknown is not None
    assert "one of the blocks 01M82W3Y98QD00XS7BQBRZZ5AZ, 01M82W3Y98QD00XS7BQBRZZ5B0 " in unknown.message
    chunk = tmp_path / "01M82W3Y98QD00XS7BQBRZZ5B0" / "chunks" / "000001"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    known = broken_archive(error, tmp_path)
    assert known is not None
    assert "broken: block 01M82W3Y98QD00XS7BQBRZZ5B0 cannot" in known.message
    assert broken_archive(QueryError("HTTP 422: too many samples"), tmp_path) is None


def test_rules_that_cannot_be_read_are_an_error(archived: RunDirectory, tmp_path: Path):
    with pytest.raises(HarnessError, match="no rule files"), open_run(archived, make_plan(P95), tmp_path):
        pass

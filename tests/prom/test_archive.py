from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArchiveError
from harness.prom.archive import keep_local, keep_snapshot, publish
from harness.prom.blocks import find_blocks, link_archive
from harness.prom.private import open_run
from harness.prom.remote_archive import Wanted
from harness.prom.server import PrometheusServer
from harness.prom.swap import unmasked_of
from harness.prom.symbols import symbols
from tests.prom.conftest import RULES, T0, Live, make_plan, make_run, same, series, write_blocks

TIMES = T0 + 5.0 * np.arange(100)


def everything(tsdb: Path, work: Path, start: float, end: float):
    copy = work / "copy"
    shutil.copytree(tsdb, copy / "data")
    with PrometheusServer(copy / "data", copy) as server:
        found = server.api().raw('{__name__!=""}', start, end)
    shutil.rmtree(copy)
    return found


def block_names(tsdb: Path) -> list[str]:
    assert (tsdb / "archive.json").is_file()
    return [block.path.name for block in find_blocks(tsdb)]


def test_a_head_of_seconds_is_kept_whole(live: Live, tmp_path: Path):
    kept = keep_local(live.server, tmp_path / "tsdb", live.began, live.ended)
    assert [block.samples > 0 for block in kept] == [True]
    assert not list((live.server.data_dir / "snapshots").iterdir())
    archived = everything(tmp_path / "tsdb", tmp_path, live.began, live.ended - 1)
    same(archived, live.server.api().raw('{__name__!=""}', live.began, live.ended - 1))
    demo = next(s for s in archived if s.labels["__name__"] == "demo_total")
    assert len(demo) >= 24  # 30 s at 1 s, but for discovery and a busy machine
    assert demo.labels["harness"] == "default"
    assert (np.diff(demo.values) > 0).all()


def test_a_killed_server_is_served_again_and_kept(live: Live, tmp_path: Path):
    copy = PrometheusServer(tmp_path / "data", tmp_path / "work")
    with copy:
        pid = copy.pid
        os.kill(pid, signal.SIGKILL)
    # The live server's data with only a log, as kill -9 leaves it.
    shutil.rmtree(tmp_path / "data")
    shutil.copytree(live.server.data_dir, tmp_path / "data", ignore=shutil.ignore_patterns("snapshots", "lock"))
    assert not find_blocks(tmp_path / "data")
    assert not copy.alive()
    keep_local(copy, tmp_path / "tsdb", live.began, live.ended)
    archived = everything(tmp_path / "tsdb", tmp_path, live.began, live.ended - 2)
    same(archived, live.server.api().raw('{__name__!=""}', live.began, live.ended - 2))


def test_without_the_room_that_a_block_needs_it_is_made_among_the_temporary_files(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Prometheus sets half a GiB aside before it writes a block of any size."""
    data = tmp_path / "data"
    shutil.copytree(live.server.data_dir, data, ignore=shutil.ignore_patterns("snapshots", "lock"))
    before = sorted(file.relative_to(data) for file in data.rglob("*"))
    real = shutil.disk_usage
    little = real(data)._replace(free=2**28)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: little if data in (path, *Path(path).parents) else real(path)
    )
    keep_local(PrometheusServer(data, tmp_path / "work"), tmp_path / "tsdb", live.began, live.ended)
    assert sorted(file.relative_to(data) for file in data.rglob("*")) == before
    archived = everything(tmp_path / "tsdb", tmp_path, live.began, live.ended - 2)
    same(archived, live.server.api().raw('{__name__!=""}', live.began, live.ended - 2))


def test_only_overlapping_blocks_are_kept(tmp_path: Path):
    data = tmp_path / "data"
    for day in range(3):
        write_blocks(data, series("m", TIMES + day * 86400, day))
    with PrometheusServer(data, tmp_path) as server:
        (kept,) = keep_local(server, tmp_path / "tsdb", TIMES[50] + 86400, TIMES[60] + 86400)
        assert (kept.start_ms, kept.end_ms) == (round(TIMES[0] + 86400) * 1000, round(TIMES[-1] + 86400) * 1000 + 1)
        assert block_names(tmp_path / "tsdb") == [kept.path.name]
        # Again, for another time: replaced as a whole.
        (again,) = keep_local(server, tmp_path / "tsdb", TIMES[0], TIMES[1])
        assert block_names(tmp_path / "tsdb") == [again.path.name]
        with pytest.raises(ArchiveError, match="no sample of the run"):
            keep_local(server, tmp_path / "tsdb", TIMES[-1] + 1000, TIMES[-1] + 2000)
        assert block_names(tmp_path / "tsdb") == [again.path.name]
    assert not list(tmp_path.glob(".tsdb*"))


def test_an_empty_server_keeps_nothing(tmp_path: Path):
    server = PrometheusServer(tmp_path / "data", tmp_path)
    with server, pytest.raises(ArchiveError, match="no sample of the run"):
        keep_local(server, tmp_path / "tsdb", T0, T0 + 60)
    assert not (tmp_path / "tsdb").exists()


def test_a_run_directory_that_cannot_be_written(tmp_path: Path):
    write_blocks(tmp_path / "data", series("m", TIMES, 1))
    (tmp_path / "file").write_text("no folder")
    with PrometheusServer(tmp_path / "data", tmp_path) as server, pytest.raises(ArchiveError, match="could not be wri"):
        keep_local(server, tmp_path / "file" / "tsdb", T0, T0 + 60)


def archive(tmp_path: Path) -> Path:
    return write_blocks(tmp_path / "tsdb", series("m", TIMES, 1))


def test_a_link_is_made_where_possible_and_the_archive_stays(tmp_path: Path):
    tsdb = archive(tmp_path)
    (block,) = link_archive(tsdb, tmp_path / "copy")
    copy = tmp_path / "copy" / block.path.name
    assert (copy / "index").stat().st_ino == (block.path / "index").stat().st_ino
    assert (copy / "meta.json").stat().st_ino != (block.path / "meta.json").stat().st_ino
    assert (block.samples, block.start_ms) == (100, round(T0 * 1000))


def test_across_devices_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(self: Path, target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    (block,) = link_archive(archive(tmp_path), tmp_path / "copy")
    copy = tmp_path / "copy" / block.path.name
    assert (copy / "index").read_bytes() == (block.path / "index").read_bytes()
    assert (copy / "chunks" / "000001").read_bytes() == (block.path / "chunks" / "000001").read_bytes()


def test_what_is_no_archive_is_refused(tmp_path: Path):
    with pytest.raises(ArchiveError, match="is missing"):
        link_archive(tmp_path / "none", tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArchiveError, match="holds no blocks"):
        link_archive(tmp_path / "empty", tmp_path / "copy")


@pytest.mark.parametrize("what", ["meta.json", "index", "chunks"])
def test_a_block_that_lacks_a_part_is_damaged(tmp_path: Path, what: str):
    tsdb = archive(tmp_path)
    part = find_blocks(tsdb)[0].path / what
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    with pytest.raises(ArchiveError, match=f"damaged.*{what}"):
        link_archive(tsdb, tmp_path / "copy")


@pytest.mark.parametrize("meta", ["", "{", "[]", "{}", '{"minTime": "x"}', "[" * 100_000])
def test_a_meta_file_that_cannot_be_read_is_damage(tmp_path: Path, meta: str):
    tsdb = archive(tmp_path)
    (find_blocks(tsdb)[0].path / "meta.json").write_text(meta)
    with pytest.raises(ArchiveError, match=r"damaged.*meta\.json"):
        link_archive(tsdb, tmp_path / "copy")


@pytest.mark.parametrize("where", ["tsdb", "block", "chunks", "file"])
def test_symbolic_links_are_refused(tmp_path: Path, where: str):
    tsdb = archive(tmp_path)
    block = find_blocks(tsdb)[0].path
    place = {"tsdb": tsdb, "block": block, "chunks": block / "chunks", "file": block / "chunks" / "000001"}[where]
    moved = tmp_path / "moved"
    place.rename(moved)
    place.symlink_to(moved)
    with pytest.raises(ArchiveError, match="symbolic link"):
        link_archive(tsdb, tmp_path / "copy")


def test_live_and_judged_values_are_equal(live: Live, tmp_path: Path):
    """What the live server recorded, at its own times, is what the archive's raw series give at those times."""
    run = make_run(tmp_path / "run", live.began, live.ended)
    keep_local(live.server, run.tsdb, live.began, live.ended)
    api = live.server.api()
    names = [line.split()[-1] for line in RULES.splitlines() if "record:" in line]
    with open_run(run, make_plan(interval=1.0), live.rules) as data:
        for name in names:
            (ours,) = data.api.raw(name, data.start, data.end)
            (theirs,) = api.raw(name, live.began, live.ended - 1)
            assert len(theirs) >= 20 and len(ours) >= 20
            assert dict(ours.labels) == dict(theirs.labels)
        rate = "sum by (harness) (rate(demo_total[10s]))"
        (theirs,) = api.raw("harness:demo:rate10s", live.began, live.ended - 1)
        moments = [data.api.query(rate, float(t)) for t in theirs.times[1:]]
        equal = np.array([m[0].values[0] for m in moments]) == theirs.values[1:]
        # On a busy machine a scrape is sometimes stored after the rule that should have seen it was evaluated.
        assert equal.mean() > 0.75
        # And the harness' own grid, half a second apart at most, sees the same rate of one per second.
        (ours,) = data.api.raw("harness:demo:rate10s", data.start, data.end)
        settled = ours.between(theirs.times[0] + 10, data.end - 1)
        np.testing.assert_allclose(settled.values, 1.0, atol=0.15)
        (twice,) = data.api.raw("harness:demo_twice:rate10s", data.start, data.end)
        np.testing.assert_array_equal(twice.values, 2 * ours.values)


def test_a_snapshot_of_a_standing_server_is_copied(live: Live, tmp_path: Path):
    """Its data folder is not ours: blocks are copied and not moved, and the snapshot is removed where that can be."""
    data = live.server.data_dir
    tsdb = tmp_path / "run" / "tsdb"
    tsdb.parent.mkdir()
    assert keep_snapshot(live.server.api(), data, tsdb, live.began, live.ended) is None
    assert not list((data / "snapshots").iterdir())
    assert list(tsdb.parent.iterdir()) == [tsdb], "nothing half-made is left beside it"
    keep_local(live.server, tmp_path / "local", live.began, live.ended)
    end = live.ended - 1
    local = everything(tmp_path / "local", tmp_path / "2", live.began, end)
    same(everything(tsdb, tmp_path / "1", live.began, end), local)


def test_a_snapshot_that_cannot_be_seen_or_holds_nothing_is_an_error(live: Live, tmp_path: Path):
    data, api = live.server.data_dir, live.server.api()
    with pytest.raises(ArchiveError, match="no sample of the run"):
        keep_snapshot(api, data, tmp_path / "tsdb", live.ended + 90_000, live.ended + 90_100)
    with pytest.raises(ArchiveError, match="cannot be listed"):
        keep_snapshot(api, tmp_path / "elsewhere", tmp_path / "tsdb", live.began, live.ended)
    assert not (tmp_path / "tsdb").exists()
    shutil.rmtree(data / "snapshots")


def test_the_texts_of_a_block_are_all_that_its_labels_say(tmp_path: Path):
    long = "x" * 300  # its length takes two bytes
    write_blocks(tmp_path / "data", series("m", TIMES, 1, a="b", c=long), series("n", TIMES, 1, a="\u00e9"))
    (block,) = find_blocks(tmp_path / "data")
    assert {*symbols(block.path)} - {""} == {"__name__", "m", "n", "a", "b", "c", long, "\u00e9"}
    (block.path / "index").write_bytes(b"no index" * 20)
    with pytest.raises(ArchiveError, match="another magic number"):
        list(symbols(block.path))


def test_secrets_in_labels_do_not_come_into_the_archive(tmp_path: Path):
    """Those of the plan and those that look like one; the endpoint that an objective names stays as it is named."""
    write_blocks(
        tmp_path / "data",
        series("m", TIMES, 1, url="http://user:hunter22@shop/"),
        series("m", TIMES, 2, url="/pay?token=abc123"),
        series("m", TIMES, 3, name="/pay?key=public"),
        series("m", TIMES, 4, name="opensesame!"),
    )
    hidden = Wanted('{__name__!=""}', 0, 0, 5.0, secrets=("opensesame",), spared=("/pay?key=public",))
    with PrometheusServer(tmp_path / "data", tmp_path) as server:
        keep_local(server, tmp_path / "run" / "tsdb", TIMES[0], TIMES[-1], hidden)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["tsdb"]
    kept = everything(tmp_path / "run" / "tsdb", tmp_path, TIMES[0], TIMES[-1])
    shown = {float(one.values[0]): one.labels.get("url") or one.labels["name"] for one in kept}
    assert [len(one) for one in kept] == [100] * 4
    assert {value: text.partition("~")[0] for value, text in shown.items()} == {
        1.0: "http://***@shop/", 2.0: "/pay?token=***", 3.0: "/pay?key=public", 4.0: "***!",
    }  # fmt: skip
    files = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert not [secret for secret in (b"hunter22", b"abc123", b"opensesame") if secret in files]


def test_a_link_in_a_run_from_elsewhere_leads_no_rewriting_out_of_it(tmp_path: Path):
    """Where labels hold secrets, a server works in a folder of the run directory: with files of its own."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "prometheus.yml").write_text("precious")
    write_blocks(tmp_path / "data", series("m", TIMES, 1, url="http://user:hunter22@shop/"))
    tsdb = tmp_path / "run" / "tsdb"
    tsdb.parent.mkdir()
    unmasked_of(tsdb).symlink_to(theirs)
    with pytest.raises(ArchiveError, match=r"\.tsdb\.unmasked: File exists"):
        publish(find_blocks(tmp_path / "data"), tsdb, TIMES[0], TIMES[-1], None)
    assert [(file.name, file.read_text()) for file in theirs.iterdir()] == [("prometheus.yml", "precious")]
    assert not tsdb.exists()

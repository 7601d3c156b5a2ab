"""A write-ahead log that a full disk has torn: it is not touched without room, and a broken repair is undone."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import namedtuple
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.prom import wal
from harness.prom.server import PrometheusServer

_Usage = namedtuple("_Usage", "total used free")


def log_of(tmp_path: Path, **segments: bytes) -> Path:
    folder = tmp_path / "data" / "wal"
    folder.mkdir(parents=True)
    for name, content in segments.items():
        (folder / name.removeprefix("s").replace("_", ".")).write_bytes(content)
    return folder


def names(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_no_log_or_an_empty_one_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(0, 0, 0))
    wal.make_ready(tmp_path / "data")
    log_of(tmp_path, s00000000=b"")
    wal.make_ready(tmp_path / "data")
    assert wal.bytes_of(tmp_path / "data") == wal.bytes_of(tmp_path / "gone") == 0


def test_without_room_for_a_repair_nothing_is_started_or_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log_of(tmp_path, s00000000=b"x" * 10, s00000000_repair=b"y" * 5000)
    before = names(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**9, 10**9, 4096))
    for begin in (
        PrometheusServer(tmp_path / "data", tmp_path).start,
        PrometheusServer(tmp_path / "data", tmp_path).begin,
    ):
        with pytest.raises(HarnessError, match=r"no space left: 4 KiB free.*torn write-ahead log") as raised:
            begin()
        assert "make room" in raised.value.remedy
    assert names(folder) == before
    assert wal.bytes_of(tmp_path / "data") == 5010


def test_a_broken_repair_is_undone(tmp_path: Path) -> None:
    folder = log_of(tmp_path, s00000003=b"begin", s00000003_repair=b"begin and all the rest", s00000004=b"")
    wal.make_ready(tmp_path / "data")
    assert names(folder) == {"00000003": b"begin and all the rest", "00000004": b""}


def test_what_was_written_since_is_not_thrown_away_for_it(tmp_path: Path) -> None:
    folder = log_of(tmp_path, s00000003=b"begin", s00000003_repair=b"begin and all the rest", s00000004=b"since")
    before = names(folder)
    wal.make_ready(tmp_path / "data")
    assert names(folder) == before


def test_a_prometheus_finds_all_that_its_broken_repair_had_left_out(tmp_path: Path) -> None:
    """As seen on a full disk: two pages in the segment, the rest in the file that no Prometheus reads."""
    config = (
        "global: {scrape_interval: 100ms}\nscrape_configs: [{job_name: p, static_configs: [{targets: ['ADDRESS']}]}]\n"
    )
    server = PrometheusServer(tmp_path / "data", tmp_path, config=lambda address: config.replace("ADDRESS", address))
    with server:
        deadline = time.monotonic() + 60
        while samples(server) < 20:
            assert time.monotonic() < deadline, "nothing was scraped"
            time.sleep(0.1)
        before = samples(server)
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        while server.alive():
            time.sleep(0.02)
    folder = tmp_path / "data" / "wal"
    segment = folder / "00000000"
    whole = segment.read_bytes()
    segment.rename(folder / "00000000.repair")
    segment.write_bytes(whole[: 32 * 1024])
    with PrometheusServer(tmp_path / "data", tmp_path / "again") as again:
        assert samples(again) >= before - 1  # the last one may not have been written yet
    assert not (folder / "00000000.repair").exists()


def samples(server: PrometheusServer) -> int:
    now = time.time()
    return sum(len(series) for series in server.api().raw("up", now - 300, now + 1))

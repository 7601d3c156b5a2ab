"""What is read through the query API alone equals the blocks it was read from: samples, and where series ended."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
import requests

from harness.errors import ArchiveError, QueryError
from harness.prom import fetch, remote_archive
from harness.prom.api import PrometheusApi
from harness.prom.archive import keep_local
from harness.prom.backfill import STALE
from harness.prom.blocks import find_blocks
from harness.prom.fetch import RawReader, named
from harness.prom.manifest import Kept, check_archive
from harness.prom.remote_archive import Wanted, cut, keep_remote, raw_alone
from harness.prom.secret_labels import LabelMask
from harness.prom.series import Series
from harness.prom.server import PrometheusServer
from harness.prom.transport import TooManySamplesError
from tests.prom.conftest import Live, answer, same, series, serve, write_blocks
from tests.prom.kill_points import killed_at

# Across a boundary of two hours, so that it is read in two pieces.
START = 7200.0 * 243_056 - 700.0
COUNT = 300
TIMES = np.round(START + 5.0 * np.arange(COUNT) + 0.237, 3)
END = float(TIMES[-1]) + 1.0
SELECTOR = '{harness="s"}'
# What rules wrote is not read: the judge makes it anew.
RAW = '{harness="s",__name__!~".*:.*|ALERTS|ALERTS_FOR_STATE|harness_objective|harness_objective_edge"}'
WANTED = Wanted(SELECTOR, START, END, interval=5.0)


def of(job: str, metric: str, keep: np.ndarray, ends: np.ndarray | None = None, **labels: str) -> Series:
    """Samples where ``keep``, markers where ``ends``: as Prometheus stores a series that comes and goes."""
    values = np.arange(COUNT) * 1.5
    if ends is not None:
        values = np.where(ends, STALE, values)
        keep = keep | ends
    return series(metric, TIMES[keep], values[keep], harness="s", job=job, instance=f"{job}:1", **labels)


def source_series() -> list[Series]:
    at = np.arange(COUNT)
    every = np.ones(COUNT, dtype=bool)
    down = (at >= 120) & (at < 126)  # a target that does not answer for half a minute
    away = (at >= 200) & (at < 215)  # Prometheus itself was away: no sample of anything, and no marker
    flaps = at % 7 < 3
    found = [
        of("a", "up", every & ~away),
        of("a", "steady", ~down & ~away, at == 120),
        of("a", "flapping", flaps & ~down & ~away, (at % 7 == 3) & ~away & ~down | (at == 120) & flaps, state='a"b\\c'),
        of("a", "gone", at < 150, at == 150),
        of("a", "gone_at_the_boundary", at < 140, at == 140),  # 2 h boundary: 140 * 5 s = 700 s
        of("b", "up", every),
        of("b", "ends_with_the_run", at < COUNT - 1, at == COUNT - 1),
        of("b", "short", at == 33, at == 34),
        of("b", "not_a_number", every),
        series("before", START - 60 + 5.0 * np.arange(5), 1.0, harness="s", job="b", instance="b:1"),
        of("b", "some:recorded:name", every),
        of("b", "harness_objective", every),
        of("b", "ALERTS", flaps, alertname="x"),
        series("other_stack", TIMES, 1.0, harness="t", job="b", instance="b:1"),
    ]
    found[8] = Series(found[8].labels, found[8].times, np.full(COUNT, np.nan))
    # Its marker stands at no scrape's time: found by halving.
    odd = of("b", "odd", at < 60)
    times, values = np.append(odd.times, odd.times[-1] + 7.911), np.append(odd.values, STALE)
    return [*found, Series(odd.labels, np.round(times, 3), values)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    home = tmp_path_factory.mktemp("source")
    write_blocks(home / "data", *source_series())
    with PrometheusServer(home / "data", home, lookback=300) as server:  # its own default look-back, not ours
        yield server


@contextmanager
def served(blocks: Path, work: Path) -> Iterator[PrometheusApi]:
    """As the judge reads it: with a look-back of three intervals."""
    shutil.copytree(blocks, work / "data")
    with PrometheusServer(work / "data", work, lookback=15) as server:
        yield server.api()
    shutil.rmtree(work)


def seen(tsdb: Path, work: Path) -> tuple[list[Series], list[Series]]:
    """Raw samples, and presence each half second."""
    with served(tsdb, work) as api:
        raw = api.raw(RAW, START - 900, END)
        return raw, api.query_range(RAW, START, END, 0.5)


@pytest.fixture(scope="module")
def want(source: PrometheusServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Series], list[Series]]:
    return seen(source.data_dir, tmp_path_factory.mktemp("want") / "w")


def equal(got: tuple[list[Series], list[Series]], want: tuple[list[Series], list[Series]]) -> None:
    same(got[0], want[0])
    same(got[1], want[1])


def test_samples_and_ends_are_those_of_the_blocks(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path
) -> None:
    assert raw_alone(SELECTOR) == RAW
    assert raw_alone("{}") == f"{{{RAW[RAW.index('__name__') :]}"
    assert {s.labels["__name__"] for s in want[0]} == {
        "up", "steady", "flapping", "gone", "gone_at_the_boundary", "ends_with_the_run", "short", "not_a_number",
        "before", "odd",
    }  # fmt: skip
    blocks = keep_remote(source.api(), WANTED, tmp_path / "tsdb")
    assert len(blocks) == 2, "two hours each"
    assert check_archive(tmp_path / "tsdb").state is Kept.WHOLE
    assert [path.name for path in tmp_path.iterdir()] == ["tsdb"]
    equal(seen(tmp_path / "tsdb", tmp_path / "w"), want)


def test_without_markers_it_would_not_be_the_same(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check itself is checked."""
    monkeypatch.setattr(remote_archive.Staleness, "markers", lambda *_: [])
    keep_remote(source.api(), WANTED, tmp_path / "tsdb")
    got = seen(tmp_path / "tsdb", tmp_path / "w")
    same(got[0], want[0])
    with pytest.raises(AssertionError):
        same(got[1], want[1])


@contextmanager
def front(
    source: PrometheusServer, refuse: Callable[[str, dict[str, str], int], tuple[int, str] | None]
) -> Iterator[tuple[PrometheusApi, list[str]]]:
    """A server before the server that answers some requests by itself: (path, parameters, how many so far)."""
    asked: list[str] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        path, _, query = handler.path.partition("?")
        parameters = {key: values[0] for key, values in parse_qs(body.decode() or query).items()}
        asked.append(f"{path} {parameters.get('query', '')}")
        handler.headers.replace_header("Content-Length", "0") if "Content-Length" in handler.headers else None
        told = refuse(path, parameters, len(asked))
        if told is not None:
            answer(handler, told[0], told[1].encode())
            return
        kind = {"Content-Type": handler.headers.get("Content-Type", "")}
        passed = requests.request(
            handler.command, source.url + handler.path, data=body or None, headers=kind, timeout=30
        )
        answer(handler, passed.status_code, passed.content, Content_Type="application/json")

    server = serve(respond)
    try:
        yield PrometheusApi(f"http://127.0.0.1:{server.server_port}"), asked
    finally:
        server.shutdown()
        server.server_close()


def error(text: str) -> str:
    return json.dumps({"status": "error", "errorType": "execution", "error": text})


def too_long(path: str, parameters: dict[str, str], _: int) -> tuple[int, str] | None:
    found = re.search(r"\[(\d+)ms\]", parameters.get("query", ""))
    return (422, error("query processing would load too many samples")) if found and int(found[1]) > 60_000 else None


def too_many_series(path: str, parameters: dict[str, str], _: int) -> tuple[int, str] | None:
    query = parameters.get("query", "")
    told = "the query exceeded the maximum number of series (err-mimir-max-series-per-query)"
    return (422, error(told)) if "[" in query and "__name__=" not in query else None


def unreliable(path: str, parameters: dict[str, str], number: int) -> tuple[int, str] | None:
    return (503, "upstream is restarting") if number % 5 == 2 else None


@pytest.mark.parametrize("refuse", [too_long, too_many_series, unreliable], ids=lambda one: one.__name__)
def test_limits_and_lost_answers_change_nothing(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    refuse: Callable[[str, dict[str, str], int], tuple[int, str] | None],
) -> None:  # fmt: skip
    monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0, 0.0))
    with front(source, refuse) as (api, asked):
        keep_remote(api, WANTED, tmp_path / "tsdb")
    assert any(line.startswith("/api/v1/query ") for line in asked)
    equal(seen(tmp_path / "tsdb", tmp_path / "w"), want)


@pytest.mark.parametrize(
    "body",
    [
        '{"status": "success", "warnings": ["store x is unavailable"], "data": {"resultType": "matrix", "result": []}}',
        '{"status": "success", "isPartial": true, "data": {"resultType": "matrix", "result": []}}',
    ],
)
def test_a_partial_answer_is_no_answer(source: PrometheusServer, tmp_path: Path, monkeypatch, body: str) -> None:
    monkeypatch.setattr(fetch, "PAUSES", ())
    with front(source, lambda path, parameters, n: (200, body)) as (api, _), pytest.raises(QueryError, match="partial"):
        keep_remote(api, WANTED, tmp_path / "tsdb")
    assert not (tmp_path / "tsdb").exists()


def test_a_limit_that_nothing_fits_into_is_named(source: PrometheusServer, tmp_path: Path) -> None:
    told = (422, error("cannot select more than -search.maxSamplesPerQuery=10 samples"))
    with (
        front(source, lambda path, parameters, n: told if "[" in parameters.get("query", "") else None) as (api, asked),
        pytest.raises(TooManySamplesError, match="maxSamplesPerQuery"),
    ):
        keep_remote(api, WANTED, tmp_path / "tsdb")
    assert len(asked) < 40, "it does not ask for ever smaller pieces"


def test_what_was_read_is_not_read_again(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "PAUSES", ())
    boundary = 7200.0 * 243_056

    burning = True

    def second_fails(path: str, parameters: dict[str, str], _: int) -> tuple[int, str] | None:
        late = float(parameters.get("time", 0)) > boundary + 100 and "[" in parameters["query"]
        return (500, error("on fire")) if late and burning else None

    with front(source, second_fails) as (api, asked):
        with pytest.raises(QueryError, match="on fire"):
            keep_remote(api, WANTED, tmp_path / "tsdb")
        assert not (tmp_path / "tsdb").exists()
        pieces = [path for path in (tmp_path / ".tsdb.pieces").iterdir() if path.is_dir() and path.suffix != ".part"]
        assert len(pieces) == 1
        burning = False
        before = len(asked)
        keep_remote(api, WANTED, tmp_path / "tsdb")
        ranges = [line for line in asked[before:] if "[" in line]
    assert 0 < len(ranges) <= 4, "the second piece alone"
    assert [path.name for path in tmp_path.iterdir()] == ["tsdb"]
    equal(seen(tmp_path / "tsdb", tmp_path / "w"), want)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_at_any_moment_the_next_try_gives_the_same(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path
) -> None:
    api = source.api()
    for step in count(1, 4):
        home = tmp_path / str(step)
        home.mkdir()
        killed = killed_at(step, lambda home=home: keep_remote(source.api(), WANTED, home / "tsdb"))  # type: ignore[misc]
        if (home / "tsdb").exists():
            assert check_archive(home / "tsdb").state is Kept.WHOLE
        keep_remote(api, WANTED, home / "tsdb")
        assert [path.name for path in home.iterdir()] == ["tsdb"]
        equal(seen(home / "tsdb", tmp_path / "w"), want)
        shutil.rmtree(home)
        if not killed:
            break
    assert step > 30


def test_killed_while_its_pieces_become_the_archive_nothing_is_lost(
    source: PrometheusServer, want: tuple[list[Series], list[Series]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first block is moved already: its piece still holds it."""

    def moved_one(blocks, destination: Path) -> None:
        staging = destination.with_name(f".{destination.name}.part")
        staging.mkdir()
        shutil.move(blocks[0].path, staging / blocks[0].path.name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(remote_archive, "move_blocks", moved_one)
        keep_remote(source.api(), WANTED, tmp_path / "tsdb")
    keep_remote(source.api(), WANTED, tmp_path / "tsdb")
    assert [path.name for path in tmp_path.iterdir()] == ["tsdb"]
    equal(seen(tmp_path / "tsdb", tmp_path / "w"), want)


def test_nothing_of_the_run_is_an_error(source: PrometheusServer, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch, "PAUSES", ())
    with pytest.raises(ArchiveError, match=r"holds no sample of \{harness=\"x\"\}"):
        keep_remote(source.api(), Wanted('{harness="x"}', START, END), tmp_path / "tsdb")
    with pytest.raises(ArchiveError, match="before it begins"):
        keep_remote(source.api(), Wanted(SELECTOR, END, START), tmp_path / "tsdb")
    with pytest.raises(QueryError, match="cannot connect"):
        keep_remote(PrometheusApi("http://127.0.0.1:9"), WANTED, tmp_path / "tsdb")
    assert not (tmp_path / "tsdb").exists()


def test_secrets_in_labels_are_masked_and_series_stay_apart(tmp_path: Path) -> None:
    urls = ["http://u:hunter22@h/", "https://h/x?token=a1", "https://h/x?token=b2", "https://h/x?page=3", "k-t0psecret"]
    listed = [series("m", TIMES, float(i), harness="s", url=url) for i, url in enumerate(urls)]
    write_blocks(tmp_path / "data", *listed)
    with PrometheusServer(tmp_path / "data", tmp_path) as server:
        wanted = Wanted(SELECTOR, START, END, 5.0, secrets=("t0psecret", "x"))
        keep_remote(server.api(), wanted, tmp_path / "run" / "tsdb")
    raw, _ = seen(tmp_path / "run" / "tsdb", tmp_path / "w")
    found = {float(one.values[0]): one.labels["url"] for one in raw}
    assert len(raw) == 5 and found[3.0] == urls[3]
    assert [re.sub(r"~[0-9a-f]{8}$", "~", found[float(i)]) for i in (0, 1, 2, 4)] == [
        "http://***@h/~", "https://h/x?token=***~", "https://h/x?token=***~", "k-***~",
    ]  # fmt: skip
    everything = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert not any(secret in everything for secret in (b"hunter22", b"t0psecret", b"token=a1"))


def test_masks_do_not_tell_the_secret_and_agree_within_one_archive() -> None:
    one, other = LabelMask(("passw0rd",), "a"), LabelMask(("passw0rd",), "b")
    assert one.value("my passw0rd") == one.value("my passw0rd") != other.value("my passw0rd")
    assert one.labels({"a": "x", "b": "passw0rd"})["a"] == "x"
    assert one.masked == {"b"}
    assert LabelMask(("x", ""), "a").value("axa") == "axa", "too short to be told from any word"
    for masked in ("http://***@shop/", "postgresql://u:***@db/x", "/pay?token=***"):
        assert one.value(masked) == masked, "what is masked already is no reason to write all anew"


def test_pieces_are_cut_at_whole_two_hours() -> None:
    assert list(cut(7000.0, 15_000.0)) == [(7000.0, 7200.0), (7200.0, 14_400.0), (14_400.0, 15_000.0)]
    assert list(cut(7200.0, 14_400.0)) == [(7200.0, 14_400.0)]
    assert list(cut(5.0, 5.0)) == []


@pytest.mark.parametrize(
    ("selector", "want"),
    [
        ('{a="b"}', '{__name__="m",job="j\\"k",a="b"}'),
        ("up", '{__name__="m",__name__="up",job="j\\"k"}'),
        ('up{a="b",}', '{__name__="m",__name__="up",job="j\\"k",a="b"}'),
        ("{}", '{__name__="m",job="j\\"k"}'),
    ],
)
def test_a_selector_is_narrowed(selector: str, want: str) -> None:
    assert named(selector, "m", job='j"k') == want


def test_a_live_server_is_kept_as_its_snapshot_keeps_it(live: Live, tmp_path: Path) -> None:
    keep_local(live.server, tmp_path / "local", live.began, live.ended)
    wanted = Wanted('{harness="default"}', live.began, live.ended - 1, interval=1.0)
    keep_remote(live.server.api(), wanted, tmp_path / "remote")
    with served(tmp_path / "local", tmp_path / "a") as a, served(tmp_path / "remote", tmp_path / "b") as b:
        want, got = (api.raw(raw_alone(wanted.selector), live.began - 60, live.ended - 1) for api in (a, b))
        assert b.series(['{__name__=~".+:.+"}'], live.began, live.ended) == []
    same(got, want)
    assert {'a"b\\c\nd'} == {s.labels["odd"] for s in got if "odd" in s.labels}
    assert sum(block.samples for block in find_blocks(tmp_path / "remote")) > 100


def test_a_reader_gives_up_after_some_attempts(source: PrometheusServer) -> None:
    pauses: list[float] = []
    with front(source, lambda *_: (503, "no")) as (api, asked), pytest.raises(QueryError, match="503"):
        RawReader(api, SELECTOR, 5.0, sleep=pauses.append).read(START, START + 60)
    assert (len(asked), pauses) == (4, [0.5, 2.0, 8.0])

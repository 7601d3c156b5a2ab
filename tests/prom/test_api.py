from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.errors import QueryError
from harness.prom.api import MAX_POINTS, PrometheusApi
from harness.prom.credentials import bearer
from harness.prom.server import PrometheusServer
from tests.prom.conftest import T0, answer, series, serve, write_blocks

N = MAX_POINTS + 5
TIMES = T0 + 5.0 * np.arange(N)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """``long``: each 5 s over more than one page. ``odd``: NaN and infinities. ``late``: begins on page two."""
    home = tmp_path_factory.mktemp("api")
    odd = [np.nan, np.inf, -np.inf, 0.0]
    write_blocks(
        home / "data",
        series("long", TIMES, np.arange(N), harness="default"),
        series("late", TIMES[-3:], [1, 2, 3], harness="default"),
        series("odd", TIMES[:4], odd, harness="default"),
    )
    with PrometheusServer(home / "data", home, lookback=4) as running:
        yield running


@pytest.fixture
def api(server: PrometheusServer) -> PrometheusApi:
    return server.api()


def test_nothing_found_is_an_empty_list(api: PrometheusApi):
    assert api.query("nothing", T0) == []
    assert api.query_range("nothing", T0, T0 + 60, 5) == []
    assert api.raw("nothing", T0, T0 + 60) == []
    assert api.series(["nothing"], T0, T0 + 60) == []


def test_the_server_itself_refuses_what_we_page(server: PrometheusServer):
    api = server.api()
    with pytest.raises(QueryError, match="exceeded maximum resolution"):
        api._range_page("long", round(T0 * 1000), round(TIMES[-1] * 1000), 5000)


def test_ranges_beyond_11000_points_are_paged_on_one_grid(api: PrometheusApi):
    late, long = api.query_range('{__name__=~"long|late"}', T0, TIMES[-1], 5)
    assert long.labels == {"__name__": "long", "harness": "default"}
    np.testing.assert_array_equal(long.times, TIMES)
    np.testing.assert_array_equal(long.values, np.arange(N))
    assert (late.times.tolist(), late.values.tolist()) == (TIMES[-3:].tolist(), [1, 2, 3])


def test_a_page_the_server_cannot_hold_is_halved(tmp_path: Path, server: PrometheusServer):
    small = PrometheusServer(
        server.data_dir.parent / "copy", tmp_path, lookback=4, extra_flags=("--query.max-samples=2000",)
    )
    write_blocks(small.data_dir, series("long", TIMES, np.arange(N)))
    with small:
        (paged,) = small.api().query_range("long", T0, TIMES[-1], 5)
        np.testing.assert_array_equal(paged.values, np.arange(N))
        (raw,) = small.api().raw("long", T0, TIMES[-1], window=86400)
        np.testing.assert_array_equal(raw.values, np.arange(N))
        with pytest.raises(QueryError, match="too many samples"):
            small.api().query("count_over_time(long[20000s]) ", TIMES[-1])


def test_raw_samples_are_what_was_written_edges_included(api: PrometheusApi):
    (long,) = api.raw("long", TIMES[3], TIMES[2000], window=77)
    np.testing.assert_array_equal(long.times, TIMES[3:2001])
    np.testing.assert_array_equal(long.values, np.arange(3, 2001))
    (one,) = api.raw("long", TIMES[7], TIMES[7])
    assert (one.times.tolist(), one.values.tolist()) == ([TIMES[7]], [7])
    assert api.raw("long", TIMES[7] + 1, TIMES[7] + 2) == []


def test_nan_and_infinities_arrive(api: PrometheusApi):
    (odd,) = api.raw("odd", T0, T0 + 60)
    np.testing.assert_array_equal(odd.values, [np.nan, np.inf, -np.inf, 0.0])


def test_missing_samples_stay_missing(api: PrometheusApi):
    (late,) = api.query_range("late", TIMES[-6], TIMES[-1] + 20, 5)
    assert late.times.tolist() == TIMES[-3:].tolist()  # look-back 4 s: present only where it is


def test_metadata(api: PrometheusApi):
    assert api.label_values("__name__", (), T0, TIMES[-1]) == ["late", "long", "odd"]
    assert api.label_values("harness", ['{__name__="long"}'], T0, TIMES[-1]) == ["default"]
    assert api.series(["late"], T0, TIMES[-1]) == [{"__name__": "late", "harness": "default"}]
    assert api.rules() == api.alerts() == api.targets() == []
    assert api.version().count(".") >= 2


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda api: api.query("sum(", T0), r"'sum\(' at http.*HTTP 400.*parse error"),
        (lambda api: api.query_range("sum(", T0, T0 + 5, 5), "HTTP 400"),
        (lambda api: api.raw("sum(up)", T0, T0 + 5), "HTTP 400"),
        (lambda api: api.query_range("up", T0 + 5, T0, 5), "bad range for 'up'"),
        (lambda api: api.query_range("up", T0, T0 + 5, 0), "bad range"),
        (lambda api: api.query("up", float("nan")), "not a time"),
        (lambda api: api.query("long[5m]", T0), "a matrix where an instant vector"),
        (lambda api: api.query('sum without(x)({__name__=~"long|odd"}) / on() group_left() up', T0), None),
    ],
)
def test_a_wrong_query_is_an_error_never_empty(api: PrometheusApi, call, said):
    if said is None:
        assert call(api) == []
        return
    with pytest.raises(QueryError, match=said):
        call(api)


def test_a_query_that_fails_on_its_data_is_an_error(api: PrometheusApi):
    with pytest.raises(QueryError, match=r"HTTP 422.*many-to-many"):
        api.query('{__name__=~"long|odd"} * on() {__name__=~"long|odd"}', T0)


def test_a_closed_port_is_an_error_that_says_so():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        api = PrometheusApi(f"http://127.0.0.1:{probe.getsockname()[1]}", timeout=2)
        with pytest.raises(QueryError, match=r"(?s)'up' at http.*cannot connect.*is this Prometheus running"):
            api.query("up", T0)
        assert not api.healthy()


OK = {"status": "success", "data": {"resultType": "vector", "result": []}}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, "<html>login</html>", "not Prometheus' JSON"),
        (200, "", "not Prometheus' JSON"),
        (200, "[]", "not Prometheus' JSON"),
        (200, json.dumps({"status": "error", "error": "x"}), "not Prometheus' JSON"),
        (200, json.dumps({"status": "success"}), "not Prometheus' JSON"),
        (200, json.dumps({"status": "success", "data": []}), "malformed"),
        (200, json.dumps({**OK, "warnings": ["a store is gone"]}), "may be partial: a store is gone"),
        (200, json.dumps({**OK, "warnings": ["PromQL warning: bad bucket"]}), "may be partial"),
        (301, "", "redirected to http://elsewhere/"),
        (401, "who are you", "HTTP 401: who are you"),
        (404, "", "HTTP 404"),
        (503, json.dumps({"status": "error", "error": "query timed out"}), "HTTP 503: query timed out"),
    ],
)
def test_what_is_no_whole_answer_is_an_error(status, body, said):
    web = serve(lambda handler: answer(handler, status, body.encode(), Location="http://elsewhere/"))
    try:
        with pytest.raises(QueryError, match=said) as raised:
            PrometheusApi(f"http://127.0.0.1:{web.server_port}").query("the_query", T0)
        assert "the_query" in str(raised.value)
    finally:
        web.shutdown()
        web.server_close()


def test_hints_on_style_do_not_matter():
    body = {**OK, "warnings": ["PromQL info: might not be a counter"], "infos": ["PromQL info: x"]}
    web = serve(lambda handler: answer(handler, 200, json.dumps(body).encode()))
    assert PrometheusApi(f"http://127.0.0.1:{web.server_port}").query("x", T0) == []
    web.shutdown()
    web.server_close()


def test_a_server_that_does_not_answer_and_one_that_breaks_off():
    release = threading.Event()
    web = serve(lambda handler: release.wait(5))
    try:
        began = time.monotonic()
        with pytest.raises(QueryError, match=r"'slow'.*no answer within 0\.3 s"):
            PrometheusApi(f"http://127.0.0.1:{web.server_port}", timeout=0.3).query("slow", T0)
        assert time.monotonic() - began < 3
        release.set()  # now it closes without an answer
        with pytest.raises(QueryError, match="'broken'"):
            PrometheusApi(f"http://127.0.0.1:{web.server_port}", timeout=2).query("broken", T0)
    finally:
        release.set()
        web.shutdown()
        web.server_close()


def test_long_queries_go_by_post_with_the_token(tmp_path: Path):
    seen: list[tuple[str, str | None]] = []

    def respond(handler) -> None:
        seen.append((handler.command, handler.headers.get("Authorization")))
        answer(handler, 200, json.dumps(OK).encode())

    web = serve(respond)
    token = tmp_path / "token"
    token.write_text("secret\n")
    api = PrometheusApi(f"http://127.0.0.1:{web.server_port}/", credentials=bearer(token))
    api.query("x" * 20_000, T0)
    assert seen == [("POST", "Bearer secret")]
    token.unlink()
    with pytest.raises(QueryError, match="bearer token file"):
        api.query("x", T0)
    web.shutdown()
    web.server_close()

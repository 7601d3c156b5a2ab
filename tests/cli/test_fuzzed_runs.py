"""Whatever stands in a run directory's files: a report or one clear error, in bounded time, and never a pass."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import main
from harness.judge.verdict import Finding, ObjectiveResult, Outcome, Verdict
from harness.run.record import RunDirectory, RunRecord
from tests.fuzzing import cases

PLAN = """\
name: t
target: {url: 'http://127.0.0.1:1'}
load: {stages: [{duration: 90s, users: 1}]}
set_aside: [{at: 10s, duration: 5s, reason: deploy}]
objectives: {latency_p95: 800ms}
"""
FINDING = Finding(
    "objectives", "latency", Outcome.FAIL, "it is slow", "latency_p95", "critical", {"subject": "all"}, 1795363220.0,
    1795363225.0, 10.0, 1.5, 0.8, "seconds", "up", "runbooks/LatencyHigh.md",
)  # fmt: skip
OBJECTIVE = ObjectiveResult("latency_p95", "all", 0.8, 1.5, "seconds", Outcome.FAIL, "<=", "too slow")
COVERAGE = {
    "interval": 5.0, "from": 1795363210.0, "to": 1795363290.0, "not_measured": [{"objective": "cpu", "reason": "none"}],
    "objectives_off": ["restarts"], "series": [
        {"need": "requests", "metric": "up", "objectives": ["latency_p95"], "expected": 16, "present": 10, "share": 0.6,
         "longest_gap": 20.0, "outcome": "inconclusive"}],
    "set_aside": {"seconds": 5.0, "share": 0.06, "windows": [
        {"from": "2026-11-22T16:00:20.000Z", "to": "2026-11-22T16:00:25.000Z", "reason": "deploy", "by": "plan",
         "marked_at": None}]},
}  # fmt: skip
VERDICT = Verdict("20261122T150000Z-t", (FINDING,), (OBJECTIVE,), COVERAGE).to_json()
RECORD = RunRecord(
    "20261122T150000Z-t", "t", 1795363200.0, "http://127.0.0.1:1", 1795363210.0, 1795363290.0, 1795363300.0,
    "completed", "", {"python": "3"}, ("a note",),
).to_json()  # fmt: skip
MARK = {
    "from": "2026-11-22T16:00:30.000Z", "to": "2026-11-22T16:00:31.000Z", "reason": "x", "by": "hand",
    "marked_at": "2026-11-22T16:00:32.000Z",
}  # fmt: skip

# What stands in place of a value; "pass" is not among them: a file in which everything says so is a pass.
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.binary(max_size=4).map(repr),
    st.sampled_from([
        [], {}, [[]], [None], {"a": {}}, "1.5", "nan", "\x00", "\ud800", "[red]", "<script>alert(1)</script>", -1,
        10**400, 1e308, 2**63, "9999-12-31T23:59:59Z", "2026-11-22T16:00:00Z", "../../../etc/passwd", "x" * 100_000,
        float("nan"), float("inf"), "warn", "fail", "error", "inconclusive", "crashed", "aborted", "seconds", "bytes",
    ]),
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*at, key))


def changed(value: Any, at: tuple[Any, ...], how: str, junk: Any) -> Any:
    """A copy in which one value is replaced or gone, or has a junk key beside it."""
    if not at:
        return junk if how == "replace" else value
    copy = dict(value) if isinstance(value, dict) else list(value)
    if len(at) == 1 and how == "drop":
        del copy[at[0]]
    elif len(at) == 1 and how == "add" and isinstance(copy, dict):
        copy[junk if isinstance(junk, str) else "extra"] = junk
    else:
        copy[at[0]] = changed(copy[at[0]], at[1:], how, junk)
    return copy


ELSEWHERE = (
    "/dev/zero",
    "/dev/full",
    "/etc/passwd",
    "/proc/self/environ",
    "/nowhere",
    "/",
    "..",
    "run.json",
    "plan.yml",
)


@st.composite
def files(draw: st.DrawFn) -> dict[str, bytes | Path]:
    """The files of a run that FAILed, with a few values of one of them changed, or its text cut, or nonsense, or a link
    to somewhere else in its place."""
    written: dict[str, Any] = {"verdict.json": VERDICT, "run.json": RECORD, "marks.jsonl": MARK}
    chosen = draw(st.sampled_from(["verdict.json", "verdict.json", "run.json", "marks.jsonl", "plan.yml"]))
    text = {name: json.dumps(data).encode() for name, data in written.items()} | {"plan.yml": PLAN.encode()}
    if draw(st.integers(0, 7)) == 0:
        return {**text, chosen: Path(draw(st.sampled_from(ELSEWHERE)))}
    how = draw(st.sampled_from(["values", "values", "values", "cut", "bytes", "nonsense", "deep"]))
    if how == "values" and chosen in written:
        data = written[chosen]
        for _ in range(draw(st.integers(1, 3))):
            found = list(places(data))
            at = found[draw(st.integers(0, len(found) - 1))]
            data = changed(data, at, draw(st.sampled_from(["replace", "drop", "add"])), draw(JUNK))
        text[chosen] = json.dumps(data).encode("utf-8", "surrogatepass")
    elif how == "cut":
        text[chosen] = text[chosen][: draw(st.integers(0, len(text[chosen])))]
    elif how == "deep":
        text[chosen] = b"[" * draw(st.sampled_from([10, 1000, 100_000]))
    elif how == "bytes":
        byte = draw(st.integers(0, len(text[chosen])))
        text[chosen] = text[chosen][:byte] + draw(st.binary(min_size=1, max_size=4)) + text[chosen][byte + 1 :]
    else:
        text[chosen] = draw(st.binary(max_size=200))
    return dict(text)


def run(*arguments: str) -> tuple[int, str, str]:
    """One command of the harness, as the console script has it."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code, out.getvalue(), err.getvalue()


@cases(60)
@given(files(), st.sampled_from(["json", "junit", "markdown", "html"]))
def test_reports_of_a_damaged_run(
    tmp_path_factory: pytest.TempPathFactory, written: dict[str, bytes | Path], form: str
) -> None:
    folder = tmp_path_factory.mktemp("fuzzed", numbered=True)
    directory = RunDirectory(folder / "20261122T150000Z-t")
    directory.path.mkdir()
    for name, content in written.items():
        if isinstance(content, Path):
            (directory.path / name).symlink_to(content)
        else:
            (directory.path / name).write_bytes(content)
    began = time.process_time()
    code, out, err = run("report", str(directory.path), "--format", form, "--out", str(folder))
    assert code in (0, 2, 12)
    if code == 0:
        assert out
        if form == "json":
            assert json.loads(out)["outcome"] not in ("pass", "warn")
    else:
        assert out == ""
        assert 0 < len(err) < 4000
        assert "error: " in err
    code, out, _ = run("runs", "--json", "--out", str(folder))
    assert code == 0
    # Without a file run.json it is none of the runs.
    assert [one["outcome"] for one in json.loads(out) if one["outcome"] in ("pass", "warn")] == []
    assert len(json.loads(out)) == directory.record_file.is_file()
    assert run("judge", str(directory.path), "--out", str(folder))[0] in (2, 12), "there are no series"
    assert time.process_time() - began < 60, "bounded, however slow the machine"

"""Whatever stands in the working data that a harness left: `status`, `stop` and `resume` say one clear thing."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.run.record import RunDirectory
from tests.cli.test_fuzzed_runs import JUNK, PLAN, RECORD, changed, places, run
from tests.fuzzing import cases

STATE = {
    "at": 1795363250.0, "doing": "", "phase": "steady", "elapsed": 30.0, "total": 90.0, "prometheus": "http://127.0.0.1:1",
    "users": 3, "users_target": 3, "rps": 1.0, "p95": 0.1, "error_ratio": 0.0, "memory": 1e6, "alerts": ["TargetDown"],
}  # fmt: skip
ORDER = {"schema": 1, "plan": PLAN, "faults": [], "folder": "/"}


@st.composite
def fuzzed(draw: st.DrawFn, base: dict[str, Any]) -> bytes:
    """A file of the working data with a few values changed, or cut."""
    data: Any = base
    for _ in range(draw(st.integers(0, 2))):
        found = list(places(data))
        at = found[draw(st.integers(0, len(found) - 1))]
        data = changed(data, at, draw(st.sampled_from(["replace", "drop", "add"])), draw(JUNK))
    text = json.dumps(data).encode("utf-8", "surrogatepass")
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 4)) == 0 else text


@cases(60)
@given(fuzzed(STATE), fuzzed(ORDER), st.booleans())
def test_damaged_working_data(
    tmp_path_factory: pytest.TempPathFactory, state: bytes, order: bytes, series: bool
) -> None:
    directory = RunDirectory(tmp_path_factory.mktemp("fuzzed", numbered=True) / "20261122T150000Z-t")
    directory.work.mkdir(parents=True)
    directory.plan_file.write_text(PLAN)
    directory.record_file.write_text(json.dumps({**RECORD, "ended_at": None, "ended_by": "crashed"}))
    (directory.work / "state.json").write_bytes(state)
    (directory.work / "resume.json").write_bytes(order)
    if series:
        (directory.work / "prometheus" / "data").mkdir(parents=True)
    name = str(directory.path)
    for words in (["status", name], ["status", name, "--json"]):
        code, out, err = run(*words)
        assert code == 12, "its harness is dead"
        assert 0 < len(out + err) < 10_000
    assert "standing" in json.loads(out) or "error" in json.loads(out)
    for words in (["stop", name], ["resume", name], ["resume", name, "--trust"]):
        with contextlib.chdir(directory.path):  # a run that is taken up goes on in the folder that it names
            code, out, err = run(*words)
        assert (code in (2, 12), out) == (True, ""), "a day later nothing of it is left to go on with"
        assert err.startswith("error: ") and len(err) < 10_000
    assert (directory.work / "state.json").read_bytes() == state
    assert Path(name).is_dir()

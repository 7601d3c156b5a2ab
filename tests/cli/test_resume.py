"""`harness resume` where the run can be taken up and this shell cannot make its load: nothing of the run is touched."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.plan.loading import load_plan_text
from harness.run.options import RunOptions
from harness.run.record import RunDirectory, RunRecord
from harness.run.resume import write_order
from tests.cli.test_commands import harness

LOCUSTFILE = "import os\nfrom locust import HttpUser\nTOKEN = os.environ['NOT_SET_HERE']\n"


def test_a_locustfile_that_cannot_be_loaded_here_leaves_the_run_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first shell exported a token, the one of the next morning did not: with it the run can still go on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("mine.py").write_text(LOCUSTFILE)
    text = (
        "name: t\ntarget: {url: 'http://127.0.0.1:1'}\n"
        f"load: {{locustfile: {tmp_path / 'mine.py'}, stages: [{{duration: 24h, users: 1}}]}}\n"
    )
    directory = RunDirectory(tmp_path / "runs" / "r1")
    (directory.work / "prometheus" / "data").mkdir(parents=True)
    began = time.time() - 60
    directory.write_record(RunRecord("r1", "t", began, "http://127.0.0.1:1", steady_from=began))
    write_order(directory, load_plan_text(text, where="t.yml", environ={}), RunOptions(tmp_path, tmp_path, os.environ))
    before = directory.record_file.read_text()
    code, _, err = harness(capsys, "resume")
    assert code == 12
    assert err.startswith(f"error: the locustfile {tmp_path}/mine.py cannot be loaded: KeyError: 'NOT_SET_HERE'\n")
    assert "environment variable" in err
    assert directory.record_file.read_text() == before
    assert (directory.work / "resume.json").is_file()

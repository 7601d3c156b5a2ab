"""``harness judge`` where its verdict cannot be written: what stays in the directory is never taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.judge.verdict import Finding, Outcome, Verdict
from harness.report.stored import read_verdict
from harness.run.record import RunDirectory
from tests.cli.test_archive import harness
from tests.cli.test_archive_baselines import a_run

REPORTS = ("junit.xml", "summary.md", "report.html")


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.fixture
def passed_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run with the files of a PASS, which judged again is a FAIL."""
    directory = a_run(tmp_path, "r1", "r1")
    directory.tsdb.mkdir()
    for name in REPORTS:
        (directory.path / name).write_text("of a pass")
    finding = Finding(check="run", signal="telemetry", outcome=Outcome.FAIL, summary="it fell over")
    monkeypatch.setattr("harness.cli_runs.judge_run", lambda *_, **__: Verdict("r1", (finding,), (), {}))
    return directory


def test_an_earlier_verdict_that_stays_is_named(
    capsys: pytest.CaptureFixture[str], passed_before: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next command, `harness runs` or a comparison, reads it."""
    monkeypatch.setattr("harness.report.write_json", full)
    code, _, err = harness(capsys, "judge", "r1", "--out", str(passed_before.path.parent))
    assert code == 10
    assert "No space left on device" in err
    assert f"{passed_before.verdict_file} and the reports beside it are an earlier verdict's, pass" in err
    assert read_verdict(passed_before).outcome is Outcome.PASS
    assert all((passed_before.path / name).read_text() == "of a pass" for name in REPORTS)


def test_no_report_of_an_earlier_verdict_stays_beside_a_new_one(
    capsys: pytest.CaptureFixture[str], passed_before: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CI job shows junit.xml and summary.md, and never looks at verdict.json."""
    monkeypatch.setattr("harness.report.write_text", full)
    code, _, err = harness(capsys, "judge", "r1", "--out", str(passed_before.path.parent))
    assert code == 10
    assert "the reports could not be written" in err and "earlier" not in err
    assert read_verdict(passed_before).outcome is Outcome.FAIL
    assert not any((passed_before.path / name).exists() for name in REPORTS)


def test_nothing_is_said_of_an_earlier_verdict_where_there_is_none(
    capsys: pytest.CaptureFixture[str], passed_before: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed_before.verdict_file.unlink()
    monkeypatch.setattr("harness.report.write_json", full)
    code, _, err = harness(capsys, "judge", "r1", "--out", str(passed_before.path.parent))
    assert (code, "earlier" in err) == (10, False)

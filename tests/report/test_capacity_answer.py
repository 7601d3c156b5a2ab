"""The answer of a capacity run in its reports, and read back from verdict.json."""

from __future__ import annotations

import json

import pytest

from harness.errors import ArchiveError
from harness.judge.verdict import ObjectiveResult, Outcome, Verdict
from harness.report.headline import capacity_text, headline_text
from harness.report.stored import read_verdict
from harness.run.json_files import write_json
from harness.run.record import RunDirectory, RunRecord

ANSWER = "it holds 740 users / 512 requests per second (95 % confidence 700 to 770); past that, Redis runs out first"
LINE = ObjectiveResult("capacity", "all", 500.0, 740.0, "users", Outcome.PASS, op=">=")
RECORD = RunRecord("made", "capacity", 1_790_000_000.0, "http://localhost")


def verdict(capacity: object) -> Verdict:
    return Verdict("made", (), (LINE,), {}, capacity=capacity)  # type: ignore[arg-type]


def test_the_answer_leads_the_headline() -> None:
    told = headline_text(verdict({"sentence": ANSWER}), RECORD)
    assert told.startswith(
        "It holds 740 users / 512 requests per second (95 % confidence 700 to 770); past that, Redis"
    )
    assert told.count("runs out first.") == 1
    assert capacity_text(verdict(None)) == ""


def test_it_is_read_back_as_it_was_written(tmp_path) -> None:
    made = verdict({"sentence": ANSWER, "low": 700.0, "high": float("inf"), "probes": [{"load": 25.0}]})
    directory = RunDirectory(tmp_path)
    write_json(directory.verdict_file, made.to_json())
    again = read_verdict(directory)
    assert again.capacity == {"sentence": ANSWER, "low": 700.0, "high": None, "probes": [{"load": 25.0}]}
    assert again.to_json() == made.to_json()


@pytest.mark.parametrize("broken", ["a text", 5, [1, 2]])
def test_an_answer_that_was_edited_is_told_as_such(tmp_path, broken: object) -> None:
    directory = RunDirectory(tmp_path)
    directory.verdict_file.write_text(json.dumps(verdict({}).to_json() | {"capacity": broken}))
    with pytest.raises(ArchiveError, match="not a verdict"):
        read_verdict(directory)

"""``verdict.json`` back to a ``Verdict``, so that any report can be written again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from harness.errors import ArchiveError
from harness.judge.steps import Step
from harness.judge.verdict import SCHEMA, Finding, ObjectiveResult, Outcome, Verdict
from harness.run.json_files import read_json
from harness.run.record import RunDirectory

_NUMBERS = frozenset({"value", "limit", "onset", "first_seen", "for_seconds"})
_MOST = 1e30  # no time, size or count that was measured is larger
_MOST_WORDS = 200  # of what stands in the file, repeated in an error


def read_verdict(directory: RunDirectory) -> Verdict:
    """The verdict of a run directory.

    Raises:
        ArchiveError: missing, half-written, of another schema, or not what its own outcome says.
    """
    where = str(directory.verdict_file)
    data = read_json(directory.verdict_file)
    if not isinstance(data, dict):
        raise ArchiveError(f"{where}: not a JSON object")
    if data.get("schema") != SCHEMA:
        raise ArchiveError(f"{where}: schema {data.get('schema')!r}; this harness reads schema {SCHEMA}")
    try:
        verdict = Verdict(
            run_id=_text(data["run_id"]),
            findings=tuple(Finding(**_fields(Finding, f)) for f in data["findings"]),
            objectives=tuple(ObjectiveResult(**_fields(ObjectiveResult, o)) for o in data["objectives"]),
            coverage=_coverage(data["coverage"]),
            capacity=None if data.get("capacity") is None else dict(data["capacity"]),
            steps=tuple(Step.from_json(one) for one in data.get("steps", ())),
            stress=None if data.get("stress") is None else dict(data["stress"]),
            comparison=None if data.get("comparison") is None else dict(data["comparison"]),
        )
        told = Outcome.from_word(data["outcome"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArchiveError(
            f"{where}: not a verdict: {str(error)[:_MOST_WORDS]}", remedy="judge the run again: harness judge RUN"
        ) from error
    # The outcome follows from the parts; a file where it does not was edited or damaged, and must not be shown as a
    # pass.
    if verdict.outcome is not told:
        raise ArchiveError(
            f"{where}: says {told.word}, but its findings make it {verdict.outcome.word}",
            remedy="judge the run again: harness judge RUN",
        )
    return verdict


def _fields(kind: type[Finding] | type[ObjectiveResult], data: Mapping[str, Any]) -> dict[str, Any]:
    """Constructor arguments; unknown keys of a later version are left out, a missing one raises TypeError later."""
    known = {field.name: data[field.name] for field in fields(kind) if field.name in data}
    for name, value in known.items():
        if name in _NUMBERS:
            known[name] = None if value is None and name != "for_seconds" else _number(value)
        elif name == "subject" and kind is Finding:
            known[name] = {_text(label): _text(said) for label, said in value.items()}
        else:
            known[name] = _text(value)
    return known | {"outcome": Outcome.from_word(data["outcome"])}


def _coverage(data: Any) -> dict[str, Any]:
    """What the judge said of coverage: any mapping, whose numbers are numbers, and windows set aside that are some."""
    if not isinstance(data, dict):
        raise TypeError("coverage is not a mapping")
    _check_plain(data)
    aside = data.get("set_aside")
    if aside is not None:
        _number(aside["seconds"])
        if aside["share"] is not None:
            _number(aside["share"])
        for window in aside["windows"]:
            _text(window["reason"])
            if any(datetime.fromisoformat(window[key]).tzinfo is None for key in ("from", "to")):
                raise ValueError("a window that was set aside has times without a zone")
    return dict(data)


def _check_plain(value: Any) -> None:
    """Raises ValueError for what no verdict of ours holds at any depth."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_plain(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MOST:
        raise ValueError(f"{str(value)[:_MOST_WORDS]!r} is not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:_MOST_WORDS]!r} is not a text")
    return value

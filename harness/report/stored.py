"""``verdict.json`` back to a ``Verdict``, so that any report can be written again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from harness.errors import ArchiveError
from harness.judge.steps import Step
from harness.judge.verdict import SCHEMA, Finding, ObjectiveResult, Outcome, Verdict
from harness.run.record import RunDirectory, read_json


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
            coverage=dict(data["coverage"]),
            steps=tuple(Step.from_json(one) for one in data.get("steps", ())),
            stress=None if data.get("stress") is None else dict(data["stress"]),
        )
        told = Outcome.from_word(data["outcome"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArchiveError(
            f"{where}: not a verdict: {error}", remedy="judge the run again: harness judge RUN"
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
    for name in ("value", "limit", "onset", "first_seen", "for_seconds"):
        if known.get(name) is not None:
            known[name] = _number(known[name])
    return known | {"outcome": Outcome.from_word(data["outcome"])}


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value

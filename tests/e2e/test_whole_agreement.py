"""Every whole run of the suite, judged again elsewhere, on an archive that was read through the query API alone.

Its verdict must be the one from the end of the run in findings, onsets and values. Last of all files, so that judging
does not take the processor from runs that are still on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.run.record import RunDirectory
from harness.selftest.cases import CASES
from harness.selftest.whole_run import Whole
from tests.e2e.agreement import differences, through_the_api, told_at_the_end, verdict_of
from tests.e2e.scenarios import SCENARIOS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

# Of each kind one that CI makes anyway: each takes some seconds more.
IN_CI = {"healthy", "error-burst", "sidecar-killed", "standing"}
# They end before there is anything to keep.
WITHOUT_SERIES = {"interrupted-at-start", "interrupted-twice"}


def parameters() -> Iterator[object]:
    for kind, names in (("case", CASES), ("scenario", SCENARIOS)):
        for name in names:
            if name not in WITHOUT_SERIES:
                marks = [getattr(pytest.mark, kind)(name)]
                if name not in IN_CI:
                    marks.append(pytest.mark.long)
                yield pytest.param(marks=marks, id=name)


@pytest.mark.parametrize((), list(parameters()))
def test_the_verdict_is_the_same_elsewhere_and_through_the_query_api(whole: Whole, tmp_path: Path) -> None:
    directory, told = told_at_the_end(RunDirectory(whole.directory), tmp_path)
    assert directory.tsdb.is_dir(), "its series were kept"
    other = through_the_api(directory, tmp_path)
    assert differences(told, verdict_of(other)) == []


def test_differences_are_seen() -> None:
    """The check itself is checked."""
    verdict = {"outcome": "pass", "findings": [{"onset": 1.0, "value": 0.5, "query": "a"}], "first_cause": None}
    assert differences(verdict, verdict) == []
    for changed in (
        {**verdict, "outcome": "fail"},
        {**verdict, "findings": []},
        {**verdict, "findings": [{"onset": 1.001, "value": 0.5, "query": "a"}]},
        {**verdict, "findings": [{"onset": None, "value": 0.5, "query": "a"}]},
        {**verdict, "findings": [{"onset": 1.0, "value": 0.5000001, "query": "a"}]},
        {**verdict, "first_cause": {}},
    ):
        assert differences(verdict, changed) != []

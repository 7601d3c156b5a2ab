"""Whole runs take minutes but little CPU: those that the selected tests need are made side by side, each once.

Those that need the whole machine are made when all others are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from harness.selftest.cases import CASES
from harness.selftest.lab import run_case
from harness.selftest.whole_run import Whole
from tests.e2e.scenarios import ALONE, SCENARIOS

SIDE_BY_SIDE = 3
Name = tuple[str, str]  # kind of marker, name


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scenario(name): the whole run of tests/e2e/scenarios.py that a test looks at")
    config.addinivalue_line("markers", "case(name): the whole run of the fault lab that a test looks at")


def _name(item: pytest.Item) -> Name | None:
    for kind in ("scenario", "case"):
        marker = item.get_closest_marker(kind)
        if marker is not None:
            return kind, marker.args[0]
    return None


@pytest.fixture(scope="session")
def whole_runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Name], Whole]]:
    wanted = list(dict.fromkeys(name for item in request.session.items if (name := _name(item))))
    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    tmp_path_factory.getbasetemp()  # made here: threads that make it at once get two

    def start(kind: str, name: str) -> Whole:
        folder: Path = tmp_path_factory.mktemp(name)
        return run_case(CASES[name], folder) if kind == "case" else SCENARIOS[name](folder)

    futures: dict[Name, Future[Whole]] = {name: pool.submit(start, *name) for name in wanted if name[1] not in ALONE}

    def made(name: Name) -> Whole:
        if name not in futures:
            wait(futures.values())
            futures[name] = pool.submit(start, *name)
        return futures[name].result()

    yield made
    pool.shutdown(cancel_futures=True)


@pytest.fixture
def whole(request: pytest.FixtureRequest, whole_runs: Callable[[Name], Whole]) -> Whole:
    """The run that the test looks at, with what holds for every one: no traceback, nothing left running."""
    name = _name(request.node)
    assert name is not None
    run = whole_runs(name)
    print(run.output)
    assert "Traceback" not in run.output
    assert run.left_running == []
    return run

"""Which user classes a locustfile has, asked of real locustfiles; and what tells why a Locust process ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.load.last_words import telling
from harness.load.user_classes import unknown_user_classes, user_classes_of
from harness.plan.model import Stage
from tests.load.load_helpers import make_plan

TWO = """
import atexit
from locust import HttpUser, task
print("[1]")
atexit.register(print, "[2]")

class Reader(HttpUser):
    @task
    def read(self): ...

class Base(HttpUser):
    abstract = True

class Writer(Base):
    @task
    def write(self): ...
"""


def unknown(folder: Path, *names: str) -> tuple[str, str]:
    (folder / "user.py").write_text(TWO)
    plan = make_plan(
        "http://127.0.0.1:9", folder / "user.py", stages=(Stage(duration=1, users=1),), load={"user_classes": names}
    )
    return unknown_user_classes(plan, os.environ)


def test_the_classes_that_locust_would_run_whatever_the_file_prints(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(TWO)
    assert user_classes_of(tmp_path / "user.py", {**os.environ, "LOCUST_USERS": "nonsense"}) == ("Reader", "Writer")


def test_an_unknown_class_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    assert unknown(tmp_path, "Writer", "Readr") == (
        "the locustfile has no user class 'Readr'; did you mean 'Reader'?",
        "known: Reader, Writer; correct load.user_classes, or leave it out to run all",
    )
    assert unknown(tmp_path, "Writer") == ("", "")


def test_a_plan_that_names_no_class_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.load.user_classes.user_classes_of", None)
    assert unknown(tmp_path) == ("", "")


def test_a_locustfile_that_cannot_be_loaded(tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text("import module_that_is_not_there\n")
    with pytest.raises(HarnessError) as caught:
        user_classes_of(tmp_path / "user.py", os.environ)
    assert caught.value.message == (
        f"the locustfile {tmp_path / 'user.py'} cannot be loaded: "
        "ModuleNotFoundError: No module named 'module_that_is_not_there'"
    )


TIME = "[2026-11-22 10:00:00,123] host"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", ""),
        (f"{TIME}/INFO/locust.main: Starting\n{TIME}/ERROR/locust.main: Unknown User(s): A\n\n", "Unknown User(s): A"),
        (f"Traceback (most recent call last):\n  x\nKeyError: 'own'\n{TIME}/INFO/locust.main: Bye", "KeyError: 'own'"),
        (f"{TIME}/ERROR/root: Uncaught exception in event handler:\nTraceback:\nown.Error: no", "own.Error: no"),
        (f"{TIME}/INFO/locust.main: Starting\n", "Starting"),
        ("the port is taken", "the port is taken"),
    ],
)
def test_the_line_that_tells(words: str, line: str) -> None:
    assert telling(words) == line

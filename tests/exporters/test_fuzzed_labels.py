"""Whatever a locustfile names its requests, and whatever goes wrong with them: counted, and a valid exposition."""

from __future__ import annotations

import math
import random
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from exporters.load_exposition import request_pieces
from exporters.load_recorder import MAX_LABEL_LENGTH, MAX_METHODS, MAX_PAIRS, Recorder
from tests.fuzzing import cases

EDGES = (0.001, 0.1, 60.0)
TOKENS = [
    "\\",
    '"',
    "\n",
    "{",
    "}",
    ",",
    "=",
    "%",
    "%s",
    "%d",
    "\x00",
    "\r",
    "\t",
    "\u2028",
    "\ud800",
    "é",
    " 1\n",
    "#",
    "le",
    "/x",
]


class Unspeakable:
    """A name that cannot be told."""

    def __str__(self) -> str:
        raise RuntimeError("no name")

    def __repr__(self) -> str:
        return "Unspeakable()"


class Wrong(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        return "Wrong()"


TEXT = st.one_of(
    st.text(st.characters(), max_size=30), st.text(st.characters(categories=["Cs", "Cc"]), max_size=5),
    st.lists(st.sampled_from(TOKENS), max_size=6).map("".join), st.sampled_from(["x" * 5000, "other", ""]),
)  # fmt: skip
NAME = st.one_of(
    TEXT, st.binary(max_size=10), st.none(), st.booleans(), st.integers(), st.floats(),
    st.sampled_from([[], {}, (), object, math.nan]), st.builds(Unspeakable),
)  # fmt: skip
NUMBER = st.one_of(
    st.none(), st.floats(), st.integers(), st.text(max_size=3), st.booleans(), st.just(10**400), st.builds(Unspeakable),
    st.floats(0, 60_000),
)  # fmt: skip
ERROR = st.one_of(
    st.none(), st.none(), TEXT, st.builds(Wrong), st.builds(Exception, TEXT), st.builds(OSError, st.integers(), TEXT),
    st.just(False), st.builds(Unspeakable),
)  # fmt: skip
RESPONSE = st.one_of(st.none(), st.builds(Unspeakable), st.text(max_size=3))
REQUEST = st.tuples(NAME, NAME, NUMBER, NUMBER, ERROR, RESPONSE)


def exposition(recorder: Recorder) -> str:
    return "".join(request_pieces(recorder.snapshot(), recorder.edges, recorder.capped))


def samples(text: str) -> list[Any]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


@cases(150)
@given(st.lists(REQUEST, max_size=25))
def test_each_request_is_counted_once_whatever_it_is_called(requests: list[tuple[Any, ...]]) -> None:
    recorder = Recorder(EDGES, max_pairs=8, max_methods=4)
    for method, name, time, length, error, response in requests:
        recorder.record(method, name, time, length, error, response)
    text = exposition(recorder)
    text.encode()
    found = samples(text)
    counts = [s for s in found if s.name == "locust_request_duration_seconds_count"]
    assert sum(s.value for s in counts) == len(requests)
    assert all(math.isfinite(s.value) for s in found)
    assert len({tuple(sorted(s.labels.items())) for s in counts}) == len(counts), "no series twice"
    assert len(counts) <= 2 * (8 + 5), "capped"
    assert all(len(value) <= MAX_LABEL_LENGTH for s in found for value in s.labels.values())


def test_prometheus_reads_all_of_them_and_their_number_is_bounded() -> None:
    """Ten thousand names at once, read by Prometheus' own parser."""
    promtool = shutil.which("promtool")
    assert promtool is not None
    dice, recorder = random.Random(8), Recorder(EDGES)
    for number in range(10_000):
        name = "".join(
            dice.choice([*TOKENS, chr(dice.randrange(0x3000)), str(number)]) for _ in range(dice.randrange(9))
        )
        recorder.record(dice.choice(TOKENS) + str(number % 50), name, 1.0, 1, RuntimeError(name))
    assert recorder.capped
    text = exposition(recorder)
    assert len({(s.labels["method"], s.labels["name"]) for s in samples(text) if "name" in s.labels}) <= (
        MAX_PAIRS + MAX_METHODS + 1
    )
    done = subprocess.run([promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False)
    assert b"error while" not in done.stderr, done.stderr[-500:]
    assert done.returncode in (0, 3), done.stderr[-500:]  # 3: it would have names otherwise


@pytest.mark.parametrize("name", ["a\udcffb", "\ud800"])
def test_half_a_character_is_replaced(name: str) -> None:
    recorder = Recorder(EDGES)
    recorder.record("GET", name, 1.0, 1)
    assert {s.labels["name"] for s in samples(exposition(recorder)) if "name" in s.labels} == {
        name.replace("\udcff", "?").replace("\ud800", "?")
    }

"""Whatever stands in a plan file: a plan or one PlanError, in bounded time."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PlanError
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.loading import load_plan, load_plan_text
from harness.run.preflight import check_locustfile
from tests.fuzzing import cases

PLANS = Path(__file__).parents[2] / "plans"
SHIPPED = [path.read_text() for path in sorted(PLANS.glob("*.yml"))]
TOKENS = [
    *(
        "${",
        "}",
        "${A}",
        "${A:-b}",
        "[",
        "]",
        "{",
        "}",
        ":",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "  ",
        "#",
        "&a ",
        "*a",
        "!x ",
        "|",
        ">",
    ),
    *(
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "<<: ",
        "? ",
        "---\n",
        "...\n",
        "\t",
        "\0",
        "\x07",
        "\u2028",
        "\ufeff",
        "null",
        "~",
        "off",
    ),
    *(
        "-1",
        "0",
        "1e999",
        "nan",
        "-5m",
        "http://",
        "file://x",
        "objectives",
        "load",
        "stages",
        "endpoints",
        "999999999999",
    ),
]
ENVIRON = {"A": "value", "TEST_BASE_URL": ""}


def check(text: str) -> None:
    began = time.process_time()
    try:
        plan = load_plan_text(text, where="x.yml", environ=ENVIRON)
    except PlanError as error:
        assert 0 < len(str(error)) < 20_000
        assert "\x07" not in str(error) and "\0" not in str(error)
    else:
        assert load_plan_text(dump_plan(plan, mask=False), where="y.yml", environ={}) == plan
        unjudgeable(plan)
    assert time.process_time() - began < 5


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A shipped plan with a few tokens put in, lines taken out, doubled or moved."""
    text = draw(st.sampled_from(SHIPPED))
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["insert", "replace", "cut", "double", "drop line", "swap lines"]))
        lines = text.split("\n")
        at = draw(st.integers(0, len(text)))
        row = draw(st.integers(0, len(lines) - 1))
        if kind == "insert":
            text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at:]
        elif kind == "replace":
            text = text[:at] + draw(st.sampled_from(TOKENS)) + text[at + draw(st.integers(1, 8)) :]
        elif kind == "cut":
            text = text[:at]
        elif kind == "double":
            text = "\n".join([*lines[: row + 1], *lines[row:]])
        elif kind == "drop line":
            text = "\n".join(lines[:row] + lines[row + 1 :])
        else:
            text = "\n".join([*lines[row:], *lines[:row]])
    return text


SETTINGS = cases(500)


@SETTINGS
@given(mutated())
def test_a_mutated_plan(text: str) -> None:
    check(text)


@SETTINGS
@given(st.one_of(st.text(max_size=300), st.lists(st.sampled_from(TOKENS), max_size=80).map("".join)))
def test_nonsense(text: str) -> None:
    check(text)


@cases(100)
@given(st.binary(max_size=2000))
def test_bytes(tmp_path_factory: object, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.yml"  # type: ignore[attr-defined]
    path.write_bytes(data)
    try:
        load_plan(path, environ={})
    except PlanError as error:
        assert str(path) in str(error)


@cases(100)
@given(
    st.one_of(st.text(max_size=40), st.lists(st.sampled_from(TOKENS), max_size=8).map("".join)), st.text(max_size=40)
)
def test_overrides(key: str, value: str) -> None:
    try:
        load_plan_text(SHIPPED[0], where="x.yml", environ=ENVIRON, overrides=[(key, value), (f"load.{key}", value)])
    except PlanError as error:
        assert 0 < len(str(error)) < 20_000


NAMES = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from([*TOKENS, "..", "/", "a.py", "x" * 300]), max_size=6).map("".join)
)


@cases(100)
@given(NAMES)
def test_the_name_of_a_locustfile(tmp_path_factory: object, name: str) -> None:
    folder = tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
    text = f"name: t\ntarget: {{url: 'http://localhost:1'}}\nload:\n  locustfile: {json.dumps(name)}\n"
    try:
        plan = load_plan_text(
            text + "  stages: [{duration: 9s, users: 1}]\n", where="x.yml", environ=ENVIRON, files_from=folder
        )
    except PlanError as error:
        assert str(error).startswith("x.yml:")
        assert len(str(error)) < 20_000
    else:
        assert Path(plan.load.locustfile).is_file()


@cases(100)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_what_stands_in_a_locustfile(tmp_path_factory: object, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.py"  # type: ignore[attr-defined]
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes, as a compiler gives them
        found = check_locustfile(path)
    assert found.ok or (found.detail and found.remedy)

"""What a person sees who got something wrong: the whole output, the exit code, and nothing left behind."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.errors import HarnessError, blaming_the_machine
from target.launch import FAULTS
from tests import servers

PLAN = """\
name: bad
target:
  url: http://127.0.0.1:{port}
load:
  stages:
    - {{duration: 10s, users: 1}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("TEST_BASE_URL", "TARGET_P95_MS", "PCT_MOBILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def harness(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    assert not psutil.Process().children(recursive=True), "nothing may be left running"
    assert isinstance(end.value.code, int)
    return end.value.code, captured.out, captured.err


def plan_text(old: str = "", new: str = "", more: str = "") -> str:
    text = PLAN.format(port=servers.free_port())
    if old:
        assert old in text
        text = text.replace(old, new)
    return text + more


BAD_PLANS = {
    "unknown key": (
        plan_text(more="colour: red\n"),
        "error: p.yml:7: unknown key 'colour'\n"
        "  known: name, kind, stack, target, prometheus, scrape_interval, load, capacity, horizon, objectives, "
        "baseline, set_aside, notify, abort_on\n",
    ),
    "wrong type": (
        plan_text("users: 1", "users: many"),
        "error: p.yml:6: load.stages, stage 1, users must be a whole number, not 'many'\n",
    ),
    "negative duration": (
        plan_text("10s", "-10s"),
        "error: p.yml:6: load.stages, stage 1, duration: '-10s' is negative; a duration cannot be\n",
    ),
    "file target": (
        PLAN.format(port=1).replace("http://127.0.0.1:1", "file:///etc/passwd"),
        "error: p.yml:3: target.url: 'file:///etc/passwd' is not a URL that begins with http:// or https://\n",
    ),
    "duplicate names": (
        plan_text(
            "load:",
            "  redis:\n    - {name: a, url: redis://127.0.0.1:1}\n    - {name: a, url: redis://127.0.0.1:2}\nload:",
        ),
        "error: p.yml:6: the name 'a' stands twice in target.redis, first on line 5\n"
        "  give each its own name: it tells their series apart\n",
    ),
    "duplicate key": (
        plan_text(more="name: again\n"),
        "error: p.yml:7: the key 'name' stands twice: first on line 1, again on line 7\n  keep one of them\n",
    ),
    "empty": (
        "",
        "error: p.yml:1: the plan is empty\n  a plan has at least target: and load:, see plans/smoke.yml\n",
    ),
}


@pytest.mark.parametrize("name", BAD_PLANS)
@pytest.mark.parametrize("command", ["run", "check"])
def test_bad_plans(here: Path, capsys: pytest.CaptureFixture[str], name: str, command: str) -> None:
    text, expected = BAD_PLANS[name]
    Path("p.yml").write_text(text)
    assert harness(capsys, command, "p.yml") == (2, "", expected)
    assert [p.name for p in here.iterdir()] == ["p.yml"], "nothing may be written"


@pytest.mark.parametrize("kind", ["bytes", "text", "braces", "one long line"])
def test_a_plan_of_200_kb_of_nonsense(here: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    dice = random.Random(7)
    content = {
        "bytes": dice.randbytes(200_000),
        "text": "".join(dice.choice("abc: -[]{}#&*!|>'\"%@`\n\t") for _ in range(200_000)).encode(),
        "braces": b"{" * 200_000,
        "one long line": b"a: " + b"x" * 200_000,
    }[kind]
    Path("p.yml").write_bytes(content)
    code, out, err = harness(capsys, "run", "p.yml")
    assert (code, out) == (2, "")
    assert err.startswith("error: p.yml:")
    assert len(err) < 2000, "one message, not the nonsense again"


def test_missing_plan(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert harness(capsys, "run", "nowhere.yml") == (
        2,
        "",
        "error: there is no plan 'nowhere.yml'\n"
        "  give the path of a plan, or a shipped one: capacity, selftest, smoke, soak-24h, stress\n",
    )  # fmt: skip


def test_missing_locustfile(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yml").write_text(plan_text("load:", "load:\n  locustfile: nope.py"))
    assert harness(capsys, "run", "p.yml") == (
        2,
        "",
        f"error: p.yml:5: the locustfile 'nope.py' was not found\n  looked at {here}/nope.py\n",
    )


def test_unreadable_locustfile(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.py").write_text("def f(:\n")
    Path("p.yml").write_text(plan_text("load:", "load:\n  locustfile: broken.py"))
    code, out, err = harness(capsys, "run", "p.yml")
    assert (code, out) == (12, "")
    assert f"p.yml:5: locustfile: {here}/broken.py:1: invalid syntax\n    correct the locustfile\n" in err


def test_unreachable_target(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.yml").write_text(plan_text())
    port = Path("p.yml").read_text().split("127.0.0.1:")[1].split("\n")[0]
    assert harness(capsys, "run", "p.yml") == (
        12,
        "",
        f"error: p.yml:3: target: http://127.0.0.1:{port}/health does not answer: connection refused\n"
        "  start the target, or give its address with --target URL\n",
    )
    assert not Path("runs").exists()


def test_unreachable_database(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = servers.free_port()
    database = f"  databases:\n    - {{name: main, url: 'postgresql://u:s3cret@127.0.0.1:{port}/d'}}\nload:"
    Path("p.yml").write_text(plan_text("load:", database))
    code, out, err = harness(capsys, "run", "p.yml")
    assert (code, out) == (12, "")
    assert "p.yml:5: database main: postgresql://u:***@127.0.0.1:" in err
    assert "Connection refused" in err
    assert "correct the url of 'main' in target.databases, or start that server" in err
    assert "s3cret" not in err


BAD_WORDS = {
    ("run", "p.yml", "--duration", "x"): (
        "error: --duration: 'x' is not a duration; write for example 30s, 5m or 1h30m\n"
    ),
    ("run", "p.yml", "--duration", "0"): (
        "error: --duration must be longer than nothing\n  write for example --duration 10m\n"
    ),
    ("run", "p.yml", "--users", "0"): "error: --users 0: a run needs at least one user\n",
    ("run", "p.yml", "--set", "a"): "error: --set 'a' has no value\n  write --set KEY=VALUE, as --set load.workers=2\n",
    ("run", "p.yml", "--fault", "memory_leak"): (
        "error: --fault belongs to the reference target, which this run does not start\n"
        "  leave --fault out, or use a plan with target.reference\n"
    ),
    ("check", "smoke", "--fault", "nope"): (
        f"error: --fault: unknown fault 'nope'; known: {', '.join(FAULTS)}\n"
        "  write --fault NAME:key=value,key=value\n"
    ),
    ("run", "smoke", "--fault", "memory_leak:x=1"): (
        "error: --fault: fault memory_leak: 'x=1' is not one of mb_per_s=NUMBER, delay=NUMBER\n"
        "  write --fault NAME:key=value,key=value\n"
    ),
    ("run", "p.yml", "--target", "http://example.com"): (
        "error: --target: the host 'example.com' is not in allow_hosts (localhost, 127.0.0.1, ::1)\n"
        "  if load may really go there: --allow-host example.com, or add it to target.allow_hosts\n"
    ),
    ("judge", "last"): "error: there is no run in runs\n  start one with: harness run PLAN\n",
    ("report", "x"): (
        "error: 'x' is no run: neither a directory with a run.json nor a run id in runs\n"
        "  harness runs lists the runs\n"
    ),
    ("run",): (
        "Usage: harness run [OPTIONS] PLAN\nTry 'harness run --help' for help.\n\nError: Missing argument 'PLAN'.\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", BAD_WORDS, ids=" ".join)
def test_bad_words(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    Path("p.yml").write_text(plan_text())
    monkeypatch.setattr("sys.argv", ["harness", *words])
    code, out, err = harness(capsys, *words)
    assert (code, out) == (2, "")
    assert err.replace("pytest", "harness") == BAD_WORDS[words]


@pytest.mark.parametrize("command", ["run", "check"])
def test_an_unknown_user_class_is_the_plans_error(here: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    Path("p.yml").write_text(plan_text("load:", "load:\n  user_classes: [MingusVisiter]"))
    assert harness(capsys, command, "p.yml") == (
        2,
        "",
        "error: p.yml:5: the locustfile has no user class 'MingusVisiter'; did you mean 'MingusVisitor'?\n"
        "  known: MingusVisitor; correct load.user_classes, or leave it out to run all\n",
    )
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import not_installed_here\n", "cannot be loaded: ModuleNotFoundError: No module named 'not_installed_here'"),
        ("import os\nos.environ['NOT_SET_HERE']\n", "cannot be loaded: KeyError: 'NOT_SET_HERE'"),
        ("x = 1\n", "has no user class"),
    ],
)
def test_check_tells_of_a_locustfile_that_no_run_could_load(
    here: Path, capsys: pytest.CaptureFixture[str], source: str, told: str
) -> None:
    Path("mine.py").write_text(source)
    Path("p.yml").write_text(plan_text("load:", "load:\n  locustfile: mine.py"))
    code, out, _ = harness(capsys, "check", "p.yml")
    assert code == 12
    line = next(line for line in out.splitlines() if " locustfile: " in line)
    assert line.startswith("MISSING ") and line.endswith(f"{here}/mine.py {told}")


def test_a_full_disk_is_no_traceback(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    monkeypatch.setattr("harness.cli_runs.find_run", full)
    assert harness(capsys, "judge", "last") == (
        12,
        "",
        "error: No space left on device: /tmp/x\n"
        "  make room where runs and temporary files are written ($TMPDIR)\n",
    )  # fmt: skip


@pytest.mark.parametrize(("number", "kind"), [(errno.ENOSPC, HarnessError), (errno.EPIPE, OSError)])
def test_only_what_the_machine_is_to_blame_for_is_no_bug(number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=os.strerror(number)), blaming_the_machine():
        raise OSError(number, os.strerror(number), "/tmp/x")

"""What a run directory asks for is obeyed where this user made it on this machine: its locustfile, its token file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.plan.model import PrometheusTarget
from harness.plan.secrets import mask_url
from harness.run.interrupts import StopRequest
from harness.run.journal import Journal
from harness.run.live_session import LiveSession
from harness.run.live_state import StateUi
from harness.run.made_here import PROMETHEUS_SEAL, is_sealed, may_send_token, seal, seal_prometheus
from harness.run.options import RunOptions
from harness.run.record import RunDirectory, RunRecord
from harness.run.resume import write_order
from tests.cli.test_commands import harness
from tests.run.plans import make_plan
from tests.run.test_live_state import Shown


def test_a_seal_is_of_one_user_and_of_these_words(tmp_path: Path) -> None:
    mine, theirs = {"HOME": str(tmp_path / "mine")}, {"XDG_STATE_HOME": str(tmp_path / "theirs")}
    words = ("a plan", ["a fault"], "/a/folder")
    found = seal(words, mine)
    assert is_sealed(words, found, mine)
    assert not is_sealed(words, found, theirs), "who has no key yet"
    assert seal(words, theirs) != found and not is_sealed(words, found, theirs)
    assert seal(words, mine) == found, "the key stays"
    for other in (("another plan", *words[1:]), (*words[:2], "/another/folder"), words[:2]):
        assert not is_sealed(other, found, mine)
    for broken in (None, "", "0" * 64, 3, found.upper(), found + "0", "\u00e9"):
        assert not is_sealed(words, broken, mine)


def test_a_key_that_others_can_read_or_that_cannot_be_made_seals_nothing(tmp_path: Path) -> None:
    mine = {"HOME": str(tmp_path)}
    found, key = seal(["x"], mine), tmp_path / ".local" / "state" / "endurance-harness" / "key"
    assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32
    key.chmod(0o644)
    assert (is_sealed(["x"], found, mine), seal(["x"], mine)) == (False, "")
    key.unlink()
    key.symlink_to(tmp_path / "elsewhere")
    assert (is_sealed(["x"], found, mine), seal(["x"], mine)) == (False, "")
    (tmp_path / "file").write_text("")
    for nowhere in ({"HOME": "relative"}, {"HOME": str(tmp_path / "file")}):
        assert (is_sealed(["x"], "", nowhere), seal(["x"], nowhere)) == (False, "")


def test_without_home_the_key_is_in_the_users_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a service or a container."""
    users = {os.geteuid(): SimpleNamespace(pw_dir=str(tmp_path))}
    monkeypatch.setattr("pwd.getpwuid", users.__getitem__)
    for nothing in ({}, {"HOME": ""}):
        assert is_sealed(["x"], seal(["x"], nothing), {"HOME": str(tmp_path)})
    users.clear()  # of a number that nobody listed
    assert seal(["x"], {}) == ""


def test_who_starts_a_run_that_gets_no_seal_is_told(tmp_path: Path) -> None:
    named = PrometheusTarget(url="http://prom.local")
    token = named.model_copy(update={"bearer_token_file": TOKEN})

    def said(environ: dict[str, str], prometheus: PrometheusTarget | None) -> str:
        run_id = f"r{len(list(tmp_path.iterdir()))}"
        directory = RunDirectory(tmp_path / run_id)
        directory.work.mkdir(parents=True)
        ui = Shown()
        LiveSession(
            make_plan().model_copy(update={"prometheus": prometheus}), RunOptions(tmp_path, tmp_path, environ), [],
            directory, RunRecord(run_id, "t", 100.0, "http://t"), StopRequest(),
            Journal(ui, directory.path / "log", lambda: 100.0), StateUi(ui, tmp_path / "state", lambda: 100.0),
            lambda: 100.0,
        )  # fmt: skip
        return "".join(ui.said)

    for prometheus in (None, named, token):
        assert said({"HOME": str(tmp_path / "mine")}, prometheus) == ""
    (tmp_path / "file").write_text("")
    bad = {"HOME": str(tmp_path / "file")}
    why = f"{tmp_path}/file/.local/state/endurance-harness/key cannot be made and read, or is not yours alone"
    told = "note nothing will tell this run as yours: {}; were its harness killed, `harness {}` would need --trust"
    assert said(bad, None) == told.format(why, "resume")
    assert said(bad, token) == told.format(why, "judge")
    assert said(bad, named) == "", "no token, and it cannot be taken up anyway"
    assert said({"HOME": "relative"}, None) == told.format("this user has no home", "resume")


TOKEN = "/run/secrets/token"


def may_send(directory: RunDirectory, url: str, environ: dict[str, str]) -> bool:
    return may_send_token(directory, PrometheusTarget(url=url, bearer_token_file=TOKEN), environ)


@pytest.mark.parametrize(
    "theirs",
    [
        "http://evil.com:80?@prom.local:9090/",
        "http://evil.com:80#@prom.local:9090/",
        "http://evil.com\\@prom.local:9090/",
        "https://***@prom.local:9090/",
        "http://***@prom.local:9091/",
        "http://***@prom.local/",
    ],
)
def test_a_token_is_sent_where_it_was_sent_before_and_nowhere_that_looks_like_it(tmp_path: Path, theirs: str) -> None:
    environ, directory = {"HOME": str(tmp_path)}, RunDirectory(tmp_path)
    url = "http://me:pw@prom.local:9090/"
    seal_prometheus(directory, PrometheusTarget(url=url, bearer_token_file=TOKEN), environ)
    assert may_send(directory, url, environ) and may_send(directory, mask_url(url), environ)
    assert not may_send(directory, theirs, environ)


def test_a_seal_that_is_no_file_is_none_and_is_not_waited_for(tmp_path: Path) -> None:
    environ, directory, url = {"HOME": str(tmp_path)}, RunDirectory(tmp_path), "http://prom.local:9090"
    file = tmp_path / PROMETHEUS_SEAL
    os.mkfifo(file)  # whoever opens it plainly waits for a writer for ever
    assert not may_send(directory, url, environ)
    file.unlink()
    seal_prometheus(directory, PrometheusTarget(url=url, bearer_token_file=TOKEN), environ)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert not may_send(directory, url, environ)
    file.unlink()
    file.write_bytes((tmp_path / "elsewhere").read_bytes() + bytes(2000))
    assert not may_send(directory, url, environ)
    file.write_bytes((tmp_path / "elsewhere").read_bytes())
    assert may_send(directory, url, environ)


def dead(folder: Path) -> RunDirectory:
    directory = RunDirectory(folder / "r1")
    (directory.work / "prometheus" / "data").mkdir(parents=True)
    directory.write_record(RunRecord("r1", "t", 1_795_364_555.0, "http://t", steady_from=1_795_364_570.0))
    return directory


def test_a_run_from_elsewhere_is_not_taken_up_unless_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its locustfile would be run, in the folder that it names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "mine"))
    taken: list[object] = []

    monkeypatch.setattr("harness.cli_resume.resume_session", lambda *arguments, **_: taken.append(arguments))
    monkeypatch.setattr("harness.cli_resume.tell_result", lambda *_, **__: 0)
    theirs = dead(tmp_path / "theirs")
    write_order(theirs, make_plan(), RunOptions(tmp_path, tmp_path, {"HOME": str(tmp_path / "them")}))
    code, out, err = harness(capsys, "resume", str(theirs.path))
    assert (code, out, taken) == (2, "", [])
    assert (
        " was not started by you on this machine, or your key of then is gone, and to go on with it is to run " in err
    )
    seal(["x"], os.environ)
    code, out, err = harness(capsys, "resume", str(theirs.path))
    assert (code, out, taken) == (2, "", [])
    assert err.startswith(f"error: the run in {theirs.path} was not started by you on this machine, and to go on")
    assert f"harness resume {theirs.path} --trust" in err and f"harness judge {theirs.path}" in err
    write_order(theirs, make_plan(), RunOptions(tmp_path, tmp_path, {"HOME": "nowhere"}))
    code, out, err = harness(capsys, "resume", str(theirs.path))
    assert code == 2 and " has no seal that tells who started it (no key could be kept there), and to go on" in err
    assert harness(capsys, "resume", str(theirs.path), "--trust")[0] == 0
    assert len(taken) == 1

    ours = dead(tmp_path / "ours")
    write_order(ours, make_plan(), RunOptions(tmp_path, tmp_path, os.environ))
    assert harness(capsys, "resume", str(ours.path))[0] == 0
    shutil.move(ours.path, tmp_path / "moved")
    assert harness(capsys, "resume", str(tmp_path / "moved"))[0] == 0, "where it lies does not matter"
    assert len(taken) == 3
    order = tmp_path / "moved" / "work" / "resume.json"
    order.write_text(json.dumps(json.loads(order.read_text()) | {"folder": "/tmp"}))
    assert harness(capsys, "resume", str(tmp_path / "moved"))[0] == 2
    assert len(taken) == 3

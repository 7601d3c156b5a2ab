"""scripts/setup.sh after an interruption, beside a second one, and after the lock changed.

With a stand-in for Python: not what is installed is the matter here, but when, and whether what was left is trusted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# `-m venv DIR` makes DIR/bin/python, a copy of itself; `-m pip install` fails or waits when it is told to; `import pip`
# works once venv has come to its end.
PYTHON = """\
#!/bin/sh
log=$CHECKOUT/log
case "$1 $2" in
    "-m venv") echo "venv" >> "$log"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
               [ ! -e "$CHECKOUT/break-venv" ] || exit 1
               touch "$3/pip" ;;
    "-m pip") echo "install" >> "$log"; [ ! -e "$CHECKOUT/break-pip" ] || exit 1
              touch "$CHECKOUT/installing"; while [ -e "$CHECKOUT/wait" ]; do sleep 0.05; done ;;
    "-c import pip") test -e "$(dirname "$0")/../pip" ;;
    *) exit 0 ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    (tmp_path / "requirements.lock").write_text("a==1\n")
    (tmp_path / "pyproject.toml").write_text("")
    # The machine has every server that the script looks for.
    for program in ("prometheus", "promtool", "initdb", "redis-server"):
        _program(tmp_path / "bin" / program, "#!/bin/sh\n")
    _program(tmp_path / "bin" / "python3", PYTHON)
    return tmp_path


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def start(checkout: Path) -> subprocess.Popen[str]:
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHON", "HARNESS_SETUP_LOCKED")}
    return subprocess.Popen(
        [checkout / "scripts" / "setup.sh"],
        env=environ | {"PATH": f"{checkout / 'bin'}:{os.environ['PATH']}", "CHECKOUT": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def setup(checkout: Path) -> tuple[int, list[str]]:
    """The exit code, and what was done."""
    (checkout / "log").write_text("")
    process = start(checkout)
    process.communicate(timeout=60)
    return process.returncode, (checkout / "log").read_text().split()


WHOLE = ["venv", "install", "install"]  # the locked packages, and this checkout itself


def test_once_is_enough_and_a_new_lock_is_installed_into_what_stands(checkout: Path) -> None:
    assert setup(checkout) == (0, WHOLE)
    assert setup(checkout) == (0, [])
    (checkout / "requirements.lock").write_text("a==2\n")
    assert setup(checkout) == (0, ["install", "install"])
    assert setup(checkout) == (0, [])


@pytest.mark.parametrize("broken", ["break-venv", "break-pip"])
def test_what_was_interrupted_is_made_anew(checkout: Path, broken: str) -> None:
    (checkout / broken).touch()
    assert setup(checkout)[0] != 0
    assert (checkout / ".venv" / "bin" / "python").exists(), "as an interrupted set-up leaves it"
    (checkout / broken).unlink()
    assert setup(checkout) == (0, WHOLE)
    assert setup(checkout) == (0, [])


def test_an_update_that_was_interrupted_is_made_anew(checkout: Path) -> None:
    setup(checkout)
    (checkout / "requirements.lock").write_text("a==2\n")
    (checkout / "break-pip").touch()
    assert setup(checkout)[0] != 0
    (checkout / "requirements.lock").write_text("a==1\n")
    (checkout / "break-pip").unlink()
    assert setup(checkout) == (0, WHOLE), "half of it may be of the other lock"


def test_an_environment_that_broke_later_is_made_anew(checkout: Path) -> None:
    setup(checkout)
    (checkout / ".venv" / "pip").unlink()
    assert setup(checkout) == (0, WHOLE)


def test_a_second_one_waits_for_the_first(checkout: Path) -> None:
    (checkout / "log").write_text("")
    (checkout / "wait").touch()
    first = start(checkout)
    until = time.monotonic() + 60
    while not (checkout / "installing").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    second = start(checkout)
    assert second.stderr is not None
    assert second.stderr.readline() == "setup: another set-up of this checkout is at work; waiting for its end\n"
    assert first.poll() is None
    (checkout / "wait").unlink()
    assert [process.wait(60) for process in (first, second)] == [0, 0]
    assert (checkout / "log").read_text().split() == WHOLE, "there was nothing left to do for the second"
    for process in (first, second):
        process.communicate()

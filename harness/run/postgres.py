"""A PostgreSQL of the run's own: loopback, free port, data inside the run directory, gone with the run.

It keeps PostgreSQL's own settings (fsync on): a target that commits must pay for its commits as it does in production.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from harness.errors import HarnessError, PreflightError
from harness.ownership import OWNER_FILE, locked, owned
from harness.run.child import Child, Program
from harness.run.ports import LOOPBACK, on_free_port
from harness.run.removal import remove_tree

_START_SECONDS = 30.0
_INITDB_SECONDS = 120
_DATABASE = "mingus"
_MAINTENANCE_DATABASE = "postgres"
_ROLE = "harness"
_UNPRIVILEGED = "postgres"
_PREFIX = "harness-postgres-"


def find_binaries(environ_path: str | None = None) -> Path:
    """The folder with ``initdb`` and ``postgres``: on PATH, else Debian's newest below /usr/lib/postgresql.

    Raises:
        PreflightError: PostgreSQL is not installed.
    """
    for program in ("initdb", "postgres"):
        found = shutil.which(program, path=environ_path)
        if found and (Path(found).resolve().parent / "postgres").exists():
            return Path(found).resolve().parent
    versions = sorted(
        (p for p in Path("/usr/lib/postgresql").glob("*/bin") if (p / "initdb").exists()),
        key=lambda p: float(p.parent.name) if p.parent.name.replace(".", "", 1).isdigit() else 0.0,
    )
    if versions:
        return versions[-1]
    raise PreflightError(
        "PostgreSQL is not installed here (no initdb)",
        remedy="install it (Debian: apt-get install postgresql), or give a running target with --target URL",
    )


@contextmanager
def start_postgres(work: Path, log: Path, check: Callable[[], None] = lambda: None) -> Iterator[tuple[Child, str]]:
    """Runs a server below ``work``; yields it and its URL (with a password of its own: keep it off command lines).

    Raises:
        PreflightError: not installed, or this user cannot run it.
        HarnessError: it did not start.
    """
    binaries = find_binaries()
    user = _server_user()
    with _server_directory(work, user) as home:
        password = secrets.token_urlsafe(18)
        _initdb(binaries, home, password, user, log)

        def start(port: int) -> tuple[Child, str]:
            server = f"postgresql://{_ROLE}:{password}@{LOOPBACK}:{port}"
            child = Child(
                Program(
                    name="PostgreSQL",
                    argv=[
                        str(binaries / "postgres"), "-D", str(home / "data"), "-h", LOOPBACK, "-p", str(port),
                        # No socket file: its path is limited to 107 characters, and a run directory may be longer.
                        "-c", "unix_socket_directories=",
                        "-c", "max_connections=200",
                    ],
                    log=log,
                    cwd=home,
                    stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for the clients
                    orphan_signal=signal.SIGQUIT,
                    user=user,
                )
            )  # fmt: skip
            try:
                child.wait_until(lambda: _create_database(f"{server}/{_MAINTENANCE_DATABASE}"), _START_SECONDS, check)
            except BaseException:
                child.kill()
                raise
            return child, f"{server}/{_DATABASE}"

        child, url = on_free_port(start)
        try:
            yield child, url
        finally:
            child.stop()


def _create_database(maintenance_url: str) -> bool:
    """Creates the database once the server accepts connections; False while it does not."""
    try:
        with psycopg.connect(maintenance_url, connect_timeout=2, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {_DATABASE}")
    except psycopg.OperationalError:
        return False
    return True


def _server_user() -> str | None:
    """PostgreSQL refuses to run as root: then the package's own user runs it."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_UNPRIVILEGED)
    except KeyError:
        raise PreflightError(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED!r} to run it",
            remedy=f"create that user (useradd --system {_UNPRIVILEGED}), or run the harness as another user than root",
        ) from None
    return _UNPRIVILEGED


@contextmanager
def _server_directory(work: Path, user: str | None) -> Iterator[Path]:
    """A directory that ``user`` owns and can reach: below ``work``, or a temporary one where the way is closed."""
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as folders:
        home = work / "postgres"
        if user is not None and not _reachable(work.resolve(), pwd.getpwnam(user).pw_uid):
            home = folders.enter_context(_elsewhere()) / "postgres"
        folders.callback(remove_tree, home)
        home.mkdir()
        if user is not None:
            shutil.chown(home, user, user)
        home.chmod(0o700)
        yield home


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A temporary folder that other users may pass; it goes with the block, or at the next start after a kill -9."""
    temporary = Path(tempfile.gettempdir())
    sweep(temporary)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=temporary))
    try:
        folder.chmod(0o711)
        with owned(folder):
            yield folder
    finally:
        remove_tree(folder)


def sweep(temporary: Path) -> None:
    """Removes the temporary folders that killed harnesses of this user left. Those of living ones stay."""
    for folder in temporary.glob(f"{_PREFIX}*"):
        try:
            state = folder.lstat()
            ours = stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid()
            if not ours or not (folder / OWNER_FILE).is_file() or locked(folder / OWNER_FILE):
                continue
        except OSError:  # another harness removes it at this moment, or its lock cannot be read: not ours to judge
            continue
        remove_tree(folder)


def _reachable(path: Path, uid: int) -> bool:
    """Whether another user may walk down to ``path``: every folder on the way lets others pass, or is theirs."""
    for folder in (path, *path.parents):
        state = folder.stat()
        if not state.st_mode & (0o100 if state.st_uid == uid else 0o001):
            return False
    return True


def _initdb(binaries: Path, home: Path, password: str, user: str | None, log: Path) -> None:
    secret = home / "password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n", encoding="utf-8")
    if user is not None:
        shutil.chown(secret, user, user)
    command = [
        str(binaries / "initdb"), "-D", str(home / "data"), "-U", _ROLE, "--pwfile", str(secret),
        "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions",
    ]  # fmt: skip
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=_INITDB_SECONDS, cwd=home, check=False,
            user=user, group=user, extra_groups=None if user is None else [],
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise HarnessError(f"PostgreSQL's initdb could not run: {error}") from error
    finally:
        secret.unlink(missing_ok=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(result.stdout + result.stderr)
    if result.returncode != 0:
        raise HarnessError(f"PostgreSQL's initdb failed:\n{result.stderr.strip()[-2000:]}")

"""Which runs this user made on this machine: what a run directory says of programs, files and secrets is obeyed there.

A run directory may come from elsewhere (an artefact of CI, another user's folder). To go on with such a run would be to
run its locustfile; to recover its series could be to send the token of its plan's choice to the address of its plan's
choice. Who owns a directory says nothing: what is unpacked is the unpacker's. So what is to be obeyed later is sealed
with a key that only this user can read: HMAC-SHA-256 (RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import pwd
import secrets
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from urllib3.util import parse_url

from harness.plan.model import PrometheusTarget
from harness.plan.secrets import mask_url
from harness.run.record import RunDirectory

PROMETHEUS_SEAL = "prometheus.seal"  # in the run directory; there only where the plan names a token for its Prometheus
_KEY_FILE = Path("endurance-harness") / "key"
_KEY_BYTES = 32
_MOST_SEAL = 1000  # bytes


def seal(words: Sequence[object], environ: Mapping[str, str]) -> str:
    """The seal on these words, the key made at the first; empty where this user has no folder for a key."""
    key = _key(environ) or _new_key(environ)
    return "" if key is None else _sealed(key, words)


def is_sealed(words: Sequence[object], found: object, environ: Mapping[str, str]) -> bool:
    """Whether this user sealed these words on this machine. False also where that cannot be told."""
    key = _key(environ)
    if key is None or not isinstance(found, str) or not found.isascii():
        return False
    return hmac.compare_digest(found, _sealed(key, words))


def why_unsealed(environ: Mapping[str, str]) -> str:
    """Why nothing is sealed here, in words; empty where it is."""
    file = _key_file(environ)
    if file is None:
        return "this user has no home"
    return "" if seal((), environ) else f"{file} cannot be made and read, or is not yours alone"


def doubt_of(found: object, environ: Mapping[str, str]) -> str:
    """Why a run with this seal is not known as this user's, in words after "the run in ..."."""
    if not found:
        return "has no seal that tells who started it (no key could be kept there)"
    gone = "" if _key(environ) else ", or your key of then is gone"
    return f"was not started by you on this machine{gone}"


def seal_prometheus(directory: RunDirectory, prometheus: PrometheusTarget | None, environ: Mapping[str, str]) -> None:
    """Remembers that this user has the token sent there. Nothing where no token is named. Raises OSError."""
    if prometheus is not None and prometheus.bearer_token_file:
        (directory.path / PROMETHEUS_SEAL).write_text(seal(_of(prometheus), environ), encoding="utf-8")


def may_send_token(directory: RunDirectory, prometheus: PrometheusTarget, environ: Mapping[str, str]) -> bool:
    """Whether the plan's Prometheus may be told what stands in the plan's token file; True where it names none."""
    if not prometheus.bearer_token_file:
        return True
    found = _read(directory.path / PROMETHEUS_SEAL, _MOST_SEAL) or b""
    return is_sealed(_of(prometheus), found.decode("ascii", "replace"), environ)


def _of(prometheus: PrometheusTarget) -> tuple[object, ...]:
    """As plan.yml has it, where secrets are masked. Two addresses may look alike there, so also where requests go."""
    try:
        sent = parse_url(prometheus.url)  # as Requests does: another reader may take another part for the host
    except ValueError:
        return "prometheus", secrets.token_hex(32)  # none goes there: nothing that was sealed
    return "prometheus", mask_url(prometheus.url), sent.scheme, sent.host, sent.port, str(prometheus.bearer_token_file)


def _read(file: Path, most: int, *, own: bool = False) -> bytes | None:
    """Of a regular file, which nothing waits for and no link leads to; None for more than ``most`` bytes.

    Args:
        own: it must be this user's, and nobody else may read or write it.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
        closed = not own or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
        data = os.read(descriptor, most + 1) if closed and stat.S_ISREG(found.st_mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return data if data is not None and len(data) <= most else None


def _sealed(key: bytes, words: Sequence[object]) -> str:
    return hmac.new(key, json.dumps(list(words)).encode(), hashlib.sha256).hexdigest()


def _key_file(environ: Mapping[str, str]) -> Path | None:
    """As the XDG base directory specification has it; None without a home. Services and cron jobs may lack HOME."""
    state = environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / _KEY_FILE
    home = environ.get("HOME", "")
    if not home:
        with suppress(KeyError):  # a container may run as a user that nobody listed
            home = pwd.getpwuid(os.geteuid()).pw_dir
    return Path(home) / ".local" / "state" / _KEY_FILE if Path(home).is_absolute() else None


def _key(environ: Mapping[str, str]) -> bytes | None:
    """The key, where it is this user's and nobody else can read or write it."""
    file = _key_file(environ)
    key = None if file is None else _read(file, _KEY_BYTES, own=True)
    return key if key is not None and len(key) == _KEY_BYTES else None


def _new_key(environ: Mapping[str, str]) -> bytes | None:
    """Makes it, whole or not at all; of two at once one wins. None where it cannot be made."""
    file = _key_file(environ)
    if file is None:
        return None
    temporary = file.with_name(f".key-{secrets.token_hex(8)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(temporary, file)
    except OSError:
        return None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return _key(environ)

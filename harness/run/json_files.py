"""The JSON files of a run directory: written whole or not at all; read within bounds, a failure names the file."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import ArchiveError

MOST_BYTES = 64 * 2**20  # of a JSON file; a verdict with thousands of endpoints has some MB


def write_json(path: Path, data: Any) -> None:
    """Whole or not at all: a reader never sees half a file, also after a kill."""
    write_text(path, json.dumps(data, indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Atomic write, see ``write_json``."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """Raises ArchiveError that names the file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MOST_BYTES:
            raise ArchiveError(f"{path} is no file of a run: it is {status.st_size:,} bytes large, or no regular file")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArchiveError(f"{path} is missing") from None
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ArchiveError(f"{path} is not valid JSON: {error}") from error

"""Removes folders that programs of ours wrote in until a moment ago."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

_PATIENCE_SECONDS = 5.0


def remove_tree(folder: Path, patience: float = _PATIENCE_SECONDS) -> None:
    """Removes a folder with all that is in it; what cannot be removed stays.

    A killed server's last processes may still write: it is tried again for ``patience`` seconds. A KeyboardInterrupt
    (a second signal) does not stop it half-way: it is raised when the folder is gone.
    """
    interrupt: KeyboardInterrupt | None = None
    deadline = time.monotonic() + patience
    while True:
        try:
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists() or time.monotonic() > deadline:
                break
            time.sleep(0.1)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt

"""What of a child's configuration is secret goes through a file that only its owner reads, not through its environment.

Whatever a locustfile starts inherits the environment, and crash reporters like to print it.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from harness.load.config import LoadConfig


def hide(config: LoadConfig) -> LoadConfig:
    """The configuration without headers and token, which stand in a file of its control folder from now on.

    Raises:
        OSError: it cannot be written.
    """
    if not config.headers and not config.token:
        return config
    path = Path(config.control_dir) / f"{config.name}.secrets"
    path.unlink(missing_ok=True)  # the mode below is of a new file only, and a link would be followed
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"headers": dict(config.headers), "token": config.token}, file)
    return replace(config, headers={}, token="", secrets=str(path))


def reveal(config: LoadConfig) -> LoadConfig:
    """The configuration with what ``hide`` put away. Raises OSError, ValueError or KeyError."""
    if not config.secrets:
        return config
    data = json.loads(Path(config.secrets).read_text(encoding="utf-8"))
    return replace(config, headers=data["headers"], token=data["token"])

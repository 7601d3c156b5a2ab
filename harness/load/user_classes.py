"""Which user classes a locustfile has, asked in a child process: importing Locust patches the process that does it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.errors import HarnessError
from harness.load.last_words import telling
from harness.plan.model import Plan
from harness.plan.problems import did_you_mean

_PATIENCE_SECONDS = 60.0  # a locustfile may read large data at its import


def unknown_user_classes(plan: Plan, environ: Mapping[str, str]) -> tuple[str, str]:
    """What is wrong with ``load.user_classes`` and what to do; two empty texts when nothing is.

    The locustfile is asked only when the plan names classes.

    Raises:
        HarnessError: it cannot be loaded.
    """
    if not plan.load.user_classes:
        return "", ""
    known = user_classes_of(Path(plan.load.locustfile), environ)
    unknown = [name for name in plan.load.user_classes if name not in known]
    if not unknown:
        return "", ""
    hint = did_you_mean(unknown[0], known)
    return (
        f"the locustfile has no user class {', '.join(map(repr, unknown))}{hint}",
        f"known: {', '.join(known) or 'none'}; correct load.user_classes, or leave it out to run all",
    )


def user_classes_of(locustfile: Path, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the classes that Locust would run, in the file's order.

    Raises:
        HarnessError: the locustfile cannot be loaded.
    """
    # As the load's own children: the working directory comes in with the locustfile, Locust's variables do not count.
    command = [sys.executable, "-P", "-m", "harness.load.list_user_classes", str(locustfile.resolve())]
    kept = {key: value for key, value in environ.items() if not key.upper().startswith("LOCUST_")}
    remedy = "correct the locustfile, install what it imports, or set the environment variable that it reads"
    try:
        asked = subprocess.run(
            command, env=kept, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise HarnessError(
            f"the locustfile {locustfile} was not loaded within {_PATIENCE_SECONDS:.0f} s", remedy=remedy
        ) from error
    said = asked.stdout.decode(errors="replace").splitlines()
    try:
        names = json.loads(said[-1]) if asked.returncode == 0 and said else None
    except ValueError:
        names = None
    if not isinstance(names, list):
        cause = telling(asked.stderr.decode(errors="replace")) or f"exit code {asked.returncode}"
        raise HarnessError(f"the locustfile {locustfile} cannot be loaded: {cause}", remedy=remedy)
    return tuple(map(str, names))

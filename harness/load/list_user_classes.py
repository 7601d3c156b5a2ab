"""``python -m harness.load.list_user_classes LOCUSTFILE``: its user classes as a JSON list, on the last line.

A process of its own: importing Locust patches it, and importing a locustfile runs it.
"""

from __future__ import annotations

import json
import os
import sys

# Locust patches the process at import: it comes before everything else.
import locust  # noqa: F401
from locust.util.load_locustfile import load_locustfile, load_locustfile_pytest


def main(locustfile: str) -> None:
    """Prints and ends the process."""
    classes, _ = load_locustfile(locustfile)
    if not classes:  # as Locust's own main does
        classes = load_locustfile_pytest(locustfile)
    sys.stdout.write(f"\n{json.dumps(list(classes))}\n")
    sys.stdout.flush()
    os._exit(0)  # whatever the locustfile registered for the end must not run, nor print behind this


if __name__ == "__main__":
    main(sys.argv[1])

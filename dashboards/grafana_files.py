"""`make dashboards`: writes the generated JSON beside the code; ``--check`` only tells whether it would change."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards.catalog import all_dashboards
from dashboards.grafana import to_json

GENERATED = Path(__file__).resolve().parent / "generated"


def files() -> dict[str, str]:
    """File name -> text of every dashboard."""
    return {f"{dashboard.uid}.json": to_json(dashboard) for dashboard in all_dashboards()}


def differences(folder: Path = GENERATED) -> list[str]:
    """Names of files in ``folder`` that are missing, differ from what the code says, or belong to no dashboard."""
    wanted = files()
    held = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in wanted.keys() | held.keys() if wanted.get(name) != held.get(name))


def write(folder: Path = GENERATED) -> None:
    """Makes ``folder`` hold exactly the generated files."""
    folder.mkdir(exist_ok=True)
    wanted = files()
    for path in folder.glob("*.json"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        stale = differences()
        if stale:
            sys.exit(f"{', '.join(stale)} differ from the code: run make dashboards and commit")
    else:
        write()

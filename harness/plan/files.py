"""Finds the files that a plan names: the plan itself, its locustfile, its CA file. I/O: looks, never writes."""

from __future__ import annotations

import difflib
from pathlib import Path

from harness.errors import PlanError
from harness.plan.problems import Problems
from harness.plan.yaml_lines import Node

SHIPPED_LOCUSTFILE = Path(__file__).resolve().parents[1] / "load" / "locustfile.py"
# How plans name the shipped locustfile; in an installed wheel there is no such path in the working directory.
SHIPPED_NAME = "harness/load/locustfile.py"
RECORD_FILE = "run.json"
STORED_PLAN = "plan.yml"


def find_plan(name: str, plans_dir: Path) -> Path:
    """PLAN of the command line: a path, or the name of a shipped plan ("smoke", "smoke.yml").

    Raises:
        PlanError: neither; names the shipped plans and the nearest of them.
    """
    try:
        if Path(name).is_file():
            return Path(name)
        if name and "/" not in name:
            for candidate in (plans_dir / f"{name}.yml", plans_dir / name):
                if candidate.is_file():
                    return candidate
        if name and Path(name).exists():
            return Path(name)  # a directory or a device: loading tells what is wrong with it
    except (OSError, ValueError):
        raise PlanError(f"{name[:80]!r} is not a usable file name", remedy="give the path of a plan") from None
    shipped = sorted(path.stem for path in plans_dir.glob("*.yml"))
    close = difflib.get_close_matches(Path(name).stem[:60], shipped, n=1, cutoff=0.6)
    raise PlanError(
        f"there is no plan {name[:200]!r}" + (f"; did you mean {close[0]!r}?" if close else ""),
        remedy=f"give the path of a plan, or a shipped one: {', '.join(shipped) or 'none is installed'}",
    )


def is_stored(path: Path) -> bool:
    """Whether this is the plan inside a run directory: what a run was, not what is to be started.

    Its locustfile may be gone and its directory moved, and it must be judged all the same.
    """
    return path.name == STORED_PLAN and (path.parent / RECORD_FILE).is_file()


def default_locustfile(root: Node) -> None:
    """A plan without a locustfile drives the shipped one."""
    load = root.mapping.get("load") if root.mapping else None
    if load is not None and load.mapping is not None:
        node = load.mapping.get("locustfile")
        if node is None or node.value is None:
            load.mapping["locustfile"] = Node(SHIPPED_NAME, load.line, load.origin)


def resolve_files(root: Node, plan_dir: Path, problems: Problems) -> None:
    """Replaces file names in the tree by absolute paths of files that can be read; problems name the plan's line."""
    folders = tuple(dict.fromkeys((plan_dir.absolute(), Path.cwd())))
    load = root.mapping.get("load") if root.mapping else None
    if load is not None and load.mapping is not None:
        node = load.mapping.get("locustfile")
        if node is not None and node.text is not None:
            loc = ("load", "locustfile")
            shipped = (SHIPPED_LOCUSTFILE,) if node.text == SHIPPED_NAME else ()
            _resolve(root, loc, node, "locustfile", folders, shipped, problems)
    for loc, what in ((("target", "ca_file"), "CA file"), (("prometheus", "bearer_token_file"), "token file")):
        node = root.at(loc)
        if node.text is not None and node is not root.at(loc[:-1]):
            _resolve(root, loc, node, what, folders, (), problems)


def _resolve(
    root: Node,
    loc: tuple[str, ...],
    node: Node,
    what: str,
    folders: tuple[Path, ...],
    further: tuple[Path, ...],
    problems: Problems,
) -> None:
    assert node.text is not None
    candidates = [*(folder / node.text for folder in folders), *further]
    try:
        found = next((path for path in candidates if path.is_file()), None)
        if found is None:
            is_dir = any(path.is_dir() for path in candidates) and node.text
            problem = "is a directory" if is_dir else "was not found"
            looked = ", ".join(dict.fromkeys(str(path) for path in candidates))
            problems.add_loc(root, loc, f"the {what} {node.text!r} {problem}", f"looked at {looked}")
            return
        with found.open("rb") as file:
            file.read(1)
    except OSError as error:
        reason = error.strerror or str(error)
        problems.add_loc(root, loc, f"the {what} {node.text!r} cannot be read: {reason}", "check its permissions")
        return
    except ValueError:
        problems.add_loc(root, loc, f"the {what} {node.text!r} is not a usable file name", "give the path of a file")
        return
    node.value = str(found.resolve())

"""The import rule of the design: who may import whom. A new import that breaks a wall fails here, with its line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("harness", "exporters", "target", "dashboards", "deploy")
LEAVES = {"harness.errors", "harness.units", "harness.deadline"}
NAMES = "exporters.metric_names"

# Room -> what of ours it may import besides itself, the leaves and the metric names. Longest prefix wins.
ALLOWED: dict[str, set[str]] = {
    "harness.errors": set(),
    "harness.units": set(),
    "harness.deadline": set(),
    "harness.assets": set(),
    "harness.ownership": set(),
    "harness.free_memory": set(),
    "harness.plan": set(),
    "harness.load": {"harness.plan", "harness.ownership", "harness.free_memory", "exporters"},
    "harness.prom": {"harness.plan", "harness.run.record", "exporters.load_histogram"},
    "harness.judge": {"harness.plan", "harness.prom", "harness.run.record", "harness.run.json_files",
                      "exporters.load_histogram"},
    "harness.report": {"harness.judge.verdict", "harness.judge.steps", "harness.run.record",
                       "harness.run.json_files", "harness.prom",
                       "harness.plan", "harness.assets", "dashboards"},
    "harness.run": {"harness.plan", "harness.load.launcher", "harness.load.standing", "harness.load.orders",
                    "harness.load.addresses", "harness.load.restart",
                    "harness.ownership", "harness.free_memory", "harness.prom", "harness.judge", "harness.assets",
                    "exporters.load_histogram", "target.launch"},
    "harness.run.json_files": set(),
    "harness.run.record": {"harness.run.json_files"},
    "harness.scaffold": {"harness.plan"},
    "harness.replay": {"harness.plan", "harness.prom", "harness.judge", "harness.run.record"},
    "harness.pytest_plugin": set(),
    "harness.selftest": {"harness.judge.verdict", "harness.prom", "harness.run.record",
                         "harness.run.json_files"},
    # Starts the reference target apart from a run.
    "harness.selftest.own_target": {"harness.assets", "harness.run.mingus", "harness.run.postgres",
                                    "harness.run.redis_server"},
    "harness.cli": {"harness"},
    "exporters": set(),
    "target": set(),
    "dashboards": set(),
    "deploy": set(),
}  # fmt: skip
# Leaves: nothing of ours at all, not even the names.
PURE_LEAVES = LEAVES | {NAMES}


def modules() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = list(path.relative_to(ROOT).with_suffix("").parts)
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imports(path: Path, module: str) -> Iterator[tuple[str, int]]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*anchor, base] if base else anchor)
            for alias in node.names:
                # `from harness import cli` imports a module, `from harness.errors import X` a name of one.
                full = f"{base}.{alias.name}"
                yield (full if is_module(full) else base), node.lineno


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str:
    if module.startswith("harness.cli"):
        return "harness.cli"
    rooms = [room for room in ALLOWED if within(module, room)]
    return max(rooms, key=len, default="")


def breaches(module: str, path: Path) -> Iterator[str]:
    room = room_of(module)
    for name, line in imports(path, module):
        where = f"{path}:{line}: {module} imports {name}"
        if within(name, "locust") and not within(module, "harness.load"):
            yield f"{where}: only Locust's own processes may"
        if name.split(".")[0] not in OURS:
            continue
        if name.startswith("harness.cli") and room != "harness.cli":
            yield f"{where}: nobody imports the command line"
        elif module in PURE_LEAVES:
            yield f"{where}: a leaf imports nothing of ours"
        elif not (
            any(within(name, allowed) for allowed in ALLOWED[room] | {room})
            or (name in LEAVES and module.startswith("harness"))
            or (name == NAMES and not module.startswith("target"))
            or name == "harness"
        ):
            yield f"{where}: not allowed for {room}"


ALL = list(modules())


def test_every_module_has_a_room() -> None:
    homeless = [m for m, _ in ALL if m not in ("harness",) and not room_of(m)]
    assert not homeless, f"no room in the house for {homeless}"


@pytest.mark.parametrize(("module", "path"), ALL, ids=[m for m, _ in ALL])
def test_imports_follow_the_rule(module: str, path: Path) -> None:
    if module == "harness":
        assert list(imports(path, module)) == []
        return
    assert list(breaches(module, path)) == []


def reachable(start: str) -> dict[str, list[str]]:
    """Modules of ours that importing ``start`` imports, each with all that it names."""
    paths = dict(ALL)
    found: dict[str, list[str]] = {}
    ahead = [start]
    while ahead:
        module = ahead.pop()
        if module in found or module not in paths:
            continue
        found[module] = [name for name, _ in imports(paths[module], module)]
        ahead += found[module]
    return found


def test_the_command_line_never_imports_locust() -> None:
    """Importing Locust patches the process: only the Locust children may, however long the chain."""
    commands = [
        module for module, _ in ALL if module.startswith("harness.cli")
    ]  # they are imported when they are called
    found = {name: names for command in commands for name, names in reachable(command).items()}
    assert "harness.load.launcher" in found
    assert [module for module, names in found.items() if any(within(name, "locust") for name in names)] == []
    assert any(within(name, "locust") for name in reachable("harness.load.boot")["harness.load.boot"])


def test_the_rule_can_fail(tmp_path: Path) -> None:
    """The check itself is checked: a judge that imports the load, Locust and the command line is caught three times."""
    source = tmp_path / "wrong.py"
    source.write_text("from harness.load import launcher\nimport locust\nimport harness.cli\n")
    assert len(list(breaches("harness.judge.wrong", source))) == 3

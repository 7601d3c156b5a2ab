"""An archive is the old one or the new one, whatever happens while it is made; and what is damaged later is named."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from harness.errors import ArchiveError
from harness.prom import swap
from harness.prom.blocks import find_blocks, link_archive, move_blocks
from harness.prom.manifest import DamagedArchiveError, Kept, check_archive
from harness.prom.swap import heal
from tests.prom.conftest import T0, series, write_blocks
from tests.prom.kill_points import killed_at

TIMES = T0 + 5.0 * np.arange(100)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    for name, value in (("old", 1.0), ("new", 2.0)):
        for day in range(2):
            write_blocks(folder / name, series("m", TIMES + day * 86400, value))
    return folder


def names(folder: Path) -> set[str]:
    return {block.path.name for block in find_blocks(folder)}


def archived(made: Path, home: Path, name: str) -> Path:
    """The archive of a copy of these blocks, in ``home``."""
    source = home / f"source-{name}"
    shutil.copytree(made / name, source)
    move_blocks(find_blocks(source), home / "tsdb")
    shutil.rmtree(source)
    return home / "tsdb"


@pytest.mark.parametrize("before", ["old", None])
@pytest.mark.parametrize("exchanges", [True, False], ids=["exchange", "two renames"])
def test_killed_at_any_moment_it_is_the_old_one_or_the_new(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str | None, exchanges: bool
):
    if not exchanges:
        monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    seen: list[str] = []
    for step in count(1):
        home = tmp_path / str(step)
        home.mkdir()
        tsdb = archived(made, home, before) if before else home / "tsdb"
        shutil.copytree(made / "new", home / "source")
        blocks = find_blocks(home / "source")
        killed = killed_at(step, lambda blocks=blocks, tsdb=tsdb: move_blocks(blocks, tsdb))  # type: ignore[misc]
        if exchanges:
            assert tsdb.exists() or before is None, "there is no moment without it"
        heal(tsdb)
        if tsdb.exists():
            assert check_archive(tsdb).state is Kept.WHOLE
            seen.append("new" if names(tsdb) == names(made / "new") else "old")
            assert names(tsdb) in (names(made / "old"), names(made / "new"))
        else:
            assert before is None
            seen.append("none")
        # Whatever was left: the next one succeeds, and leaves nothing beside it.
        archived(made, home, "new")
        assert names(tsdb) == names(made / "new")
        assert {path.name for path in home.iterdir()} <= {"tsdb", "source"}
        shutil.rmtree(home)
        if not killed:
            break
    assert step > 5
    assert seen == sorted(seen, key=["none", "old", "new"].index), "from some step on it is the new one"
    assert seen[0] == (before or "none") and seen[-1] == "new"


def test_a_copy_that_fails_leaves_the_old_one_and_says_why(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tsdb = archived(made, tmp_path, "old")
    shutil.copytree(made / "new", tmp_path / "source")

    for failure in (  # the second is what shutil raises of a tree, for each of its files
        OSError(errno.ENOSPC, "No space left on device"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'"), ("c", "d", "more")]),
    ):
        monkeypatch.setattr(shutil, "move", mock.Mock(side_effect=failure))
        with pytest.raises(ArchiveError, match="No space left on device") as raised:
            move_blocks(find_blocks(tmp_path / "source"), tsdb)
        assert "more" not in raised.value.message
    assert "is the disk full" in raised.value.remedy
    assert names(tsdb) == names(made / "old")
    assert {path.name for path in tmp_path.iterdir()} == {"tsdb", "source"}


DAMAGE = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "flipped": lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("file", ["index", "chunks/000001", "meta.json"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_with_its_block(made: Path, tmp_path: Path, file: str, damage: str):
    tsdb = archived(made, tmp_path, "old")
    checked = check_archive(tsdb)
    assert (checked.state, checked.files) == (Kept.WHOLE, len([p for p in tsdb.rglob("*") if p.is_file()]) - 1)
    block = sorted(names(tsdb))[1]
    DAMAGE[damage](tsdb / block / file)
    checked = check_archive(tsdb)
    assert (checked.state, checked.blocks) == (Kept.DAMAGED, (block,))
    words = {"cut": "bytes instead of", "flipped": "has another checksum", "gone": "is missing"}[damage]
    assert len(checked.damage) == 1 and checked.damage[0].startswith(f"{block}/{file} ") and words in checked.damage[0]
    with pytest.raises(DamagedArchiveError, match=f"is broken: block {block} cannot be read, {block}/{file} "):
        link_archive(tsdb, tmp_path / "copy")


def test_a_block_that_is_gone_is_damage_and_no_gap(made: Path, tmp_path: Path):
    tsdb = archived(made, tmp_path, "old")
    block = min(names(tsdb))
    shutil.rmtree(tsdb / block)
    with pytest.raises(DamagedArchiveError, match=f"block {block} cannot be read, .* is missing"):
        link_archive(tsdb, tmp_path / "copy")


def test_a_block_that_was_put_there_later_is_not_the_runs(made: Path, tmp_path: Path):
    tsdb = archived(made, tmp_path, "old")
    [other, *_] = find_blocks(made / "new")
    shutil.copytree(other.path, tsdb / other.path.name)
    assert (check_archive(tsdb).state, check_archive(tsdb).blocks) == (Kept.DAMAGED, (other.path.name,))
    with pytest.raises(DamagedArchiveError, match=f"block {other.path.name} .*was not kept with it"):
        link_archive(tsdb, tmp_path / "copy")


def test_what_no_server_reads_may_lie_beside_the_blocks(made: Path, tmp_path: Path):
    tsdb = archived(made, tmp_path, "old")
    (tsdb / "README").write_text("of last autumn")
    (tsdb / min(names(tsdb)) / ".DS_Store").write_text("a folder was looked at")
    assert check_archive(tsdb).state is Kept.WHOLE


@pytest.mark.parametrize("kept", ["nothing", "one block", "all but an index", "a head"])
def test_a_list_that_leaves_files_out_does_not_vouch_for_them(made: Path, tmp_path: Path, kept: str):
    tsdb = archived(made, tmp_path, "old")
    manifest = json.loads((tsdb / "archive.json").read_text())
    first = min(names(tsdb))
    if kept == "a head":
        (tsdb / "wal").mkdir()
        (tsdb / "wal" / "00000000").write_bytes(b"samples of another run")
    else:
        left = {"nothing": "", "one block": first, "all but an index": ""}[kept]
        manifest["files"] = {
            name: told for name, told in manifest["files"].items()
            if (kept == "all but an index" and name != f"{first}/index") or (left and name.startswith(left))
        }  # fmt: skip
    (tsdb / "archive.json").write_text(json.dumps(manifest))
    assert check_archive(tsdb).state is Kept.DAMAGED
    with pytest.raises(DamagedArchiveError, match="was not kept with it"):
        link_archive(tsdb, tmp_path / "copy")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 2, "files": {}}', '{"schema": 1}', '{"schema": 1, "files": {"a": 1}}',
     '{"schema": 1, "files": {"../run.json": {"bytes": 1, "sha256": ""}}}'],
)  # fmt: skip
def test_a_list_of_checksums_that_cannot_be_read_is_damage(made: Path, tmp_path: Path, text: str):
    tsdb = archived(made, tmp_path, "old")
    (tsdb / "archive.json").write_text(text)
    with pytest.raises(DamagedArchiveError, match=r"archive\.json"):
        link_archive(tsdb, tmp_path / "copy")


def test_without_checksums_an_archive_is_read_as_it_is(made: Path, tmp_path: Path):
    tsdb = archived(made, tmp_path, "old")
    listed = json.loads((tsdb / "archive.json").read_text())["files"]
    assert all(one["bytes"] > 0 and len(one["sha256"]) == 64 for one in listed.values())
    (tsdb / "archive.json").unlink()
    assert check_archive(tsdb).state is Kept.UNKNOWN
    assert {block.path.name for block in link_archive(tsdb, tmp_path / "copy")} == names(made / "old")


def test_sizes_and_checksums_are_those_of_other_tools(made: Path, tmp_path: Path):
    tsdb = archived(made, tmp_path, "old")
    listed = json.loads((tsdb / "archive.json").read_text())["files"]
    told = "".join(f"{one['sha256']}  {name}\n" for name, one in listed.items())
    subprocess.run(["sha256sum", "--check", "--quiet"], input=told, text=True, cwd=tsdb, check=True, stdout=sys.stderr)

"""How much memory may still be taken: of the machine, and of the control group of this container."""

from __future__ import annotations

from math import inf
from pathlib import Path

import psutil
import pytest

from harness.free_memory import AT_MOST, memory_bounds, memory_free

MIB = 2**20


def group(folder: Path, limit: str, used: str, stat: str = "") -> tuple[Path, Path]:
    folder.mkdir()
    (folder / "max").write_text(f"{limit}\n")
    (folder / "current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(stat)
    return folder / "max", folder / "current"


def test_a_limit_counts_and_cached_files_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = type("Memory", (), {"available": 8 * MIB})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: machine)
    gone = (tmp_path / "no" / "max", tmp_path / "no" / "current")
    assert memory_free([gone]) == 8 * MIB
    assert memory_free([group(tmp_path / "unlimited", "max", "1")]) == 8 * MIB
    stat = f"anon 5\ninactive_file {MIB}\nactive_file {2 * MIB}\nslab_reclaimable {4 * MIB}\n"
    limited = group(tmp_path / "limited", str(4 * MIB), str(3 * MIB), stat)
    assert memory_free([limited]) == 2 * MIB
    assert memory_free([limited], AT_MOST) == 8 * MIB
    assert memory_bounds([limited]) == [(8 * MIB, inf), (2 * MIB, 4 * MIB)]
    first = group(tmp_path / "first", str(4 * MIB), str(9 * MIB), f"total_inactive_file {MIB}\ninactive_file 5\n")
    assert memory_free([gone, limited, first]) == MIB, "the least of them, and never less than nothing"
    broken = group(tmp_path / "broken", str(4 * MIB), str(3 * MIB), "inactive_file many\n")
    assert memory_free([broken]) == MIB

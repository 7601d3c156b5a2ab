"""Every hostile surrounding that the kill matrix knows, in the order of its page."""

from __future__ import annotations

from harness.selftest.database_mute import DATABASE_CELLS
from harness.selftest.disk_full import DISK_CELLS
from harness.selftest.hostile_target import TARGET_CELLS
from harness.selftest.network import NETWORK_CELLS
from harness.selftest.surroundings import Surrounding

SURROUNDINGS: tuple[Surrounding, ...] = (*DISK_CELLS, *DATABASE_CELLS, *NETWORK_CELLS, *TARGET_CELLS)

"""Every hostile surrounding that the kill matrix knows, in the order of its page."""

from __future__ import annotations

from harness.selftest.disk_full import DISK_CELLS
from harness.selftest.surroundings import Surrounding

SURROUNDINGS: tuple[Surrounding, ...] = (*DISK_CELLS,)

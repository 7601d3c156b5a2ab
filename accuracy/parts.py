"""A long measurement in parts: what is done is kept, so that it can stop and go on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class NotYet(Exception):
    """The time was up before everything was measured."""


class Parts:
    """Results on disk, by name and number of the part.

    Args:
        folder: None keeps nothing.
        key: of what is measured (commit, arguments): results of another one are not used.
        seconds: no further part is begun after these.
    """

    def __init__(self, folder: Path | None, key: str, seconds: float = float("inf")) -> None:
        self._folder = folder
        self._key = key
        self._began = time.monotonic()
        self._seconds = seconds
        self.measured = 0.0

    def each(
        self, name: str, todo: Sequence[T], size: int, work: Callable[[Sequence[T]], list[R]],
        read: Callable[[dict[str, Any]], R],
    ) -> list[R]:  # fmt: skip
        """``work`` on ``todo`` in parts of ``size``; what was kept is read instead. Raises NotYet."""
        found: list[R] = []
        for number, first in enumerate(range(0, len(todo), size)):
            file = self._folder / f"{name}-{number}.json" if self._folder else None
            kept = json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}
            if kept.get("key") == self._key:
                self.measured += kept["seconds"]
                found += [read(one) for one in kept["results"]]
                continue
            if time.monotonic() - self._began > self._seconds:
                raise NotYet(f"{name}: {first} of {len(todo)} are done")
            began = time.monotonic()
            part = work(todo[first : first + size])
            seconds = time.monotonic() - began
            self.measured += seconds
            found += part
            if file is not None:
                file.parent.mkdir(parents=True, exist_ok=True)
                results = [asdict(one) for one in part]  # type: ignore[call-overload]
                text = json.dumps({"key": self._key, "seconds": seconds, "results": results})
                file.with_suffix(".part").write_text(text, encoding="utf-8")
                file.with_suffix(".part").replace(file)
        return found

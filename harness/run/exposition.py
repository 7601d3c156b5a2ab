"""Does a text read as Prometheus' exposition format? One line that does not costs a scrape all of its samples. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

# More is let through than Prometheus takes (a name, labels, a value; what follows is not looked at): what is refused
# here it refuses too. Possessive: a line of blanks must not take minutes.
_SAMPLE = re.compile(
    rb"[ \t]*+(?:[A-Za-z_:\x80-\xff][^\s{]*+)?+[ \t]*+(?:\{.*\})?[ \t]*+(?<=[\s}])[-+]?(?:\.?\d|nan|inf)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST = 64 * 1024  # of a line that is looked at; a longer one counts, and is not read
_SHOWN = 60


class Exposition:
    """Reads a body in pieces.

    Args:
        looked_for: names of series.

    Attributes:
        found: those of them that stand in it.
        series: lines of samples so far, those that do not read included.
        unreadable: what is wrong with the first line that does not read, in words; empty while all do.
    """

    def __init__(self, looked_for: Iterable[str] = ()) -> None:
        self.found: set[str] = set()
        self._looked_for = {name.encode(): name for name in looked_for}
        self.series = 0
        self.unreadable = ""
        self._line = 1
        self._begun = b""
        self._ended = False

    def feed(self, piece: bytes) -> None:
        *whole, last = piece.split(b"\n")
        for part in whole:
            self._read(self._begun + part)
            self._begun = b""
            self._line += 1
        self._begun = (self._begun + last)[: _LONGEST + 1]

    def end(self) -> None:
        self._read(self._begun)
        self._begun = b""

    def _read(self, line: bytes) -> None:
        if not line or line.startswith(b"#"):
            return
        self.series += 1
        if self._looked_for:
            name = line.partition(b"{")[0].partition(b" ")[0].strip()
            if name in self._looked_for:
                self.found.add(self._looked_for[name])
        self._ended = self._ended or b"\0" in line  # Prometheus reads no further, and is content
        if self._ended or line.lstrip(b" \t").startswith(b"#"):
            return
        if not self.unreadable and len(line) <= _LONGEST and line.strip() and not _SAMPLE.match(line):
            shown = line[:_SHOWN].decode(errors="replace") + ("..." if len(line) > _SHOWN else "")
            self.unreadable = f"line {self._line} is no sample: {shown!r}"

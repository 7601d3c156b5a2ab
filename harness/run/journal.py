"""What happened in a run, in words: shown, kept in ``logs/harness.log``, and the notable part in ``run.json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.plan.secrets import mask_url
from harness.run.display import Ui
from harness.run.record import rfc3339

_MOST_NOTES = 200


class Journal:
    """Events of one run. Notes are things that a reader of the verdict must know; they are bounded in number."""

    def __init__(self, ui: Ui, log: Path, clock: Callable[[], float], notes: Sequence[str] = ()) -> None:
        """``notes``: of before, where the run is taken up again."""
        self._ui = ui
        self._log = log
        self._clock = clock
        self._notes = list(notes)
        self._unwritten = False

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)

    def event(self, text: str) -> None:
        """Something that happens in every run."""
        self._write(text, "info")

    def note(self, text: str) -> None:
        """Something out of the ordinary. The same words are said once."""
        text = mask_url(text)
        if text in self._notes:
            return
        if len(self._notes) < _MOST_NOTES:
            self._notes.append(text)
        self._write(text, "note")

    def remark(self, text: str) -> None:
        """As a note, but not kept: every report tells it anyway."""
        self._write(text, "note")

    def error(self, text: str) -> None:
        self._write(text, "error")

    def _write(self, text: str, level: str) -> None:
        text = mask_url(text)
        try:
            with self._log.open("a", encoding="utf-8") as file:
                file.write(f"{rfc3339(self._clock())} {level} {text}\n")
        except OSError as error:  # a full disk must not cost the run its verdict over a line of its log
            if not self._unwritten:
                self._unwritten = True
                self._ui.event(f"{self._log} cannot be written: {error.strerror}", "error")
        self._ui.event(text, level)

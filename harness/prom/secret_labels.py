"""Secrets in label values (a URL with a password, a token) do not belong into an archive that is kept for years."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace

from harness.plan.secrets import MASK, mask_url
from harness.prom.series import Series

_SHORTEST = 6  # a known secret of fewer characters would be found in words that are none


class LabelMask:
    """Masks label values; series that differed in a secret alone still differ, by a mark that does not tell it.

    Args:
        secrets: texts that must not appear, such as the plan's passwords; besides what looks like a secret in a URL.
        salt: makes the marks of one archive; forgotten afterwards, so that nobody can try values out.
        spared: values that stay as they are: the plan's objectives name endpoints by them.
    """

    def __init__(self, secrets: Iterable[str], salt: str = "", spared: Iterable[str] = ()) -> None:
        # The longest first: one may hold another.
        self._secrets = sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len, reverse=True)
        self._salt = salt
        self._spared = frozenset(spared)
        self.masked: set[str] = set()

    def value(self, text: str) -> str:
        """The text, or what stands for it."""
        if text in self._spared:
            return text
        shown = text
        for secret in self._secrets:
            shown = shown.replace(secret, MASK)
        shown = mask_url(shown)
        if shown == text:
            return text
        mark = hashlib.sha256(f"{self._salt}\0{text}".encode()).hexdigest()[:8]
        return f"{shown}~{mark}"

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Labels with their values masked; which labels had one is noted in ``masked``."""
        shown = {name: self.value(value) for name, value in labels.items()}
        self.masked |= {name for name, value in shown.items() if value != labels[name]}
        return shown

    def series(self, series: Iterable[Series]) -> list[Series]:
        return [replace(one, labels=self.labels(one.labels)) for one in series]

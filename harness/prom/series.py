"""One time series as the judge reads it: labels and two numpy arrays. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """Samples of one series.

    Attributes:
        labels: all labels, ``__name__`` included where Prometheus returned one.
        times: shape (n,), unix seconds, strictly increasing.
        values: shape (n,), float64; a stale or missing step is absent, not NaN. NaN means that the expression was NaN.
    """

    labels: Mapping[str, str]
    times: FloatArray
    values: FloatArray

    def __len__(self) -> int:
        return int(self.times.size)

    def between(self, start: float, end: float) -> Series:
        """The samples with start <= time <= end."""
        keep = (self.times >= start) & (self.times <= end)
        return Series(self.labels, self.times[keep], self.values[keep])

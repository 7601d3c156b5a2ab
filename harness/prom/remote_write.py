"""Prometheus remote write 1.0 requests, encoded by hand from numpy arrays. Pure.

Why remote write and not OpenMetrics text: promtool reads text at some 8 us a sample (measured), a server takes this at
well under 1 us; timestamps and floats travel as bits, so nothing is rounded, and no label needs escaping.

Format: https://prometheus.io/docs/specs/prw/remote_write_spec/ (protobuf ``prometheus.WriteRequest``), wrapped in
Snappy's block format (https://github.com/google/snappy/blob/main/format_description.txt) as literals only: valid for
every decoder, and on loopback there is nothing to gain from compressing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from harness.prom.series import Series

HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}

# A request of this many samples is about 3.6 MB: large enough that the HTTP round trip does not count.
SAMPLES_PER_REQUEST = 200_000

# A sample is fields 1 (double value) and 2 (int64 timestamp in ms). The varint of a timestamp between 2**35 ms (1971)
# and 2**42 ms (2109) is six bytes, so every sample is 18 bytes and a whole series is one array operation.
_SAMPLE_BYTES = 18
_OLDEST_MS, _NEWEST_MS = 2**35, 2**42


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def encode_samples(times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """The ``samples`` fields of one TimeSeries.

    Args:
        times_ms: shape (n,), unix milliseconds, increasing.
        values: shape (n,); any bit pattern, NaN payloads (stale markers) included.

    Raises:
        ValueError: the shapes differ, or a time lies outside 1971 to 2109.
    """
    if times_ms.shape != values.shape:
        raise ValueError(f"{times_ms.shape[0]} times for {values.shape[0]} values")
    if times_ms.size == 0:
        return b""
    if times_ms.min() < _OLDEST_MS or times_ms.max() >= _NEWEST_MS:
        raise ValueError("a sample's time lies outside 1971 to 2109")
    buffer = np.empty((times_ms.size, _SAMPLE_BYTES), dtype=np.uint8)
    buffer[:, 0] = 0x12  # TimeSeries.samples (field 2, length-delimited)
    buffer[:, 1] = _SAMPLE_BYTES - 2
    buffer[:, 2] = 0x09  # Sample.value (field 1, 64-bit)
    buffer[:, 3:11] = np.ascontiguousarray(values, dtype="<f8").view(np.uint8).reshape(-1, 8)
    buffer[:, 11] = 0x10  # Sample.timestamp (field 2, varint)
    for byte in range(6):
        group = (times_ms >> (7 * byte)) & 0x7F
        buffer[:, 12 + byte] = group | 0x80 if byte < 5 else group
    return buffer.tobytes()


def encode_labels(labels: Mapping[str, str]) -> bytes:
    """The ``labels`` fields of one TimeSeries, sorted by name as the protocol demands; empty values are left out."""
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in sorted(labels.items())
        if value
    )


def snappy_literals(data: bytes) -> bytes:
    """``data`` as a Snappy block without any compression."""
    parts = [_varint(len(data))]
    for start in range(0, len(data), 65536):
        literal = data[start : start + 65536]
        parts.append(b"\xf4" + (len(literal) - 1).to_bytes(2, "little"))  # a literal with a two-byte length
        parts.append(literal)
    return b"".join(parts)


def requests(series: Iterable[Series], *, limit: int = SAMPLES_PER_REQUEST) -> Iterator[bytes]:
    """Bodies of POST /api/v1/write for some series, each with about ``limit`` samples; none for no samples.

    The order of the samples of a series is kept, so bodies must be sent in order.

    Raises:
        ValueError: a time lies outside 1971 to 2109.
    """
    parts: list[bytes] = []
    held = 0
    for one in series:
        labels = encode_labels(one.labels)
        times_ms = np.rint(one.times * 1000).astype(np.int64)
        for first in range(0, len(one), limit):
            chunk = slice(first, first + limit)
            samples = encode_samples(times_ms[chunk], one.values[chunk])
            parts.append(_field(1, labels + samples))
            held += len(samples) // _SAMPLE_BYTES
            if held >= limit:
                yield snappy_literals(b"".join(parts))
                parts, held = [], 0
    if parts:
        yield snappy_literals(b"".join(parts))

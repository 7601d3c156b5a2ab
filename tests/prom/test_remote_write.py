from __future__ import annotations

import struct

import numpy as np
import pytest

from harness.prom.backfill import STALE_BITS
from harness.prom.remote_write import encode_labels, encode_samples, requests, snappy_literals
from tests.prom.conftest import series


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data: bytes):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 2:
            size, at = varint(data, at)
            yield tag >> 3, data[at : at + size]
            at += size
        elif tag & 7 == 1:
            yield tag >> 3, struct.unpack("<d", data[at : at + 8])[0]
            at += 8
        else:
            value, at = varint(data, at)
            yield tag >> 3, value


def unsnap(block: bytes) -> bytes:
    size, at = varint(block, 0)
    out = b""
    while at < len(block):
        assert block[at] == 0xF4
        length = int.from_bytes(block[at + 1 : at + 3], "little") + 1
        out += block[at + 3 : at + 3 + length]
        at += 3 + length
    assert len(out) == size
    return out


def decode(body: bytes):
    for _, one in fields(unsnap(body)):
        labels, samples = {}, []
        for number, payload in fields(one):
            parts = dict(fields(payload))
            if number == 1:
                labels[parts[1].decode()] = parts[2].decode()
            else:
                samples.append((parts[2], parts[1]))
        yield labels, samples


def test_no_series_and_no_samples_make_no_request():
    assert list(requests([])) == []
    assert list(requests([series("m", [], [])])) == []


def test_what_is_encoded_is_what_a_protobuf_reader_reads():
    (body,) = requests([series("m", [1.75e9, 1.75e9 + 0.123], [1.5, -np.inf], z='é"\n', a="1", empty="")])
    assert list(decode(body)) == [
        ({"__name__": "m", "a": "1", "z": 'é"\n'}, [(1750000000000, 1.5), (1750000000123, -np.inf)])
    ]


def test_labels_are_sorted_as_the_protocol_demands():
    encoded = encode_labels({"z": "1", "__name__": "m", "a": "2"})
    assert encoded.index(b"__name__") < encoded.index(b"a") < encoded.index(b"z")


def test_staleness_markers_keep_their_bits():
    stale = np.array([STALE_BITS], dtype=np.uint64).view(np.float64)
    encoded = encode_samples(np.array([1_750_000_000_000]), stale)
    assert struct.unpack("<Q", encoded[3:11])[0] == 0x7FF0000000000002


def test_large_series_are_split_in_order():
    times = 1.75e9 + np.arange(25)
    bodies = list(requests([series("m", times, times), series("n", times, times)], limit=10))
    got = [(labels["__name__"], t) for body in bodies for labels, samples in decode(body) for t, _ in samples]
    assert got == [(n, int(t * 1000)) for n in "mn" for t in times]
    assert len(bodies) == 5


def test_snappy_of_more_than_one_literal():
    data = bytes(range(256)) * 1000
    assert unsnap(snappy_literals(data)) == data
    assert unsnap(snappy_literals(b"")) == b""


@pytest.mark.parametrize("time_ms", [0, 2**35 - 1, 2**42])
def test_a_time_that_does_not_fit_is_refused(time_ms):
    with pytest.raises(ValueError, match="1971"):
        encode_samples(np.array([time_ms]), np.array([1.0]))

"""What stands inside the page's script elements: harmless, and the same when read back."""

from __future__ import annotations

import base64
import gzip
import json

import numpy as np
import pytest

from harness.report.embed import csp_hash, float32, packed, safe_json

NASTY = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>",
    "a & b",
    "\u2028\u2029",
    'quote " \\ back',
    "\x00",
]


@pytest.mark.parametrize("text", NASTY)
def test_json_holds_no_markup_and_reads_back(text: str) -> None:
    source = safe_json({text: [text]})
    assert not set("<>&\u2028\u2029") & set(source)
    assert json.loads(source) == {text: [text]}


def test_json_refuses_what_no_browser_reads() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        safe_json([float("nan")])


def test_numbers_keep_seven_digits_and_gaps() -> None:
    values = np.array([0.0, -1.5, 123456.7, np.nan, 1e12])
    back = np.frombuffer(base64.b64decode(float32(values)), dtype="<f4")
    assert back == pytest.approx(values, rel=1e-7, nan_ok=True)
    assert float32(np.array([])) == ""


def test_packing_is_the_same_each_time() -> None:
    text = "let x = '</script>';" * 100
    assert packed(text) == packed(text)
    assert gzip.decompress(base64.b64decode(packed(text))).decode() == text
    assert len(packed(text)) < len(text) / 5


def test_the_hash_is_that_of_the_standard() -> None:
    # The example of the W3C's Content Security Policy, level 2.
    expected = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
    assert csp_hash("alert('Hello, world.');") == expected

"""Data inside an HTML page: JSON that cannot end its own script element, numbers as base64 of 32-bit floats. Pure."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

import numpy as np

from harness.prom.series import FloatArray

# What could close a script element, open a comment in one, or (in old browsers) end a line of JavaScript.
_UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def safe_json(data: Any) -> str:
    """JSON for a ``<script type="application/json">``: parses to the same value, holds no character of markup."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escape in _UNSAFE.items():
        text = text.replace(character, escape)
    return text


def float32(values: FloatArray) -> str:
    """Base64 of little-endian 32-bit floats, NaN where there is nothing: 5.3 characters each, seven digits exact."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def packed(text: str) -> str:
    """Base64 of the gzipped text; the same text always gives the same."""
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode("ascii")


def csp_hash(script: str) -> str:
    """The source expression by which a Content-Security-Policy allows exactly this inline script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode('utf-8')).digest()).decode('ascii')}'"

"""Quantities as people write them ("5m", "512MiB", "1.5%", ">= 100 rps") to base units and back.

Base units are Prometheus': seconds, bytes, ratios (1 % is 0.01), per-second rates. Leaf: imports nothing of ours.
"""

from __future__ import annotations

import math
import re

_NUMBER = r"(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_SECONDS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {
    "B": 1.0,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
}  # fmt: skip
_RATE = {"rps": 1.0, "/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600}
# Longer texts are no quantities; matching them could take quadratic time.
_MAX_TEXT = 64
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def _finite(value: float, text: object) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def parse_duration(text: str | int | float) -> float:
    """Seconds of "90s", "1h30m", "250ms", or of a bare number.

    Raises:
        ValueError: not a duration, negative, or not finite.
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"{_brief(text)} is not a duration; write for example 30s, 5m or 1h30m")
    if isinstance(text, int | float):
        if text < 0:
            raise ValueError(f"{text!r} is negative; a duration cannot be")
        return _finite(float(text), text)
    if len(text) > _MAX_TEXT:
        raise ValueError(f"{text[:20]!r}... is not a duration; write for example 30s, 5m or 1h30m")
    compact = text.replace(" ", "")
    if re.fullmatch(_NUMBER, compact):
        return _finite(float(compact), text)
    if compact.startswith("-"):
        raise ValueError(f"{text!r} is negative; a duration cannot be")
    parts = _DURATION.findall(compact)
    if not parts or "".join(n + u for n, u in parts) != compact:
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 5m or 1h30m")
    return _finite(sum(float(number) * _SECONDS[unit] for number, unit in parts), text)


def _parse_scaled(text: str | int | float, scale: dict[str, float], what: str, example: str) -> float:
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise ValueError(f"{_brief(text)} is not {what}; write for example {example}")
    if isinstance(text, int | float):
        value = float(text)
    else:
        if len(text) > _MAX_TEXT:
            raise ValueError(f"{text[:20]!r}... is not {what}; write for example {example}")
        compact = text.replace(" ", "")
        units = "|".join(re.escape(u) for u in sorted(scale, key=len, reverse=True))
        match = re.fullmatch(rf"{_NUMBER}(?P<unit>{units})?", compact)
        if match is None:
            raise ValueError(f"{text!r} is not {what}; write for example {example}")
        value = float(match["number"]) * scale.get(match["unit"] or "", 1.0)
    if value < 0:
        raise ValueError(f"{text!r} is negative; {what} cannot be")
    return _finite(value, text)


def _brief(value: object) -> str:
    """As YAML's reader gave it: nothing, a list, a mapping."""
    return "nothing" if value is None else repr(value)[:_MAX_TEXT]


def parse_bytes(text: str | int | float) -> float:
    """Bytes of "512MiB", "1.5GB" or a bare number. Raises ValueError otherwise."""
    return _parse_scaled(text, _BYTES, "a size", "512MiB")


def parse_ratio(text: str | int | float) -> float:
    """Ratio of "1.5%" (0.015) or of a bare number (0.015). Raises ValueError otherwise."""
    return _parse_scaled(text, {"%": 0.01}, "a share", "1% or 0.01")


def parse_rate(text: str | int | float) -> float:
    """Per-second rate of "100 rps", "100/s", "6000/min" or a bare number. Raises ValueError otherwise."""
    return _parse_scaled(text, _RATE, "a rate", "100 rps")


def parse_cores(text: str | int | float) -> float:
    """Processors of "0.8 cores", "80%" (of one, as top shows it) or a bare number. Raises ValueError otherwise."""
    return _parse_scaled(text, {"cores": 1.0, "core": 1.0, "%": 0.01}, "a number of cores", "0.8 or 80%")


def _trim(value: float, digits: int = 4) -> str:
    if abs(value) < 1e-4:  # not 3.8e-15: nobody reads that as nothing
        text = f"{value:.5f}".rstrip("0").rstrip(".")
        return "0" if text == "-0" else text
    text = f"{value:.{digits}g}"
    # 9999.6 rounds up to 1e+04: from there on, whole numbers.
    return text if abs(float(text)) < 10**digits else f"{value:.0f}"


def format_duration(seconds: float) -> str:
    """Seconds as a person reads them: "850ms", "12.5s", "3m 20s", "24h"."""
    if not math.isfinite(seconds):
        return "unknown" if math.isnan(seconds) else ("never" if seconds > 0 else "-never")
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 1:
        return f"{_trim(seconds * 1e3)}ms" if seconds else "0s"
    if seconds < 60:
        return f"{_trim(seconds)}s"
    whole = round(seconds)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        # A day reads better as 24h; days begin at two.
        if unit == "d" and whole < 2 * size:
            continue
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def format_bytes(value: float) -> str:
    """Bytes with a binary unit: "512 MiB"."""
    if not math.isfinite(value):
        return "unknown"
    size, unit = abs(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{'-' if value < 0 else ''}{_trim(size)} {unit}"


def format_value(value: float | None, unit: str) -> str:
    """A value in its base unit for a person; units: seconds, bytes, ratio, rps, cores, count, ratio/h, or any word."""
    if value is None or math.isnan(value):
        return "no data"
    if unit == "seconds":
        return format_duration(value)
    if unit == "bytes":
        return format_bytes(value)
    if unit == "bytes/h":
        return f"{format_bytes(value)}/h"
    if unit == "ratio":
        return f"{_trim(value * 100)}%"
    if unit == "ratio/h":
        return f"{_trim(value * 100)}%/h"
    if unit in ("", "count"):
        return _trim(value)
    return f"{_trim(value)} {unit}"

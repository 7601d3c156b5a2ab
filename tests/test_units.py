from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.units import (
    format_bytes,
    format_duration,
    format_value,
    parse_bytes,
    parse_cores,
    parse_duration,
    parse_rate,
    parse_ratio,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("0s", 0.0),
        ("250ms", 0.25),
        ("90s", 90.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        ("2d", 172_800.0),
        ("1w", 604_800.0),
        ("12", 12.0),
        ("1e-05", 1e-05),
        ("1.0e-05", 1e-05),
        (7, 7.0),
        (0.5, 0.5),
    ],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a duration"),
        ("soon", "not a duration"),
        ("5 minutes", "not a duration"),
        ("5m!", "not a duration"),
        ("m5", "not a duration"),
        ("-5m", "negative"),
        (-1, "negative"),
        (True, "not a duration"),
        (math.nan, "not a finite number"),
        (math.inf, "not a finite number"),
        ("1e999", "not a finite number"),
        ("9" * 5000, "not a duration"),
    ],
)
def test_what_is_no_duration(text: str | float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_duration(text)


def test_long_text_costs_no_time() -> None:
    began = time.perf_counter()
    for parse in (parse_duration, parse_bytes, parse_ratio, parse_rate, parse_cores):
        with pytest.raises(ValueError):
            parse("1" * 200_000)
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize(
    ("text", "value"),
    [("512MiB", 2.0**29), ("1.5GB", 1.5e9), ("1 kB", 1000.0), ("10", 10.0), ("3B", 3.0), (4096, 4096.0)],
)
def test_bytes(text: str | float, value: float) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize(("text", "value"), [("1%", 0.01), ("1.5 %", 0.015), ("0.015", 0.015), (0, 0.0), ("150%", 1.5)])
def test_ratios(text: str | float, value: float) -> None:
    assert parse_ratio(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("text", "value"), [("100 rps", 100.0), ("100/s", 100.0), ("6000/min", 100.0), (5, 5.0)])
def test_rates(text: str | float, value: float) -> None:
    assert parse_rate(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("parse", "text"),
    [(parse_bytes, "12 MB/s"), (parse_bytes, "-1MB"), (parse_ratio, "1 %%"), (parse_ratio, "x"), (parse_rate, "1 rpm")],
)
def test_wrong_units_are_refused(parse: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"write for example|cannot be"):
        parse(text)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.85, "850ms"),
        (12.5, "12.5s"),
        (200, "3m 20s"),
        (86_400, "24h"),
        (172_800, "2d"),
        (90_061, "25h 1m"),
        (-5, "-5s"),
        (math.nan, "unknown"),
        (math.inf, "never"),
        (59.9999999, "60s"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 B"), (1023, "1023 B"), (2.0**29, "512 MiB"), (-2048, "-2 KiB"), (math.nan, "unknown")]
)
def test_bytes_for_people(value: float, text: str) -> None:
    assert format_bytes(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "seconds", "no data"),
        (math.nan, "ratio", "no data"),
        (0.8, "seconds", "800ms"),
        (0.015, "ratio", "1.5%"),
        (0.01, "ratio/h", "1%/h"),
        (64.25, "rps", "64.25 rps"),
        (9999.6, "rps", "10000 rps"),
        (9999.4, "rps", "9999 rps"),
        (123456.0, "rps", "123456 rps"),
        (3, "count", "3"),
        (2.0**20, "bytes/h", "1 MiB/h"),
    ],
)
def test_values_for_people(value: float | None, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


@given(st.integers(min_value=1, max_value=10**7))
def test_a_printed_duration_reads_back_within_its_precision(seconds: int) -> None:
    # At most two parts are printed, so what is lost is below the second part's unit.
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1 / 24)


@given(st.text(max_size=80))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    for parse in (parse_duration, parse_bytes, parse_ratio, parse_rate, parse_cores):
        try:
            value = parse(text)
        except ValueError:
            continue
        assert math.isfinite(value) and value >= 0


@pytest.mark.parametrize(
    ("text", "cores"), [(0.8, 0.8), ("0.8", 0.8), ("80%", 0.8), ("1 core", 1.0), ("2.5cores", 2.5)]
)
def test_cores_are_counted_or_shares_of_one(text: str | float, cores: float) -> None:
    assert parse_cores(text) == pytest.approx(cores)


@pytest.mark.parametrize("text", ["800m", "80 rps", "-1", True, "", "nan", None])
def test_what_is_no_number_of_cores(text: object) -> None:
    with pytest.raises(ValueError, match="cores"):
        parse_cores(text)  # type: ignore[arg-type]

"""Prometheus' text format for the load metrics, in pieces that each hold whole series, and cut into short slices.

Pure but for the clock and the pause that ``slices`` is given. Format:
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.utils import floatToGoString

from exporters import metric_names as names
from exporters.load_recorder import RequestCounts

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SLICE_SECONDS = 0.0003  # of work before the other greenlets get the loop; writing it out comes on top
_MARK = "\x00"  # stands for the labels within a series template; cannot occur in the constant text around it


def escape(value: str) -> str:
    """A label value as it stands between the quotes."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def header(name: str, kind: str, text: str) -> str:
    """HELP and TYPE lines; a counter's family carries its full name here, as client_python writes it for 0.0.4."""
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"


def gauge(name: str, text: str, samples: Iterable[tuple[Mapping[str, str], float]], *, kind: str = "gauge") -> str:
    """One family of plain samples, also of counters; no sample leaves the header alone."""
    lines = [header(name, kind, text)]
    for labels, value in samples:
        inner = ",".join(f'{key}="{escape(content)}"' for key, content in labels.items())
        lines.append(f"{name}{{{inner}}} {_value(value)}\n" if inner else f"{name} {_value(value)}\n")
    return "".join(lines)


def histogram(name: str, text: str, edges: Sequence[float], counts: Sequence[int], total: float) -> str:
    """One histogram without labels; ``counts`` are per bucket (not cumulative), +Inf last; ``total`` in seconds."""
    template = _series_template(name, edges, "").replace(_MARK, "")
    running = list(accumulate(counts))
    return header(name, "histogram", text) + template % (*running, _value(total), running[-1])


def request_pieces(snapshot: Sequence[RequestCounts], edges: Sequence[float], capped: bool) -> Iterator[str]:
    """The families of the recorder, a series at a time: durations, errors, bytes, and whether names were capped."""
    duration = names.REQUEST_DURATION
    template = _series_template(duration, edges, ",")
    yield header(duration, "histogram", "Time of each request in seconds, by method, name and outcome.")
    for counts in snapshot:
        pair = _pair_labels(counts)
        for outcome, cell in zip(names.OUTCOMES, (counts.ok, counts.error), strict=True):
            running = list(accumulate(cell[2:]))
            labels = f'{pair},outcome="{outcome}"'.replace("%", "%%")
            yield template.replace(_MARK, labels) % (*running, _value(cell[0] / 1000), running[-1])
    errors = names.REQUEST_ERRORS
    yield header(errors, "counter", "Failed requests, by method, name and kind of error.")
    for counts in snapshot:
        pair = _pair_labels(counts)
        yield "".join(
            f'{errors}{{{pair},error="{kind}"}} {value}\n'
            for kind, value in zip(names.ERROR_KINDS, counts.errors, strict=True)
        )
    size = names.RESPONSE_BYTES
    yield header(size, "counter", "Bytes of response bodies, by method and name.")
    for counts in snapshot:
        yield f"{size}{{{_pair_labels(counts)}}} {_value(counts.ok[1] + counts.error[1])}\n"
    yield gauge(
        names.LOAD_SERIES_CAPPED, "1 once a request's name or method was counted as other.", [({}, 1 if capped else 0)]
    )


def slices(
    pieces: Iterable[str],
    pause: Callable[[], object],
    *,
    clock: Callable[[], float] = time.perf_counter,
    budget: float = SLICE_SECONDS,
) -> Iterator[bytes]:
    """Joins pieces to chunks of ``budget`` seconds of work each and pauses between them.

    The pause comes after the consumer took the chunk, so that writing it belongs to the slice it ends.
    """
    held: list[str] = []
    started = clock()
    for piece in pieces:
        held.append(piece)
        if clock() - started >= budget:
            yield "".join(held).encode()
            held.clear()
            pause()
            started = clock()
    if held:
        yield "".join(held).encode()


def _series_template(name: str, edges: Sequence[float], comma: str) -> str:
    """One series with ``_MARK`` for its labels and %-fields for the cumulative counts, the sum and the count."""
    buckets = "".join(f'{name}_bucket{{{_MARK}{comma}le="{bound}"}} %d\n' for bound in (*map(_go_float, edges), "+Inf"))
    braces = f"{{{_MARK}}}" if comma else ""
    return f"{buckets}{name}_sum{braces} %s\n{name}_count{braces} %d\n"


def _pair_labels(counts: RequestCounts) -> str:
    return f'method="{escape(counts.method)}",name="{escape(counts.name)}"'


def _value(value: float) -> str:
    return str(value) if isinstance(value, int) else _go_float(value)


def _go_float(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]

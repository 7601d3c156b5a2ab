"""A run's series from a Prometheus that is not ours, through the query API: two hours at a time, and resumable.

Each piece of two hours becomes blocks of its own in a folder beside the archive; what stands there already is not read
again. Memory holds some minutes of samples, the scratch server two hours.

Samples reach their blocks by remote write, and not as OpenMetrics text through promtool: times and values travel as
bits, staleness markers (for which the text format has no word) too, and promtool takes ten times as long.
"""

from __future__ import annotations

import math
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exporters.metric_names import ALERTS, OBJECTIVE, OBJECTIVE_EDGE
from harness.errors import ArchiveError
from harness.prom.api import PrometheusApi
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import Block, find_blocks, move_blocks
from harness.prom.fetch import RawReader, named
from harness.prom.secret_labels import LabelMask
from harness.prom.series import Series
from harness.prom.staleness import LOOKBACK_INTERVALS, Staleness

PIECE = 7200.0  # seconds: blocks of two hours, as everywhere
WINDOW = 600.0  # seconds of all series held in memory at once: 20,000 series at 5 s are 2.4 million samples
# What rules look back at most: at the run's first moments they read what was there before, as a snapshot's blocks hold.
LEAD = 900.0
_SALT = "salt"
_WHOLE = "whole"
_WRITTEN = f".*:.*|{ALERTS}|{ALERTS}_FOR_STATE|{OBJECTIVE}|{OBJECTIVE_EDGE}"


@dataclass(frozen=True)
class Wanted:
    """What is read.

    Attributes:
        selector: vector selector of the run's series.
        start, end: unix seconds of the run.
        interval: seconds between scrapes.
        secrets: texts that must not appear in label values, besides what looks like a secret in a URL.
        spared: label values that stay as they are.
    """

    selector: str
    start: float
    end: float
    interval: float = 5.0
    secrets: Sequence[str] = ()
    spared: Sequence[str] = ()


def keep_remote(api: PrometheusApi, wanted: Wanted, tsdb: Path) -> list[Block]:
    """Keeps the raw samples of a Prometheus that is not ours in ``tsdb``: whole or not at all.

    Where it fails half-way the pieces that were read stay beside ``tsdb``, and the next call goes on from there.

    Raises:
        QueryError: a query failed or was partial, and failed again.
        ArchiveError: no sample of the run itself matches, or the blocks could not be written.
    """
    if wanted.end < wanted.start:
        raise ArchiveError(f"the run ends ({wanted.end}) before it begins ({wanted.start})")
    pieces = tsdb.with_name(f".{tsdb.name}.pieces")
    try:
        pieces.mkdir(parents=True, exist_ok=True)
        mask = LabelMask(wanted.secrets, _salt(pieces, f"{api.url} {wanted.selector} {wanted.interval}"), wanted.spared)
        raw = raw_alone(wanted.selector)
        reader = RawReader(api, raw, wanted.interval)
        staleness = Staleness(reader, raw, wanted.interval, wanted.end)
        for low, high in cut(wanted.start - LEAD, wanted.end + 0.001):
            folder = pieces / f"{round(low * 1000)}-{round(high * 1000)}"
            if not folder.is_dir():
                _write_piece(folder, reader, staleness, mask, wanted, low, high)
        # Links: a kill while blocks are moved into the archive must not empty a piece that counts as read.
        whole = pieces / _WHOLE
        shutil.rmtree(whole, ignore_errors=True)
        for low, high in cut(wanted.start - LEAD, wanted.end + 0.001):
            for block in find_blocks(pieces / f"{round(low * 1000)}-{round(high * 1000)}"):
                shutil.copytree(block.path, whole / block.path.name, copy_function=_link)
        blocks = find_blocks(whole) if whole.is_dir() else []
        if not any(block.overlaps(wanted.start, wanted.end) for block in blocks):
            shutil.rmtree(pieces)  # asked again it may hold some: a selector was corrected, a server caught up
            raise ArchiveError(
                f"{api.url} holds no sample of {wanted.selector} between the run's start and end",
                remedy="check prometheus.selector in the plan, and that this Prometheus scrapes the run",
            )
    except OSError as error:
        raise ArchiveError(
            f"the run's series could not be written to {pieces}: {error.strerror}", remedy="make room, then judge again"
        ) from error
    move_blocks(blocks, tsdb)
    shutil.rmtree(pieces, ignore_errors=True)
    return find_blocks(tsdb)


def raw_alone(selector: str) -> str:
    """The selector without what rules wrote: the judge drops that and makes it anew. Pure."""
    return f'{named(selector)[:-1]}{"," if named(selector) != "{}" else ""}__name__!~"{_WRITTEN}"}}'


def cut(start: float, end: float) -> Iterator[tuple[float, float]]:
    """Half-open pieces [low, high) of start <= time < end, cut at whole multiples of two hours. Pure."""
    low = start
    while low < end:
        high = min(end, (math.floor(low / PIECE) + 1) * PIECE)
        yield low, high
        low = high


def _write_piece(
    folder: Path, reader: RawReader, staleness: Staleness, mask: LabelMask, wanted: Wanted, low: float, high: float
) -> None:
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    beyond = (LOOKBACK_INTERVALS + 1) * wanted.interval
    with BlockWriter(PIECE) as writer:
        at = low
        while at < high:
            until = min(at + WINDOW, high)
            # Half-open on the API's grid of milliseconds: no sample comes twice, none falls between. What comes just
            # after it is read too: it tells whether a series goes on.
            found = reader.read(at, min(until + beyond, wanted.end + 0.001) - 0.001)
            markers = staleness.markers(found, until)
            here = [one.between(at, until - 0.001) for one in found]
            writer.add(mask.series(_with_markers([one for one in here if len(one)], markers)), wanted.selector)
            at = until
        writer.finish(part)
    part.rename(folder)


def _with_markers(series: Sequence[Series], markers: Sequence[Series]) -> list[Series]:
    """Each series' samples and markers, in time order: markers lie between samples of their own series."""
    ends = {tuple(sorted(one.labels.items())): one for one in markers}
    joined = []
    for one in series:
        end = ends.get(tuple(sorted(one.labels.items())))
        if end is None:
            joined.append(one)
            continue
        times, values = np.concatenate([one.times, end.times]), np.concatenate([one.values, end.values])
        order = np.argsort(times, kind="stable")
        joined.append(Series(one.labels, times[order], values[order]))
    return joined


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _salt(pieces: Path, asked: str) -> str:
    """Made once for one archive, so that pieces read before and after a kill agree; gone with the pieces.

    Pieces of another question (``asked``) are removed: they would be taken for answers to this one.
    """
    file = pieces / _SALT
    told = file.read_text(encoding="utf-8").split("\n", 1) if file.is_file() else []
    if len(told) == 2 and told[1] == asked:
        return told[0]
    shutil.rmtree(pieces)
    pieces.mkdir()
    file.touch(mode=0o600)
    text = secrets.token_hex(16)
    file.write_text(f"{text}\n{asked}", encoding="utf-8")
    return text

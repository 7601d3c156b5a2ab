"""Recorded series of an archive, computed before they are first read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from exporters.metric_names import Recorded
from harness.errors import ArchiveError
from harness.prom.api import PrometheusApi
from harness.prom.backfill import QUERY_TIMEOUT, Grid, evaluate
from harness.prom.block_writer import BlockWriter
from harness.prom.blocks import find_blocks
from harness.prom.promql import any_of, inlined, mentioned_names, names_read, of_endpoints
from harness.prom.rules import RecordingRule, RuleSet, depths, with_inputs
from harness.prom.series import Series
from harness.prom.server import PrometheusServer

# Work of a rule over a run, in raw series times steps, from which on it waits until somebody reads it: some tenths of a
# second of a core (measured: over 17,280 steps 66 bucket series take 2 s, 1,280 of them 15 s summed by edge and 27 s as
# a quantile per endpoint).
DEFER_ABOVE = 1_000_000
PARALLEL = 2  # queries at a time
_OF_ENDPOINTS = "harness_method_name"  # what recorded names of one endpoint each begin with


class Recorder:
    """Computes recorded series into the data of a private server.

    Args:
        server: serves the archive's raw series; restarted, on the same port, to read new blocks.
        rules: all rules; recording rules that read each other in a circle raise HarnessError.
        grid: where they are evaluated.
        limited: names of the endpoints that have objectives of their own.
    """

    def __init__(self, server: PrometheusServer, rules: RuleSet, grid: Grid, limited: Collection[str] = ()) -> None:
        self._server = server
        self._limited = any_of(sorted(limited))
        self._rules = rules
        self._depths = depths(rules.recording)
        self._grid = self._late_grid = grid
        self._done: set[str] = set()
        self._coarse: set[str] = set()
        self._late_endpoints = ""

    @property
    def pending(self) -> frozenset[str]:
        """Recorded names that have not been computed yet."""
        return self._rules.recorded_names - self._done

    @property
    def seldom(self) -> frozenset[str]:
        """Recorded names that are not there at each evaluation: still pending, or computed on a coarser grid."""
        return self.pending | self._coarse

    def coarsen(self, step: float, endpoints: str) -> None:
        """What has not been computed is from now on computed every ``step`` seconds only (at multiples of it).

        Args:
            endpoints: a regular expression; series of one endpoint each are computed for those that it matches only.
                Empty: for all.
        """
        self._late_grid = Grid.over(self._grid.start, self._grid.end, max(step, self._grid.step))
        self._late_endpoints = endpoints

    def inlined(self, expr: str, harmless: Collection[str]) -> str:
        """The expression with pending names replaced by their rules, where that is the same."""
        rules = {rule.name: rule.expr for rule in self._rules.recording if rule.name in self.seldom}
        return inlined(expr, rules, self._grid.step, harmless) or expr

    def _narrowed(self, rule: RecordingRule) -> RecordingRule:
        """The same result from fewer series.

        Requests within an endpoint's limit are recorded of endpoints with an objective only: that rule would read every
        bucket of every other endpoint and then drop it, which is a fifth of a day's work at a hundred endpoints.
        """
        if rule.name == Recorded.ENDPOINT_WITHIN:
            return replace(rule, expr=of_endpoints(rule.expr, self._limited))
        return rule

    def _late(self, rule: RecordingRule) -> RecordingRule:
        if not self._late_endpoints or not rule.name.startswith(_OF_ENDPOINTS):
            return rule
        return replace(rule, expr=of_endpoints(rule.expr, self._late_endpoints))

    def write(self, series: Iterable[Series]) -> None:
        """Adds given series, for example the objectives'. Raises ArchiveError."""
        with BlockWriter(self._grid.end - self._grid.start) as writer:
            writer.add(series)
            self._publish(writer)

    def compute(self, names: Collection[str]) -> None:
        """Computes recorded names, and what they read, unless that is done.

        Raises:
            QueryError: an expression failed.
            ArchiveError: results could not be written, or are not there afterwards.
        """
        wanted = with_inputs(names, self._rules.recording) - self._done
        for depth in self._depths:
            rules = [self._late(self._narrowed(rule)) for rule in depth if rule.name in wanted]
            if not rules:
                continue
            grid = self._late_grid
            with BlockWriter(self._grid.end - self._grid.start) as writer:
                counts = evaluate(lambda: self._server.api(timeout=QUERY_TIMEOUT), rules, grid, writer)
                self._publish(writer)
            self._require(name for name, count in counts.items() if count)
            self._done |= counts.keys()
            if grid.step_ms > self._grid.step_ms or self._late_endpoints:
                self._coarse |= counts.keys()

    def cheap_or_alerted(self, present: Mapping[str, int]) -> frozenset[str]:
        """Names to compute at once: those that alerts read, and those of little work. The others wait.

        Args:
            present: how many raw series of the run each metric name has.
        """
        alerted = {n for alert in self._rules.alerts for n in names_read(alert.expr, self._rules.recorded_names)}
        cheap = {rule.name for rule in self._rules.recording} - self._costly(present)
        return with_inputs(alerted, self._rules.recording) | cheap

    def _costly(self, present: Mapping[str, int]) -> frozenset[str]:
        """Names whose rules are of much work. A recorded input counts with all that it was made from, at most."""
        series = dict(present)
        costly: set[str] = set()
        for rule in (rule for depth in self._depths for rule in depth):
            read = sum(series.get(name, 0) for name in mentioned_names(rule.expr))
            series[rule.name] = max(read, series.get(rule.name, 0))
            if read * self._grid.count > DEFER_ABOVE:
                costly.add(rule.name)
        return frozenset(costly)

    def _publish(self, writer: BlockWriter) -> None:
        """Moves the written blocks into the server's data and has it read them."""
        with tempfile.TemporaryDirectory(dir=self._server.work_dir) as folder:
            if not writer.finish(Path(folder) / "blocks"):
                return
            self._server.stop()
            for block in find_blocks(Path(folder) / "blocks"):
                shutil.move(block.path, self._server.data_dir / block.path.name)
        self._server.start()

    def _require(self, names: Iterable[str]) -> None:
        """Raises ArchiveError for a name that was computed with a result but that the server does not hold."""
        wanted = set(names)
        held = (
            set(self._server.api().label_values("__name__", (), self._grid.start, self._grid.end)) if wanted else set()
        )
        if wanted - held:
            raise ArchiveError(f"recorded series are missing after their rules gave results: {sorted(wanted - held)}")


class ArchiveApi(PrometheusApi):
    """The private server's API. A query that reads a recorded name which was put off computes it first.

    For use from one thread (``query_ranges`` starts its own): computing restarts the server.
    """

    def __init__(self, server: PrometheusServer, recorder: Recorder) -> None:
        super().__init__(server.url, timeout=QUERY_TIMEOUT)
        self._server = server
        self._recorder = recorder

    def coarsen(self, step: float, endpoints: str = "") -> None:
        """For pictures, once the judge has read what it needs: what was put off until now is computed every ``step``
        seconds only, and for the endpoints that match only. Such a series is read at multiples of ``step``; between
        them it may be absent."""
        self._recorder.coarsen(step, endpoints)

    def query_now(self, expr: str, at: float, harmless: Collection[str]) -> list[Series]:
        """``query``, but for what was put off: that is evaluated at this moment alone, for all endpoints.

        Args:
            harmless: matchers that hold for every series of the run.
        """
        return self.query(self._recorder.inlined(expr, harmless), at)

    def seldom(self, expr: str) -> bool:
        """Whether an expression reads a series that is there at the coarser step only; see ``coarsen``."""
        return bool(names_read(expr, self._recorder.seldom))

    def query(self, expr: str, at: float) -> list[Series]:
        self._prepare([expr])
        return super().query(expr, at)

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        self._prepare([expr])
        return super().query_range(expr, start, end, step)

    def query_ranges(self, queries: Sequence[tuple[str, float, float, float]]) -> list[list[Series]]:
        """Answers to several range queries (expression, start, end, step), in their order; two run at a time."""
        self._prepare([expr for expr, *_ in queries])
        with ThreadPoolExecutor(PARALLEL) as pool:
            # A client for each: a session is not for several threads.
            waiting = [pool.submit(self._server.api(timeout=QUERY_TIMEOUT).query_range, *query) for query in queries]
            try:
                return [one.result() for one in waiting]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def raw(self, selector: str, start: float, end: float, **options: float) -> list[Series]:
        self._prepare([selector])
        return super().raw(selector, start, end, **options)

    def label_values(
        self, label: str, match: Sequence[str] = (), start: float | None = None, end: float | None = None
    ) -> list[str]:
        self._prepare(match)
        return super().label_values(label, match, start, end)

    def series(self, match: Sequence[str], start: float, end: float) -> list[dict[str, str]]:
        self._prepare(match)
        return super().series(match, start, end)

    def _prepare(self, expressions: Sequence[str]) -> None:
        pending = self._recorder.pending
        if not pending:
            return
        read = [names_read(expression, pending) for expression in expressions] or [pending]  # no selector: everything
        wanted = frozenset[str]().union(*read)
        if wanted:
            self._recorder.compute(wanted)
            self._session.close()  # its connections ended with the server's restart
            self.url = self._server.url

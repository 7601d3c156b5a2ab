"""A PostgreSQL that at some moment goes on to accept connections, and never answers any more."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.run.record import RunDirectory
from harness.selftest.evidence import archived, look
from harness.selftest.killing import when
from harness.selftest.own_target import own_target, plan_for
from harness.selftest.proxied import MUTE, address, proxy, through, turns
from harness.selftest.surroundings import Surrounding
from harness.selftest.whole_run import Whole, whole_run

OTHERS = ("process:web", "redis:cache")
LEAST_READ = 0.8  # of the seconds: a busy machine's jitter, and gunicorn's workers that are replaced, are the rest


def database_mute(folder: Path, share: float) -> Whole:
    """The target's connections and the sidecar's go through one proxy, which turns mute."""
    with ExitStack() as stack:
        proxies = []

        def by_proxy(url: str) -> str:
            child, port = stack.enter_context(proxy(address(url), MUTE))
            proxies.append(child)
            return through(url, port)

        target = stack.enter_context(own_target(folder / "target", by_proxy))
        plan, variables = plan_for(target, folder)
        whole = whole_run(folder, [], plan=plan, when=when(share), meddle=turns(proxies), environ=variables, look=look)
    _require_others_read(whole)
    return whole


def _require_others_read(whole: Whole) -> None:
    """Raises HarnessError when a collector had to wait for that of the database, which hangs."""
    if whole.meddled_at is None or not (whole.directory / "tsdb").is_dir():
        return
    ended = RunDirectory(whole.directory).read_record().steady_to
    for name in OTHERS:
        start, end = whole.meddled_at, ended or whole.meddled_at
        found = archived(whole, f'harness_collector_up{{collector="{name}"}}', start, end)
        read = sum(float(series.values.sum()) for series in found) / max(1.0, end - start)
        if read < LEAST_READ:
            raise HarnessError(f"the collector {name} read only {read:.0%} of the time beside a mute database")


DATABASE_CELLS = (
    Surrounding(
        "database-mute", frozenset({Outcome.INCONCLUSIVE, Outcome.FAIL}), ("database:main",),
        "every request that needs it hangs; the sidecar names the database that it cannot read, and reads on elsewhere",
        database_mute,
    ),
)  # fmt: skip

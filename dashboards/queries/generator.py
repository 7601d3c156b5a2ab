"""The load generator's own health and that of the scrapes: is the run worth judging?"""

from __future__ import annotations

from dashboards.queries.select import KEEP, by, series
from exporters.metric_names import COLLECTOR_DURATION, Recorded

CPU = series(Recorded.GENERATOR_CPU)
MEMORY = series(Recorded.GENERATOR_MEMORY)
LOOP_LAG = series(Recorded.LOOP_LAG_P99)
ARRIVALS = series(Recorded.ARRIVALS)
ARRIVALS_PLANNED = series(Recorded.ARRIVALS_PLANNED)
ARRIVALS_DROPPED = series(Recorded.ARRIVALS_DROPPED)
ARRIVALS_DROPPED_RATIO = series(Recorded.ARRIVALS_DROPPED_RATIO)
USERS_SHARE = f"{series(Recorded.USERS)} / on ({KEEP}) ({series(Recorded.USERS_TARGET)} > 0)"
UP = series(Recorded.UP)
UP_EXPECTED = series(Recorded.UP_EXPECTED)
SILENT_SOURCES = f"sum by {by()} ({UP_EXPECTED} - on {by('job')} {UP})"
COLLECTORS = series(Recorded.COLLECTOR_UP)
COLLECTOR_SECONDS = series(COLLECTOR_DURATION)

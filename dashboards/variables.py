"""The choices on top of the dashboards; ``$stack`` and ``$run`` are on all of them."""

from __future__ import annotations

from dashboards.model import Choice, Variable
from exporters.metric_names import STACK, Recorded

STACK_VARIABLE = Variable("stack", "Stack", STACK, Recorded.UP, many=False)
RUN = Variable("run", "Run", "run_id", f'{Recorded.UP}{{harness="$stack"}}')
PROCESS = Variable("process", "Process", "subject", f'{Recorded.MEMORY}{{harness="$stack", run_id=~"$run"}}')
POOL = Variable("pool", "Pool", "pool", f'{Recorded.POOL_SIZE}{{harness="$stack", run_id=~"$run"}}')
ENDPOINT = Variable("endpoint", "Endpoint", "name", f'{Recorded.ENDPOINT_REQUESTS}{{harness="$stack", run_id=~"$run"}}')
WINDOW = Choice("window", "Window", ("1h", "15m", "5m", "1m"))

ALWAYS = (STACK_VARIABLE, RUN)

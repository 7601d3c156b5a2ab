"""Whether a plan's own regression queries are PromQL: a bracket that is missing must not show after a day of soak."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import HarnessError
from harness.plan.model import Plan
from harness.plan.regression import STACK, WINDOW, RegressionQuery
from harness.run.check import Check
from harness.run.tools import find_tool

_TIMEOUT = 30.0


def check_own_queries(plan: Plan) -> Iterator[Check]:
    """One check for each query of ``baseline.queries``; none without promtool, whose absence is told by itself."""
    own = plan.baseline.queries if plan.baseline is not None else ()
    if not own:
        return
    try:
        promtool = find_tool("promtool")
    except HarnessError:
        return
    for index, query in enumerate(own):
        trouble = _trouble(promtool, query)
        remedy = f"correct it; {WINDOW} stands for a duration as 30s, {STACK} for the stack's name" if trouble else ""
        detail = trouble or "PromQL"
        yield Check(f"query {query.name}", not trouble, detail, remedy, key=("baseline", "queries", index, "query"))


def _trouble(promtool: str, query: RegressionQuery) -> str:
    """What promtool says of the query as a rule; empty when it has nothing to say."""
    text = query.query.replace(WINDOW, "30s").replace(STACK, "stack")
    rules = {"groups": [{"name": "own", "rules": [{"record": "own:query", "expr": text}]}]}
    with TemporaryDirectory(prefix="harness-check-") as folder:
        file = Path(folder) / "own.yml"
        file.write_text(json.dumps(rules), encoding="utf-8")  # JSON is YAML
        try:
            done = subprocess.run(
                [promtool, "check", "rules", str(file)], capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"promtool could not look at it: {error}"
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    line = next((one for one in said if "parse" in one), said[-1] if said else f"promtool exited {done.returncode}")
    return line.rpartition("could not parse expression: ")[2].strip()

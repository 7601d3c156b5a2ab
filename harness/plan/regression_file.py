"""``prometheus/regression.yml`` to a ``QuerySet``: strict, every error names its line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import PlanError
from harness.plan.problems import Problems
from harness.plan.regression import Pace, QuerySet, RegressionQuery
from harness.plan.schema_errors import add_schema_errors
from harness.plan.yaml_lines import parse_yaml, read_text

FILE = "regression.yml"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: str
    pace: Pace | None = None
    queries: Annotated[tuple[RegressionQuery, ...], Field(min_length=1)]


def load_queries(folder: Path) -> QuerySet:
    """The shipped queries in ``folder``. Raises PlanError that names file and line."""
    return parse_queries(read_text(folder / FILE), str(folder / FILE))


def parse_queries(text: str, where: str) -> QuerySet:
    """As ``load_queries``, from text."""
    root = parse_yaml(text, where)
    problems = Problems(where)
    if root.mapping is None:
        raise PlanError("a mapping with requests: and queries: is expected", path=where, line=1)
    try:
        found = _File.model_validate(root.plain())
    except ValidationError as error:
        add_schema_errors(error, root, problems, _File)
        problems.raise_any()
        raise  # unreachable: a ValidationError always adds a problem
    names = [query.name for query in found.queries]
    for i, name in enumerate(names):
        if name in names[:i]:
            problems.add_loc(root, ("queries", i, "name"), f"the query {name!r} is there twice")
    problems.raise_any()
    return QuerySet(requests=found.requests, queries=found.queries, pace=found.pace)

"""What an expression reads, by Prometheus' own grammar (promql-parser)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

_CHILDREN = ("lhs", "rhs", "expr", "args", "vector_selector")


@dataclass(frozen=True)
class Selector:
    name: str
    matchers: dict[str, tuple[str, str]]  # label -> (operator, value)


def selectors(expr: str) -> list[Selector]:
    """Every vector selector of an expression. Raises ValueError where it does not parse."""
    return list(_walk(promql_parser.parse(expr)))


def _walk(node: Any) -> Iterator[Selector]:
    if isinstance(node, promql_parser.VectorSelector):
        found = {m.name: (str(m.op).rpartition(".")[2], m.value) for m in node.matchers.matchers}
        yield Selector(node.name or "", found)
    for attribute in _CHILDREN:
        child = getattr(node, attribute, None)
        for one in child if isinstance(child, list) else [child] if child is not None else []:
            yield from _walk(one)

"""YAML text as a tree that remembers lines, with bounds on everything a hostile or broken file can blow up.

Every scalar stays the text that was written (``off``, ``1:30`` and ``2026-01-01`` included): YAML 1.1 would turn them
into a boolean, a number and a date, and the plan's types know better what they want. Pure but for ``read_text``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from harness.errors import PlanError
from harness.plan.wording import tell

# A plan of one screen is 2 kB; these bounds are far above any real plan and keep the work below about two seconds.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 10_000

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass
class Node:
    """A scalar (text or None), a list, or a mapping.

    Attributes:
        line: 1-based line in the file; 0 for a node that is not from the file.
        origin: where a node comes from that is not from the file ("--set load.workers", "environment variable X").
        key_lines: for a mapping, the line on which each key stands.
    """

    value: str | list[Node] | dict[str, Node] | None
    line: int
    origin: str = ""
    key_lines: dict[str, int] = field(default_factory=dict)

    @property
    def mapping(self) -> dict[str, Node] | None:
        return self.value if isinstance(self.value, dict) else None

    @property
    def text(self) -> str | None:
        return self.value if isinstance(self.value, str) else None

    def child(self, step: str | int) -> Node | None:
        """The item or value that one step leads to."""
        if isinstance(self.value, dict) and isinstance(step, str):
            return self.value.get(step)
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            return self.value[step]
        return None

    def walk(self) -> Iterator[Node]:
        """The node and all below it; a node shared by an alias comes once per use."""
        yield self
        if isinstance(self.value, dict):
            for child in self.value.values():
                yield from child.walk()
        elif isinstance(self.value, list):
            for child in self.value:
                yield from child.walk()

    def at(self, loc: tuple[str | int, ...]) -> Node:
        """The deepest node that exists on the way to ``loc``."""
        node = self
        for step in loc:
            child = node.child(step)
            if child is None:
                break
            node = child
        return node

    def place(self, loc: tuple[str | int, ...]) -> tuple[int, str]:
        """Line and origin to name for ``loc``: the key's own line where there is one."""
        parent, node = self.at(loc[:-1]), self.at(loc)
        if loc and node is not parent and not node.origin and isinstance(loc[-1], str):
            line = parent.key_lines.get(loc[-1], node.line)
            return line, node.origin
        return node.line, node.origin

    def plain(self) -> object:
        """Dictionaries, lists, texts and None, for validation."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def copy(self) -> Node:
        """A deep copy, so that two uses of one alias can be overridden apart."""
        if isinstance(self.value, dict):
            children = {key: child.copy() for key, child in self.value.items()}
            return Node(children, self.line, self.origin, dict(self.key_lines))
        if isinstance(self.value, list):
            return Node([child.copy() for child in self.value], self.line, self.origin)
        return Node(self.value, self.line, self.origin)


def read_text(path: Path) -> str:
    """A plan file's text.

    Raises:
        PlanError: missing, a directory, no permission, too large, binary or not UTF-8.
    """
    where = tell(str(path))
    try:
        if path.is_dir():
            raise PlanError("this is a directory, not a plan", path=where, remedy="give the plan's .yml file")
        if not path.is_file():
            what = "this is not a regular file" if path.exists() else "there is no such file"
            raise PlanError(what, path=where, remedy="give the path of a plan, or the name of a shipped one")
        # One byte more than allowed is read, so that the size is never trusted from elsewhere.
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PlanError(
            f"cannot be read: {error.strerror or error}", path=where, remedy="check its permissions"
        ) from None
    except ValueError:
        raise PlanError("this is not a usable file name", remedy="give the path of a plan") from None
    if len(data) > MAX_BYTES:
        raise PlanError(
            f"larger than {MAX_BYTES // 1024} KiB; a plan is a few kilobytes",
            path=where,
            remedy="is this really a plan?",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PlanError(
            "not UTF-8 text", path=where, line=line, remedy="is this really a plan? save it as UTF-8"
        ) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise PlanError("binary data, not text", path=where, line=line, remedy="is this really a plan?")
    return text


def parse_yaml(text: str, where: str, *, origin: str = "") -> Node:
    """The tree of one YAML document.

    Args:
        where: file name for errors.
        origin: for text that is not from a file (an override): stands in errors in place of file and line.

    Raises:
        PlanError: not YAML, several documents, a duplicate key, tags, or beyond the bounds above.
    """
    builder = _Builder(where, origin)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else None
        what = error.problem or error.context or "cannot be parsed"
        raise builder.error(
            f"not valid YAML: {what}" + (f" (column {mark.column + 1})" if mark else ""),
            line,
            "check indentation, colons and quotes around this line",
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, max(0, error.position)) + 1
        raise builder.error(
            f"not valid YAML: the character {error.character!r} is not allowed", line, "remove it or write it escaped"
        ) from None
    except yaml.YAMLError as error:
        raise builder.error(f"not valid YAML: {error}", None, "check indentation, colons and quotes") from None
    except (ValueError, IndexError, OverflowError) as error:
        # PyYAML lets a few through, for example int() of a malformed %YAML directive or chr() of "\UFFFFFFFF".
        raise builder.error(f"not valid YAML: {error}", None, "check escapes and directives") from None
    return builder.root or Node(None, 1, origin)


class _Builder:
    """Builds the tree from parse events: no recursion, so nesting cannot exhaust the stack."""

    def __init__(self, where: str, origin: str) -> None:
        self.where = where
        self.origin = origin
        self.root: Node | None = None
        self._stack: list[Node] = []
        self._keys: list[tuple[str, int] | None] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open_anchors: list[tuple[str | None, int]] = []
        self._nodes = 0

    def error(self, message: str, line: int | None, remedy: str) -> PlanError:
        message, remedy = tell(message), tell(remedy)
        if self.origin:
            return PlanError(f"{self.origin}: {message}", remedy=remedy)
        return PlanError(message, path=self.where, line=line, remedy=remedy)

    def feed(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self.error("a second YAML document begins here", line, "a plan is one document; remove the '---'")
        if isinstance(event, yaml.ScalarEvent | yaml.SequenceStartEvent | yaml.MappingStartEvent) and event.tag:
            raise self.error(f"the tag {event.tag[:80]!r} is not supported", line, "write the plain value")
        if isinstance(event, yaml.AliasEvent):
            self._alias(event, line)
        elif isinstance(event, yaml.ScalarEvent):
            plain = event.style is None
            value = None if plain and event.value in _NULLS else event.value
            self._count(1, line)
            node = Node(value, line, self.origin)
            if event.anchor:
                self._anchors[event.anchor] = (node, 1)
            self._attach(node, event.value)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self._count(1, line)
            node = Node([] if isinstance(event, yaml.SequenceStartEvent) else {}, line, self.origin)
            self._attach(node, None)
            self._stack.append(node)
            self._keys.append(None)
            self._open_anchors.append((event.anchor, self._nodes))
            if len(self._stack) > MAX_DEPTH:
                raise self.error(f"nested deeper than {MAX_DEPTH} levels", line, "is this really a plan?")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            node = self._stack.pop()
            self._keys.pop()
            anchor, before = self._open_anchors.pop()
            if anchor:
                self._anchors[anchor] = (node, self._nodes - before + 1)

    def _count(self, nodes: int, line: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self.error(f"more than {MAX_NODES} values (aliases counted)", line, "is this really a plan?")

    def _alias(self, event: yaml.AliasEvent, line: int) -> None:
        name = event.anchor or ""
        if name not in self._anchors:
            raise self.error(f"the alias *{name[:80]} has no anchor before it", line, f"define &{name[:80]} first")
        node, size = self._anchors[name]
        # Counted before it is copied: a chain of aliases multiplies, and must be refused before it is unfolded.
        self._count(size, line)
        self._attach(node.copy(), node.text)

    def _attach(self, node: Node, key_text: str | None) -> None:
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if isinstance(parent.value, list):
            parent.value.append(node)
            return
        assert isinstance(parent.value, dict)
        key = self._keys[-1]
        if key is None:
            self._key(parent, node, key_text)
            return
        parent.value[key[0]] = node
        parent.key_lines[key[0]] = key[1]
        self._keys[-1] = None

    def _key(self, parent: Node, node: Node, text: str | None) -> None:
        if text is None:
            raise self.error("a key must be plain text", node.line, "quote it if it begins with { or [")
        if text == "<<":
            raise self.error("the merge key << is not supported", node.line, "write the values out")
        if text in parent.key_lines:
            first = parent.key_lines[text]
            raise self.error(
                f"the key {text[:80]!r} stands twice: first on line {first}, again on line {node.line}",
                node.line,
                "keep one of them",
            )
        self._keys[-1] = (text, node.line)

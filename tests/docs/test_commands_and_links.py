"""What the pages tell a reader to type, to open and to look at is there: commands, options, files, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from harness.cli_group import COMMANDS
from harness.selftest.kills import CELLS as KILLS

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
FOLDERS = "accuracy|benchmarks|dashboards|deploy|docs|exporters|harness|plans|prometheus|scripts|target|tests"
# What a person writes, or a run leaves.
NOT_HERE = re.compile(r"plans/mine\.yml")

CELLS = {f"{cell.part} {cell.action}" for cell in KILLS}  # `harness restart` is one of the kill matrix

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def spans(text: str) -> Iterator[str]:
    """Each line of a shell block without its comment, and each piece of code in a sentence."""
    for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (line.split(" #")[0].strip() for line in block.replace("\\\n", " ").splitlines())
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (one.replace("\n", " ") for one in re.findall(r"`([^`]+)`", prose))


def commands(text: str) -> Iterator[list[str]]:
    """The words behind `harness` of each call that is told."""
    for span in spans(text):
        match = re.match(r"(?:[A-Z_]+=\S* )*(?:\.venv/bin/)?harness (?P<words>[a-z].*)", span)
        if match and span not in CELLS:
            words = re.sub(r"\.\.\.|[\[\]]", "", match["words"])
            yield shlex.split(re.split(r" [|>] ", words)[0])


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """What is called, and the words that are left."""
    found: click.Command = getattr(import_module(COMMANDS[words[0]].module), words[0])
    rest = words[1:]
    if isinstance(found, click.Group) and rest:
        return found.commands[rest[0]], rest[1:]
    return found, rest


@pages
def test_each_command_and_option_is_there(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        assert words[0] in COMMANDS, words
        found, rest = command_of(words)
        known = {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}
        for option in (word.split("=")[0] for word in rest if word.startswith("--")):
            assert option in known | {"--help"}, (words, option)


def test_there_are_commands_to_look_at() -> None:
    told = [words for page in PAGES for words in commands(page.read_text(encoding="utf-8"))]
    assert len(told) > 60
    assert {words[0] for words in told} == set(COMMANDS), "each command is told on some page"


@pages
def test_each_make_target_is_there(page: Path) -> None:
    for span in spans(page.read_text(encoding="utf-8")):
        match = re.match(r"make ([a-z0-9-]+)", span)
        assert match is None or match[1] in TARGETS, span


@pages
def test_each_file_that_is_named_is_there(page: Path) -> None:
    for span in spans(page.read_text(encoding="utf-8")):
        for name in re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./*-]*\w", span):
            assert NOT_HERE.match(name) or list(ROOT.glob(name)), name


@pages
def test_each_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        aim = (page.parent / name).resolve() if name else page
        assert aim.exists(), link
        if anchor and aim.suffix == ".md":
            assert anchor in anchors(aim.read_text(encoding="utf-8")), link


def anchors(text: str) -> set[str]:
    """Of a page's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}

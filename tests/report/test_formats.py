from __future__ import annotations

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import ArchiveError, UsageError
from harness.judge.verdict import Finding, Outcome, Verdict
from harness.report import FORMATS, render, write_reports
from harness.report.console import print_verdict
from harness.report.finding_text import value_text
from harness.report.stored import read_verdict
from harness.run.json_files import write_json
from harness.run.record import RunDirectory
from tests.report import samples
from tests.report.samples import EVIL, sample_plan, sample_record


def text_of(format: str, verdict: Verdict, **changes: object) -> str:
    return render(format, verdict, sample_record(**changes), sample_plan())


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.mark.parametrize("make", samples.ALL)
def test_html_without_plots_is_one_well_formed_page_without_script_or_network(make: object) -> None:
    source = text_of("html", make())  # type: ignore[operator]
    page = Page(source)
    assert page.open == []
    assert not {"script", "img", "link", "iframe", "object", "svg", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style")]
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert links and all(link.startswith("#") for link in links)
    assert "url(" not in source and "@import" not in source
    policies = [value or "" for name, value in page.attributes if name == "content"]
    assert any(value.startswith("default-src 'none'; script-src 'none'; ") for value in policies)
    assert "There are no plots: the run's series were not opened." in page.text
    assert len(source) < 60_000


def test_html_says_the_verdict_and_its_cause_first() -> None:
    page = Page(text_of("html", samples.failing()))
    order = [
        page.text.index(part)
        for part in (
            "FAIL smoke",
            "2 of 4 objectives failed",
            "First cause: memory of process web",
            "Objectives",
            "In the order in which they began",
            "Coverage How much of the evidence was there",
            "Plan As resolved, secrets masked",
        )
    ]
    assert order == sorted(order)
    for part in (
        "120%",
        "<= 50%",
        "no data",
        ">= 20 rps",
        "64.2 rps",
        "INCONCLUSIVE",
        "db_pool_waiting",
        "98.75%",
        "2.42.0",
    ):
        assert part in page.text


def test_html_without_anything_to_show_says_so() -> None:
    page = Page(text_of("html", samples.nothing()))
    for part in (
        "No objective was judged.",
        "None: nothing was found to be wrong.",
        "Nothing was recorded about coverage.",
    ):
        assert part in page.text


@pytest.mark.parametrize("format", FORMATS)
def test_an_endpoint_named_like_a_script_is_harmless(format: str) -> None:
    text = text_of(format, samples.failing())
    if format == "html":
        page = Page(text)
        assert "script" not in page.tags and EVIL in page.text
    if format == "json":
        assert EVIL in json.loads(text)["objectives"][0]["subject"]
    elif format != "annotations":  # plain text, which GitHub shows as such
        assert "<script" not in text
        assert "\x1b" not in text and "\x00" not in text
    text.encode("utf-8")


@pytest.mark.parametrize("format", ["junit", "markdown", "html"])
def test_no_secret_of_the_plan_is_in_a_report(format: str) -> None:
    text = text_of(format, samples.failing(), target="http://u:very-secret@localhost")
    for secret in ("very-secret", "query-secret", "db-secret"):
        assert secret not in text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("make", samples.ALL)
def test_the_verdict_has_one_word_everywhere(format: str, make: object) -> None:
    verdict: Verdict = make()  # type: ignore[operator]
    text = text_of(format, verdict)
    word = verdict.outcome.word if format == "json" else verdict.outcome.name
    first = {
        "json": f'"outcome": "{word}"',
        "junit": f'name="verdict" value="{word}"',
        "markdown": f"{word}: smoke\n",
        "html": f"<h1>{word} <small>smoke</small></h1>",
        "annotations": f" title={word}%3A smoke::",
    }[format]
    assert first in text


def test_no_such_format() -> None:
    with pytest.raises(UsageError, match="there is no report format 'pdf'"):
        text_of("pdf", samples.passing())


def test_markdown_whole() -> None:
    text = text_of("markdown", samples.passing())
    assert text == (
        "## ✅ PASS: smoke\n\n"
        "All 3 objectives met over 2m 40s of steady state.\n\n"
        "### Objectives\n\n"
        "|  | Objective | Subject | Value | Limit |\n"
        "| --- | --- | --- | --- | --- |\n"
        "| ✅ PASS | latency\\_p95 | whole run | 42ms | &lt;= 800ms |\n"
        "| ✅ PASS | memory\\_growth | process web | 3.1% | &lt;= 50% |\n"
        "| ✅ PASS | restarts | process web | 0 | &lt;= 0 |\n\n"
        "### Good to know\n\n"
        "- `db_pool_waiting` was taken out of this plan by `off`: it was not judged.\n\n"
        "### Run\n\n"
        "|  |  |\n| --- | --- |\n"
        "| Run | `20261122T150640Z-smoke` |\n"
        "| Plan | smoke (smoke) |\n"
        "| Target | `http://localhost:5000` |\n"
        "| Started | 2026-11-22 15:06:40 UTC |\n"
        "| Judged window | 2026-11-22 15:07:00 UTC to 15:09:40 UTC (2m 40s) |\n"
        "| Ended | 2026-11-22 15:09:45 UTC, completed |\n"
    )


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_what_could_not_be_judged_stands_apart_from_its_name(format: str) -> None:
    plan = sample_plan(samples.PLAN_TEXT.replace("horizon: 10m", "horizon: 24h"))
    text = render(format, samples.nothing(), sample_record(), plan).replace("\\_", "_")
    assert re.search(r"memory_growth(</code>)? needs 6h of steady state", text)


def test_markdown_fits_a_comment() -> None:
    finding = Finding("alerts", "memory", Outcome.WARN, "x" * 5000)
    many = Verdict("r", (finding,) * 100, samples.passing().objectives, {})
    text = text_of("markdown", many)
    assert len(text) < 65_536 and text.endswith("(shortened; the whole is in report.html)\n")
    short = Verdict("r", (Finding("alerts", "memory", Outcome.WARN, "x"),) * 31, samples.passing().objectives, {})
    assert "- and 1 more in report.html" in text_of("markdown", short)


# --- console


def printed(verdict: Verdict, *, terminal: bool, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, color_system=None)
    print_verdict(console, verdict, sample_record(), sample_plan())
    return out.getvalue()


def test_the_plain_console_whole() -> None:
    assert printed(samples.failing(), terminal=False, width=40) == (
        f"FAIL  2 of 4 objectives failed: latency_p95 (GET {EVIL}), memory_growth (process web).\n"
        "First cause: memory of process web grows by 120 % in 10 minutes "
        "(moved first at 15:07:25 UTC, 45s after the start).\n"
        f"FAIL         latency_p95 (GET {EVIL}): 1.2s, limit <= 800ms\n"
        "FAIL         memory_growth (process web): 120%, limit <= 50%  grew to the end\n"
        "INCONCLUSIVE error_ratio: no data, limit <= 1%  no samples\n"
        "PASS         throughput: 64.2 rps, limit >= 20 rps\n"
        "FAIL         memory (process web): memory of process web grows by 120 % in 10 minutes\n"
        "             2026-11-22 15:07:25 UTC; 120% (limit 50%); held for 1m 55s\n"
        '             harness_kind_subject:memory_bytes:working_set{subject="web"}\n'
        f"FAIL         latency (GET {EVIL}): p95 of GET {EVIL} is over its limit\n"
        "             2026-11-22 15:08:40 UTC; 1.2s (limit 800ms); held for 40s; runbook runbooks/LatencyHigh.md\n"
        '             harness_method_name:locust_requests_within:share1m{name="|`x`"}\n'
        "WARN         telemetry: 3 % of samples are missing \ufffd[31m\ufffd? &amp; <b>\n"
        "             whole window\n"
        "Not judged, by `off` in the plan: db_pool_waiting\n"
    )


@pytest.mark.parametrize("make", samples.ALL)
def test_the_terminal_shows_the_word_and_no_foreign_escape(make: object) -> None:
    verdict: Verdict = make()  # type: ignore[operator]
    text = printed(verdict, terminal=True)
    assert text.startswith(verdict.outcome.name + "  ")
    assert "\x1b[31m" not in text and "\x00" not in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_markup_in_a_name_is_printed_not_obeyed() -> None:
    finding = Finding("alerts", "memory", Outcome.WARN, "[bold red]x[/] [link=http://evil]y[/link] :bomb:")
    text = printed(Verdict("r", (finding,), samples.passing().objectives, {}), terminal=True)
    assert "[bold red]x[/] [link=http://evil]y[/link] :bomb:" in text


# --- files


def test_write_reports_writes_all_and_leaves_nothing_else(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    write_reports(directory, samples.failing(), sample_record(), sample_plan())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["junit.xml", "report.html", "summary.md", "verdict.json"]
    assert (tmp_path / "summary.md").read_text() == text_of("markdown", samples.failing())
    assert json.loads((tmp_path / "verdict.json").read_text()) == samples.failing().to_json()


@pytest.mark.parametrize("make", samples.ALL)
def test_a_stored_verdict_comes_back_and_renders_the_same(make: object, tmp_path: Path) -> None:
    verdict: Verdict = make()  # type: ignore[operator]
    directory = RunDirectory(tmp_path)
    write_reports(directory, verdict, sample_record(), sample_plan())
    again = read_verdict(directory)
    for format in FORMATS:
        assert text_of(format, again) == text_of(format, verdict)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema 2; this harness reads schema 1"),
        ({"outcome": "pass"}, "says pass, but its findings make it fail"),
        ({"outcome": "great"}, "'great' is no outcome"),
        ({"findings": None}, "not a verdict"),
        ({"findings": [{"check": "x"}]}, "not a verdict"),
        ({"objectives": [{"outcome": "pass"}]}, "not a verdict"),
        ({"run_id": 5}, "not a verdict"),
        ({"coverage": "x"}, "not a verdict"),
    ],
)
def test_a_damaged_verdict_is_an_error(change: dict[str, object], said: str, tmp_path: Path) -> None:
    write_json(tmp_path / "verdict.json", samples.failing().to_json() | change)
    with pytest.raises(ArchiveError, match=re.escape(said)):
        read_verdict(RunDirectory(tmp_path))


def test_no_verdict_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="is missing"):
        read_verdict(RunDirectory(tmp_path))


def test_a_broken_quantile_without_a_value_is_above_its_limit() -> None:
    """More requests failed than the quantile leaves out: it has no value, and "no data" beside FAIL would be untrue."""
    assert value_text(None, 0.8, "seconds", Outcome.FAIL) == "> 800ms"
    assert value_text(None, 0.8, "seconds", Outcome.INCONCLUSIVE) == "no data"
    assert value_text(0.9, 0.8, "seconds", Outcome.FAIL) == "900ms"

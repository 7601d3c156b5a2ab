"""Windows set aside: nothing in them is judged, everything beside them is, and the outcome tells how much it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from harness.errors import ArchiveError
from harness.judge import judge_run
from harness.judge.alerts import look_back
from harness.judge.coverage import cover
from harness.judge.restarts import starts
from harness.judge.set_aside import SetAside, read_marks
from harness.judge.verdict import Outcome, Verdict
from harness.judge.windows import Window, tumbling
from harness.plan.dump import dump_plan
from harness.plan.judgeable import unjudgeable
from harness.plan.loading import load_plan_text
from harness.plan.model import Plan
from harness.report.headline import headline_text
from harness.report.writer import ReportWriter
from harness.run.marks import add_mark
from harness.run.record import RunDirectory
from tests.judge.fabricate import END, RECORD, START, STEADY_FROM, Made, flat, lose, named, plan, write_run

RULES = Path(__file__).parents[2] / "prometheus" / "rules"
FROM, TO = 150.0, 180.0  # since the start: 30 s and two scrapes of the steady 240 s
AMID = 160.0


def between(inside: float, outside: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: np.where((t >= FROM) & (t < TO), inside, outside).astype(float)


def marked(folder: Path, made: Made, on: Plan | None = None, start: float = FROM, end: float = TO) -> Verdict:
    run = write_run(folder / "run", made)
    add_mark(run, SetAside(START + start, START + end, "deploy", "hand", START + end))
    return judge_run(run, on or plan(), rules_dir=RULES)


SPOILED = {
    "errors": Made(errors=between(0.5)),
    "slow": Made(slow=between(0.9, 0.01)),
    "restart": Made(starts=lambda t: np.where(t >= AMID, 2.0, 0.0)),
    "no load": Made(rps=between(0.0, 40.0)),
    "pool full": Made(in_use=between(10, 4), waiting=between(5), timeouts=between(2)),
    "memory": Made(memory=between(1.3e9, 200e6)),
    "redis": Made(redis_ping=between(0.15, 0.002)),
    "telemetry": Made(lost=lambda labels, t: (t >= FROM) & (t < TO)),
}


_IN_CI = frozenset({"errors", "restart", "no load", "telemetry"})


@pytest.mark.parametrize("name", [n if n in _IN_CI else pytest.param(n, marks=pytest.mark.long) for n in SPOILED])
def test_what_was_set_aside_is_not_judged(name: str, tmp_path: Path) -> None:
    without = judge_run(write_run(tmp_path / "plain", SPOILED[name]), plan(), rules_dir=RULES)
    assert without.outcome >= Outcome.INCONCLUSIVE, "the window must matter, or this shows nothing"
    verdict = marked(tmp_path, SPOILED[name])
    assert verdict.findings == ()
    assert verdict.outcome is Outcome.PASS


def test_the_outcome_tells_how_much_was_left_out(tmp_path: Path) -> None:
    verdict = marked(tmp_path, Made())
    told = verdict.coverage["set_aside"]
    assert told["seconds"] == 30
    assert told["share"] == pytest.approx(30 / 240)
    assert told["windows"][0]["reason"] == "deploy"
    assert headline_text(verdict, RECORD).endswith("30s (12.5% of the steady state) were set aside: deploy.")
    assert json.loads(json.dumps(verdict.to_json()))["coverage"]["set_aside"]["windows"][0]["by"] == "hand"


def test_the_report_shades_it(tmp_path: Path) -> None:
    run, reports = write_run(tmp_path / "run", Made()), ReportWriter()
    add_mark(run, SetAside(START + FROM, START + TO, "deploy", "hand", START + TO))
    verdict = judge_run(run, plan(), rules_dir=RULES, look=reports.look)
    assert reports.trouble == ""
    reports.write(run, verdict, run.read_record(), plan())
    page = (run.path / "report.html").read_text()
    assert f'"aside":[[{round((START + FROM) * 1000)},{round((START + TO) * 1000)}]]' in page.replace(" ", "")
    assert "were set aside: deploy" in (run.path / "summary.md").read_text()


def test_a_window_at_the_end_is_not_told_as_scrapes_that_ended(tmp_path: Path) -> None:
    made = Made(lost=lose(named("memory_bytes")))
    verdict = marked(tmp_path, made, start=END - START - 40, end=END - START)
    told = " ".join(found.summary for found in verdict.findings)
    assert "the sidecar answered, but did not deliver it" in told and "was not scraped after" not in told


def test_what_lies_beside_it_is_judged_in_full(tmp_path: Path) -> None:
    late = Made(errors=lambda t: np.where((t >= TO + 15) & (t < TO + 45), 0.5, 0.0))
    verdict = marked(tmp_path, late)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.first_cause is not None and verdict.first_cause.signal == "errors"
    (errors,) = (o for o in verdict.objectives if o.objective == "error_ratio")
    assert errors.value == pytest.approx(0.5 * 30 / 200, rel=0.15)


def test_a_leak_goes_on_through_it(tmp_path: Path) -> None:
    verdict = marked(tmp_path, Made(memory=lambda t: 200e6 * (1 + 0.004 * t)))
    (memory,) = (o for o in verdict.objectives if o.objective == "memory_growth")
    assert memory.outcome is Outcome.FAIL


def test_more_than_a_fifth_is_too_much(tmp_path: Path) -> None:
    verdict = marked(tmp_path, Made(), end=FROM + 60)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "1m of the steady state were set aside (deploy), 25% of it" in verdict.findings[0].summary


def test_many_short_windows_hide_more_than_they_say(tmp_path: Path) -> None:
    """One second each, and the two scrapes after it: 14 of them are 6 % of the steady state, and hide 64 %."""
    failing = Made(errors=lambda t: (((t - 64) % 17 > 0.5) & ((t - 64) % 17 < 8) & (t > 64)).astype(float))
    run = write_run(tmp_path / "run", failing)
    for at in range(64, 64 + 14 * 17, 17):
        add_mark(run, SetAside(START + at, START + at + 1, "blink", "hand", START + at))
    verdict = judge_run(run, plan(), rules_dir=RULES)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (finding,) = (f for f in verdict.findings if f.check == "run")
    assert "64.17% of it with the scrapes after each window: more than 40% is too much" in finding.summary


def test_the_plan_sets_aside_too(tmp_path: Path) -> None:
    on = _planned()
    assert load_plan_text(dump_plan(on, mask=True), where="plan.yml", environ={}).set_aside == on.set_aside
    verdict = judge_run(write_run(tmp_path / "run", Made(errors=between(0.5))), on, rules_dir=RULES)
    assert verdict.outcome is Outcome.PASS
    assert verdict.coverage["set_aside"]["windows"][0]["by"] == "plan"


def _planned(duration: str = "30s") -> Plan:
    text = dump_plan(plan(), mask=False) + f"set_aside: [{{at: 150s, duration: {duration}, reason: nightly job}}]\n"
    return load_plan_text(text, where="plan.yml", environ={})


def test_a_plan_that_sets_too_much_aside_is_told_before_the_run() -> None:
    assert not [p for p in unjudgeable(_planned()) if p.objective == "set_aside"]
    (problem,) = (p for p in unjudgeable(_planned("60s")) if p.objective == "set_aside")
    assert problem.hard
    assert problem.reason == "1m of 4m of steady state would be set aside; at most 20% may be"


@pytest.mark.parametrize("line", ["{", '{"from": "2026-01-01T00:00:00Z"}', '{"from": 1, "to": 2, "reason": "x"}'])
def test_a_mark_that_cannot_be_read_is_no_judgement(line: str, tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert read_marks(run.marks) == ()
    run.marks.write_text(line + "\n")
    with pytest.raises(ArchiveError, match=r"marks\.jsonl:1 is no window"):
        read_marks(run.marks)


def test_a_window_without_its_holes() -> None:
    window = Window(0, 100).without([Window(-5, 10), Window(20, 30), Window(28, 40), Window(99, 120), Window(200, 300)])
    assert window.holes == (Window(0, 10), Window(20, 40), Window(99, 100))
    assert (window.span, window.length, window.expected(10)) == (100, 69, 6)
    times = np.array([0.0, 5, 10, 10.1, 20, 20.1, 40, 41, 99, 100])
    assert window.counts(times).tolist() == [True, False, False, True, True, False, False, True, True, False]
    assert sum(piece.length for piece in tumbling(Window(0, 1000).without([Window(250, 700)]))) == 550
    presence = cover(np.arange(0, 101, 5.0), window, 5.0)
    assert (presence.gap, presence.share) == (5.0, 1.0)
    without = cover(np.array([0.0, 15, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 99]), window, 5.0)
    assert without.gap == 10.0  # 15 to 20 and 40 to 45


def test_a_restart_that_may_have_been_in_it_does_not_count() -> None:
    times, window = np.arange(0, 30, 5.0), Window(0, 30).without([Window(8, 17)])
    assert starts(times, np.array([0, 0, 1, 1, 1, 1.0]), window) == []
    assert starts(times, np.array([0, 0, 0, 0, 1, 1.0]), window) == []  # between 15 and 20: it may have been before 17
    assert starts(times, np.array([0, 0, 0, 0, 0, 1.0]), window) == [25]


def test_alerts_look_back_as_far_as_their_ranges() -> None:
    assert look_back("x > 1") == 60
    assert look_back("rate(x[5m]) > avg_over_time(y[90s])") == 360
    assert look_back("deriv(x[9h])") == 1800
    assert look_back("min_over_time(x[15m:3m] offset 5h54m)") == 960
    assert look_back("min_over_time(x[1h30m:3m])") == 1800


def test_levels_of_a_load_that_stopped_are_told_beside_a_window(tmp_path: Path) -> None:
    stopped = Made(rps=lambda t: np.where((t >= TO + 15) & (t < TO + 60), 0.0, 40.0), users=flat(20))
    assert marked(tmp_path, stopped).outcome >= Outcome.INCONCLUSIVE


def test_marks_survive_each_other(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    for number in range(3):
        add_mark(run, SetAside(STEADY_FROM + number, STEADY_FROM + number + 1, f"{number} ü", "hand", STEADY_FROM))
    assert [(m.reason, m.end - m.start) for m in read_marks(run.marks)] == [("0 ü", 1), ("1 ü", 1), ("2 ü", 1)]


@pytest.mark.parametrize(("start", "end"), [(-1000.0, 5000.0), (0.0, 290.0), (70.0, 5000.0), (61.0, 285.0)])
def test_next_to_nothing_left_is_inconclusive_and_no_error(start: float, end: float, tmp_path: Path) -> None:
    verdict = marked(tmp_path, Made(), start=start, end=end)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert all(o.outcome is not Outcome.FAIL for o in verdict.objectives)

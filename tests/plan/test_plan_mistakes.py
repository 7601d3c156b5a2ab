from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from harness.errors import PlanError
from harness.plan.loading import load_plan_text
from tests.plan.small_plan import MINIMAL, file_error, refused, with_line, write

CAPACITY = """name: x
kind: capacity
target: {url: "http://localhost:1"}
load: {locustfile: reference, model: open}
scrape_interval: 5s
capacity: {start: 10, settle: 25s, hold: 25s, max: 50}
"""
STRESS = MINIMAL + "kind: stress\nobjectives:\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["x.yml:1: the plan is empty", "target: and load:"]),
        ("# only a comment\n", ["x.yml:1: the plan is empty"]),
        ("- a\n", ["x.yml:1: a plan is a mapping"]),
        ("just words", ["x.yml:1: a plan is a mapping"]),
        ("name: x\n", ["target is missing", "load is missing"]),
        ("{", ["x.yml:1: not valid YAML"]),
        (MINIMAL + "  bad\n", ["x.yml:8: not valid YAML"]),
        (MINIMAL + "\ttab: 1\n", ["x.yml:7: not valid YAML"]),
        (MINIMAL + "---\nname: y\n", ["x.yml:7: a second YAML document"]),
        (MINIMAL + "name: y\n", ["x.yml:7: the key 'name' stands twice: first on line 1, again on line 7"]),
        (MINIMAL + "x: !!python/object/apply:os.system [id]\n", ["x.yml:7: the tag", "is not supported"]),
        (MINIMAL + "? [a]\n: b\n", ["x.yml:7: a key must be plain text"]),
        (MINIMAL + "<<: {a: b}\n", ["x.yml:7: the merge key << is not supported"]),
        (MINIMAL + "x: *nowhere\n", ["x.yml:7: the alias *nowhere has no anchor"]),
        (
            MINIMAL + "sacrpe_interval: 5s\n",
            ["x.yml:7: unknown key 'sacrpe_interval'; did you mean 'scrape_interval'?"],
        ),
        (MINIMAL + "objectives_off: [restarts]\n", ["x.yml:7: unknown key 'objectives_off'"]),
        (
            with_line("  url: http", "  hedaers: {a: b}\n  url: http"),
            ["x.yml:3: unknown key 'hedaers' in target; did you mean 'headers'?", "known: url,"],
        ),
        (
            with_line("users: 3", "user: 3"),
            ["x.yml:6: unknown key 'user' in load.stages, stage 1; did you mean 'users'?"],
        ),
        (
            with_line("users: 3", "users: many"),
            ["x.yml:6: load.stages, stage 1, users must be a whole number, not 'many'"],
        ),
        (with_line("users: 3", "users: 2.5"), ["x.yml:6: load.stages, stage 1, users must be a whole number"]),
        (with_line("users: 3", "users: -1"), ["x.yml:6: load.stages, stage 1, users", "greater than or equal to 0"]),
        (
            with_line("users: 3", "rate: 5"),
            ["x.yml:6: rate belongs to the open model", "stage 1 of the load has no users"],
        ),
        (
            with_line("users: 3", "users: 3, shape: ramp"),
            ["x.yml:6: shape belongs to the open model"],
        ),
        (
            with_line(
                "stages: [{duration: 5m, users: 3}]",
                "model: open\n  stages: [{duration: 5m, rate: 0, shape: sine}]",
            ),
            ["x.yml:7: a sine needs a rate to swing about", "x.yml:7: no stage has an arrival"],
        ),
        (
            with_line("{duration: 5m, users: 3}", "{duration: 5m, rate: 3 furlongs}"),
            ["x.yml:6: load.stages, stage 1, rate"],
        ),
        (with_line("users: 3", "users: 0"), ["x.yml:6: no stage has a user"]),
        (with_line("duration: 5m", "duration: -5m"), ["x.yml:6: load.stages, stage 1, duration: '-5m' is negative"]),
        (with_line("duration: 5m", "duration: 0"), ["x.yml:6: load.stages, stage 1, duration", "greater than 0"]),
        (with_line("name: x", "scrape_interval:\nname: x"), ["x.yml:1: scrape_interval", "nothing is not a duration"]),
        (with_line("duration: 5m", "duration: [5m]"), ["x.yml:6:", "is not a duration"]),
        (with_line("duration: 5m", "duration: soon"), ["x.yml:6:", "write for example 30s, 5m or 1h30m"]),
        (with_line("[{duration: 5m, users: 3}]", "[]"), ["x.yml:6: load.stages needs at least one item"]),
        (with_line("[{duration: 5m, users: 3}]", "5m"), ["x.yml:6: load.stages must be a list, not '5m'"]),
        (with_line("  locustfile: l.py", "  locustfile: l.py\n  warmup: 5m"), ["x.yml:6: the warm-up (300 s)"]),
        (
            with_line("  locustfile: l.py", "  locustfile: l.py\n  model: open"),
            ["x.yml:7: a stage of the open model needs rate", "x.yml:7: users belongs to the closed model"],
        ),
        (with_line("  locustfile: l.py", "  locustfile: l.py\n  workers: 0"), ["x.yml:6: load.workers"]),
        (with_line("load:\n", "load: x\nloud:\n"), ["x.yml:4: load must be a mapping", "x.yml:5: unknown key 'loud'"]),
        (with_line("name: x", "name: 'a b'"), ["x.yml:1: name 'a b' is no name"]),
        (with_line("name: x", "kind: stress"), ["x.yml:6: a stress plan needs steps: all of its stages have one load"]),
        (with_line("name: x", "kind: smoak"), ["x.yml:1: kind must be", "did you mean 'soak'?"]),
        (with_line("http://localhost:5000", "file:///etc/passwd"), ["x.yml:3: target.url", "http:// or https://"]),
        (with_line("http://localhost:5000", "localhost:5000"), ["x.yml:3: target.url"]),
        (with_line("http://localhost:5000", "http://"), ["x.yml:3: target.url", "names no host"]),
        (with_line("http://localhost:5000", "http://[::1"), ["x.yml:3: target.url"]),
        (with_line("http://localhost:5000", "http://localhost:99999"), ["x.yml:3: target.url"]),
        (with_line("http://localhost:5000", "http://localhost:5000/?a=b"), ["x.yml:3: target.url", "base URL"]),
        (
            with_line("http://localhost:5000", "http://prod.example"),
            ["x.yml:3: the host 'prod.example' is not in allow_hosts", "--allow-host prod.example"],
        ),
        (with_line("load:", "  timeout: 0s\nload:"), ["x.yml:4: target.timeout", "greater than 0"]),
        (with_line("load:", "  headers: {'a b': x}\nload:"), ["x.yml:4: 'a b' is no header name"]),
        (with_line("load:", '  headers: {a: "x\\r\\ny"}\nload:'), ["x.yml:4: the header a holds a control character"]),
        (
            with_line("load:", "  headers: {a: '☃'}\nload:"),
            ["x.yml:4: the header a holds a character that HTTP cannot"],
        ),
        (with_line("load:", "  health_path: up\nload:"), ["x.yml:4: 'up' is no path of a URL"]),
        (with_line("5m", "5000d"), ["x.yml:6: the stages take 5000 days in all"]),
        (
            with_line("users: 3", "users: 9999999"),
            ["x.yml:6: load.stages, stage 1, users", "less than or equal to 1000000"],
        ),
        (with_line("load:", "  containers: ['-x']\nload:"), ["x.yml:4: '-x' is no container name"]),
        (
            with_line("load:", "  containers:\n  - a\n  - a\nload:"),
            ["x.yml:6: the name 'a' stands twice", "first on line 5"],
        ),
        (
            with_line("load:", "  redis:\n  - {name: r, url: 'redis://h'}\n  - {name: r, url: 'redis://i'}\nload:"),
            ["x.yml:6: the name 'r' stands twice in target.redis, first on line 5"],
        ),
        (
            with_line("load:", "  processes: [{name: w}]\nload:"),
            ["x.yml:4:", "exactly one of match, pid and pidfile; it has 0"],
        ),
        (with_line("load:", "  processes: [{name: w, pid: 1, match: a}]\nload:"), ["x.yml:4:", "it has 2"]),
        (with_line("load:", "  processes: [{name: w, match: 'a('}]\nload:"), ["x.yml:4:", "not a regular expression"]),
        (with_line("load:", "  processes: [{name: w, match: '.*'}]\nload:"), ["x.yml:4:", "matches everything"]),
        (with_line("load:", "  processes: [{name: w, pid: none}]\nload:"), ["x.yml:4:", "must be a whole number"]),
        (
            with_line("load:", "  databases: [{name: d, url: 'mysql://u:pw123@h'}]\nload:"),
            [
                "x.yml:4: target.databases, item 1, url: 'mysql://u:***@h'",
                "postgresql:// or postgres:// or pgbouncer://",
            ],
        ),
        (with_line("load:", "  redis: [{name: d, url: 'http://h'}]\nload:"), ["x.yml:4:", "redis:// or rediss://"]),
        (MINIMAL + "scrape_interval: 30s\n", ["x.yml:7: 30 s is too slow"]),
        (MINIMAL + "scrape_interval: 0.1\n", ["x.yml:7: scrape_interval"]),
        (MINIMAL + "prometheus: {url: 'http://h', selector: 'up'}\n", ["x.yml:7: 'up' is no series selector"]),
        (
            MINIMAL + "abort_on: [critcal]\n",
            ["x.yml:7: 'critcal' is neither a severity nor an alert; did you mean 'critical'"],
        ),
        (MINIMAL + "abort_on: critical\n", ["x.yml:7: abort_on must be a list, not 'critical'"]),
        (MINIMAL + "objectives: 5\n", ["x.yml:7: objectives must be a mapping"]),
        (
            MINIMAL + "objectives:\n  latency_p59: 1s\n",
            ["x.yml:8: unknown objective 'latency_p59'; did you mean 'latency_p"],
        ),
        (MINIMAL + "objectives:\n  latency_p95:\n", ["x.yml:8: latency_p95: a limit is missing here"]),
        (
            MINIMAL + "objectives:\n  error_ratio: 100%\n",
            ["x.yml:8: error_ratio: no run can have more than 100 % errors; the limit must be below 100%"],
        ),
        (
            MINIMAL + "objectives:\n  endpoints:\n    GET /:\n      throughput: '>= 0 rps'\n",
            ["x.yml:10: throughput: a run without any request reaches 0 rps; the floor must be above zero"],
        ),
        (
            MINIMAL + "objectives:\n  db_pool_use: 100%\n",
            ["x.yml:8: db_pool_use: no pool can be used by more than 100 %; the limit must be below 100%"],
        ),
        (
            MINIMAL + "objectives:\n  db_pool_use: 90\n",
            ["x.yml:8: db_pool_use: 90 without a unit is 9000%; write 90%, or 9000% if you mean it"],
        ),
        (
            MINIMAL + "objectives:\n  memory_growth: 5.0\n",
            ["x.yml:8: memory_growth: 5 without a unit is 500%; write 5%, or 500% if you mean it"],
        ),
        (
            MINIMAL + "objectives:\n  cpu_growth: '1.5'\n",
            ["x.yml:8: cpu_growth: 1.5 without a unit is 150%; write 1.5%, or 150% if you mean it"],
        ),
        (
            MINIMAL + "objectives:\n  latency_p95: '<= 800'\n",
            ["x.yml:8: latency_p95: 800 without a unit is 13m 20s; write 800ms, or 13m 20s if you mean it"],
        ),
        (
            MINIMAL + "objectives: {cpu: 80}\n",
            ["x.yml:7: cpu: 80 without a unit is 80 cores; write 80%, or 80 cores if you mean it"],
        ),
        (
            MINIMAL + "objectives: {redis_ping_p99: 5}\n",
            ["x.yml:7: redis_ping_p99: 5 without a unit is 5s; write 5ms, or 5s if you mean it"],
        ),
        (MINIMAL + "objectives:\n  endpoints: {GET /a: {}}\n", ["x.yml:8: 'GET /a' has no objective"]),
        (MINIMAL + "objectives:\n  endpoints: {GET /a: }\n", ["x.yml:8: 'GET /a' has no objective"]),
        (MINIMAL + "objectives:\n  latency_p95: 0s\n", ["x.yml:8: latency_p95: a latency limit must be above zero"]),
        (MINIMAL + "objectives:\n  latency_p95: [1]\n", ["x.yml:8: latency_p95: a limit is missing here"]),
        (MINIMAL + "objectives:\n  latency_p95: 5%\n", ["x.yml:8: latency_p95: '5%' is not a duration"]),
        (MINIMAL + "objectives:\n  latency_p95: nan\n", ["x.yml:8: latency_p95: 'nan' is not a duration"]),
        (MINIMAL + "objectives:\n  restarts: 1.5\n", ["x.yml:8: restarts: '1.5' is not a whole number of events"]),
        (MINIMAL + "objectives:\n  restarts: nan\n", ["x.yml:8: restarts: 'nan' is not a whole number of events"]),
        (MINIMAL + "objectives:\n  throughput: '< 5 rps'\n", ["x.yml:8: throughput is a limit of the form '>='"]),
        (MINIMAL + "objectives:\n  capacity: 100 rps\n", ["x.yml:8: capacity is judged in plans of kind stress"]),
        (CAPACITY.replace("50}", "5}"), ["capacity: max (5) must be above start (10)"]),
        (CAPACITY.replace("50}", "50, stop: 1}"), ["x.yml:6: unknown key 'stop' in capacity"]),
        (CAPACITY.replace("50}", "50, scrape_interval: 1}"), ["unknown key 'scrape_interval' in capacity"]),
        (
            CAPACITY.replace("50}", "50, confirm: 5s}"),
            ["confirm, the hold near the edge, must not be shorter than hold"],
        ),
        (CAPACITY.replace("hold: 25s", "hold: 20s"), ["x.yml:6: hold of 20 s is too short: 5 scrapes must lie in it"]),
        (CAPACITY.replace("kind: capacity", "kind: soak"), ["capacity belongs to plans of kind capacity"]),
        (CAPACITY[: CAPACITY.index("capacity: {")], ["a capacity plan needs a capacity section"]),
        (CAPACITY.replace("model: open", "stages: [{duration: 1m, users: 5}]"), ["a capacity plan has no stages"]),
        (CAPACITY + "baseline: {last_passed: 3}\n", ["x.yml:7: two capacity runs make different loads"]),
        (
            STRESS.replace("objectives:\n", "baseline: {name: main}\nobjectives:\n") + "  latency_p95: 800ms\n",
            [
                "x.yml:8: two stress runs make different loads",
                "harness compare RUN EARLIER compares how much they hold",
            ],
        ),
        (CAPACITY + "objectives: {memory_growth: 5%}\n", ["memory_growth is about one steady load"]),
        (CAPACITY + "objectives: {error_ratio: off}\n", ["nothing says when a load is too high"]),
        (STRESS + "  capacity: '>= 0 users'\n", ["x.yml:9: capacity: every service holds no user"]),
        (STRESS + "  capacity: '<= 5 users'\n", ["x.yml:9: capacity is a limit of the form '>='"]),
        (STRESS + "  throughput: 5 rps\n", ["x.yml:9: throughput cannot be judged while the load changes"]),
        (STRESS + "  fd_growth: 5%\n", ["x.yml:9: fd_growth cannot be judged while the load changes"]),
        (STRESS + "  error_ratio: off\n", ["x.yml:7: nothing says whether a step of this stress plan is held"]),
        (STRESS + "  capacity: 0\n", ["x.yml:9: capacity: the limit must be above zero"]),
        (STRESS + "  recovery: 60\n", ["x.yml:9: recovery: 60 without a unit is 1m; write 60ms, or 1m if you mean it"]),
        (MINIMAL + "objectives:\n  endpoints: {login: {latency_p95: 1s}}\n", ["x.yml:8: 'login' is no endpoint"]),
        (MINIMAL + "objectives:\n  endpoints: {GET  /a: {latency_p95: 1s}}\n", ["x.yml:8: 'GET  /a' is no endpoint"]),
        (
            MINIMAL + "objectives:\n  endpoints:\n    POST /a: {memory_growth: 1%}\n",
            ["x.yml:9: memory_growth belongs to the whole run, not to an endpoint"],
        ),
        (MINIMAL + "objectives:\n  endpoints:\n    POST /a: 5\n", ["x.yml:9: POST /a must be a mapping"]),
        (with_line("load:", "  reference: jupiter\nload:"), ["x.yml:4: there is no reference target 'jupiter'"]),
        ("target: {reference: mingus}\nload: {stages: []}\nname: " + "n" * 99, ["x.yml:3: name"]),
    ],
)
def test_a_mistake_is_told_with_its_line_and_the_way_out(text: str, said: list[str]) -> None:
    told = refused(text)
    for part in said:
        assert part in told
    assert "Traceback" not in told and len(told) < 6000


def test_several_mistakes_are_told_at_once_in_the_order_of_their_lines() -> None:
    told = refused(MINIMAL.replace("users: 3", "users: x").replace("  url:", "  urll: a\n  url:") + "kin: soak\n")
    assert [int(line) for line in re.findall(r"^x\.yml:(\d+):", told, re.MULTILINE)] == [3, 7, 8]


def test_a_flood_of_mistakes_is_cut_off() -> None:
    told = refused(MINIMAL + "".join(f"key{i}: 1\n" for i in range(200)))
    assert told.count("unknown key") == 20 and told.endswith("and 180 more")


def test_an_error_never_repeats_a_secret_or_a_control_character() -> None:
    told = refused(with_line("load:", "  headers: {Authorization: [s3cret]}\n  metrics: ['ftp://u:s3cret@h']\nload:"))
    assert "s3cret" not in told and "target.headers.Authorization must be a text" in told
    assert "\x1b" not in refused(MINIMAL + '"\\e[31mred": 1\n')


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ("spacing: even, stages: [{duration: 1m, users: 1}]", "x.yml:3: spacing belongs to the open model"),
        ("slots: 50, stages: [{duration: 1m, users: 1}]", "x.yml:3: slots belongs to the open model"),
        ("stages: [{duration: 1m, users: 1, steps: 4}]", "x.yml:3: steps belongs to the shape 'step'; this stage's is"),
        (
            "model: open, stages: [{duration: 1m, rate: 5}, {duration: 1m, rate: 9, shape: ramp, period: 10s}]",
            "x.yml:3: period belongs to the shape 'sine'; this stage's is 'ramp', where it changes nothing",
        ),
        ("model: open, stages: [{duration: 1m, rate: 5, amplitude: 10%}]", "this stage's is 'constant'"),
    ],
)
def test_a_key_that_would_change_nothing_is_refused_but_not_in_the_plan_of_a_run(load: str, said: str) -> None:
    text = f'name: x\ntarget: {{url: "http://localhost:1"}}\nload: {{{load}}}\n'
    assert said in refused(text)
    assert load_plan_text(text, where="x.yml", environ={}, judging=True).name == "x", "an earlier version ran it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (bomb(9), "more than 10000 values (aliases counted)"),
        ("a: &a [*a]", "the alias *a has no anchor"),
        ("[" * 100_000, "nested deeper than 32 levels"),
        ("{a: " * 50_000, "nested deeper than 32 levels"),
        ("- " * 100_000, "nested deeper than 32 levels"),
        ("\n".join(" " * i + "a:" for i in range(500)), "nested deeper than 32 levels"),
        ("a: b\n" * 40_000, "the key 'a' stands twice"),
        ("\n".join(f"k{i}: v" for i in range(20_000)), "more than 10000 values"),
        ("x" * 300_000, "larger than 256 KiB"),
        ("x" * 200_000, "a plan is a mapping"),
        ('a: "' + "\\x41" * 50_000 + '"', "unknown key 'a'"),
        ("a: '" + "b\n\n" * 60_000, "not valid YAML"),
        ("? " * 100_000, "a key must be plain text"),
        ("&a " * 60_000, "not valid YAML"),
        ("%YAML 1.1\n" * 20_000, "not valid YAML"),
        ("!" * 200_000, "is not supported"),
        ("a: ${" * 40_000, "not valid YAML"),
        ("%YAML 9999999999999.1\n--- a", "not valid YAML"),
        ('"\\UFFFFFFFF"', "not valid YAML"),
        ("a: \x07", "not valid YAML"),
        (",".join("key: [1, {" for _ in range(20_000)), "not valid YAML"),
    ],
)
def test_hostile_text_is_one_error_in_bounded_time(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path, text)
    began = time.perf_counter()
    told = file_error(path)
    assert said in told
    assert len(told) < 8000
    assert time.perf_counter() - began < 10  # two shared cores; alone it is below two seconds


def test_a_wrong_abort_on_is_told_with_everything_else() -> None:
    text = MINIMAL.replace("users: 3", "users: many") + "abort_on: [critcal]\n"
    with pytest.raises(PlanError) as caught:
        load_plan_text(text, where="x.yml", environ={}, alert_names={"TargetDown"})
    assert "load.stages, stage 1, users must be a whole number" in str(caught.value)
    assert "'critcal' is neither a severity nor an alert; did you mean 'critical'?" in str(caught.value)

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import ExitCode, PlanError
from harness.plan.loading import load_plan, load_plan_text
from harness.plan.model import REFERENCE_URL, Plan
from harness.plan.objectives import Objective

MINIMAL = """\
name: x
target:
  url: http://localhost:5000
load:
  locustfile: l.py
  stages: [{duration: 5m, users: 3}]
"""


def load(text: str, **environ: str) -> Plan:
    return load_plan_text(text, where="x.yml", environ=environ)


def refused(text: str, **environ: str) -> str:
    with pytest.raises(PlanError) as caught:
        load(text, **environ)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


def with_line(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def test_a_minimal_plan_has_the_inherited_objectives_and_defaults() -> None:
    plan = load(MINIMAL)
    assert plan.objectives == (
        Objective("error_ratio", 0.01, "<=", inherited=True),
        Objective("db_pool_waiting", 0.0, "<=", inherited=True),
        Objective("restarts", 0.0, "<=", inherited=True),
    )
    assert (plan.kind, plan.scrape_interval, plan.horizon, plan.abort_on) == ("soak", 5.0, 86_400.0, ("critical",))
    assert (plan.load.duration, plan.steady_seconds, plan.load.stages[0].users) == (300.0, 300.0, 3)


def test_every_section_arrives_as_a_typed_value() -> None:
    plan = load(
        """
name: full
kind: smoke
stack: blue
target:
  url: https://shop.example:8443/base/
  allow_hosts: [shop.example]
  headers: {X-Id: 007, X-Flag: off}
  timeout: 1m30s
  health_path: /up
  metrics: [http://localhost:9/metrics]
  processes: [{name: web, match: "gunicorn.*app"}, {name: db, pid: 12}, {name: job, pidfile: /run/job.pid}]
  containers: [target]
  databases: [{name: main, url: "postgresql://u:p@h/db"}, {name: bouncer, url: "pgbouncer://h:6432"}]
  redis: [{name: cache, url: "rediss://h:6380/1"}]
prometheus: {url: "http://localhost:9090", selector: '{harness="blue", job=~"a|b"}'}
scrape_interval: 2s
horizon: 2d
load:
  locustfile: l.py
  model: closed
  workers: 2
  warmup: 90s
  seed: 7
  max_users: 50
  user_classes: [A, B]
  stages:
  - {duration: 60, users: 5, spawn_rate: 0.5}
  - {duration: 1h, users: 5}
objectives:
  latency_p95: 800ms
  latency_p99: "< 2s"
  throughput: ">= 100 rps"
  memory_limit: 512MiB
  restarts: off
  endpoints:
    "POST /login": {latency_p95: 500ms, error_ratio: 0.1%}
baseline: {name: main, last_passed: 10}
abort_on: [critical, TargetMemoryHigh]
"""
    )
    assert plan.target.url == "https://shop.example:8443/base"
    assert plan.target.headers == {"X-Id": "007", "X-Flag": "off"}, "header values stay as written"
    assert plan.target.timeout == 90.0
    assert [(p.match, p.pid, p.pidfile) for p in plan.target.processes] == [
        ("gunicorn.*app", None, None),
        (None, 12, None),
        (None, None, "/run/job.pid"),
    ]
    assert plan.prometheus is not None and plan.prometheus.selector == '{harness="blue", job=~"a|b"}'
    assert (plan.load.stages[0].duration, plan.load.stages[0].spawn_rate) == (60.0, 0.5)
    assert {(o.subject, o.name): (o.op, o.limit) for o in plan.objectives} == {
        ("all", "latency_p95"): ("<=", 0.8),
        ("all", "latency_p99"): ("<=", 2.0),
        ("all", "throughput"): (">=", 100.0),
        ("all", "memory_limit"): ("<=", 2.0**29),
        ("all", "error_ratio"): ("<=", 0.01),
        ("all", "db_pool_waiting"): ("<=", 0.0),
        ("POST /login", "latency_p95"): ("<=", 0.5),
        ("POST /login", "error_ratio"): ("<=", 0.001),
    }
    assert plan.objectives_off == ("restarts",)
    assert plan.latency_limits == (0.5, 0.8, 2.0)


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
            ["x.yml:6: unknown key 'user' in load.stages.0; did you mean 'users'?"],
        ),
        (with_line("users: 3", "users: many"), ["x.yml:6: load.stages.0.users must be a whole number, not 'many'"]),
        (with_line("users: 3", "users: 2.5"), ["x.yml:6: load.stages.0.users must be a whole number"]),
        (with_line("users: 3", "users: -1"), ["x.yml:6: load.stages.0.users", "greater than or equal to 0"]),
        (
            with_line("users: 3", "rate: 5"),
            ["x.yml:6: rate belongs to the open model", "stage 1 of the load has no users"],
        ),
        (with_line("users: 3", "users: 0"), ["x.yml:6: no stage has a user"]),
        (with_line("duration: 5m", "duration: -5m"), ["x.yml:6: load.stages.0.duration: '-5m' is negative"]),
        (with_line("duration: 5m", "duration: 0"), ["x.yml:6: load.stages.0.duration", "greater than 0"]),
        (with_line("duration: 5m", "duration: soon"), ["x.yml:6:", "write for example 30s, 5m or 1h30m"]),
        (with_line("[{duration: 5m, users: 3}]", "[]"), ["x.yml:6: load.stages needs at least one item"]),
        (with_line("[{duration: 5m, users: 3}]", "5m"), ["x.yml:6: load.stages must be a list, not '5m'"]),
        (with_line("  locustfile: l.py", "  locustfile: l.py\n  warmup: 5m"), ["x.yml:6: the warm-up (300 s)"]),
        (
            with_line("  locustfile: l.py", "  locustfile: l.py\n  model: open"),
            ["x.yml:6: the open model (arrivals per second) cannot be run by this version yet"],
        ),
        (with_line("  locustfile: l.py", "  locustfile: l.py\n  workers: 0"), ["x.yml:6: load.workers"]),
        (with_line("load:\n", "load: x\nloud:\n"), ["x.yml:4: load must be a mapping", "x.yml:5: unknown key 'loud'"]),
        (with_line("name: x", "name: 'a b'"), ["x.yml:1: name 'a b' is no name"]),
        (with_line("name: x", "kind: stress"), ["x.yml:1: stress plans cannot be run by this version yet"]),
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
        (with_line("users: 3", "users: 9999999"), ["x.yml:6: load.stages.0.users", "less than or equal to 1000000"]),
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
            ["x.yml:4: target.databases.0.url: 'mysql://u:***@h'", "postgresql:// or postgres:// or pgbouncer://"],
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
        (MINIMAL + "objectives:\n  latency_p95: 0s\n", ["x.yml:8: latency_p95: a latency limit must be above zero"]),
        (MINIMAL + "objectives:\n  latency_p95: [1]\n", ["x.yml:8: latency_p95: a limit is missing here"]),
        (MINIMAL + "objectives:\n  latency_p95: 5%\n", ["x.yml:8: latency_p95: '5%' is not a duration"]),
        (MINIMAL + "objectives:\n  latency_p95: nan\n", ["x.yml:8: latency_p95: 'nan' is not a duration"]),
        (MINIMAL + "objectives:\n  restarts: 1.5\n", ["x.yml:8: restarts: '1.5' is not a whole number of events"]),
        (MINIMAL + "objectives:\n  restarts: nan\n", ["x.yml:8: restarts: 'nan' is not a whole number of events"]),
        (MINIMAL + "objectives:\n  throughput: '< 5 rps'\n", ["x.yml:8: throughput is a limit of the form '>='"]),
        (MINIMAL + "objectives:\n  capacity: 100 rps\n", ["x.yml:8: capacity is judged by stress and capacity plans"]),
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


def test_loopback_names_stand_for_each_other() -> None:
    for host in ("127.0.0.1", "[::1]", "LOCALHOST", "127.8.8.8"):
        text = f"target: {{url: 'http://{host}', allow_hosts: [localhost]}}\n"
        load(text + "load: {stages: [{duration: 1m, users: 1}]}")
    assert "not in allow_hosts" in refused(with_line("load:", "  allow_hosts: [example.org]\nload:"))
    assert "not in allow_hosts" in refused(with_line("load:", "  allow_hosts: []\nload:"))
    for evil in ("localhost.evil.example", "localhost@evil.example", "127.0.0.1.nip.io"):
        assert "not in allow_hosts" in refused(with_line("localhost:5000", evil))


def test_allow_host_adds_to_the_plan_and_stays_in_it() -> None:
    text = with_line("localhost:5000", "staging.example")
    plan = load_plan_text(text, where="x.yml", environ={}, allow_hosts=["staging.example"])
    assert plan.target.allow_hosts == ("localhost", "127.0.0.1", "::1", "staging.example")


def test_a_reference_target_needs_no_url() -> None:
    for written in ("mingus", "true"):
        plan = load(f"target: {{reference: {written}}}\nload: {{stages: [{{duration: 1m, users: 1}}]}}")
        assert plan.target.reference is True and plan.target.url == REFERENCE_URL
    assert "target.url is missing" in refused("target: {reference: false}\nload: {stages: [{duration: 1m, users: 1}]}")


def test_the_name_comes_from_the_file_when_it_is_not_given() -> None:
    assert load(MINIMAL.replace("name: x\n", "")).name == "x"


def test_alert_names_are_checked_when_they_are_known() -> None:
    text = MINIMAL + "abort_on: [TargetDown]\n"
    assert load_plan_text(text, where="x", environ={}, alert_names=["TargetDown"]).abort_on == ("TargetDown",)
    with pytest.raises(PlanError, match="did you mean 'TargetDown'"):
        load_plan_text(text.replace("TargetDown", "TargetDwon"), where="x", environ={}, alert_names=["TargetDown"])


def test_off_removes_an_objective_and_is_remembered() -> None:
    plan = load(MINIMAL + "objectives:\n  error_ratio: off\n  endpoints: {GET /a: {latency_p95: off}}\n")
    assert [o.name for o in plan.objectives] == ["db_pool_waiting", "restarts"]
    assert plan.objectives_off == ("GET /a latency_p95", "error_ratio")


# --- files


def write(folder: Path, text: str, name: str = "x.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def file_error(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        load_plan(path, environ={})
    return str(caught.value)


def test_files_that_are_no_plan(tmp_path: Path) -> None:
    assert "there is no such file" in file_error(tmp_path / "none.yml")
    assert "this is a directory" in file_error(tmp_path)
    assert "there is no such file" in file_error(write(tmp_path, "a") / "below")
    assert "a\\x00b: there is no such file" in file_error(Path("a\0b"))
    assert "cannot be read" in file_error(Path("n" * 5000))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "not a regular file" in file_error(fifo)
    binary = tmp_path / "binary.yml"
    binary.write_bytes(b"name: x\n\xff\xfe\x00")
    assert f"{binary}:2: not UTF-8 text" in file_error(binary)
    binary.write_bytes(b"name: x\n\0\0")
    assert f"{binary}:2: binary data" in file_error(binary)


def test_a_file_without_permission(tmp_path: Path) -> None:
    """Root reads everything, so the check runs as another user."""
    path = write(tmp_path, MINIMAL)
    path.chmod(0)
    script = (
        "import os,sys; os.geteuid() or os.setuid(65534)\n"
        "from pathlib import Path; from harness.plan.loading import load_plan; from harness.errors import PlanError\n"
        f"try: load_plan(Path({str(path)!r}), environ={{}})\n"
        "except PlanError as error: print(error)"
    )
    for folder in (tmp_path, *tmp_path.parents):
        if os.geteuid() == 0 and folder.owner() == "root" and not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    # Imported before the user changes: the interpreter's own files may be root's.
    script = script.replace("import os,sys;", "import os,sys,harness.plan.loading;", 1)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert "cannot be read: Permission denied" in done.stdout, done.stderr


def test_the_locustfile_is_looked_up_beside_the_plan_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plans, here = tmp_path / "plans", tmp_path / "here"
    plans.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    path = write(plans, MINIMAL)
    told = file_error(path)
    assert f"{path}:5: the locustfile 'l.py' was not found" in told
    assert str(plans / "l.py") in told and str(here / "l.py") in told
    write(here, "", "l.py")
    assert load_plan(path, environ={}).load.locustfile == str(here / "l.py")
    write(plans, "", "l.py")
    assert load_plan(path, environ={}).load.locustfile == str(plans / "l.py")
    (plans / "l.py").unlink()
    (here / "l.py").unlink()
    (plans / "l.py").mkdir()
    assert "the locustfile 'l.py' is a directory" in file_error(path)


def test_a_missing_ca_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, "", "l.py")
    path = write(
        tmp_path,
        with_line("load:", "  ca_file: ca.pem\nload:") + "prometheus: {url: 'http://h', bearer_token_file: t}\n",
    )
    told = file_error(path)
    assert f"{path}:4: the CA file 'ca.pem' was not found" in told
    assert f"{path}:8: the token file 't' was not found" in told
    write(tmp_path, "", "ca.pem")
    write(tmp_path, "", "t")
    assert load_plan(path, environ={}).target.ca_file == str(tmp_path / "ca.pem")


def test_the_plan_of_a_run_loads_without_its_files_and_without_the_environment(tmp_path: Path) -> None:
    write(tmp_path, "{}", "run.json")
    path = write(tmp_path, MINIMAL, "plan.yml")
    plan = load_plan(path, environ={"TEST_BASE_URL": "http://elsewhere", "TARGET_P95_MS": "1"})
    assert plan.load.locustfile == "l.py" and plan.target.url == "http://localhost:5000"
    assert plan.objective("latency_p95") is None


def test_to_judge_by_a_plan_no_host_need_be_allowed_and_no_suite_variable_counts(tmp_path: Path) -> None:
    text = with_line("http://localhost:5000", "https://shop.example.com")
    suite = {"TEST_BASE_URL": "http://elsewhere", "TARGET_P95_MS": "1", "PCT_MOBILE": "0.1"}
    path = write(tmp_path, text, "other.yml")
    assert "is not in allow_hosts" in file_error(path)
    plan = load_plan(path, environ=suite, judging=True)
    assert plan.target.url == "https://shop.example.com" and plan.objective("latency_p95") is None
    write(tmp_path, "{}", "run.json")
    stored = write(tmp_path, text, "plan.yml")
    assert load_plan(stored, environ=suite).target == plan.target


# --- bounds


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines)


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

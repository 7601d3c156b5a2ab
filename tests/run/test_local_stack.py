from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import requests

from harness.errors import HarnessError
from harness.plan.model import ProcessTarget
from harness.run.local_stack import on_local_stack, start_local_stack
from harness.run.postgres import _reachable
from tests.run.plans import make_plan


def test_the_whole_stack_answers_and_goes(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    with start_local_stack(tmp_path / "work", tmp_path / "logs") as stack:
        assert requests.get(f"{stack.url}/system/health", timeout=5).status_code == 200
        with psycopg.connect(stack.database_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert redis.Redis.from_url(stack.redis_url).config_get("bind") == {"bind": "127.0.0.1"}
        heads = [psutil.Process(child.pid) for child in stack.children]
        members = [p for head in heads for p in (head, *head.children(True))]
        lines = {member.pid: line for member in members if (line := _command_line(member)) is not None}
        assert {head.pid for head in heads} <= set(lines)
        for secret in (stack.database_url, stack.redis_url):
            password = secret.rpartition("@")[0].rpartition(":")[2]
            assert password
            assert not [line for line in lines.values() if password in line], "a command line can be read by everybody"
        data = Path(psutil.Process(stack.postgres.pid).cwd())
        plan = on_local_stack(make_plan(), stack)
        assert plan.target.url == stack.url
        assert plan.target.metrics == (stack.metrics_url,)
        assert "db_pool_size" in requests.get(stack.metrics_url, timeout=5).text
        assert plan.target.processes == (ProcessTarget(name="web", pid=stack.target.pid),)
        assert [(d.name, d.url) for d in plan.target.databases] == [("main", stack.database_url)]
        assert [(r.name, r.url) for r in plan.target.redis] == [("cache", stack.redis_url)]
    assert not any(m.is_running() for m in members)
    assert not data.exists(), "its data goes with it"


def _command_line(process: psutil.Process) -> str | None:
    """None when it has ended meanwhile, as PostgreSQL's backends do with their connection."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return None


def test_two_stacks_at_once_do_not_meet(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name / "logs").mkdir(parents=True)
    with (
        start_local_stack(tmp_path / "a" / "work", tmp_path / "a" / "logs") as a,
        start_local_stack(tmp_path / "b" / "work", tmp_path / "b" / "logs") as b,
    ):
        assert len({a.url, b.url, a.database_url, b.database_url, a.redis_url, b.redis_url}) == 6
        assert requests.get(f"{a.url}/health", timeout=5).ok
        assert requests.get(f"{b.url}/health", timeout=5).ok


def test_a_start_that_is_given_up_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    before = {p.pid for p in psutil.Process().children(True)}
    looks = 0

    def give_up() -> None:
        nonlocal looks
        looks += 1
        if looks > 2:
            raise HarnessError("enough")

    with pytest.raises(HarnessError, match="enough"), start_local_stack(tmp_path / "w", tmp_path / "logs", (), give_up):
        pytest.fail("it must not start")
    assert {p.pid for p in psutil.Process().children(True)} == before


def test_a_closed_folder_on_the_way_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "work"
    folder.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    assert not _reachable(folder, uid=65534)
    assert _reachable(Path("/usr"), uid=65534)

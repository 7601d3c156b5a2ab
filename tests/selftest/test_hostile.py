"""What hostile surroundings are made of, without a run: the full disk, the proxy, the namespace, and their undoing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.selftest import disk_full, network
from harness.selftest.afterwards import afterwards
from harness.selftest.elsewhere import elsewhere, making, place, unmaking
from harness.selftest.own_target import OwnTarget, plan_for
from harness.selftest.privileges import CAP_NET_ADMIN, CAP_SYS_ADMIN, held_capabilities, lacking
from harness.selftest.proxied import LOSSY, MUTE, address, proxy, through
from harness.selftest.proxy import RETRANSMISSION_SECONDS, Proxy


def wait_for(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_no_surrounding_takes_a_pass() -> None:
    for cell in (*disk_full.DISK_CELLS, *network.NETWORK_CELLS):
        assert Outcome.PASS not in cell.outcomes and cell.told, cell.name


# --- what this machine lacks


def test_capabilities_and_programs_that_are_missing_are_named(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000001000\n")  # bit 12
    assert held_capabilities(status.read_text()) == 1 << CAP_NET_ADMIN
    assert lacking((CAP_NET_ADMIN,), ("sh",), status) == ""
    assert lacking((CAP_NET_ADMIN, CAP_SYS_ADMIN), ("sh",), status) == "it needs root (CAP_SYS_ADMIN)"
    assert lacking((), ("no-such-program",), status) == "the program 'no-such-program' is not installed"
    assert held_capabilities("nothing told") == 0


# --- undoing


UNDOES = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored, where the tests run under nohup
from harness.selftest.afterwards import afterwards
with afterwards([["false"], ["no-such-program"], ["touch", sys.argv[1]]]):
    print("in it", flush=True)
    time.sleep(600)
"""


def test_what_was_done_is_undone_at_the_end(tmp_path: Path) -> None:
    with afterwards([["touch", str(tmp_path / "one")]]):
        assert not (tmp_path / "one").exists()
    assert (tmp_path / "one").exists()
    with contextlib.suppress(ZeroDivisionError), afterwards([["touch", str(tmp_path / "two")]]):
        raise ZeroDivisionError
    assert (tmp_path / "two").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_what_was_done_is_undone_however_the_lab_ends(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UNDOES, str(tmp_path / "undone")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as lab:
        assert lab.stdout is not None and lab.stdout.readline() == b"in it\n"
        lab.send_signal(number)
        assert lab.wait() != 0
    wait_for((tmp_path / "undone").exists)


# --- the disk


@pytest.mark.skipif(bool(disk_full.missing()), reason=disk_full.missing())
def test_a_small_disk_fills_and_goes(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with disk_full.small_disk(folder, "1m"):
        disk_full.fill(folder, leave=100_000)
        (folder / "some").write_bytes(bytes(50_000))
        disk_full.fill(folder)
        with pytest.raises(OSError, match="No space left"):
            (folder / "more").write_bytes(bytes(50_000))
        assert folder.is_mount()
    assert not folder.is_mount() and list(folder.iterdir()) == []


# --- the proxy


@pytest.fixture
def echo() -> Iterator[str]:
    """The "host:port" of a server that sends back what it gets."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                while data := connection.recv(4096):
                    connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def says(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(100)


def test_a_mute_proxy_accepts_and_never_answers_until_it_is_good_again(echo: str) -> None:
    with proxy(echo, MUTE) as (child, port), socket.create_connection(("127.0.0.1", port), 30) as old:
        assert says(old, b"one") == b"one"
        child.send_signal(signal.SIGUSR1)
        assert child.stdout is not None and child.stdout.readline() == b"hostile\n"
        with socket.create_connection(("127.0.0.1", port), 30) as new:  # it accepts
            new.settimeout(0.5)
            with pytest.raises(TimeoutError):
                says(new, b"two")
            old.settimeout(0.5)
            with pytest.raises(TimeoutError):
                says(old, b"three")
            child.send_signal(signal.SIGUSR2)
            for connection, said in ((new, b"two"), (old, b"three")):
                connection.settimeout(30)
                assert connection.recv(100) == said


def test_a_proxy_ends_with_its_block(echo: str) -> None:
    with proxy(echo, LOSSY) as (child, port):
        assert child.poll() is None and port > 0
    assert child.poll() is not None
    with pytest.raises(HarnessError, match="a proxy to nowhere:1 did not start"), proxy("nowhere:1", ("--odd",)):
        pass


def test_what_waits_and_for_how_long() -> None:
    async def waits(mute: bool, hostile: bool) -> list[float]:
        one = Proxy(("127.0.0.1", 1), mute=mute, delay=0.05, loss=0.05)
        one.turn(hostile)
        return [one.waits() for _ in range(10_000)]

    assert set(asyncio.run(waits(mute=False, hostile=False))) == {0.0}
    assert set(asyncio.run(waits(mute=True, hostile=True))) == {0.0}  # they wait for good, not for some time
    lossy = asyncio.run(waits(mute=False, hostile=True))
    assert set(lossy) == {0.05, 0.05 + RETRANSMISSION_SECONDS}
    assert sum(wait > 0.05 for wait in lossy) / len(lossy) == pytest.approx(0.05, abs=0.01)


def test_urls_by_way_of_a_proxy() -> None:
    url = "postgresql://u:p@127.0.0.1:5432/mingus?x=1"
    assert through(url, 7) == "postgresql://u:p@127.0.0.1:7/mingus?x=1"
    assert through("http://127.0.0.1:80/metrics", 7, "198.18.1.2") == "http://198.18.1.2:7/metrics"
    assert address(url) == "127.0.0.1:5432"


# --- the target apart, and its namespace


def test_the_plan_holds_no_password(tmp_path: Path) -> None:
    target = OwnTarget("http://h:1", "http://h:2/metrics", "postgresql://u:secret@h:3/d", "redis://:hidden@h:4", 7)
    file, variables = plan_for(target, tmp_path, hosts=("h",))
    text = file.read_text()
    assert "secret" not in text and "hidden" not in text and "reference" not in text
    assert variables == {"LAB_DATABASE_URL": target.database_url, "LAB_REDIS_URL": target.redis_url}
    assert "http://h:1" in text and "scrape_interval: 1s" in text


def test_namespaces_have_names_and_addresses_of_their_own() -> None:
    places = [place(process, number) for process in (7, 8, 4_194_303) for number in range(3)]
    assert len({one.name for one in places}) == len({one.here for one in places}) == len(places)
    for one in places:
        assert len(one.near) <= 15 and len(one.far) <= 15  # IFNAMSIZ
        assert ["ip", "netns", "add", one.name] in making(one)
        assert unmaking(one)[-1] == ["ip", "netns", "del", one.name]
    assert (places[0].here, places[0].there) == ("198.18.49.29", "198.18.49.30")


@pytest.mark.skipif(bool(network.missing()), reason=network.missing())
def test_a_namespace_is_there_and_goes_also_after_a_failure() -> None:
    def there(name: str) -> bool:
        told = subprocess.run(["ip", "-json", "netns", "list"], capture_output=True, text=True, check=True).stdout
        return name in [one["name"] for one in json.loads(told or "[]")]

    with contextlib.suppress(ZeroDivisionError), elsewhere() as one:
        assert there(one.name)
        raise ZeroDivisionError
    assert not there(one.name)
    assert one.near not in [name for _, name in socket.if_nameindex()]

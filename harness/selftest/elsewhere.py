"""The reference target on a machine of its own, as far as the network can tell: a network namespace behind a veth pair.

    python -m harness.selftest.elsewhere FOLDER HOST

is what runs in there: target, PostgreSQL and Redis on that namespace's loopback, and a proxy to each on HOST. It prints
where they are, and ends when its standard input does.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.errors import HarnessError
from harness.prom.server import die_with_parent
from harness.selftest.afterwards import afterwards
from harness.selftest.own_target import OwnTarget, own_target
from harness.selftest.proxied import LOSSY, address, proxy, through

_NUMBERS = itertools.count()
_NET = "198.18"  # RFC 2544: set aside for tests of networks, routed nowhere
_COMMAND_SECONDS = 20.0


@dataclass(frozen=True)
class Elsewhere:
    """A namespace and its link to here.

    Attributes:
        here, there: addresses of the two ends.
        near, far: names of the two ends of the link.
    """

    name: str
    near: str
    far: str
    here: str
    there: str


def place(process: int, number: int) -> Elsewhere:
    """Names and addresses of a process' namespaces: two labs at once do not meet, or nearly never. Pure."""
    net, base = (process * 7 + number) % 256, process % 64 * 4
    name = f"hk{process}-{number}"[-13:]
    return Elsewhere(name, f"{name}h", f"{name}t", f"{_NET}.{net}.{base + 1}", f"{_NET}.{net}.{base + 2}")


def making(one: Elsewhere) -> list[list[str]]:
    """The commands that make it. Pure."""
    inside = ["ip", "-n", one.name]
    return [
        ["ip", "netns", "add", one.name],
        ["ip", "link", "add", one.near, "type", "veth", "peer", "name", one.far, "netns", one.name],
        ["ip", "addr", "add", f"{one.here}/30", "dev", one.near],
        ["ip", "link", "set", one.near, "up"],
        [*inside, "addr", "add", f"{one.there}/30", "dev", one.far],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "link", "set", one.far, "up"],
    ]


def unmaking(one: Elsewhere) -> list[list[str]]:
    """The commands that take it away. Pure."""
    return [["ip", "link", "del", one.near], ["ip", "netns", "del", one.name]]


def cut(one: Elsewhere, *, cut: bool) -> None:
    """Cuts the link, or mends it: at its far end, so that packets go nowhere and nothing here says so."""
    run(["ip", "-n", one.name, "link", "set", one.far, "down" if cut else "up"])


def lose(one: Elsewhere) -> bool:
    """Has the kernel delay (50 ms) and lose (5 %) what comes from there; False where it cannot."""
    command = ["tc", "-n", one.name, "qdisc", "replace", "dev", one.far, "root", "netem", "delay", "50ms", "loss", "5%"]
    return subprocess.run(command, capture_output=True, check=False, timeout=_COMMAND_SECONDS).returncode == 0


def run(command: Sequence[str]) -> None:
    """Raises HarnessError."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{' '.join(command)}: {error}") from error
    if done.returncode != 0:
        raise HarnessError(f"{' '.join(command)}: {done.stderr.strip()}")


@contextmanager
def elsewhere() -> Iterator[Elsewhere]:
    """A namespace with a link to here; both go with the block, or with this process, however it ends."""
    one = place(os.getpid(), next(_NUMBERS))
    with afterwards(unmaking(one)):
        for command in making(one):
            run(command)
        yield one


@dataclass(frozen=True)
class FarTarget:
    """The target as it is seen from here, and the proxies before it (their process ids)."""

    target: OwnTarget
    proxies: tuple[int, ...]


@contextmanager
def far_target(one: Elsewhere, folder: Path) -> Iterator[FarTarget]:
    """Starts the reference target in that namespace, its files below ``folder``, which is made.

    Raises:
        HarnessError: it does not start.
    """
    folder.mkdir(parents=True)
    command = ["ip", "netns", "exec", one.name, sys.executable, "-m", "harness.selftest.elsewhere"]
    with (folder / "elsewhere.log").open("wb") as log, subprocess.Popen(
        [*command, str(folder / "target"), one.there], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        start_new_session=True, preexec_fn=die_with_parent(),
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        try:
            told = process.stdout.readline()
            if not told:
                raise HarnessError(f"the target did not start in {one.name}: see {folder / 'elsewhere.log'}")
            found = json.loads(told)
            yield FarTarget(OwnTarget(**found["target"]), tuple(found["proxies"]))
        finally:
            process.stdin.close()
            process.wait()


def main(folder: Path, host: str) -> None:
    """In the namespace: starts all, tells where it is, and waits for the end of its standard input."""
    with ExitStack() as stack:
        proxies = []

        def seen(url: str) -> str:
            child, port = stack.enter_context(proxy(address(url), LOSSY, host))
            proxies.append(child.pid)
            return through(url, port, host)

        near = stack.enter_context(own_target(folder))
        far = OwnTarget(seen(near.url), seen(near.metrics_url), seen(near.database_url), seen(near.redis_url), near.pid)
        sys.stdout.write(json.dumps({"target": asdict(far), "proxies": proxies}) + "\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

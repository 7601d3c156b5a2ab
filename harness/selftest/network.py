"""A network that turns bad between the harness and its target: delay and loss, a cut for a while, a cut for good."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from harness.errors import HarnessError
from harness.judge.verdict import Outcome
from harness.selftest.elsewhere import Elsewhere, FarTarget, cut, elsewhere, far_target, lose
from harness.selftest.evidence import look
from harness.selftest.killing import when
from harness.selftest.own_target import plan_for
from harness.selftest.privileges import CAP_NET_ADMIN, CAP_SYS_ADMIN, lacking
from harness.selftest.surroundings import Surrounding
from harness.selftest.whole_run import Meddle, Whole, whole_run

CUT_SECONDS = 30.0


def missing() -> str:
    return lacking((CAP_NET_ADMIN, CAP_SYS_ADMIN), ("ip", "tc"))


def cuts(one: Elsewhere, mended_after: float | None) -> Meddle:
    """Cuts the link; mends it after so many seconds, or never."""

    def mend() -> None:
        with contextlib.suppress(HarnessError):
            cut(one, cut=False)

    def act(_: psutil.Process) -> Callable[[], None] | None:
        cut(one, cut=True)
        if mended_after is None:
            return None
        timer = threading.Timer(mended_after, mend)
        timer.daemon = True
        timer.start()
        return timer.cancel

    return act


def loses(one: Elsewhere, target: FarTarget) -> Meddle:
    """Delay and loss by the kernel (netem); where it has none, by the proxies before the target."""

    def act(_: psutil.Process) -> None:
        if not lose(one):
            for pid in target.proxies:
                os.kill(pid, signal.SIGUSR1)

    return act


def _run(
    folder: Path, share: float, meddle: Callable[[Elsewhere, FarTarget], Meddle], arguments: Sequence[str] = ()
) -> Whole:
    with elsewhere() as one, far_target(one, folder / "far") as far:
        plan, variables = plan_for(far.target, folder, hosts=(one.there,))
        return whole_run(
            folder, arguments, plan=plan, when=when(share), meddle=meddle(one, far), environ=variables, look=look
        )


def network_loss(folder: Path, share: float) -> Whole:
    return _run(folder, share, loses)


def network_cut(folder: Path, share: float) -> Whole:
    return _run(folder, share, lambda one, _: cuts(one, CUT_SECONDS))


def network_gone(folder: Path, share: float) -> Whole:
    return _run(folder, share, lambda one, _: cuts(one, None))


_HURT = frozenset({Outcome.INCONCLUSIVE, Outcome.FAIL})
NETWORK_CELLS = (
    Surrounding(
        "network-loss", _HURT | {Outcome.WARN}, ("redis_ping_p99", "latency"),
        "50 ms each way and 5 % lost (or held back, where the kernel has no netem): Redis' pings are over their limit",
        network_loss, missing=missing,
    ),
    Surrounding(
        "network-cut", _HURT, ("error_ratio", "latency_p95", "sidecar", "TargetDown"),
        "nothing goes through for half a minute: requests fail, and database and Redis cannot be read",
        network_cut, missing=missing,
    ),
    Surrounding(
        "network-gone", _HURT, ("error_ratio", "TargetDown"),
        "nothing goes through any more: as a target that is gone", network_gone, missing=missing,
    ),
)  # fmt: skip

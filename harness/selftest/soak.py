"""A long run in which parts that can be started again are killed at random: it completes, judges and does not grow."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from exporters.metric_names import JOB_RUN, JOB_SIDECAR
from harness.errors import HarnessError
from harness.selftest.killing import processes
from harness.selftest.kills import Part
from harness.selftest.whole_run import Meddle, whole_run
from harness.units import format_bytes, format_duration

PARTS: tuple[Part, ...] = ("sidecar", "prometheus", "locust-worker")
SHORTEST, LONGEST = 300.0, 900.0  # seconds between two kills: six an hour, of three parts
LEAST_KILLS = 3.0  # of a short soak
MOST_GROWTH = 5 * 2**20  # bytes of harness, sidecar and each Locust process, after the first quarter of an hour
AFTER_SECONDS = 1800.0  # to be judged in
LEAST_FOR_GROWTH = 2400.0  # seconds of a soak: a quarter of an hour and what is compared, warm-up and all, fit in
MEASURED = (JOB_RUN, JOB_SIDECAR, "locust-master", "locust-worker")
_TITLES = {"sidecar": "the sidecar died", "prometheus": "Prometheus died", "locust-worker": "a Locust worker died"}


@dataclass(frozen=True)
class Soak:
    """What it came to.

    Attributes:
        kills: how often each part was killed.
        growth: bytes of each process of the harness after its first quarter of an hour; empty in a run too short.
        problems: what is wrong, in words; none when all is as it must be.
    """

    directory: str
    seconds: float
    outcome: str
    kills: dict[str, int]
    growth: dict[str, float]
    problems: list[str]


def soak(folder: Path, duration: float, seed: int, tell: Callable[[str], None]) -> Soak:
    """Runs the lab's plan for ``duration`` seconds below ``folder``, which must exist.

    Raises:
        HarnessError: the run could not be made, or hangs.
    """
    killed: Counter[str] = Counter()
    arguments = ["--duration", f"{duration:.0f}s", "--set", "scrape_interval=5s"]
    whole = whole_run(
        folder, arguments, plan="selftest", meddle=killer(duration, seed, killed, tell),
        longest=duration + AFTER_SECONDS,
    )  # fmt: skip
    try:
        verdict, record = whole.verdict, whole.record
    except (OSError, ValueError):
        raise HarnessError(f"the soak left no verdict, exit code {whole.exit_code}: {whole.output[-500:]}") from None
    growth = {
        str(one["process"]): float(one["growth"])
        for one in verdict["coverage"].get("own", {}).get("memory", ())
        if one["growth"] is not None
    }
    problems = [f"still running: {process}" for process in whole.left_running]
    problems += problems_of(verdict, record, killed, growth, duration)
    return Soak(str(whole.directory), whole.seconds, verdict["outcome"], dict(killed), growth, problems)


def problems_of(
    verdict: Mapping[str, Any], record: Mapping[str, Any], killed: Mapping[str, int], growth: Mapping[str, float],
    duration: float,
) -> list[str]:  # fmt: skip
    """What is wrong with a soak of ``duration`` seconds, in words. Pure."""
    told = [str(f["summary"]) for f in verdict["findings"]]
    problems = [] if killed else ["nothing was killed"]
    if record["ended_by"] != "completed":
        problems.append(f"the run was {record['ended_by']}: {record['reason']}")
    if verdict["outcome"] not in ("warn", "inconclusive"):
        problems.append(f"{verdict['outcome']}, though nothing but parts of the harness died")
    problems += [
        f"{part} was killed {count} times and no finding tells it"
        for part, count in killed.items()
        if not any(_TITLES[part] in text for text in told)
    ]
    if duration >= LEAST_FOR_GROWTH:
        problems += [f"the growth of {one} is not known" for one in MEASURED if not any(one in name for name in growth)]
    return problems + [
        f"{process} grew by {format_bytes(grown)}, more than {format_bytes(MOST_GROWTH)}"
        for process, grown in growth.items()
        if grown > MOST_GROWTH
    ]


def killer(duration: float, seed: int, killed: Counter[str], tell: Callable[[str], None]) -> Meddle:
    """Kills (SIGKILL) a random restartable part again and again, from a thread of its own; counts what it killed."""
    drawn = random.Random(seed)  # noqa: S311 - moments, no secret
    longest = min(LONGEST, duration / LEAST_KILLS / 2)
    shortest = min(SHORTEST, longest / 3)

    def meddle(harness: psutil.Process) -> Callable[[], None]:
        ended = threading.Event()
        last = time.monotonic() + 0.9 * duration  # what dies at the end is not seen to come back

        def run() -> None:
            while not ended.wait(drawn.uniform(shortest, longest)) and time.monotonic() < last:
                part = drawn.choice(PARTS)
                with contextlib.suppress(HarnessError, psutil.NoSuchProcess):
                    processes(harness, part)[0].kill()
                    killed[part] += 1
                    tell(f"{part} killed")

        thread = threading.Thread(target=run, name="killer", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()

        return end

    return meddle


def in_words(found: Soak) -> Sequence[str]:
    """Lines for a person. Pure."""
    kills = ", ".join(f"{part} {count}" for part, count in sorted(found.kills.items())) or "none"
    lines = [
        f"{found.outcome} after {format_duration(round(found.seconds))}; killed: {kills}; {found.directory}",
        *(f"  {process} grew by {format_bytes(grown)}" for process, grown in found.growth.items()),
        *(f"  WRONG: {problem}" for problem in found.problems),
    ]
    return lines if found.growth else [*lines, "  too short to tell whether the harness's own processes grow"]

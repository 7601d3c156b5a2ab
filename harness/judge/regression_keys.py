"""What the answers of a run are kept under, and under what the pace of its machine stands beside them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from harness.run.record import LOAD_LIBRARIES

# A series of an answer: the query's name and the labels that remain, without the stack's.
Key = tuple[str, tuple[tuple[str, str], ...]]

# Of keys that are no query's: names of queries have no colon, nor have labels in PromQL.
PACE, PACED, GENERATOR = "pace:cpu", ":paced", "pace:generator"
ANSWER_BYTES: Key = ("pace:answer_bytes", ())
REQUEST_RATE: Key = ("pace:requests_per_second", ())

# Of ``versions`` in run.json, what sends a request and counts it: without the first its work is not known.
PROGRAM = ("endurance-harness", "locust", "python")


def generator_of(versions: Mapping[str, str], scheme: str) -> str:
    """The load generator's program and what it speaks; "" where a part of it is not known.

    Args:
        scheme: of the target's URL: with https the generator encrypts, which may be no process of the target's work.
    """
    if any(versions.get(name, "unknown") == "unknown" for name in PROGRAM):
        return ""
    told = [f"{name} {versions[name]}" for name in (*PROGRAM, *LOAD_LIBRARIES) if name in versions]
    return ", ".join((*told, scheme))


def pace_of(generator: str) -> Key:
    """Where the pace that this load generator tells stands."""
    return PACE, ((GENERATOR, generator),)


def at_pace(key: Key, pace: Key) -> Key:
    """Where the values of the series ``key`` over the machine's ``pace`` stand."""
    return f"{key[0]}{PACED}", tuple(sorted((*key[1], *pace[1])))

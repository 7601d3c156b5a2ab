"""A run's directory and its ``run.json`` (DESIGN: run directory). Reading fails with a named cause."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harness.errors import ArchiveError, UsageError
from harness.run.json_files import read_json, write_json

SCHEMA = 1
# Load lasts 31 days at most (harness.plan.checks). A time that lies farther off is a slip, and judging up to it, by the
# interval, would not end.
LONGEST_SECONDS = 40 * 86_400.0
# Of ``versions``: what most of the CPU time goes to that a request costs the load generator.
LOAD_LIBRARIES = ("gevent", "geventhttpclient", "requests", "urllib3")
PLAN = "plan"  # of ``versions``: the digest of plan.yml as the run was made by it
_STAMP = "%Y%m%dT%H%M%SZ"  # what a run id begins with, UTC
EndedBy = Literal["completed", "aborted", "interrupted", "crashed"]
ENDINGS: tuple[EndedBy, ...] = ("completed", "aborted", "interrupted", "crashed")


@dataclass(frozen=True)
class LoadStep:
    """A load that a search held: users or arrivals per second, from and to in unix seconds."""

    load: float
    begun: float
    ended: float

    def to_json(self) -> dict[str, Any]:
        return {"from": rfc3339(self.begun), "to": rfc3339(self.ended), "load": self.load}


@dataclass(frozen=True)
class Gap:
    """A time in which nobody made load or looked: its harness was dead. Unix seconds; no end: it was not taken up."""

    start: float
    end: float | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"from": rfc3339(self.start), "to": rfc3339(self.end), "reason": self.reason}


@dataclass(frozen=True)
class RunRecord:
    """What is known of one run. Times are unix seconds here, RFC 3339 UTC in the file; whole milliseconds in both,
    so that a report made at the end of a run and one made of its file are the same.

    Attributes:
        steady_from, steady_to: the judged window; None when the run never reached it.
        ended_by: how it ended; "crashed" until something better is known, so that a killed harness leaves the truth.
        reason: why it ended when it did not complete: the alert, signal or failure, in words.
        gaps: in which the harness was dead, in order; the run was taken up again after each.
        steps: the loads that a search held, in order of time; empty where the plan's stages tell them.
    """

    run_id: str
    plan: str
    started_at: float
    target: str
    steady_from: float | None = None
    steady_to: float | None = None
    ended_at: float | None = None
    ended_by: EndedBy = "crashed"
    reason: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    steps: tuple[LoadStep, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __post_init__(self) -> None:
        for key in ("started_at", "steady_from", "steady_to", "ended_at"):
            moment = getattr(self, key)
            if moment is not None and math.isfinite(moment):
                object.__setattr__(self, key, round(moment, 3))

    def to_json(self) -> dict[str, Any]:
        data = asdict(self)
        for key in ("started_at", "steady_from", "steady_to", "ended_at"):
            data[key] = rfc3339(data[key])
        del data["steps"], data["gaps"]
        gaps = {"gaps": [one.to_json() for one in self.gaps]} if self.gaps else {}
        steps = {"steps": [one.to_json() for one in self.steps]} if self.steps else {}
        return {"schema": SCHEMA, **data, "notes": list(self.notes), **steps, **gaps}

    @classmethod
    def from_json(cls, data: Any, where: str) -> RunRecord:
        """Validates; raises ArchiveError that names ``where`` and the field."""
        if not isinstance(data, dict):
            raise ArchiveError(f"{where}: not a JSON object")
        if data.get("schema") != SCHEMA:
            raise ArchiveError(f"{where}: schema {data.get('schema')!r}; this harness reads schema {SCHEMA}")
        for key in ("run_id", "plan", "target"):
            if not isinstance(data.get(key), str):
                raise ArchiveError(f"{where}: {key!r} must be a string")
        if data.get("ended_by") not in ENDINGS:
            raise ArchiveError(f"{where}: 'ended_by' must be one of {', '.join(ENDINGS)}")
        times = {
            k: _parse_time(data.get(k), f"{where}: {k!r}")
            for k in ("started_at", "steady_from", "steady_to", "ended_at")
        }
        if times["started_at"] is None:
            raise ArchiveError(f"{where}: 'started_at' is missing")
        for key, moment in times.items():
            if moment is not None and abs(moment - times["started_at"]) > LONGEST_SECONDS:
                days = LONGEST_SECONDS / 86_400
                raise ArchiveError(f"{where}: {key!r} is more than {days:.0f} days from 'started_at'")
        versions, notes = data.get("versions", {}), data.get("notes") or []
        if not isinstance(notes, list):
            raise ArchiveError(f"{where}: 'notes' must be a list")
        return cls(
            run_id=data["run_id"],
            plan=data["plan"],
            target=data["target"],
            started_at=times["started_at"],
            steady_from=times["steady_from"],
            steady_to=times["steady_to"],
            ended_at=times["ended_at"],
            ended_by=data["ended_by"],
            reason=str(data.get("reason", "")),
            versions={str(k): str(v) for k, v in versions.items()} if isinstance(versions, dict) else {},
            notes=tuple(str(note) for note in notes),
            steps=_steps(data.get("steps") or [], where),
            gaps=_gaps(data.get("gaps") or [], times["started_at"], where),
        )


@dataclass(frozen=True)
class RunDirectory:
    """Paths inside one run directory; may be moved, so nothing in it holds an absolute path of its own."""

    path: Path

    @property
    def record_file(self) -> Path:
        return self.path / "run.json"

    @property
    def plan_file(self) -> Path:
        return self.path / "plan.yml"

    def plan_digest(self) -> str:
        """Of plan.yml, whichever way its lines end. Raises ArchiveError when it cannot be read."""
        try:
            text = self.plan_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{self.plan_file} cannot be read: {error}") from error
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def verdict_file(self) -> Path:
        return self.path / "verdict.json"

    @property
    def tsdb(self) -> Path:
        return self.path / "tsdb"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def alerts(self) -> Path:
        """What Alertmanager delivered during the run; there only when the run named one."""
        return self.path / "alerts.jsonl"

    @property
    def marks(self) -> Path:
        """Windows that were set aside by hand (``harness mark``), a JSON object in each line; there only with one."""
        return self.path / "marks.jsonl"

    @property
    def work(self) -> Path:
        """Working data of the running stack (databases, sockets, control files); removed when the run ends."""
        return self.path / "work"

    def write_record(self, record: RunRecord) -> None:
        write_json(self.record_file, record.to_json())

    def read_record(self) -> RunRecord:
        """Raises ArchiveError when run.json is missing, half-written or of another schema."""
        return RunRecord.from_json(read_json(self.record_file), str(self.record_file))


def create_run_directory(root: Path, plan_name: str, now: float) -> tuple[str, RunDirectory]:
    """A new directory below ``root`` and its run id ("20261122T151830Z-soak-24h"); two at the same second differ."""
    root = root.absolute()  # children run in folders of their own
    stamp = datetime.fromtimestamp(now, UTC).strftime(_STAMP)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, 1000):
            run_id = f"{stamp}-{plan_name}" + (f"-{attempt}" if attempt > 1 else "")
            with suppress(FileExistsError):
                (root / run_id).mkdir()
                return run_id, RunDirectory(root / run_id)
    except OSError as error:
        raise ArchiveError(
            f"cannot create a run directory in {root}: {error.strerror}", remedy="give a writable folder with --out"
        ) from error
    raise ArchiveError(f"{root} already holds a thousand runs of this second")


def find_run(name: str, root: Path) -> RunDirectory:
    """RUN of the command line: a directory, a run id below ``root``, or ``last``, the one that began last.

    Raises:
        UsageError: no such run.
    """
    if name == "last":
        runs = list_runs(root)
        if not runs:
            raise UsageError(f"there is no run in {root}", remedy="start one with: harness run PLAN")
        return max(runs, key=lambda one: (_begun(one), one.path.name))
    for candidate in (Path(name), root / name):
        if (candidate / "run.json").is_file():
            return RunDirectory(candidate)
    raise UsageError(
        f"{name!r} is no run: neither a directory with a run.json nor a run id in {root}",
        remedy="harness runs lists the runs",
    )


def _begun(directory: RunDirectory) -> float:
    """Unix seconds; by its run.json, for a folder may have been renamed or copied, else by the folder's name."""
    try:
        return directory.read_record().started_at
    except ArchiveError:
        try:
            return datetime.strptime(directory.path.name[:16], _STAMP).replace(tzinfo=UTC).timestamp()
        except ValueError:
            return -math.inf


def list_runs(root: Path) -> list[RunDirectory]:
    """Run directories below ``root``, oldest first (run ids sort by their start)."""
    if not root.is_dir():
        return []
    shown = (p for p in sorted(root.iterdir()) if not p.name.startswith(".") and not p.is_symlink())
    return [RunDirectory(p) for p in shown if (p / "run.json").is_file()]


def rfc3339(seconds: float | None) -> str | None:
    """Unix seconds as RFC 3339 UTC, rounded to milliseconds; None and NaN stay None."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _steps(data: Any, where: str) -> tuple[LoadStep, ...]:
    if not isinstance(data, list):
        raise ArchiveError(f"{where}: 'steps' must be a list")
    found = []
    for index, one in enumerate(data):
        here = f"{where}: 'steps' {index + 1}"
        load = one.get("load") if isinstance(one, dict) else None
        if isinstance(load, bool) or not isinstance(load, int | float) or not 0 <= load < 1e9:
            raise ArchiveError(f"{here} has no 'load'")
        begun, ended = _parse_time(one.get("from"), f"{here} 'from'"), _parse_time(one.get("to"), f"{here} 'to'")
        if begun is None or ended is None or ended < begun:
            raise ArchiveError(f"{here} does not last from a time to a later one")
        found.append(LoadStep(float(load), begun, ended))
    return tuple(found)


def _gaps(data: Any, started: float, where: str) -> tuple[Gap, ...]:
    if not isinstance(data, list) or not all(isinstance(one, dict) for one in data):
        raise ArchiveError(f"{where}: 'gaps' must be a list of objects")
    found = []
    for one in data:
        start, end = (_parse_time(one.get(key), f"{where}: {key!r} of a gap") for key in ("from", "to"))
        latest = started + LONGEST_SECONDS
        if start is None or not started <= start <= latest or not (end is None or start <= end <= latest):
            raise ArchiveError(f"{where}: a gap must lie in the run and end after it begins")
        found.append(Gap(start, end, str(one.get("reason", ""))))
    return tuple(found)


def _parse_time(text: Any, where: str) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise ArchiveError(f"{where} is not a time in RFC 3339") from None
    if moment.tzinfo is None:
        raise ArchiveError(f"{where} has no time zone")
    if not 1970 <= moment.year < 9999:  # beyond them a time zone may make it a year that there is not
        raise ArchiveError(f"{where} is no time of a run")
    return moment.timestamp()

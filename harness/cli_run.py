"""``harness run`` and ``harness check``: from the words of the command line to a plan and its run."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from harness.assets import data_path, rules_path
from harness.cli_locustfile import load_once, require_user_classes
from harness.cli_result import run_detached, tell_result
from harness.cli_terminal import Terminal
from harness.errors import ExitCode, HarnessError, UsageError
from harness.plan.arrivals import peak_rate
from harness.plan.judgeable import Unjudgeable, unjudgeable
from harness.plan.loading import find_plan, load_plan
from harness.plan.model import Load, Plan
from harness.plan.regression_file import load_queries
from harness.plan.shape import peak_users
from harness.plan.yaml_lines import parse_yaml, read_text
from harness.prom.rules import load_rules
from harness.report.writer import ReportWriter
from harness.run.adjust import with_duration, with_users
from harness.run.detach import announce
from harness.run.display import UNWATCHED_SECONDS, PlainUi, make_ui
from harness.run.faults import check_faults_for
from harness.run.options import RunOptions, localized
from harness.run.preflight import Check
from harness.run.services import VARIABLE as SERVICES_VARIABLE
from harness.run.services import Services, load_services, refuse_another_target
from harness.run.session import run_session
from harness.run.standing_preflight import look_at
from harness.units import format_duration, parse_duration

RUNS = Path("runs")
F = TypeVar("F", bound=Callable[..., Any])


def _plan_options(command: F) -> F:
    """What `run` and `check` have in common: they must see the same plan."""
    for decorate in reversed(
        (
            click.argument("plan"),
            click.option("--local", is_flag=True, help="Start Prometheus here, also when the plan names one, and the "
                         "reference target with its servers. The default when the plan names no Prometheus."),
            click.option("--target", metavar="URL", help="Load this address instead of the plan's."),
            click.option("--duration", metavar="TIME", help="Seconds of load in all, as 10m. The last stage is cut or "
                         "lengthened; ramp and warm-up take a quarter at most."),
            click.option("--users", metavar="N", type=int, help="Users at the peak; other stages in proportion."),
            click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True,
                         help="Set a dotted key of the plan, as objectives.memory_growth=off. Repeatable."),
            click.option("--fault", "faults", metavar="NAME[:k=v,...]", multiple=True,
                         help="Switch on a fault of the reference target. Repeatable."),
            click.option("--services", "services_file", metavar="FILE",
                         type=click.Path(path_type=Path, dir_okay=False), envvar=SERVICES_VARIABLE,
                         help=f"The parts of the run stand already; FILE says where. Also ${SERVICES_VARIABLE}."),
            click.option("--allow-host", "allow_hosts", metavar="HOST", multiple=True,
                         help="This host may be loaded. Repeatable."),
        )
    ):  # fmt: skip
        command = decorate(command)
    return command


@click.command()
@_plan_options
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=RUNS,
    show_default=True,
    help="Folder for run directories.",
)
@click.option("--baseline", metavar="NAME", help="Compare with the runs that are kept under this name.")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON; progress goes to stderr.")
@click.option("--detach", is_flag=True, help="Start it and come back at once: the run needs no terminal and no log-in.")
@click.option("--announce-fd", type=int, hidden=True)
@click.pass_context
def run(
    context: click.Context, plan: str, local: bool, target: str | None, duration: str | None, users: int | None,
    overrides: tuple[str, ...], faults: tuple[str, ...], services_file: Path | None, allow_hosts: tuple[str, ...],
    out: Path, baseline: str | None, as_json: bool, detach: bool, announce_fd: int | None,
) -> int:  # fmt: skip
    """Run PLAN, judge it and write its run directory.

    PLAN is a file, or the name of a shipped plan. Ctrl-C ends the load in order and still judges what there is; a
    second Ctrl-C ends everything at once.

    A Prometheus that the plan names must find this run's processes: HARNESS_FILE_SD_DIR is the folder that it watches.

    With --detach the run goes on by itself; `harness status` tells how it stands, `harness stop` ends it.
    """
    if detach:
        return run_detached(context, out, as_json=as_json)
    services = load_services(services_file, os.environ) if services_file else None
    if baseline is not None:
        overrides = (*overrides, f"baseline.name={baseline}")
    loaded = load(plan, target, duration, users, overrides, allowed(allow_hosts, services))
    _meant(plan, target, overrides, loaded, services)
    require_user_classes(loaded, place_in(plan, target))
    progress = Terminal(stderr=as_json)
    result = run_session(
        loaded,
        RunOptions(
            out, rules_path(), os.environ, local=local, faults=faults, services=services, where=place_in(plan, target),
            begun=lambda directory: None if announce_fd is None else announce(announce_fd, directory),
        ),
        make_ui(progress) if announce_fd is None else PlainUi(progress, every=UNWATCHED_SECONDS),
        ReportWriter(),
    )  # fmt: skip
    return tell_result(result, loaded, as_json=as_json)


@click.command()
@_plan_options
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=RUNS, show_default=True,
              help="Folder where the run would be: its disk and its baselines are looked at.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def check(
    plan: str, local: bool, target: str | None, duration: str | None, users: int | None, overrides: tuple[str, ...],
    faults: tuple[str, ...], services_file: Path | None, allow_hosts: tuple[str, ...], out: Path, as_json: bool,
) -> int:  # fmt: skip
    """Look at everything that PLAN needs, without load, and say what it cannot judge and why.

    Exits 12 when something is missing, so that a run could not start; 11 when an objective certainly cannot be judged,
    so that a run could not PASS; else 0.
    """
    services = load_services(services_file, os.environ) if services_file else None
    asked = load(plan, target, duration, users, overrides, allowed(allow_hosts, services))
    _meant(plan, target, overrides, asked, services)
    loaded = localized(asked, local, services)
    if faults:
        check_faults_for(loaded, faults, services)
    checks = [_rules_check(), *look_at(loaded, services, environ=os.environ, now=time.time(), runs=out)]
    if all(found.ok for found in checks if found.name == "locustfile"):
        require_user_classes(loaded, place_in(plan, target))
        if services is None:  # else it is loaded elsewhere, with what is installed there
            checks = [load_once(found, loaded) if found.name == "locustfile" else found for found in checks]
    problems = unjudgeable(loaded)
    if as_json:
        click.echo(json.dumps(_check_json(loaded, checks, problems), indent=2))
    else:
        _print_checks(Terminal(), loaded, checks, problems)
    return int(check_code(checks, problems))


def check_code(checks: Sequence[Check], problems: Sequence[Unjudgeable]) -> ExitCode:
    """What `harness check` exits with. Pure."""
    if not all(check.ok for check in checks):
        return ExitCode.ERROR
    return ExitCode.INCONCLUSIVE if any(problem.hard for problem in problems) else ExitCode.PASS


def allowed(hosts: tuple[str, ...], services: Services | None) -> tuple[str, ...]:
    """Hosts that may be loaded beside the plan's own: the command line's, and those of the services file."""
    return (*hosts, *(services.allow_hosts if services else ()))


def load(
    name: str, target: str | None, duration: str | None, users: int | None, overrides: tuple[str, ...],
    allow_hosts: tuple[str, ...],
) -> Plan:  # fmt: skip
    """The plan as the command line asks for it. Raises UsageError and PlanError."""
    pairs = [_pair(text) for text in overrides]
    alerts = {rule.name for rule in load_rules(rules_path()).alerts}
    plan = load_plan(
        find_plan(name, data_path("plans")), environ=os.environ, overrides=pairs, target=target,
        allow_hosts=allow_hosts, alert_names=alerts, query_names=load_queries(rules_path().parent).names,
    )  # fmt: skip
    if duration is not None:
        plan = with_duration(plan, _seconds(duration))
    if users is not None:
        plan = with_users(plan, users)
    return plan


def _meant(
    name: str, target: str | None, overrides: tuple[str, ...], plan: Plan, services: Services | None
) -> None:  # fmt: skip
    """Raises UsageError where another target than the plan's own would be loaded, and nobody said so here."""
    said_here = target is not None or any(text.startswith("target.url=") for text in overrides)
    if services is not None and not said_here:
        refuse_another_target(find_plan(name, data_path("plans")), plan, services, os.environ)


def place_in(name: str, target: str | None) -> Callable[[tuple[str | int, ...]], str]:
    """Tells where in the plan's file a key stands, as "file:line: "; nothing for what the file does not say."""
    path = find_plan(name, data_path("plans"))

    def place(key: tuple[str | int, ...]) -> str:
        if not key or (target is not None and key == ("target", "url")):
            return ""
        root = parse_yaml(read_text(path), str(path))
        parent, last = root.at(key[:-1]), key[-1]
        return f"{path}:{root.place(key)[0]}: " if parent.child(last) is not None else ""

    return place


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageError(f"--set {key!r} has no value", remedy="write --set KEY=VALUE, as --set load.workers=2")
    return key.strip(), value


def _seconds(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--duration: {error}") from None


def _rules_check() -> Check:
    try:
        rules = load_rules(rules_path())
    except HarnessError as error:
        return Check("rules", False, error.message, error.remedy)
    return Check("rules", True, f"{len(rules.recording)} recording rules, {len(rules.alerts)} alerts")


def _peak(load: Load) -> str:
    if load.model == "open":
        return f"{peak_rate(load.rates):g} arrivals per second, {load.arrival_slots} users for them"
    return f"{peak_users(load.stages)} users"


def _print_checks(console: Console, plan: Plan, checks: list[Check], problems: list[Unjudgeable]) -> None:
    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    load = plan.load
    if plan.capacity is not None:
        unit = "users" if load.model == "closed" else "arrivals per second"
        section = plan.capacity
        made = f"a search from {section.start:g} to {section.max:g} {unit}, {format_duration(load.duration)} at most"
    else:
        warmup = format_duration(load.warmup)
        made = f"{format_duration(load.duration)} of load, {warmup} of it warm-up, {_peak(load)} at the peak"
    line(f"{plan.name}: {made}, {len(plan.objectives)} objectives")
    for found in checks:
        line(f"{'ok' if found.ok else 'MISSING':<8}{found.name}: {found.detail}")
        if not found.ok and found.remedy:
            line(f"{'':8}{found.remedy}")
        if found.warning:
            line(f"{'':8}note: {found.warning}")
    for problem in problems:
        line(f"{problem.words}: {problem.reason}")
        line(f"{'':8}{problem.remedy}")
    if plan.objectives_off:
        line(f"off     by the plan: {', '.join(plan.objectives_off)}")
    if not all(found.ok for found in checks):
        line("a run of this plan could not start: what is MISSING above must be there first")
    elif any(problem.hard for problem in problems):
        line("a run of this plan could not PASS: it would end INCONCLUSIVE at best")
    elif not problems:
        line("every objective of this plan can be judged")
    else:
        line("a run of this plan can start, and nothing that the plan tells stands against a PASS")


def _check_json(plan: Plan, checks: list[Check], problems: list[Unjudgeable]) -> dict[str, Any]:
    return {
        "plan": plan.name,
        "ready": check_code(checks, problems) is ExitCode.PASS,
        "checks": [
            {"name": c.name, "ok": c.ok, "detail": c.detail, "remedy": c.remedy, "warning": c.warning} for c in checks
        ],
        "unjudgeable": [
            {"objective": p.objective, "reason": p.reason, "remedy": p.remedy, "hard": p.hard, "measured": p.measured}
            for p in problems
        ],
        "objectives_off": list(plan.objectives_off),
    }

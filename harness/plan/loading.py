"""A plan file to a ``Plan``: strict YAML, environment, overrides, validation; every error names file, line and remedy.

Order of precedence, last wins: the file, the original suite's environment variables, ``--set``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from harness.errors import PlanError
from harness.plan.baseline_checks import check_baseline
from harness.plan.checks import check_abort_on, check_plan
from harness.plan.environment import apply_suite_variables, move_metrics, set_target_url, substitute, target_url
from harness.plan.files import default_locustfile, find_plan, is_stored, resolve_files
from harness.plan.model import DEFAULT_ALLOW_HOSTS, REFERENCE_URL, Plan
from harness.plan.objectives_section import read_objectives
from harness.plan.overrides import apply_override
from harness.plan.problems import Problems
from harness.plan.schema_errors import add_schema_errors
from harness.plan.wording import tell
from harness.plan.yaml_lines import Node, parse_yaml, read_text

__all__ = ["find_plan", "load_plan", "load_plan_text"]

_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "mingus"})


def load_plan(
    path: Path,
    *,
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
    target: str | None = None,
    allow_hosts: Sequence[str] = (),
    alert_names: Collection[str] | None = None,
    query_names: Collection[str] | None = None,
    judging: bool = False,
) -> Plan:
    """The plan in ``path``.

    A ``plan.yml`` beside a ``run.json`` is the record of a run: it is only judged by, and no environment is looked at.

    Args:
        judging: a run that is over is judged by this plan and no load starts: the original suite's environment
            variables, which say what to start, must not change a judgement; no host needs to be allowed and no file
            it names must exist.
        overrides: pairs of dotted key and value, as in ``--set load.workers=2``.
        target: URL to load in place of the plan's (``--target``); the harness then starts no reference target.
        allow_hosts: hosts to add to the plan's ``allow_hosts`` (``--allow-host``).
        alert_names: names that ``abort_on`` may use; None when the rules are not at hand, then any alert-like name is
            taken.
        query_names: names of the shipped regression queries, which ``baseline.require`` may use; None: any is taken.

    Raises:
        PlanError: naming file, line and remedy; several problems are told at once.
    """
    stored = is_stored(path)
    return load_plan_text(
        read_text(path),
        where=str(path),
        environ={} if stored else environ,
        overrides=overrides,
        target=target,
        allow_hosts=allow_hosts,
        alert_names=alert_names,
        query_names=query_names,
        files_from=None if stored or judging else path.parent,
        judging=stored or judging,
    )


def load_plan_text(
    text: str,
    *,
    where: str,
    environ: Mapping[str, str],
    overrides: Sequence[tuple[str, str]] = (),
    target: str | None = None,
    allow_hosts: Sequence[str] = (),
    alert_names: Collection[str] | None = None,
    query_names: Collection[str] | None = None,
    files_from: Path | None = None,
    judging: bool = False,
) -> Plan:
    """As ``load_plan``, from text.

    Args:
        files_from: the folder that relative file names start from; None leaves files alone.
    """
    where = tell(where)
    root = parse_yaml(text, where)
    if root.value is None:
        raise _shape_error("the plan is empty", where)
    if root.mapping is None:
        raise _shape_error("a plan is a mapping of keys to values", where)
    problems = Problems(where)
    written_url = target_url(root)
    if not judging:
        apply_suite_variables(root, environ, problems)
    for key, value in overrides:
        apply_override(root, key, value)
    if target is not None:
        set_target_url(root, Node(target, 0, "--target"))
    substitute(root, environ, problems)
    move_metrics(root, written_url, environ)
    # What an unset variable leaves empty would only be told again as a wrong value.
    problems.raise_any()
    _reference(root, problems)
    _base_url(root)
    objectives, removed = read_objectives(root, root.mapping.get("objectives"), problems)
    default_locustfile(root)
    if files_from is not None:
        resolve_files(root, files_from, problems)
    _allow(root, allow_hosts)
    data = root.plain()
    assert isinstance(data, dict)
    data.setdefault("name", Path(where).stem)
    # Set by the loader only: a file that names it has an unknown key.
    data.pop("objectives_off", None)
    if "objectives_off" in root.mapping:
        problems.add_loc(root, ("objectives_off",), "unknown key 'objectives_off'", "write NAME: off below objectives")
    check_abort_on(root, problems, alert_names)
    try:
        plan = Plan.model_validate({**data, "objectives": objectives, "objectives_off": removed})
    except ValidationError as error:
        add_schema_errors(error, root, problems)
        problems.raise_any()
        raise  # unreachable: a ValidationError always adds a problem
    check_plan(plan, root, problems, judging=judging)
    check_baseline(plan, root, problems, query_names, judging=judging)
    problems.raise_any()
    return plan


def _shape_error(message: str, where: str) -> PlanError:
    return PlanError(message, path=where, line=1, remedy="a plan has at least target: and load:, see plans/smoke.yml")


def _reference(root: Node, problems: Problems) -> None:
    """``reference: true`` or ``reference: mingus``; its url is assigned when the local stack has started it."""
    target = (root.mapping or {}).get("target")
    if target is None or target.mapping is None:
        return
    node = target.mapping.get("reference")
    if node is None or node.text is None:
        return
    if node.text in _TRUE:
        node.value = "true"
        url = target.mapping.get("url")
        if url is None or url.value is None:
            target.mapping["url"] = Node(REFERENCE_URL, node.line, node.origin)
    elif node.text.lower() in ("false", "no", "off"):
        node.value = "false"
    else:
        problems.add_loc(
            root,
            ("target", "reference"),
            f"there is no reference target {node.text!r}",
            "write reference: mingus, or give target.url for a service of your own",
        )
        node.value = "false"


def _base_url(root: Node) -> None:
    """Requests' paths begin with a slash, so the base URL must not end with one."""
    url = root.at(("target", "url"))
    if url.text is not None:
        url.value = url.text.strip().rstrip("/")


def _allow(root: Node, hosts: Sequence[str]) -> None:
    target = (root.mapping or {}).get("target")
    if not hosts or target is None or target.mapping is None:
        return
    origin = "--allow-host"
    node = target.mapping.get("allow_hosts")
    if node is None or node.value is None:
        node = target.mapping["allow_hosts"] = Node([Node(host, 0) for host in DEFAULT_ALLOW_HOSTS], 0, origin)
    if isinstance(node.value, list):
        present = {item.text for item in node.value}
        node.value.extend(Node(host, 0, origin) for host in hosts if host not in present)

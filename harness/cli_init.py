"""``harness init URL``: a plan and a locustfile for a service that runs, ready to start."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from exporters.metric_names import POOL_WAITING
from harness.errors import HarnessError, UsageError
from harness.plan.checks import host_allowed, is_loopback
from harness.plan.loading import load_plan_text
from harness.plan.model import DEFAULT_ALLOW_HOSTS
from harness.plan.secrets import mask_url, names_a_secret
from harness.run.json_files import write_text
from harness.scaffold.openapi import METHODS, SAFE, Operation, describe
from harness.scaffold.service import PATHS, Asked, Service, read_document
from harness.scaffold.texts import Draft, locustfile_text, plan_text
from harness.units import parse_duration

PLAN_FILE, LOCUST_FILE = "plan.yml", "locustfile.py"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@click.command()
@click.argument("url")
@click.option("--out", "folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), show_default=True,
              help="Folder for plan.yml and locustfile.py.")  # fmt: skip
@click.option("--name", help="Name of the plan. The service's host without one.")
@click.option("--openapi", "document", metavar="FILE|URL", help="Its OpenAPI document, where it is not found.")
@click.option("--path", "paths", multiple=True, help="A path to load, as /items?page=1. Repeatable.")
@click.option("--methods", default=",".join(sorted(SAFE)), show_default=True, metavar="M,M",
              help="Of the document's operations. Others than GET and HEAD change the service's data.")  # fmt: skip
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'",
              help="For every request, as 'Authorization: Bearer ${TOKEN}'. Repeatable.")  # fmt: skip
@click.option("--ca-file", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust, PEM.")
@click.option("--timeout", default="10s", show_default=True, help="Of a request.")
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="HOST", help="This host may be loaded. Repeatable.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def init(
    url: str, folder: Path, name: str | None, document: str | None, paths: tuple[str, ...], methods: str,
    headers: tuple[str, ...], ca_file: str | None, timeout: str, allow_hosts: tuple[str, ...], force: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Write a plan and a locustfile for the service at URL, which must run.

    Its OpenAPI document tells the requests, and --path further ones; without a document those of --path are tried, or
    where none is given some usual ones. Each is asked once, if it is safe (GET, HEAD), and taken if it answers. A
    secret is an environment variable: API_TOKEN (bearer), API_BASIC (basic, in base64), API_KEY; set it, and what
    needs it is asked too.
    """
    url = _address(url, allow_hosts)
    wanted = _methods(methods)
    seconds = _seconds(timeout)
    given = dict(_header(one) for one in headers)
    files = [folder / PLAN_FILE, folder / LOCUST_FILE]
    there = [str(path) for path in files if path.exists() or path.is_symlink()]
    if there and not force:
        raise UsageError(
            f"{' and '.join(there)} {'is' if len(there) == 1 else 'are'} there already",
            remedy="give another --out, or --force",
        )
    service = Service(
        url, headers={n: _filled(v) for n, v in given.items()}, environ=os.environ, timeout=seconds, ca_file=ca_file
    )
    try:
        operations, left, source = _operations(service, document, paths, wanted, seconds, ca_file)
        asked = list(service.ask(operations))
        metrics = service.metrics()
    finally:
        service.close()
    chosen = [one for one in asked if one.usable]
    left += [(one.operation.words, one.trouble) for one in asked if not one.usable]
    if not chosen:
        raise HarnessError(
            f"nothing that was asked of {mask_url(url)} is usable: " + "; ".join(f"{w}: {t}" for w, t in left[:5]),
            remedy="name a path that answers with --path, a document with --openapi, or what lets in with --header",
        )
    host = re.sub(r"[^A-Za-z0-9_.-]+", "-", urlsplit(url).hostname or "").strip("-.")
    plan_name = name or host or "service"
    draft = Draft(
        plan_name, url, LOCUST_FILE, chosen, left, given, _further(url, allow_hosts),
        str(Path(ca_file).absolute()) if ca_file else None, seconds, bool(metrics), source,
        pool=POOL_WAITING.encode() in metrics,
    )  # fmt: skip
    texts = {files[0]: plan_text(draft), files[1]: locustfile_text(draft)}
    # What is written must be a plan: a name or an address that makes none is told here, with nothing written.
    load_plan_text(texts[files[0]], where=str(files[0]), environ=dict.fromkeys(_named(given), "x"))
    compile(texts[files[1]], str(files[1]), "exec")
    _write(folder, texts)
    _tell(files, chosen, left, source, _written_secrets(given), as_json)
    return 0


def _operations(
    service: Service, document: str | None, paths: Sequence[str], methods: set[str], timeout: float, ca_file: str | None
) -> tuple[list[Operation], list[tuple[str, str]], str]:
    """What to ask for, what cannot be, and the document's name."""
    more = [Operation("GET", path.partition("?")[0], path) for path in map(_path, paths)]
    if document is not None:
        told, source = read_document(document, timeout, ca_file), mask_url(document)
    else:
        found = service.document()
        if found is None:
            return more or [Operation("GET", path, path) for path in PATHS], [], ""
        told, source = found
    described = describe(told, methods, source, urlsplit(service.url).path)
    left = [*described.skipped, *((words, "its method was not asked for (--methods)") for words in described.left_out)]
    known = {operation.name for operation in described.operations}
    operations = [*described.operations, *(one for one in more if one.name not in known)]
    if not operations:
        raise HarnessError(
            f"{source} has no operation of {', '.join(sorted(methods))}",
            remedy="name paths with --path, or further --methods, which change data",
        )
    return operations, left, source


def _address(url: str, allow_hosts: Sequence[str]) -> str:
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = parts.scheme in ("http", "https") and bool(host) and (parts.port or 1) > 0
    except ValueError:
        usable, host = False, ""
    if not usable or parts.query or parts.fragment or "@" in parts.netloc or not url.isprintable() or " " in url:
        raise UsageError(
            f"{mask_url(url)[:200]!r} is no address of a service",
            remedy="write for example http://localhost:5000; what lets in belongs to --header",
        )
    if not host_allowed(host, (*DEFAULT_ALLOW_HOSTS, *allow_hosts)):
        raise UsageError(f"{host!r} is not this machine", remedy=f"if load may really go there: --allow-host {host}")
    return url


def _further(url: str, allow_hosts: Sequence[str]) -> list[str]:
    host = urlsplit(url).hostname or ""
    return [] if is_loopback(host) and not allow_hosts else list(dict.fromkeys((*DEFAULT_ALLOW_HOSTS, *allow_hosts)))


def _methods(text: str) -> set[str]:
    found = {word.strip().upper() for word in text.split(",") if word.strip()}
    unknown = sorted(found - set(METHODS))
    if unknown or not found:
        raise UsageError(f"--methods: {', '.join(unknown) or 'none'}", remedy=f"known: {', '.join(METHODS)}")
    return found


def _seconds(text: str) -> float:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
    if not 0 < seconds <= 300:
        raise UsageError("--timeout must be above 0 and at most 5m")
    return seconds


def _path(text: str) -> str:
    if not text.startswith("/") or not text.isprintable() or any(c.isspace() for c in text):
        raise UsageError(f"--path {text[:100]!r} is no path of a URL", remedy="begin it with a slash: --path /items")
    return text


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(":")
    if not sign or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name.strip()) or not value.strip().isprintable():
        raise UsageError(
            "--header: a header is 'NAME: VALUE'", remedy="write --header 'Authorization: Bearer ${TOKEN}'"
        )
    return name.strip(), value.strip()


def _filled(value: str) -> str:
    missing = [one for one in _VARIABLE.findall(value) if not os.environ.get(one)]
    if missing:
        raise UsageError(f"--header: the environment variable {missing[0]} is not set", remedy=f"export {missing[0]}=")
    return _VARIABLE.sub(lambda match: os.environ[match[1]], value)


def _named(headers: dict[str, str]) -> list[str]:
    return [name for value in headers.values() for name in _VARIABLE.findall(value)]


def _written_secrets(headers: dict[str, str]) -> list[str]:
    return [
        f"the value of {name} stands in {PLAN_FILE} as it was given; '{name}: ${{NAME}}' takes it from the environment"
        for name, value in headers.items()
        if names_a_secret(name) and not _VARIABLE.search(value)
    ]


def _write(folder: Path, texts: dict[Path, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            write_text(path, text)
    except OSError as error:
        raise HarnessError(f"{folder} cannot be written: {error.strerror}", remedy="give another --out") from error


def _tell(
    files: Sequence[Path], chosen: Sequence[Asked], left: Sequence[tuple[str, str]], source: str,
    notes: Sequence[str], as_json: bool,
) -> None:  # fmt: skip
    if as_json:
        said: dict[str, Any] = {
            "plan": str(files[0]), "locustfile": str(files[1]), "openapi": source or None,
            "operations": [one.operation.words for one in chosen],
            "left_out": [{"operation": words, "reason": why} for words, why in left],
            "notes": list(notes),
        }  # fmt: skip
        click.echo(json.dumps(said, indent=2))
        return
    click.echo(f"requests from {source}" if source else "no OpenAPI document was found: paths that answered were taken")
    for one in chosen:
        click.echo(f"  {one.operation.words}: " + (f"answers {one.status}" if one.status else "was not asked"))
    for words, why in left:
        click.echo(f"  left out: {words}: {why}"[:300])
    for note in notes:
        click.echo(f"note: {note}")
    click.echo(f"written: {files[0]}, {files[1]}\nnext:    harness check {files[0]}\n         harness run {files[0]}")

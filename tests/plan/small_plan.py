"""A small plan as text, loaded or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ExitCode, PlanError
from harness.plan.loading import load_plan, load_plan_text
from harness.plan.model import Plan

MINIMAL = """\
name: x
target:
  url: http://localhost:5000
load:
  locustfile: l.py
  stages: [{duration: 5m, users: 3}]
"""


def load(text: str, **environ: str) -> Plan:
    return load_plan_text(text, where="x.yml", environ=environ)


def refused(text: str, **environ: str) -> str:
    with pytest.raises(PlanError) as caught:
        load(text, **environ)
    assert caught.value.exit_code is ExitCode.USAGE
    return str(caught.value)


def with_line(old: str, new: str) -> str:
    assert old in MINIMAL
    return MINIMAL.replace(old, new)


def write(folder: Path, text: str, name: str = "x.yml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def file_error(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        load_plan(path, environ={})
    return str(caught.value)

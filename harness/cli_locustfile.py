"""What a locustfile says of itself before there is any load: it is loaded once, in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.errors import HarnessError, PlanError
from harness.load.user_classes import unknown_user_classes, user_classes_of
from harness.plan.files import SHIPPED_LOCUSTFILE
from harness.plan.model import Plan
from harness.run.check import Check


def require_user_classes(plan: Plan, where: Callable[[tuple[str | int, ...]], str]) -> None:
    """Raises PlanError for classes that the locustfile does not have, HarnessError when it cannot be loaded."""
    problem, remedy = unknown_user_classes(plan, os.environ)
    if problem:
        raise PlanError(f"{where(('load', 'user_classes'))}{problem}", remedy=remedy)


def load_once(found: Check, plan: Plan) -> Check:
    """The check of a locustfile, which may lack what it imports, or a variable that it reads, without its load."""
    file = Path(plan.load.locustfile)
    if file == SHIPPED_LOCUSTFILE or plan.load.user_classes:
        return found
    try:
        classes = user_classes_of(file, os.environ)
    except HarnessError as error:
        return replace(found, ok=False, detail=error.message, remedy=error.remedy)
    if not classes:
        remedy = "write one: class Visitor(HttpUser): ..."
        return replace(found, ok=False, detail=f"{file} has no user class", remedy=remedy)
    return found


def require_loadable(plan: Plan) -> None:
    """Raises HarnessError where the locustfile of a run that is to go on cannot be loaded from this shell."""
    file = Path(plan.load.locustfile)
    if file != SHIPPED_LOCUSTFILE:
        user_classes_of(file, os.environ)

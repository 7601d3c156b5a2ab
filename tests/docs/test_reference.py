"""The reference pages say what the code says: no key, objective, metric or label more or less."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from exporters import metric_names
from harness.plan import model
from harness.plan.capacity import Capacity
from harness.plan.objectives import ENDPOINT_OBJECTIVES, INHERITED, SPECS
from harness.plan.regression import Baseline, RegressionQuery
from harness.units import parse_duration, parse_ratio

ROOT = Path(__file__).resolve().parents[2]
NOT_METRICS = {"OTHER", "SUBJECT_ALL", "STACK"}
# Where the loader, not the model, supplies the value.
LOADER_DEFAULTS = {
    ("Top level", "name"): "the file's name",
    ("Top level", "objectives"): "what every plan inherits",
    ("load", "locustfile"): "the shipped one",
    # Of the open model alone: none in a closed plan.
    ("load", "spacing"): "`poisson`",
    ("load", "slots"): "4 s of the highest rate, 20 at least",
    ("load.stages", "shape"): "`constant`",
    ("load.stages", "steps"): "`5`",
    ("load.stages", "amplitude"): "`50%`",
    ("load.stages", "period"): "`24h`",
}
SECTIONS: dict[str, type[BaseModel]] = {
    "Top level": model.Plan,
    "target": model.Target,
    "target.processes": model.ProcessTarget,
    "target.databases": model.DatabaseTarget,
    "target.redis": model.RedisTarget,
    "prometheus": model.PrometheusTarget,
    "load": model.Load,
    "load.stages": model.Stage,
    "capacity": Capacity,
    "baseline": Baseline,
    "baseline.queries": RegressionQuery,
    "set_aside": model.Aside,
    "notify": model.Notify,
}


def rows(page: str) -> dict[str, list[list[str]]]:
    """Section title -> table rows whose first cell is a name in code style; the name comes without its quotes."""
    found: dict[str, list[list[str]]] = {}
    title = ""
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            title = line[3:]
        elif line.startswith("| `"):
            name, *rest = (cell.strip() for cell in line.strip("|").split("|"))
            found.setdefault(title, []).append([name.strip("`"), *rest])
    return found


def declared() -> dict[str, str]:
    """Metric name -> the comment beside it in the module of names."""
    text = Path(metric_names.__file__).read_text(encoding="utf-8").split("class Recorded")[0]
    text = re.sub(r"\(\n\s*(.*)\n\)", r"\1", text)
    lines = re.findall(r'^([A-Z][A-Z_]*) = "(\w+)"(?: *# (.*))?$', text, re.MULTILINE)
    return {value: note for name, value, note in lines if name not in NOT_METRICS and not name.startswith("JOB_")}


def metric_rows() -> list[list[str]]:
    return [row for section in rows("metrics.md").values() for row in section]


def test_every_exported_metric_is_on_the_page_once() -> None:
    names = [row[0] for row in metric_rows()]
    assert len(names) > 60
    assert sorted(names) == sorted(declared())


@pytest.mark.parametrize("row", metric_rows(), ids=lambda row: str(row[0]))
def test_a_metrics_labels_and_type_are_those_declared(row: list[str]) -> None:
    name, labels, kind, _ = row
    note = declared()[name]
    if name == metric_names.UP:  # job and instance, which every series has
        note = ""
    told = re.match(r"(?:histogram)?\{([\w,]*)\}", note)
    if told:
        expected = told[1].split(",") + (["bound"] if name == metric_names.OBJECTIVE_EDGE else [])
        assert labels.split(", ") == expected
    assert (kind == "counter") == name.endswith("_total")
    assert (kind == "histogram") == (note.startswith("histogram") or name == metric_names.ARRIVAL_LAG)


def documented(value: Any) -> str:
    """A default as the page writes it, before durations are compared."""
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{v}"' if ":" in v else v for v in value) + "]`"
    return f"`{value}`"


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_plan_is_on_the_page_with_its_default(section: str) -> None:
    fields = dict(SECTIONS[section].model_fields)
    fields.pop("objectives_off", None)  # the loader's own; a file that names it has an unknown key
    page = {row[0]: row for row in rows("plan.md")[section]}
    assert sorted(page) == sorted(fields)
    for key, field in fields.items():
        _, kind, default, meaning = page[key]
        assert meaning
        if (section, key) in LOADER_DEFAULTS:
            assert default == LOADER_DEFAULTS[section, key]
        elif kind.startswith("ratio") and default.startswith("`"):
            assert parse_ratio(default.strip("`")) == pytest.approx(field.default)
        elif kind.startswith("duration") and default != "required":
            assert parse_duration(default.strip("`")) == field.default
        else:
            assert default == documented(field.default), key


def test_every_objective_is_on_the_page_with_its_unit() -> None:
    page = {row[0]: row for row in rows("plan.md")["objectives"]}
    assert sorted(page) == sorted(SPECS)
    for name, spec in SPECS.items():
        assert page[name][1] == f"{'at least' if spec.op == '>=' else 'at most'}, {spec.unit}"
        assert ("*endpoint*" in page[name][2]) == (name in ENDPOINT_OBJECTIVES)


def test_what_every_plan_inherits_is_on_the_page() -> None:
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    told = re.search(r"Every plan inherits (.*)\.\n", text)
    assert told is not None
    assert {k: parse_ratio(v) for k, v in re.findall(r"`(\w+): ([\d.%]+)`", told[1])} == INHERITED

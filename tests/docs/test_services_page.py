"""The page on standing services says what the code says: no key more or less, and the defaults as they are."""

from __future__ import annotations

import re

import pytest
from pydantic import BaseModel

from harness.load.agent import _parser
from harness.run import services
from tests.docs.test_reference import ROOT, documented, rows

SECTIONS: dict[str, type[BaseModel]] = {
    "The services file": services.Services,
    "load": services.LoadServices,
    "load.workers": services.WorkerServices,
    "prometheus": services.PrometheusService,
    "alerts": services.AlertService,
    "reference": services.ReferenceService,
}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_is_on_the_page_with_its_default(section: str) -> None:
    fields = SECTIONS[section].model_fields
    page = {row[0]: row for row in rows("services.md")[section]}
    assert sorted(page) == sorted(fields)
    for key, field in fields.items():
        _, _, default, meaning = page[key]
        assert meaning
        assert default == documented(field.default), key


def test_the_commands_on_the_page_are_the_programs_own() -> None:
    text = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
    commands = re.findall(r"`python -m harness\.load\.agent ([^`]+)`", text)
    assert [_parser().parse_args(command.split()).what for command in commands] == ["master", "worker", "health"]

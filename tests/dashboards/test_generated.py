"""The committed JSON is what the code says, and keeps the rules of Grafana's dashboard linter that fit provisioning."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from dashboards.grafana_files import GENERATED, differences, files, write
from tests.dashboards.definitions import DASHBOARDS, ROOT, generated, panel_of

DATASOURCE = {"type": "prometheus", "uid": "harness-prometheus"}
# Panels that Grafana still ships; "graph", "singlestat" and "table-old" were AngularJS.
PANEL_TYPES = {"timeseries", "stat", "bargauge", "table", "heatmap", "state-timeline", "xychart", "row"}
FILES = generated()
EVERY = pytest.mark.parametrize("board", FILES.values(), ids=FILES.keys())


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_the_json_is_what_the_code_says() -> None:
    assert differences() == [], "run make dashboards and commit"
    assert files() == files(), "the same code writes the same text"
    assert FILES.keys() == {f"{d.uid}.json" for d in DASHBOARDS}


def test_a_difference_is_found(tmp_path) -> None:
    write(tmp_path)
    assert differences(tmp_path) == []
    (tmp_path / "harness-run.json").write_text("{}")
    (tmp_path / "harness-load.json").unlink()
    (tmp_path / "old.json").write_text("{}")
    assert differences(tmp_path) == ["harness-load.json", "harness-run.json", "old.json"]
    write(tmp_path)
    assert differences(tmp_path) == []


def test_the_check_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "dashboards.grafana_files", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_provisioning_finds_them() -> None:
    file = yaml.safe_load((ROOT / "dashboards" / "provisioning" / "dashboards.yml").read_text(encoding="utf-8"))
    (provider,) = file["providers"]
    assert (file["apiVersion"], provider["type"], provider["allowUiUpdates"]) == (1, "file", False)
    assert provider["options"]["path"] == "/var/lib/harness/dashboards"
    assert GENERATED.name == "generated"


@EVERY
class TestBoard:
    def test_head(self, board: dict[str, Any]) -> None:
        assert re.fullmatch(r"harness-[a-z]{1,30}", board["uid"])
        assert board["title"] and board["description"]
        assert "id" not in board or board["id"] is None, "Grafana numbers dashboards itself"
        assert board["tags"] == ["harness"]
        assert board["editable"] is False
        assert board["refresh"] == ("1m" if board["title"] in ("Endurance", "Compare") else "10s")
        assert board["graphTooltip"] == 1
        assert board["time"]["to"] == "now"
        assert board["schemaVersion"] >= 39
        assert "__inputs" not in board and "__requires" not in board, "those are for imports by hand"

    def test_no_panel_lies_over_another_or_off_the_grid(self, board: dict[str, Any]) -> None:
        boxes = [panel["gridPos"] for panel in board["panels"]]
        for box in boxes:
            assert box["x"] >= 0 and box["x"] + box["w"] <= 24 and box["y"] >= 0 and box["h"] >= 1
        for a, b in itertools.combinations(boxes, 2):
            apart = (
                a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            )  # fmt: skip
            assert apart, (a, b)
        for row in (panel for panel in board["panels"] if panel["type"] == "row"):
            assert (row["gridPos"]["x"], row["gridPos"]["w"]) == (0, 24)
            assert row["panels"] == [] and row["collapsed"] is False
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)

    def test_panels(self, board: dict[str, Any]) -> None:
        for panel in board["panels"]:
            assert panel["type"] in PANEL_TYPES
        for panel in panels(board):
            name = panel["title"]
            assert name and panel["description"], name
            assert panel["datasource"] == DATASOURCE
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["unit"], name
            assert defaults["thresholds"]["steps"][0]["value"] is None
            if panel["type"] == "timeseries":
                assert defaults["custom"]["spanNulls"] is False, "a gap stays a gap"
                assert panel["options"]["legend"]["showLegend"] is True
                assert panel["options"]["tooltip"]["mode"] == "multi"
            if panel["type"] in ("stat", "bargauge"):
                assert defaults["noValue"] == "no data"

    def test_targets(self, board: dict[str, Any]) -> None:
        for panel in panels(board):
            refs = [target["refId"] for target in panel["targets"]]
            assert refs and len(set(refs)) == len(refs)
            for target in panel["targets"]:
                assert target["datasource"] == DATASOURCE
                assert target["expr"].strip() and target["legendFormat"]
                assert target["instant"] != target["range"]
                assert target["instant"] or panel["type"] not in ("stat", "table", "bargauge")
                assert "$__interval" not in target["expr"] and "$interval" not in target["expr"]
                # A rate over a window of its own would be a second path to a number that is recorded.
                assert not re.search(r"\b(i?rate|irate|histogram_quantile)\(", target["expr"])

    def test_variables(self, board: dict[str, Any]) -> None:
        variables = {one["name"]: one for one in board["templating"]["list"]}
        assert list(variables)[:2] == ["stack", "run"]
        assert list(variables)[-1] == "runbooks"
        for name, one in variables.items():
            if one["type"] != "query":
                continue
            assert one["datasource"] == DATASOURCE
            assert one["refresh"] == 2, "new runs and subjects appear while it is open"
            assert one["query"]["query"].startswith("label_values(")
            assert one["multi"] == one["includeAll"] == (name != "stack")
            if name != "stack":
                assert one["allValue"] == ".*" and one["current"]["value"] == ["$__all"]
        assert variables["runbooks"]["type"] == "constant"
        assert variables["runbooks"]["hide"] == 2
        assert variables["runbooks"]["query"] == variables["runbooks"]["current"]["value"] == "/public/runbooks"

    def test_annotations(self, board: dict[str, Any]) -> None:
        found = {one["name"]: one for one in board["annotations"]["list"]}
        assert list(found) == ["Phases", "Alerts", "Aborts", "Restarts"]
        for one in found.values():
            assert one["datasource"] == DATASOURCE and one["enable"] is True
            assert one["expr"] and one["titleFormat"] and one["tagKeys"]

    def test_links(self, board: dict[str, Any]) -> None:
        (link,) = board["links"]
        assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == (
            "dashboards", ["harness"], True, True,
        )  # fmt: skip
        for panel in panels(board):
            for one in panel.get("links", []):
                page = re.fullmatch(r"\$\{runbooks\}/(\w+)\.md", one["url"])
                assert page and (ROOT / "docs" / "runbooks" / f"{page[1]}.md").is_file()


def drawn(uid: str, title: str) -> dict[str, Any]:
    (found,) = [panel for panel in panels(FILES[f"{uid}.json"]) if panel["title"] == title]
    return found


def test_a_limit_is_a_red_dashed_line() -> None:
    panel = drawn("harness-load", "Latency")
    (override,) = [
        o for o in panel["fieldConfig"]["overrides"] if o["matcher"] == {"id": "byFrameRefID", "options": "D"}
    ]
    looks = {p["id"]: p["value"] for p in override["properties"]}
    assert panel["targets"][3]["legendFormat"] == "limit {{objective}}"
    assert looks["color"] == {"mode": "fixed", "fixedColor": "red"}
    assert looks["custom.lineStyle"]["fill"] == "dash"


def test_a_tables_columns_are_named_and_linked() -> None:
    panel = drawn("harness-load", "Endpoints now")
    merge, organize = panel["transformations"]
    assert merge["id"] == "merge"
    assert organize["options"]["renameByName"] == {
        "method": "Method", "name": "Endpoint", "Value #A": "Requests/s", "Value #B": "Failed", "Value #C": "p50",
        "Value #D": "p95", "Value #E": "p99",
    }  # fmt: skip
    assert organize["options"]["excludeByName"].keys() == {"Time", "harness", "run_id", "__name__"}
    overrides = {o["matcher"]["options"]: o["properties"] for o in panel["fieldConfig"]["overrides"]}
    assert {"id": "unit", "value": "percentunit"} in overrides["Failed"]
    alerts = drawn("harness-run", "Alerts in this range")
    (link,) = [p for o in alerts["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "links"]
    assert link["value"][0]["url"] == "${runbooks}/${__data.fields.Alert}.md"
    runs = drawn("harness-compare", "Runs in this range")
    links = [p["value"] for o in runs["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "links"]
    assert [one["url"] for one in links[0]] == [
        f"/d/{uid}?from=${{__data.fields.Began.numeric}}&to=${{__data.fields.Ended.numeric}}&var-stack=${{stack}}"
        for uid in ("harness-run", "harness-endurance")
    ]
    assert "run_id" not in runs["transformations"][1]["options"]["excludeByName"], "there it is the row's name"


def test_words_stand_for_values() -> None:
    panel = drawn("harness-run", "Signals")
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    words = {value: (one["text"], one["color"]) for value, one in mapping["options"].items()}
    assert words == {"0": ("ok", "green"), "1": ("warning", "orange"), "2": ("critical", "red")}
    assert panel_of("run-signals").kind == "state"

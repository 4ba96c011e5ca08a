"""examples/grafana: a dashboard as Grafana takes it, that asks for metrics there are."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from tests.examples.test_prometheus import asked_for, known_metrics

FILE = Path(__file__).resolve().parents[2] / "examples" / "grafana" / "hostkeeper.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
COLUMNS = 24


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_panels_have_numbers_of_their_own_and_lie_beside_one_another() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert {0 <= x < COLUMNS for x, _ in cells(panel)} == {True}
    for one, other in itertools.combinations(PANELS, 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


def test_every_panel_has_a_kind_a_source_and_queries_with_names_of_their_own() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        if panel["type"] == "row":
            assert panel["panels"] == []
            assert not panel["collapsed"]
            continue
        assert panel["type"] in ("timeseries", "stat", "table")
        assert panel["title"]
        assert panel["datasource"] == source
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names) > 0
        assert all(target["datasource"] == source and target["expr"] for target in panel["targets"])
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_dashboard_can_be_imported_and_chosen_from() -> None:
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD["uid"] == "hostkeeper"
    assert "id" not in DASHBOARD  # which belongs to the Grafana that it is imported into
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "instance", "task"]


def test_every_metric_that_is_asked_for_exists() -> None:
    queries = [target["expr"] for panel in PANELS for target in panel.get("targets", ())]
    queries += [annotation["expr"] for annotation in DASHBOARD["annotations"]["list"]]
    assert asked_for(" ".join(queries)) <= known_metrics()


def test_queries_are_of_the_hosts_and_tasks_that_were_chosen() -> None:
    for panel in PANELS:
        for target in panel.get("targets", ()):
            assert 'instance=~"$instance"' in target["expr"], panel["title"]

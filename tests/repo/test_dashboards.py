"""Dashboard, scrape settings and metrics page: generated, current, and about metrics that exist."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from poe.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "dashboards" / "race.json"
SCRAPE = ROOT / "deploy" / "prometheus" / "prometheus.yml"
SCRAPE_LABELS = {"role", "name", "job", "instance"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}


def load(name: str) -> ModuleType:
    """A script of the dashboards folder as a module."""
    spec = importlib.util.spec_from_file_location(f"dashboards_{name}", ROOT / "dashboards" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def exported() -> dict[str, set[str]]:
    """Every series name that a scrape can hold, with its labels."""
    found = {}
    for family in Metrics(CollectorRegistry()).registry.collect():
        for suffix in SUFFIXES[family.type]:
            labels = labels_of(family.name)
            found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def labels_of(family: str) -> set[str]:
    metrics = load("metrics_table").defined_metrics()
    (metric,) = [metric for metric in metrics if metric._name == family]
    return set(metric._labelnames)


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


@pytest.fixture(scope="module")
def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(panels: list[dict[str, Any]]) -> list[str]:
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboard_is_what_its_generator_writes() -> None:
    assert DASHBOARD.read_text() == load("generate").render(), "run scripts/metrics-table"


def test_the_metrics_page_is_current() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == load("metrics_table").render(), "run scripts/metrics-table"


def test_every_metric_is_on_the_page() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    table = load("metrics_table")
    assert [m._name for m in table.defined_metrics() if f"`{table.exported_name(m)}`" not in page] == []


def test_every_metric_of_a_panel_exists(panels: list[dict[str, Any]]) -> None:
    named = {name for expr in expressions(panels) for name in re.findall(r"poe_\w+", expr)}
    assert named - set(exported()) == set()


def test_every_metric_is_on_a_panel(panels: list[dict[str, Any]]) -> None:
    text = " ".join(expressions(panels))
    unseen = [metric._name for metric in load("metrics_table").defined_metrics() if metric._name not in text]
    assert unseen == []


def test_labels_in_expressions_exist(panels: list[dict[str, Any]]) -> None:
    series = exported()
    for expr in expressions(panels):
        known = SCRAPE_LABELS.union(*(series[name] for name in re.findall(r"poe_\w+", expr)))
        used = {label for group in re.findall(r"by \(([^)]*)\)", expr) for label in re.split(r",\s*", group)}
        used |= set(re.findall(r"[{,]\s*(\w+)=", expr))
        assert used - known == set(), expr


def test_legends_show_labels_that_the_expression_keeps(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        for target in panel["targets"]:
            kept = {
                label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in re.split(r",\s*", group)
            }
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, target


def test_counters_are_read_by_rate_or_as_totals_of_a_run(panels: list[dict[str, Any]]) -> None:
    for expr in expressions(panels):
        for name in re.findall(r"poe_\w+_bucket", expr):
            assert f"rate({name}[" in expr


def test_parentheses_balance(panels: list[dict[str, Any]]) -> None:
    for expr in expressions(panels):
        for opened, closed in ("()", "[]", "{}"):
            assert expr.count(opened) == expr.count(closed), expr


def test_every_panel_says_what_it_shows_in_which_unit(panels: list[dict[str, Any]]) -> None:
    assert panels
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert panel["datasource"]["uid"] == "${datasource}"


def test_panels_have_their_own_ids_and_places_on_the_grid(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


def overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    apart_x = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
    apart_y = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
    return not (apart_x or apart_y)


def test_the_dashboard_asks_for_its_data_source(dashboard: dict[str, Any]) -> None:
    (variable,) = dashboard["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    assert dashboard["schemaVersion"] >= 36
    assert dashboard["uid"]


def test_what_is_scraped_is_what_the_launcher_writes() -> None:
    (targets,) = re.findall(r'- files: \["([^"]+)"\]', SCRAPE.read_text())
    resolved = (SCRAPE.parent / targets).resolve()
    assert resolved == ROOT / "testnet-data" / "prometheus-targets.json"
    launching = "".join(path.read_text() for path in (ROOT / "poe" / "testnet").glob("*.py"))
    assert f'"{resolved.name}"' in launching


def test_a_short_race_is_scraped_often_enough() -> None:
    intervals = [int(seconds) for seconds in re.findall(r"scrape_interval: (\d+)s", SCRAPE.read_text())]
    assert intervals
    assert max(intervals) <= 2


def test_prometheus_is_documented_to_listen_on_loopback() -> None:
    addresses = re.findall(r"--web\.listen-address=(\S+)", SCRAPE.read_text())
    assert addresses
    assert all(address.startswith("127.0.0.1:") for address in addresses)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_accepts_the_scrape_settings() -> None:
    done = subprocess.run(["promtool", "check", "config", str(SCRAPE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

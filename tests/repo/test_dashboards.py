"""Dashboards, rules, scrape settings and metrics page: generated, current, and about metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dashboards import generate, metrics_table
from poe.metrics import Metrics
from poe.metrics.catalog import GROUPS_OF_ROLE

ROOT = Path(__file__).resolve().parents[2]
SCRAPE = ROOT / "deploy" / "prometheus" / "prometheus.yml"
PROVISIONING = ROOT / "deploy" / "grafana" / "provisioning"
RULES = ROOT / "dashboards" / "rules.yml"
RULES_TEST = ROOT / "dashboards" / "rules_test.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
SCRAPE_LABELS = {"role", "name", "job", "instance"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "gauge": ("",)}
ALERT = re.compile(r"- alert: (\w+)\n(.*?)(?=\n      - alert:|\n  - name:|\Z)", re.DOTALL)

Dashboard = dict[str, Any]
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="scripts/setup-tools installs promtool")


def exported() -> dict[str, set[str]]:
    """Every series name that a scrape can hold, with its labels."""
    labels = {metric._name: set(metric._labelnames) for metric in metrics_table.defined_metrics()}
    found = {}
    for family in Metrics(CollectorRegistry()).registry.collect():
        for suffix in SUFFIXES[family.type]:
            found[family.name + suffix] = labels[family.name] | ({"le"} if suffix == "_bucket" else set())
    return found


def recorded() -> set[str]:
    """Names of recording rules."""
    return set(re.findall(r"- record: (\S+)", RULES.read_text()))


def alerts() -> dict[str, str]:
    """Every alert's name and its body."""
    return dict(ALERT.findall(RULES.read_text()))


def rule_expressions() -> list[str]:
    """Every rule's expression, on one line."""
    text = re.sub(r"\s+#.*", "", RULES.read_text())
    end = r"\n\s+(?:- (?:alert|record|name):|for:|labels:)"
    bodies = re.findall(r"expr: (?:>-\n)?(.*?)" + end, text + "\n  - name:", re.DOTALL)
    assert len(bodies) == text.count("expr:")
    return [" ".join(body.split()) for body in bodies]


@pytest.fixture(scope="module", params=generate.PAGES)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    found: Dashboard = json.loads((ROOT / "dashboards" / f"{request.param}.json").read_text())
    return found


@pytest.fixture(scope="module")
def panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(panels: list[dict[str, Any]]) -> list[str]:
    return [target["expr"] for panel in panels for target in panel["targets"]]


def without_recorded(expr: str) -> str:
    """An expression without the names of recording rules, which hold names of metrics."""
    for name in sorted(recorded(), key=len, reverse=True):
        expr = expr.replace(name, "")
    return expr


def test_the_dashboards_are_what_their_generator_writes() -> None:
    assert {path: path.read_text() for path in generate.files()} == generate.files(), "run scripts/metrics-table"
    assert {path.stem for path in (ROOT / "dashboards").glob("*.json")} == set(generate.PAGES)


def test_the_metrics_page_is_current() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics_table.render(), "run scripts/metrics-table"


def test_every_metric_is_on_the_page() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    table = metrics_table
    assert [m._name for m in table.defined_metrics() if f"`{table.exported_name(m)}`" not in page] == []


def test_every_metric_is_exported_by_some_role() -> None:
    groups = frozenset[str]().union(*GROUPS_OF_ROLE.values())
    assert len(metrics_table.defined_metrics(groups)) == len(metrics_table.defined_metrics())
    assert set(groups) == {group for group, _ in metrics_table.GROUPS}


def test_every_metric_of_a_panel_or_rule_exists(panels: list[dict[str, Any]]) -> None:
    text = [*map(without_recorded, expressions(panels)), *map(without_recorded, rule_expressions())]
    named = {name for expr in text for name in re.findall(r"poe_\w+", expr)}
    assert named - set(exported()) == set()


def test_every_metric_and_recorded_series_is_on_a_panel_or_in_a_rule() -> None:
    text = " ".join([*(path.read_text() for path in generate.files()), *rule_expressions()])
    names = [metric._name for metric in metrics_table.defined_metrics()]
    assert [name for name in [*names, *sorted(recorded())] if name not in text] == []


def test_recorded_series_of_panels_are_recorded(panels: list[dict[str, Any]]) -> None:
    named = {name for expr in expressions(panels) for name in re.findall(r"\w+:\w+(?::\w+)?", expr)}
    assert named - recorded() == set()


def test_labels_in_expressions_exist(panels: list[dict[str, Any]]) -> None:
    series = exported()
    for expr in [*expressions(panels), *rule_expressions()]:
        names = re.findall(r"poe_\w+", without_recorded(expr))
        known = SCRAPE_LABELS.union(*(series[name] for name in names))
        used = {label for group in re.findall(r"(?:by|on) \(([^)]*)\)", expr) for label in re.split(r",\s*", group)}
        used |= set(re.findall(r"[{,]\s*(\w+)=", expr))
        assert used - known - {""} == set(), expr


def test_legends_show_labels_that_the_expression_keeps(panels: list[dict[str, Any]]) -> None:
    for panel in panels:
        for target in panel["targets"]:
            expr = target["expr"]
            kept = {label for group in re.findall(r"by \(([^)]*)\)", expr) for label in re.split(r",\s*", group)}
            kept |= {"name"} if "name:" in expr else set()
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, target


def test_histograms_are_read_by_rate(panels: list[dict[str, Any]]) -> None:
    for expr in [*expressions(panels), *rule_expressions()]:
        for name in re.findall(r"poe_\w+_bucket", expr):
            assert f"rate({name}" in expr


def test_every_panel_says_what_it_shows_in_which_unit(panels: list[dict[str, Any]]) -> None:
    assert panels
    for panel in panels:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["targets"]
        assert panel["datasource"]["uid"] == "${datasource}"


def test_panels_have_their_own_ids_and_places_on_the_grid(dashboard: Dashboard) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    assert [pair for pair in combinations(places, 2) if overlap(*pair)] == []


def overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    apart_x = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
    apart_y = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
    return not (apart_x or apart_y)


def test_a_dashboard_asks_for_its_data_source_and_declares_its_variables(
    dashboard: Dashboard, panels: list[dict[str, Any]]
) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    used = set(re.findall(r"\$(\w+)", " ".join(expressions(panels))))
    assert used - {"__rate_interval"} == set(variables) - {"datasource"}
    assert dashboard["schemaVersion"] >= 36


def test_dashboards_have_their_own_uids() -> None:
    uids = [page.uid for page in generate.PAGES.values()]
    assert len(set(uids)) == len(uids)


def test_every_alert_has_a_section_in_the_runbook_and_no_section_is_stale() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert sections, "no alerts"
    assert sorted(sections) == sorted(alerts())
    for name, body in alerts().items():
        assert f'runbook_url: "docs/runbook.md#{name.lower()}"' in body
        assert re.search(r"severity: (info|warning|critical)\b", body), name
        assert "summary:" in body, name


def test_every_alert_fires_in_its_test_and_is_silent_before_it_and_in_a_healthy_network() -> None:
    text = RULES_TEST.read_text()
    healthy = text[text.index("name: a healthy network is silent") :]
    for name in alerts():
        fires = text[text.index(f"- name: {name} fires\n") :].split("\n  - name:")[0]
        assert re.search(rf"- alertname: {name}\n\s+eval_time: \w+\n\s+exp_alerts:\n\s+- exp_labels", fires), name
        assert f"{{alertname: {name}, eval_time: " in fires.split("- alertname")[0], f"{name}: silent before"
        assert healthy.count(f"{{alertname: {name}, ") == 2, name


@needs_promtool
@pytest.mark.parametrize(
    "what", [("check", "rules", RULES), ("test", "rules", RULES_TEST), ("check", "config", SCRAPE)]
)
def test_promtool_is_content(what: tuple[str, str, Path]) -> None:
    done = subprocess.run(["promtool", *map(str, what)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_an_alert_that_no_longer_fires_is_found(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.read_text().replace("poe_net_peers == 0", "poe_net_peers < 0"))
    shutil.copy(RULES_TEST, tmp_path)
    command = ["promtool", "test", "rules", str(tmp_path / RULES_TEST.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "NoPeers" in done.stdout + done.stderr


def test_what_is_scraped_is_what_the_launcher_writes() -> None:
    (targets,) = re.findall(r'- files: \["([^"]+)"\]', SCRAPE.read_text())
    resolved = (SCRAPE.parent / targets).resolve()
    assert resolved == ROOT / "testnet-data" / "prometheus-targets.json"
    launching = "".join(path.read_text() for path in (ROOT / "poe" / "testnet").glob("*.py"))
    assert f'"{resolved.name}"' in launching


def test_prometheus_evaluates_the_rules_of_this_repository() -> None:
    (rules,) = re.findall(r'rule_files: \["([^"]+)"\]', SCRAPE.read_text())
    assert (SCRAPE.parent / rules).resolve() == RULES


def test_a_short_race_is_scraped_often_enough() -> None:
    intervals = [int(seconds) for seconds in re.findall(r"scrape_interval: (\d+)s", SCRAPE.read_text())]
    assert intervals
    assert max(intervals) <= 2


@pytest.mark.parametrize("document", ["deploy/prometheus/prometheus.yml", "docs/monitoring.md"])
def test_prometheus_is_documented_to_listen_on_loopback(document: str) -> None:
    addresses = re.findall(r"--web\.listen-address=(\S+)", (ROOT / document).read_text())
    assert addresses
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def test_grafana_reads_this_prometheus_and_listens_on_loopback() -> None:
    source = (PROVISIONING / "datasources" / "poe.yml").read_text()
    assert "url: http://127.0.0.1:9090" in source
    assert "type: prometheus" in source
    assert "http_addr = 127.0.0.1" in (ROOT / "deploy" / "grafana" / "grafana.ini").read_text()
    assert "path: $POE_DASHBOARDS" in (PROVISIONING / "dashboards" / "poe.yml").read_text()
    assert "POE_DASHBOARDS=$PWD/dashboards" in (ROOT / "docs" / "monitoring.md").read_text()

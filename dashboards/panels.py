"""Rows, panels and queries as short descriptions, and the Grafana dashboards that the foundation SDK makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as model

GRID_COLUMNS = 24
WINDOW = "$__rate_interval"
DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One PromQL expression and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel; `width` in grid columns of 24, `unit` a Grafana unit id."""

    title: str
    description: str
    unit: str
    queries: Sequence[Query]
    is_stat: bool = False
    width: int = 8
    is_stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A titled row of panels, `height` grid units high."""

    title: str
    panels: Sequence[Panel]
    height: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A dashboard; `chosen`: a metric whose `name`s the reader picks from, in expressions as `$name`."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    chosen: str = ""


def quantiles(metric: str, by: str, *, where: str = "") -> list[Query]:
    """Median and 95th percentile of a histogram by one label."""
    return [
        Query(
            expr=f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket{where}[{WINDOW}])))",
            legend=f"{{{{{by}}}}} p{round(q * 100)}",
        )
        for q in (0.5, 0.95)
    ]


def rate_by(metric: str, label: str, *, where: str = "") -> list[Query]:
    """Events a second by a label."""
    return [Query(expr=f"sum by ({label}) (rate({metric}{where}[{WINDOW}]))", legend=f"{{{{{label}}}}}")]


def number(title: str, description: str, expr: str, *, unit: str = "none", width: int = 4) -> Panel:
    """A panel of one large number."""
    query = Query(expr=expr, legend=title)
    return Panel(title=title, description=description, unit=unit, queries=[query], is_stat=True, width=width)


def render(page: Page) -> str:
    """The file's text: the same bytes on every machine."""
    found = build.Dashboard(page.title).uid(page.uid).description(page.description).tags(["poe"]).editable()
    found.version(1).refresh("5s").time("now-15m", "now").timezone("browser").tooltip(
        model.DashboardCursorSync.CROSSHAIR
    )
    found.with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    if page.chosen:
        found.with_variable(_names_of(page.chosen))
    _lay_out(found, page.rows)
    return json.dumps(found.build(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _names_of(metric: str) -> build.QueryVariable:
    return (
        build.QueryVariable("name")
        .label("Node")
        .datasource(DATASOURCE)
        .query(f"label_values({metric}, name)")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
    )


def _lay_out(found: build.Dashboard, rows: Sequence[Row]) -> None:
    """Every row's header and panels from left to right, wrapping at the grid's right edge."""
    own_id = y = 0
    for row in rows:
        own_id += 1
        found.with_row(build.Row(row.title).id(own_id).grid_pos(model.GridPos(x=0, y=y, w=GRID_COLUMNS, h=1)))
        y, x = y + 1, 0
        for panel in row.panels:
            if x + panel.width > GRID_COLUMNS:
                y, x = y + row.height, 0
            own_id += 1
            place = model.GridPos(x=x, y=y, w=panel.width, h=row.height)
            found.with_panel(_panel(panel).id(own_id).grid_pos(place))
            x += panel.width
        y += row.height


def _panel(panel: Panel) -> timeseries.Panel | stat.Panel:
    drawn = _stat() if panel.is_stat else _timeseries(is_stacked=panel.is_stacked)
    drawn.title(panel.title).description(panel.description).unit(panel.unit).datasource(DATASOURCE).min(0)
    for index, query in enumerate(panel.queries):
        target = Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + index))
        drawn.with_target(target.datasource(DATASOURCE))
    return drawn


def _stat() -> stat.Panel:
    """The last value, large."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    return stat.Panel().reduce_options(last).graph_mode(options.BigValueGraphMode.AREA)


def _timeseries(*, is_stacked: bool) -> timeseries.Panel:
    """Lines, or areas on top of each other; the legend below and one tooltip."""
    mode = options.StackingMode.NORMAL if is_stacked else options.StackingMode.NONE
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).show_legend(True)
    tooltip = common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI).sort(options.SortOrder.DESCENDING)
    drawn = timeseries.Panel().fill_opacity(30 if is_stacked else 5).stacking(common.StackingConfig().mode(mode))
    return drawn.legend(legend.placement(options.LegendPlacement.BOTTOM)).tooltip(tooltip)

"""Accuracy: what each class of demand is forecast with and why, and how good the forecasts were at every level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from urllib.parse import urlencode

import ibis
import ibis.expr.types as ir

from aislehub.core.alerts import AlertFilter
from aislehub.core.hub import Hub
from aislehub.core.models import learned_cards
from aislehub.core.text import say
from aislehub.demand.accuracy import Policy
from aislehub.demand.outcomes import LEVELS, rehearsed_weeks
from aislehub.serve import formats
from aislehub.serve.learned import forecaster, made_of
from aislehub.serve.lookup import last_day, names

__all__ = ["AccuracyView", "context"]

NODES = 50
CHAIN = {"level": "chain", "store": "", "subject": ""}
ALL_LEVELS = (*LEVELS, "item_store")


@dataclass(frozen=True)
class AccuracyView:
    """What the reader is looking at, as it stands in the page's address; without a level, the chain's weeks alone."""

    level: str = ""
    store: str = ""
    subject: str = ""
    sort: Literal["units", "money"] = "units"
    search: str = ""

    @classmethod
    def of(cls, query: Mapping[str, list[str]]) -> AccuracyView:
        """Read the address; what makes no sense there is left out."""
        given = {name: values[-1].replace("\x00", "")[:80] for name, values in query.items() if values}
        level = given.get("level", "")
        return cls(
            level if level in ALL_LEVELS else "", given.get("store", ""), given.get("subject", ""),
            "money" if given.get("sort") == "money" else "units", given.get("search", "").strip(),
        )  # fmt: skip

    def address(self, **other: Any) -> str:
        """This view's parameters with some changed, for links."""
        return urlencode({name: value for name, value in vars(replace(self, **other)).items() if value})


def context(hub: Hub, query: Mapping[str, list[str]]) -> dict[str, Any]:
    """Champions, the table of levels, the parts of the chosen level, and the weeks of the chosen part."""
    view = AccuracyView.of(query)
    run = last_day(hub, "forecast_accuracy")
    model = forecaster(hub, run)
    if run is None:
        return {"empty": model is None, "model": model, "made_of": made_of, "levels": [], "run": None}
    nodes = _nodes(hub, run, view) if view.level else None
    chosen = _node(hub, run, view)
    weeks, rehearsed = _weeks(hub, run, chosen)
    return {
        "empty": False, "model": model, "made_of": made_of, "view": view, "run": run, "levels": _levels(hub, run),
        "rule_percent": formats.number(Policy.load(hub.home).rule_percent), "nodes": nodes, "most": NODES,
        "chosen": chosen, "chart": _chart(weeks) if weeks else None, "rows": weeks, "rehearsed": rehearsed,
    }  # fmt: skip


def _levels(hub: Hub, run: date) -> list[dict[str, Any]]:
    """Each level in one row: errors added up over its parts, shares over their weeks, RMSSE as the mean."""

    def share(rows: ir.Table, name: str, weight: ir.Value) -> ir.Value:
        """The weighted mean of a column over the rows that have it."""
        return (rows[name] * weight).sum() / weight.sum(where=rows[name].notnull()).nullif(0)

    def query(tables: Any) -> ir.Table:
        t = tables.read("forecast_accuracy")
        t = t.filter(t.day == run)
        return t.group_by("level").aggregate(
            parts=t.count(), weeks=t.weeks.max(), week=t.week.max(), wape=share(t, "wape", t["sold"]),
            bias=share(t, "bias", t["sold"]), rmsse=t.rmsse.mean(), coverage=share(t, "coverage", t.weeks),
            beyond_rule=share(t, "beyond_rule", t.weeks - 1),
            causes=(t.state == "cause").sum(), explained=(t.state == "explained").sum(),
        )  # fmt: skip

    return sorted(hub.tables.run(query).to_pylist(), key=lambda row: ALL_LEVELS.index(row["level"]))


def _nodes(hub: Hub, run: date, view: AccuracyView) -> dict[str, Any]:
    """The parts of a level, those with the most error first, and how many match the filter."""
    stores = names(hub, "stores", "store")
    wanted = view.search.casefold()
    called = [key for key, name in stores.items() if wanted and wanted in name.casefold()]

    def query(tables: Any) -> ir.Table:
        t = _errors(tables, run)
        t = t.filter(t.level == view.level)
        if wanted:
            matches = (t.store.fill_null("") + " " + t.subject.fill_null("")).lower().contains(wanted)
            t = t.filter(matches | t.store.isin(called) if called else matches)
        order = ibis.desc(f"error_{view.sort}", nulls_first=False)
        return t.mutate(count=ibis._.count().over(ibis.window())).order_by(order, "store", "subject").limit(NODES)

    found = hub.tables.run(query).to_pylist()
    alerts = _alerts(hub)
    rows = [{**row, **_named(row, stores), "alert": alerts.get(_alert_key(row))} for row in found]
    return {"rows": rows, "count": found[0]["count"] if found else 0}


def _node(hub: Hub, run: date, view: AccuracyView) -> dict[str, Any] | None:
    """The chosen part, else the chain."""
    wanted = {"level": view.level, "store": view.store, "subject": view.subject}
    t = _errors(hub.tables, run)
    found = hub.tables.run(lambda _: t.filter(_is(t, wanted) | _is(t, CHAIN))).to_pylist()
    if not found:
        return None
    row = min(found, key=lambda row: row["level"] == "chain")
    return {**row, **_named(row, names(hub, "stores", "store"))}


def _errors(tables: Any, run: date) -> ir.Table:
    """The day's rows with their mean error of a week in units and in contribution."""
    t = tables.read("forecast_accuracy")
    units = t.wape * t["sold"] / t.weeks.nullif(0)
    return t.filter(t.day == run).mutate(error_units=units, error_money=units * t.unit_margin)


def _is(t: ir.Table, key: Mapping[str, str]) -> ir.BooleanValue:
    return ibis.and_(*(t[name].fill_null("") == value for name, value in key.items()))


def _named(row: Mapping[str, Any], stores: Mapping[str, str]) -> dict[str, str]:
    """The part's name for people: store with its name, subject, or class of demand."""
    store, subject = row["store"] or "", row["subject"] or ""
    if row["level"] == "item_store":
        subject = formats.word("demand_class", subject)
    parts = [f"{store} {stores.get(store, '')}".strip() if store else "", subject]
    return {
        "store": store,
        "subject": row["subject"] or "",
        "name": " · ".join(filter(None, parts)) or say("level.chain"),
    }


def _alerts(hub: Hub) -> dict[tuple[str, str], str]:
    """Store and subject → id of the open alert that tells of it."""
    found = hub.alerts.find(AlertFilter(states=("open", "suppressed"), owner="planner"))
    return {(alert["store"], alert["subject"]): alert["id"] for alert in found if alert["kind"] == "demand_alerts"}


def _alert_key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["store"] or "", row["subject"] or row["level"]


def _weeks(hub: Hub, run: date, node: Mapping[str, Any] | None) -> tuple[list[dict[str, Any]], date | None]:
    """The part's weeks, oldest first, and the last that was only rehearsed: weeks of past days count before those."""
    if node is None or node["level"] == "item_store":
        return [], None
    t = hub.tables.read("forecast_accuracy")
    mine = t.filter(_is(t, {name: node[name] for name in CHAIN}), t.day <= run)
    kept = hub.tables.run(
        lambda _: mine.group_by("week").aggregate(
            **{name: mine[name].argmax(mine.day) for name in ("units", "forecast", "low", "high")}
        )
    ).to_pylist()
    rows = {row["week"]: row for row in kept if row["forecast"] is not None}
    cards = [folder for card, folder in learned_cards(hub.models, "demand") if card.day <= run.isoformat()]
    policy = Policy.load(hub.home)
    past = rehearsed_weeks(cards[-1], day=run, weeks=policy.weeks, **_members(hub, node)) if cards else {}
    for week, (units, forecast) in past.items():
        rows.setdefault(week, {"week": week, "units": units, "forecast": forecast, "low": None, "high": None})
    only = [week for week in past if week not in {row["week"] for row in kept}]
    return [rows[week] for week in sorted(rows)], max(only, default=None)


def _members(hub: Hub, node: Mapping[str, Any]) -> dict[str, list[str] | None]:
    """Stores and items that a part is made of; None = all."""
    kind = node["level"].removeprefix("store").removeprefix("_")
    stores = [node["store"]] if node["store"] else None
    if kind == "region":
        stores = _keys(hub, "stores", "store", kind, node["subject"])
    items = _keys(hub, "items", "item", kind, node["subject"]) if kind in ("department", "category") else None
    return {"stores": stores, "items": items}


def _keys(hub: Hub, table: str, key: str, column: str, value: str) -> list[str]:
    t = hub.tables.read(table)
    found: list[str] = hub.tables.run(lambda _: t.filter(t[column] == value).select(key).distinct())[key].to_pylist()
    return found


def _chart(weeks: list[dict[str, Any]]) -> dict[str, Any]:
    """What static/charts.js draws: Sundays, units sold, forecast, low and high."""
    return {
        "kind": "weeks",
        "days": [row["week"].isoformat() for row in weeks],
        **{
            name: [None if row[column] is None else round(row[column], 1) for row in weeks]
            for name, column in (("sold", "units"), ("mean", "forecast"), ("low", "low"), ("high", "high"))
        },
        "words": {name: say(f"accuracy.chart_{name}") for name in ("sold", "mean", "band", "units")},
    }

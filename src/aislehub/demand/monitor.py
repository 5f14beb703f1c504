"""Monitoring: what has gone wrong with the forecasts, one alert per cause, and when the model is to be learnt anew.

Three kinds of causes, looked for in this order, each leaving out what the one before explains:

1. **Data** that have changed (`aislehub.demand.drift`): a store's sales are missing, prices are off their level.
2. **Shifts**: a part of the chain whose sales have left their forecast beyond chance (`aislehub.demand.deviation`),
   told at the highest level that explains what lies below.
3. **The plain rule**, "off by more than 5 %", for totals of the chain, regions, departments and categories where
   earlier weeks seldom broke it. Elsewhere it would fire every week and tell nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from aislehub.core.step import step
from aislehub.core.tables import Tables
from aislehub.demand.accuracy import BIAS_WEEKS, Policy
from aislehub.demand.drift import Silence, changes, silences, weekly_figures
from aislehub.schema.alerts import alert_table

__all__ = ["demand_alerts", "worth_learning"]

DEMAND_ALERTS = alert_table("demand_alerts", "Sales that have left their forecast, or data that have changed")

KIND = {
    "chain": "chain", "region": "region", "department": "goods", "category": "goods", "store": "store",
    "store_department": "store_goods", "store_category": "store_goods",
}  # fmt: skip
RULE_LEVELS = ("chain", "region", "department", "category")
RULE_MIN_WEEKS = 9
Alert = dict[str, Any]


@step(reads="forecast_accuracy sales_lines items stores calendar", writes=DEMAND_ALERTS)
def demand_alerts(
    forecast_accuracy: ir.Table, sales_lines: ir.Table, items: ir.Table, stores: ir.Table, calendar: ir.Table, *,
    day: date, policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """The causes that hold at the close of `day`, the most money at risk first."""
    rows = forecast_accuracy.filter(forecast_accuracy.day == ibis.literal(day)).to_pandas()
    rows[["store", "subject"]] = rows[["store", "subject"]].fillna("")
    quiet = silences(sales_lines, stores, calendar, day=day)
    active = rows.loc[rows["level"] == "store", "store"].nunique()
    found = list(_missing(quiet, active, policy))
    if not any(alert["cause"] == "demand.alert_feed" for alert in found):
        found += _changed(sales_lines, items, day, policy)
        rows = rows[~rows["store"].isin([silence.store for silence in quiet])]
        causes = rows[rows["state"] == "cause"]
        found += [_shift(row) for row in causes.to_dict("records")]
        found += _by_rule(rows[rows["level"].isin(RULE_LEVELS)], policy)
    alerts = pd.DataFrame(found, columns=["cause", "store", "subject", "owner", "money_at_risk", "facts"])
    alerts = alerts[(alerts["money_at_risk"] >= policy.least_money) | (alerts["owner"] == "it")]
    order = ["money_at_risk", "cause", "store", "subject"]
    alerts = alerts.sort_values(order, ascending=[False, True, True, True]).head(policy.most)
    return alerts.assign(facts=[json.dumps(facts, ensure_ascii=False) for facts in alerts["facts"]])


def worth_learning(tables: Tables, day: date, *, age: int, policy: Policy) -> str:
    """Why the forecasting model is to be learnt anew, as a word for the model's card; empty = it may stay.

    Args:
        tables: read as of the day before: today's monitoring comes after today's forecast.
        age: days since the model in force was learnt.
    """
    if age >= policy.max_age_days:
        return "age"
    alerts = tables.read("demand_alerts", as_of=day - timedelta(days=1))
    recent = alerts.filter(alerts.day > ibis.literal(day - timedelta(days=8)), alerts.owner == "planner")
    return "shift" if recent.count().execute() else ""


def _missing(quiet: list[Silence], active: int, policy: Policy) -> Iterator[Alert]:
    """One alert a silent store, or one for the chain where half of the stores are silent."""
    money = policy.margin_share * sum(silence.amount for silence in quiet)
    if len(quiet) >= 2 and len(quiet) >= active / 2:
        since = min(silence.since for silence in quiet)
        facts = {"stores": len(quiet), "active": max(active, len(quiet)), "since": since.isoformat()}
        yield _alert("demand.alert_feed", "", "feed", "it", money, facts)
        return
    for silence in quiet:
        facts = {"store": silence.store, "since": silence.since.isoformat(), "days": silence.days,
                 "amount": round(silence.amount)}  # fmt: skip
        yield _alert(
            "demand.alert_silent_store", silence.store, "feed", "it", policy.margin_share * silence.amount, facts
        )


def _changed(sales_lines: ir.Table, items: ir.Table, day: date, policy: Policy) -> Iterator[Alert]:
    """One alert a weekly figure of the data that has left its past; money = contribution of sales that rest on it."""
    week = sales_lines.filter(sales_lines.day <= ibis.literal(day), sales_lines.day > ibis.literal(day - timedelta(7)))
    amount = float(week.amount.sum().execute() or 0.0)
    for change in changes(weekly_figures(sales_lines, items, day=day), limit=policy.drift):
        difference = change.value - change.usual
        facts = {
            "value": round(100 * change.value, 1), "usual": round(100 * change.usual, 1),
            "change": _percent(difference), "size": round(abs(change.size), 1), "limit": policy.drift,
        }  # fmt: skip
        money = policy.margin_share * abs(difference) * max(amount, 0.0)
        yield _alert(f"demand.alert_drift_{change.figure}", "", change.figure, "it", money, facts)


def _shift(row: dict[str, Any]) -> Alert:
    """A part of the chain that has left its forecast beyond chance; money = contribution of the units off."""
    below = row["signal"] < 0
    facts = {
        "store": row["store"], "subject": row["subject"], "week": _day(row["week"]), "span": int(row["span"]),
        "units": _units(row["span_units"]), "forecast": _units(row["span_forecast"]),
        "deviation": _percent(row["span_units"] / row["span_forecast"] - 1), "rest": _percent(row["rest"]),
        "limit": round(100 * row["span_limit"], 1), "signal": round(abs(row["signal"]), 1),
    }  # fmt: skip
    money = abs(row["span_units"] - row["span_forecast"]) * (row["unit_margin"] or 0.0)
    code = f"demand.alert_{KIND[row['level']]}_{'below' if below else 'above'}"
    return _alert(code, row["store"], row["subject"] or row["level"], "planner", money, facts)


def _by_rule(rows: pd.DataFrame, policy: Policy) -> Iterator[Alert]:
    """Totals off by more than the rule's percentage, where earlier weeks seldom were; the first from the top only."""
    told = set(rows.loc[rows["state"] == "cause", "level"])
    rule = policy.rule_percent / 100
    for level in RULE_LEVELS:
        if told:  # what is below a cause is explained by it
            return
        for row in rows[(rows["level"] == level) & (rows["weeks"] >= RULE_MIN_WEEKS)].to_dict("records"):
            week_off = row["units"] / row["forecast"] - 1 if row["forecast"] else float("nan")
            for name, off, share in (
                ("week", week_off, row["beyond_rule"]),
                ("bias", row["bias_4w"], row["bias_beyond_rule"]),
            ):
                if abs(off) > rule and share <= policy.rule_share:
                    told.add(level)
                    yield _rule_alert(name, row, off, share, policy)
                    break


def _rule_alert(name: str, row: dict[str, Any], off: float, share: float, policy: Policy) -> Alert:
    weeks = 1 if name == "week" else BIAS_WEEKS
    part = "chain" if row["level"] == "chain" else "part"
    facts = {
        "subject": row["subject"], "week": _day(row["week"]), "deviation": _percent(off), "rule": policy.rule_percent,
        "share": round(100 * share, 1), "weeks": int(row["weeks"]) - 1,
    }  # fmt: skip
    money = abs(off) * row["forecast"] * weeks * (row["unit_margin"] or 0.0)
    subject = row["subject"] or row["level"]
    return _alert(f"demand.alert_rule_{name}_{part}", "", subject, "planner", money, facts)


def _alert(cause: str, store: str, subject: str, owner: str, money: float, facts: dict[str, Any]) -> Alert:
    return {
        "cause": cause, "store": store, "subject": subject, "owner": owner, "money_at_risk": round(money, 2),
        "facts": facts,
    }  # fmt: skip


def _percent(share: float) -> str:
    """A signed percentage: +12, −3.5."""
    value = round(100 * share, 1 if abs(share) < 0.1 else 0)
    return f"{value:+g}".replace("-", "−")


def _units(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}".removesuffix(".0")


def _day(value: Any) -> str:
    return pd.Timestamp(value).date().isoformat()

"""The parts of a forecast: base, season, trend, price, promotion and event, in units that add up.

A model that knows its own parts is asked (`Explained`): boosted trees by TreeSHAP, rules by level and slot, the blend
by the weighted parts of both. Any other model is compared with the seasonal mean: what it adds to that rule is the
part `model`. What a series of little history takes from its look-alikes is the part `lookalikes`, and what was made of
the forecast after the model had spoken (totals that add up) the part `adjustment`.
A closed day's part `event` takes all others back.

Each part has a sentence with facts that a planner can count again: what sold, the weekday's share, the price, the
promotion and the special day by name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from aislehub.core.reasons import Reason
from aislehub.demand.lookalike import thin_series
from aislehub.demand.models import Explained, Model
from aislehub.demand.models.seasonal import SeasonalMean
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["PARTS", "decompose", "part_reasons"]

PARTS = ("base", "season", "trend", "price", "promotion", "event", "model", "lookalikes", "adjustment")
RECENT_CYCLES = 8
TREND_CYCLES = 4
SLOT_CYCLES = 13
_NOTHING = 1e-9


def decompose(
    model: Model, panel: Panel, mean: FloatArray, published: FloatArray | None = None
) -> dict[str, FloatArray]:
    """The parts of every forecast of the next P ≤ horizon periods, (series, P) each, in the order of `PARTS`.

    Args:
        mean: the forecaster's means of these periods, (series, P).
        published: what was made of them since; None = nothing.

    Returns:
        Units that add up to `published`, or else to `mean`.
    """
    past, periods = panel.y.shape[1], mean.shape[1]
    known = model if isinstance(model, Explained) else SeasonalMean()
    parts = {part: np.zeros_like(mean) for part in PARTS} | known.decompose(panel, periods)
    rest = _apart(mean, np.sum(list(parts.values()), axis=0))
    shut = panel.closed[:, past : past + periods]
    parts["event"] = parts["event"] + np.where(shut, rest, 0)
    thin = thin_series(panel)[:, None]
    parts["model"] = np.where(shut | thin, 0, rest)
    parts["lookalikes"] = np.where(~shut & thin, rest, 0)
    if published is not None:
        parts["adjustment"] = _apart(published, mean)
    return parts


def part_reasons(
    panel: Panel, parts: dict[str, FloatArray], days: range, promoted: pd.DataFrame, *, model: str
) -> list[list[Reason]]:
    """For each series, the parts of its total over `days` as reasons, in the order of `PARTS`.

    Args:
        days: consecutive places in the horizon, 0 = the next day.
        promoted: announced promotions: `unique_id, starts, ends, what`.
        model: the model's name.
    """
    facts = _facts(panel, days, promoted)
    found = []
    for series in range(len(panel.ids)):
        told = []
        for part, values in parts.items():
            effect = float(values[series, days.start : days.stop].sum())
            if abs(effect) >= 0.005:
                stated = {name: _plain(value[series]) for name, value in facts.get(part, {}).items()}
                stated |= {"model": model} if part == "model" else {}
                told.append(Reason(_code(part, stated), {**stated, "effect": round(effect, 2)}, effect))
        found.append(told)
    return found


def _apart(one: FloatArray, other: FloatArray) -> FloatArray:
    """How far two amounts are apart; 0 where only their last digits differ."""
    return np.where(np.isclose(one, other, rtol=_NOTHING, atol=_NOTHING), 0.0, one - other)


def _code(part: str, facts: dict[str, Any]) -> str:
    """The sentence that has facts for all it says."""
    if part == "season" and "share" not in facts:
        return "demand.because.season_of_days"
    if part == "price" and "price" not in facts:
        return "demand.because.discount"
    if part in ("promotion", "event") and not facts["what"]:
        return f"demand.because.no_{part}"
    return f"demand.because.{part}"


def _facts(panel: Panel, days: range, promoted: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Part → fact → its value for each series, counted from the panel."""
    past = panel.y.shape[1]
    window = slice(past + days.start, past + days.stop)
    recent, span = panel.sold[:, -RECENT_CYCLES * panel.season :], TREND_CYCLES * panel.season
    facts: dict[str, dict[str, Any]] = {
        "base": {"mean": _mean(recent), "units": np.nansum(recent, axis=1, dtype=np.float64),
                 "days": (~np.isnan(recent)).sum(axis=1)},
        "season": {},
        "trend": {"recent": _mean(panel.sold[:, -span:]), "before": _mean(panel.sold[:, -2 * span : -span]),
                  "days": np.full(len(panel.ids), span)},
        "price": _price(panel, window),
        "promotion": _promotions(panel, window, promoted),
        "event": {"what": _events(panel, window)},
    }  # fmt: skip
    if len(days) == 1 and panel.cycle > 1:
        sold = panel.sold[:, -SLOT_CYCLES * panel.cycle :]
        slots = np.arange(past - sold.shape[1], past) % panel.cycle
        same = _mean(sold[:, slots == window.start % panel.cycle])
        share = 100 * same / np.maximum(_mean(sold), _NOTHING)
        facts["season"] = {"share": np.round(share), "weeks": np.full(len(panel.ids), SLOT_CYCLES)}
    return facts


def _price(panel: Panel, window: slice) -> dict[str, FloatArray]:
    """The planned price beside the usual one, or the planned discount where no price is known ahead."""
    past = panel.y.shape[1]
    if "price" in panel.known:
        price = panel.known["price"]
        return _each(
            panel, {"price": _mean(price[:, window]), "usual": _mean(price[:, max(0, past - panel.year) : past])}
        )
    if "discount" in panel.known:
        return _each(panel, {"percent": np.round(100 * _mean(panel.known["discount"][:, window]))})
    return {}


def _promotions(panel: Panel, window: slice, promoted: pd.DataFrame) -> dict[str, Any]:
    """What is promoted in these days, and on how many of the last eight weeks' days something was."""
    facts: dict[str, Any] = {"what": _shown(panel, window, promoted)}
    if "promotion" in panel.known:
        flags = np.nan_to_num(panel.known["promotion"])
        past = panel.y.shape[1]
        recent = flags[:, max(0, past - RECENT_CYCLES * panel.season) : past]
        facts |= _each(panel, {"days": flags[:, window].sum(axis=1), "before": recent.sum(axis=1)})
    return facts


def _shown(panel: Panel, window: slice, promoted: pd.DataFrame) -> list[str]:
    """Displays, leaflet pages or mechanics of the promotions that meet these days, each once, by series."""
    meets = (promoted["starts"] <= panel.periods[window.stop - 1]) & (promoted["ends"] >= panel.periods[window.start])
    rows = promoted[meets]
    rows = rows[rows["unique_id"].isin(panel.ids)]
    each = (
        rows.assign(what=rows["what"].astype(str).str.split(", "))
        .explode("what")
        .drop_duplicates(["unique_id", "what"])
    )
    told = each.groupby("unique_id")["what"].agg(", ".join)
    return [told.get(name, "") for name in panel.ids]


def _events(panel: Panel, window: slice) -> list[str]:
    """Names of the special days, by series."""
    if "event" not in panel.known:
        return [""] * len(panel.ids)
    names = [*panel.labels.get("event", ()), ""]
    codes = np.nan_to_num(panel.known["event"][:, window], nan=len(names) - 1).astype(int)
    told = [", ".join(dict.fromkeys(name for code in row if (name := names[code]))) for row in codes]
    return told * (len(panel.ids) if len(told) == 1 else 1)


def _each(panel: Panel, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Values of every series, also where one row holds for all."""
    return {name: np.broadcast_to(value, len(panel.ids)) for name, value in values.items()}


def _mean(values: FloatArray) -> FloatArray:
    """Mean of each row's known values; 0 where none is known."""
    known = ~np.isnan(values)
    return np.where(known, values, 0).sum(axis=1, dtype=np.float64) / np.maximum(known.sum(axis=1), 1)


def _plain(value: Any) -> Any:
    """A fact as JSON holds it."""
    if isinstance(value, str):
        return value
    return int(value) if float(value).is_integer() else round(float(value), 2)

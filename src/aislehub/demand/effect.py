"""The effect of a changed price or promotion on demand: what the model says, and what past weeks say.

Where the model knows the covariate ahead (a price list, announced promotions), the forecast is made again with the
changed plan. Where prices are only seen on receipts the model does not know them, and demand is multiplied by the
response counted from past weeks (`response`). Where both speak, the expected effect leans on the counted one by the
share that the item's own weeks have decided of it, else on the model; the interval is what the weeks leave open,
widened to the model's answer. A higher own price never counts as raising demand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from aislehub.core.errors import HubError
from aislehub.core.reasons import Reason
from aislehub.demand.forecast import Forecaster
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.weeks import Past

__all__ = ["Change", "Effect", "Promotion", "days_of", "effect_of"]

HARDLY_MOVED = 0.2  # share of a coefficient that the item's own weeks decide, below which its siblings speak for it
_LITTLE = 1e-9
UNKNOWN = 1.5  # standard deviation of a coefficient from which on nothing is known of it


@dataclass(frozen=True)
class Promotion:
    """What would be promoted: places, and a share taken off the price. The default is no promotion."""

    display: bool = False
    mailer: bool = False
    discount: float = 0.0


@dataclass(frozen=True)
class Change:
    """What would be different on the days from `first` to `last`; None = as planned."""

    first: date
    last: date
    price: float | None = None
    promotion: Promotion | None = None


@dataclass(frozen=True)
class Effect:
    """Logarithm of the factor on demand, (stores, H) each: expected, and the ends of its 90 % interval.

    Attributes:
        own: share of it that the item's own weeks have decided, 0 to 1.
    """

    mean: FloatArray
    low: FloatArray
    high: FloatArray
    own: float = 0.0


def effect_of(
    change: Change, item: str, panel: Panel, past: Past, forecaster: Forecaster, planned: FloatArray, wanted: FloatArray
) -> tuple[Effect, list[Reason]]:
    """What the change does to the demand of each store and coming day, and how that is known.

    Args:
        panel: the item's series.
        planned, wanted: prices without and with the change, (stores, H).

    Raises:
        HubError: `whatif.no_promotions` for a place where nothing was ever promoted; `whatif.not_identified` when
            prices never moved.
    """
    on = days_of(panel, change)
    plan = _changed_plan(panel, change, on, wanted)
    shared, alone = [], []  # what past weeks tell of changes that the model knows, too, and that it does not
    for effect, reason in _promotion(change.promotion, item, panel, past, on) if change.promotion else ():
        shared.append((effect, reason))
    cut = np.log(1 - change.promotion.discount) if change.promotion else 0.0
    relative = np.log(wanted / planned)
    discount = np.where(on, cut, 0.0) + np.zeros_like(relative)
    if "price" in plan:
        shared += _price(item, past, relative, planned, on)
    elif "discount" in plan:
        shared += _price(item, past, discount, planned, on)
        alone += _price(item, past, relative - discount, planned, on)
    else:
        alone += _price(item, past, relative, planned, on)
    reasons = [reason for _, reason in [*shared, *alone]]
    effects = [effect for effect, _ in alone]
    if plan:
        before, after = forecaster.means(panel), forecaster.means(replace(panel, known=panel.known | plan))
        answer = np.log(np.maximum(after, _LITTLE) / np.maximum(before, _LITTLE))
        leaning = _leaning([effect for effect, _ in shared], answer)
        effects.append(leaning)
        times = round(float(after[:, on].sum() / max(before[:, on].sum(), _LITTLE)), 2)
        reasons.insert(
            0, Reason("whatif.model", {"model": forecaster.name, "times": times, "own": round(100 * leaning.own)})
        )
    return _sum(effects, np.zeros_like(planned)), reasons


def days_of(panel: Panel, change: Change) -> FloatArray:
    """Which days of the horizon the change holds on, (H,)."""
    return np.array([change.first <= moment.date() <= change.last for moment in panel.future])


def _changed_plan(panel: Panel, change: Change, on: FloatArray, wanted: FloatArray) -> dict[str, FloatArray]:
    """The covariates that the model knows ahead and that would be different, with the change."""
    values: dict[str, float | FloatArray] = {}
    if "price" in panel.known and (change.price is not None or (change.promotion and change.promotion.discount)):
        values["price"] = np.concatenate([np.zeros_like(panel.y), wanted], axis=1)
    if change.promotion is not None:
        asked = change.promotion
        values |= {"display": float(asked.display), "mailer": float(asked.mailer), "discount": asked.discount}
        values["promotion"] = float(asked != Promotion())
    future = np.concatenate([np.zeros(panel.y.shape[1], dtype=bool), on])
    shape = (len(panel.ids), len(panel.periods))
    return {
        name: np.where(future, value, np.broadcast_to(panel.known[name], shape)).astype(np.float32)
        for name, value in values.items()
        if name in panel.known
    }


def _promotion(asked: Promotion, item: str, panel: Panel, past: Past, on: FloatArray) -> list[tuple[Effect, Reason]]:
    """What past promoted weeks say of the places that would be added or dropped."""
    nothing = np.zeros((len(panel.ids), panel.horizon))
    found = []
    for place, wanted in (("display", asked.display), ("mailer", asked.mailer)):
        planned = np.nan_to_num(panel.known[place][:, -panel.horizon :]) if place in panel.known else nothing
        difference = np.where(on, float(wanted) - planned, 0.0) + nothing
        if not difference.any():
            continue
        if past.response is None or place not in past.response.drivers:
            raise HubError("whatif.no_promotions", promotion=place, item=item)
        at = past.items[item]
        mean, low, high = past.response.interval(at, place)
        facts = {
            "times": _times(mean),
            "low": _times(low),
            "high": _times(high),
            "weeks": int(past.promoted[place][at]),
        }
        effect = _scaled(difference, mean, low, high, past.response.share(at, place))
        found.append((effect, Reason(f"whatif.{place}", facts)))
    return found


def _price(
    item: str, past: Past, relative: FloatArray, planned: FloatArray, on: FloatArray
) -> list[tuple[Effect, Reason]]:
    """What past price changes say, `relative` being the logarithm of new over old price, (stores, H)."""
    if np.abs(relative).max() <= _LITTLE:
        return []
    at = past.items[item]
    if past.response is None or past.response.sd[at, past.response.drivers.index("price")] > UNKNOWN:
        raise HubError("whatif.not_identified", item=item)
    elasticity, low, high = (min(value, 0.0) for value in past.response.interval(at, "price"))
    own = past.response.share(at, "price")
    seen = past.price[at][~np.isnan(past.price[at])]
    old = float(planned[:, on].mean())
    percent = float(np.expm1(relative[:, on]).mean())
    facts = {
        "old": round(old, 2), "new": round(old * (1 + percent), 2), "percent": round(100 * percent),
        "elasticity": round(elasticity, 2), "low": round(low, 2), "high": round(high, 2), "weeks": len(seen),
        "lowest": round(float(seen.min()), 2), "highest": round(float(seen.max()), 2),
    }  # fmt: skip
    code = "whatif.price_response" if own >= HARDLY_MOVED else "whatif.price_of_siblings"
    return [(_scaled(relative, elasticity, low, high, own), Reason(code, facts))]


def _times(logarithm: float) -> float:
    return round(float(np.exp(logarithm)), 2)


def _scaled(difference: FloatArray, mean: float, low: float, high: float, own: float) -> Effect:
    """A coefficient with its interval times how much the driver would be different."""
    ends = np.stack([difference * low, difference * high])
    return Effect(difference * mean, ends.min(axis=0), ends.max(axis=0), own)


def _leaning(counted: list[Effect], answer: FloatArray) -> Effect:
    """The model's answer and what past weeks tell, the latter by the share that the item's own weeks have decided.

    Where past weeks tell nothing, the interval reaches from no effect to the model's answer.
    """
    told = _sum(counted, np.zeros_like(answer))
    mean = told.own * told.mean + (1 - told.own) * answer
    return Effect(mean, np.minimum(told.low, answer), np.maximum(told.high, answer), told.own)


def _sum(effects: list[Effect], nothing: FloatArray) -> Effect:
    """Effects one on top of the other; what is open about each is independent of the others."""
    mean = sum((effect.mean for effect in effects), start=nothing)
    below = sum(((effect.mean - effect.low) ** 2 for effect in effects), start=nothing)
    above = sum(((effect.high - effect.mean) ** 2 for effect in effects), start=nothing)
    own = float(np.mean([effect.own for effect in effects])) if effects else 0.0
    return Effect(mean, mean - np.sqrt(below), mean + np.sqrt(above), own)

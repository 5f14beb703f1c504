"""What if: the forecast of an item under another price or promotion, in units and money (`aislehub whatif`).

How demand answers is `effect`'s business; here it becomes two cases beside each other, by day and in total. The
interval is that of the effect; the day-to-day scatter of sales is not in it, for it hits both cases alike. A price far
from any ever seen is refused: nothing in the data says what it would do.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.reasons import Reason
from aislehub.core.text import say
from aislehub.demand.effect import Change, Promotion, days_of, effect_of
from aislehub.demand.outlook import outlook
from aislehub.demand.panel import FloatArray, Panel
from aislehub.demand.weeks import Past

__all__ = ["Case", "WhatIf", "promotion_of", "whatif"]

FLAGS = ("display", "mailer")
CENT = 0.005
FURTHEST = 1.15  # × beyond the lowest or highest price seen; a price further off needs siblings that went as far


@dataclass(frozen=True)
class Case:
    """Units and money of one case by day, (H,) each; the margin is None where a cost is unknown.

    Attributes:
        price: mean price over the stores.
    """

    units: FloatArray
    price: FloatArray
    revenue: FloatArray
    margin: FloatArray | None


@dataclass(frozen=True)
class WhatIf:
    """The forecast with and without a change, summed over stores.

    Attributes:
        before, after: as planned, and as changed.
        low, high: the changed case at both ends of the 90 % interval of the effect.
        reasons: how it was computed, and what the data cannot tell.
    """

    item: str
    stores: list[str]
    change: Change
    day: date
    model: tuple[str, str]
    currency: str
    days: list[date]
    before: Case
    after: Case
    low: Case
    high: Case
    reasons: list[Reason]

    def document(self) -> dict[str, Any]:
        """As JSON: both cases and their difference with its interval, in total and by day."""
        return {
            "item": self.item, "stores": self.stores, "day": self.day, "currency": self.currency,
            "model": {"name": self.model[0], "id": self.model[1]}, "change": asdict(self.change),
            "total": self.part(slice(None)),
            "days": [{"ds": ds, **self.part(slice(at, at + 1))} for at, ds in enumerate(self.days)],
            "reasons": [{**asdict(reason), "sentence": reason.sentence()} for reason in self.reasons],
        }  # fmt: skip

    def part(self, days: slice) -> dict[str, Any]:
        """Units, revenue and margin of some days: before, after, difference, low and high of the difference."""
        found: dict[str, Any] = {
            "price": {"before": float(self.before.price[days].mean()), "after": float(self.after.price[days].mean())}
        }
        for name in ("units", "revenue", "margin"):
            before, after, low, high = (
                None if (values := getattr(case, name)) is None else float(values[days].sum())
                for case in (self.before, self.after, self.low, self.high)
            )
            if before is None or after is None or low is None or high is None:
                found[name] = None
                continue
            ends = sorted((low - before, high - before))
            found[name] = {
                "before": before, "after": after, "difference": after - before, "low": ends[0], "high": ends[1],
            }  # fmt: skip
        return found


def whatif(
    hub: Hub, item: str, *, store: str | None = None, price: float | None = None, promotion: Promotion | None = None,
    first: date | None = None, last: date | None = None,
) -> WhatIf:  # fmt: skip
    """Forecast an item with and without a change.

    Args:
        store: one store; None = every store that has a forecast of the item.
        price: price of a unit on these days.
        promotion: promotion on these days; None = as announced.
        first, last: days of the change; None = the whole horizon.

    Raises:
        HubError: what `outlook` and `Outlook.rows` refuse; `whatif.nothing`, `whatif.price`, `whatif.price_far`,
            `whatif.days`, `whatif.not_identified`, `whatif.no_promotions`.
    """
    if price is None and promotion is None:
        raise HubError("whatif.nothing")
    if price is not None and not (math.isfinite(price) and price > 0):
        raise HubError("whatif.price", value=price)
    seen = outlook(hub)
    rows = seen.rows(item, store)
    panel, past = seen.panel.only(rows), seen.past
    days = [moment.date() for moment in panel.future]
    change = Change(first or days[0], last or days[-1], price, promotion)
    if not days[0] <= change.first <= change.last <= days[-1]:
        raise HubError("whatif.days", first=change.first, last=change.last, earliest=days[0], latest=days[-1])
    stores = [store_of for store_of, _ in map(list(seen.places).__getitem__, rows)]

    planned = _planned_prices(panel, past, stores, item)
    wanted = _wanted_prices(planned, change, days_of(panel, change))
    unseen = _unseen_price(past, item, planned, wanted)
    effect, told = effect_of(change, item, panel, past, seen.forecaster, planned, wanted)
    published, goods = seen.published(rows), _goods(hub, seen.day, item)

    def case(logarithm: FloatArray, prices: FloatArray) -> Case:
        units = published * np.exp(logarithm)
        earned = units * (prices / (1 + goods.tax_rate) - goods.cost)
        margin = None if np.isnan(goods.cost) else earned.sum(axis=0)
        return Case(units.sum(axis=0), prices.mean(axis=0), (units * prices).sum(axis=0), margin)

    return WhatIf(
        item, stores, change, seen.day, (seen.forecaster.name, seen.card.id), hub.settings.currency, days,
        before=case(np.zeros_like(published), planned),
        after=case(effect.mean, wanted), low=case(effect.low, wanted), high=case(effect.high, wanted),
        reasons=[*told, *unseen, Reason("whatif.not_in_it", {}), *goods.reasons],
    )  # fmt: skip


def promotion_of(text: str) -> Promotion | None:
    """`display`, `mailer`, `discount=0.2`, several with commas, or `none`; None of an empty text.

    Raises:
        HubError: `whatif.promotion`, `whatif.discount`.

    Example:
        >>> promotion_of("display,discount=0.2")
        Promotion(display=True, mailer=False, discount=0.2)
    """
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not words:
        return None
    made = Promotion()
    for word in words:
        name, _, value = word.partition("=")
        if name in FLAGS and not value:
            made = replace(made, **{name: True})
        elif name == "discount":
            made = replace(made, discount=_discount(value))
        elif word != "none" or len(words) > 1:
            raise HubError("whatif.promotion", value=word, suggestion=did_you_mean(name, [*FLAGS, "discount", "none"]))
    return made


def _discount(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError as error:
        raise HubError("whatif.discount", value=text) from error
    if not 0 < share < 1:
        raise HubError("whatif.discount", value=text)
    return share


def _planned_prices(panel: Panel, past: Past, stores: list[str], item: str) -> FloatArray:
    """Price of each store and coming day, (stores, H): of the list, else as paid there lately, else as usual.

    Raises:
        HubError: `whatif.no_price` when nobody ever paid one.
    """
    usual = past.usual()[past.items[item]]
    paid = np.array([past.paid.get((store, item), usual) for store in stores])
    prices = np.repeat(paid[:, None], panel.horizon, axis=1)
    if "price" in panel.known:
        listed = np.broadcast_to(panel.known["price"], (len(stores), len(panel.periods)))[:, -panel.horizon :]
        prices = np.where(np.isnan(listed), prices, listed)
    if np.isnan(prices).any():
        raise HubError("whatif.no_price", item=item)
    return prices


def _wanted_prices(planned: FloatArray, change: Change, on: FloatArray) -> FloatArray:
    """Prices with the change: the new one, less the promotion's discount."""
    price = planned if change.price is None else np.full_like(planned, change.price)
    price = price * (1 - change.promotion.discount) if change.promotion else price
    return np.where(on, price, planned)


def _unseen_price(past: Past, item: str, planned: FloatArray, wanted: FloatArray) -> list[Reason]:
    """Says when the new price was never seen.

    Raises:
        HubError: `whatif.price_far` when nothing of its category ever went as far from its usual price.
    """
    at = past.items[item]
    seen = past.price[at][~np.isnan(past.price[at])]
    new = wanted[~np.isclose(wanted, planned)]
    if not new.size or not seen.size or (new.min() >= seen.min() - CENT and new.max() <= seen.max() + CENT):
        return []
    usual = past.usual()
    siblings = past.category == past.category[at]
    reach = past.price[siblings] / usual[siblings, None] * usual[at]
    lowest = min(float(np.nanmin(reach)), seen.min() / FURTHEST)
    highest = max(float(np.nanmax(reach)), seen.max() * FURTHEST)
    limits = {"lowest": round(lowest, 2), "highest": round(highest, 2)}
    for value in (float(new.min()), float(new.max())):
        if not lowest <= value <= highest:
            raise HubError("whatif.price_far", price=round(value, 2), item=item, **limits)
    facts = {"lowest": round(float(seen.min()), 2), "highest": round(float(seen.max()), 2)}
    return [Reason("whatif.never_seen", {"price": round(float(new.mean()), 2), **facts})]


@dataclass(frozen=True)
class _Goods:
    """Cost of a unit, NaN where unknown, and the tax that its price contains."""

    cost: float
    tax_rate: float
    reasons: list[Reason]


def _goods(hub: Hub, day: date, item: str) -> _Goods:
    columns = ("cost", "tax_rate", "source")
    rows = hub.tables.run(
        lambda tables: (t := tables.read("items", as_of=day)).filter(t.item == item).select(*columns)
    ).to_pylist()
    row = rows[0] if rows else dict.fromkeys(columns)
    if row["cost"] is None:
        return _Goods(math.nan, 0.0, [Reason("whatif.no_cost", {})])
    simulated = [Reason("whatif.simulated_cost", {})] if "simulated" in (row["source"] or "") else []
    return _Goods(row["cost"], row["tax_rate"] or 0.0, simulated)


def whatif_command(
    item: Annotated[str, typer.Option(help="Item")],
    store: Annotated[str, typer.Option(help="Store; all = every store with a forecast of the item")] = "all",
    price: Annotated[float | None, typer.Option(help="Price of a unit on these days")] = None,
    promo: Annotated[
        str, typer.Option(help="display, mailer, discount=0.2, several with commas, or none; left out: as announced")
    ] = "",
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; default the next day")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; default the forecast's last")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Forecast an item under another price or promotion, beside the forecast as planned: units, revenue, margin.

    Example: aislehub whatif --item 1029743 --store 367 --price 2.49 --promo display
    """
    with open_hub() as hub:
        found = whatif(
            hub, item, store=None if store == "all" else store, price=price, promotion=promotion_of(promo),
            first=from_.date() if from_ else None, last=to.date() if to else None,
        )  # fmt: skip
    if as_json:
        print_json(found.document())
        return
    stores = found.stores[0] if len(found.stores) == 1 else say("whatif.stores", count=len(found.stores))
    dates = {"first": found.change.first, "last": found.change.last, "day": found.day}
    print(say("whatif.title", item=item, stores=stores, **dates))
    print(_totals(found).to_string())
    for reason in found.reasons:
        print(f"- {reason.sentence()}")
    print()
    print(_by_day(found).to_string(index=False))


def _totals(found: WhatIf) -> pd.DataFrame:
    """Units and money over the horizon: a row each, before, after, the difference and its interval in columns."""
    total = found.part(slice(None))
    rows = {say(f"whatif.{name}"): total[name] for name in ("units", "revenue", "margin") if total[name]}
    table = pd.DataFrame(rows).T.round(2)
    return table.rename(columns={name: say(f"whatif.column_{name}") for name in table.columns})


def _by_day(found: WhatIf) -> pd.DataFrame:
    changed = [at for at, day in enumerate(found.days) if found.change.first <= day <= found.change.last]
    columns = {
        say("demand.column.day"): found.days,
        say("whatif.column_price"): found.after.price,
        say("whatif.column_before"): found.before.units,
        say("whatif.column_after"): found.after.units,
        say("whatif.column_low"): found.low.units,
        say("whatif.column_high"): found.high.units,
    }
    return pd.DataFrame(columns).iloc[changed].round(2)


whatif_command.__name__ = "whatif"

commands = (whatif_command,)

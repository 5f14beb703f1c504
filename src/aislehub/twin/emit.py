"""What the simulated chain tells: every table that a real one would have, each row marked `simulated`.

Of the truth nothing is told: a shopper who found an empty shelf leaves no receipt, and demand shows only in what was
sold. `master` gives what is known from the start, `of_day` the rows of one day at its close, `announced` the prices and
promotions of an offer before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.schema import (
    CALENDAR,
    COMPETITOR_PRICES,
    CUSTOMERS,
    EVENTS,
    FOOTFALL,
    ITEMS,
    LEAD_TIMES,
    PRICES,
    PROMOTIONS,
    RECEIPTS,
    SALES_LINES,
    STOCK,
    STORES,
    WEATHER,
)
from aislehub.twin.browsing import KINDS, browsing
from aislehub.twin.chain import Outcome
from aislehub.twin.demand import stream
from aislehub.twin.receipts import HOURS, OPENS, Lines, members_of, receipts
from aislehub.twin.world import HOLIDAYS, KEEPS, BoolArray, FloatArray, IntArray, World

__all__ = ["DAILY", "SOURCE", "Offer", "announced", "master", "of_day"]

SOURCE = "simulated"
COMPETITOR = "the other chain"
DELIVERED = 6  # hour at which goods are on the shelf
NOTICE = 7  # days before its start on which an offer is announced

Rows = Mapping[str, Any]


@dataclass(frozen=True)
class Offer:
    """A promotion from its first day to its last; (S, I): in the leaflet, on display, share taken off the price."""

    starts: date
    ends: date
    promoted: BoolArray
    displayed: BoolArray
    discount: FloatArray


@dataclass(frozen=True)
class _Day:
    """What the tables of one day are made from."""

    world: World
    seed: int
    outcome: Outcome
    before: Outcome | None
    lines: Lines | None


def master(world: World, days: int, *, order_weekdays: str = "1234567") -> dict[str, pa.Table]:
    """Stores, items, calendar, terms of supply and members: what the chain knows before its first day.

    Args:
        days: for how many days holidays are told.
        order_weekdays: ISO weekdays on which its stores order.
    """
    cells, count = np.arange(world.rate.size), world.rate.size
    kinds = [world.departments[number] for number in world.category]
    last = world.start + timedelta(days=days)
    holidays = [
        (date(year, month, day), name, kind)
        for year in range(world.start.year, last.year + 1)
        for month, day, name, kind, *_ in HOLIDAYS
    ]
    club = members_of(world)
    tables: list[tuple[Contract, Rows]] = [
        (STORES, {
            "store": world.stores, "kind": _all("store", world.stores), "opened": _all(world.start, world.stores),
            "region": [f"region {number}" for number in world.region], "timezone": _all("UTC", world.stores),
        }),
        (ITEMS, {
            "item": world.items, "name": [f"{kind} {item}" for kind, item in zip(kinds, world.items, strict=True)],
            "department": kinds, "is_sellable": _all(True, world.items),
            "category": [world.categories[number] for number in world.category],
            "price": np.round(np.median(world.regular_price, axis=0), 2), "cost": world.cost.mean(axis=0),
            "shelf_life_days": _life(world, np.arange(len(world.items))),
        }),
        (CALENDAR, {
            "day": [day for day, *_ in holidays], "event": [name for _, name, _ in holidays],
            "kind": [kind for *_, kind in holidays], "region": _all("all", holidays),
        }),
        (LEAD_TIMES, _cells(world, cells) | {
            "lead_days": world.lead_days.ravel().astype(float), "lead_days_sd": np.full(count, _lead_sd(world)),
            "order_weekdays": [order_weekdays] * count, "case_pack": np.tile(world.case, len(world.stores)),
            "order_cost": np.full(count, world.family.order_cost),
            "shelf_life_days": _life(world, cells % len(world.items)),
        }),
        (CUSTOMERS, {
            "customer": _members(np.arange(club.sum())), "home_store": np.repeat(np.array(world.stores), club),
        }),
    ]  # fmt: skip
    known = _at(world.start - timedelta(days=400))
    return {contract.name: _table(contract, rows, known) for contract, rows in tables}


def of_day(
    world: World, seed: int, outcome: Outcome, before: Outcome | None, only: Collection[str] | None = None
) -> dict[str, pa.Table]:
    """The rows of one day, known at its close; prices are known at its opening.

    Args:
        before: the day before, None on the first: prices are told when they change.
        only: names of tables, None = all of `DAILY`.
    """
    wanted = [name for name in DAILY if only is None or name in only]
    lines = receipts(world, seed, outcome) if {"sales_lines", "events"} & set(wanted) else None
    day = _Day(world, seed, outcome, before, lines)
    return {name: DAILY[name](day) for name in wanted}


def announced(world: World, offer: Offer) -> dict[str, pa.Table]:
    """Promotions and sale prices of an offer, known a week before it starts."""
    known = _at(offer.starts - timedelta(days=NOTICE))
    cells = np.flatnonzero(offer.promoted | offer.displayed | (offer.discount > 0))
    discount = offer.discount.flat[cells]
    promotions = _cells(world, cells) | {
        "promotion": _all(f"p{offer.starts:%Y%m%d}", cells), "starts": _all(offer.starts, cells),
        "ends": _all(offer.ends, cells), "mechanic": np.where(discount > 0, "price cut", "none"),
        "discount": discount, "display": np.where(offer.displayed.flat[cells], "second placement", ""),
        "mailer": np.where(offer.promoted.flat[cells], "leaflet", ""),
    }  # fmt: skip
    reduced = cells[discount > 0]
    prices = _cells(world, reduced) | {
        "kind": _all("sale", reduced), "valid_from": _all(offer.starts, reduced), "valid_to": _all(offer.ends, reduced),
        "price": np.round(world.regular_price.flat[reduced] * (1 - offer.discount.flat[reduced]), 2),
    }  # fmt: skip
    return {"promotions": _table(PROMOTIONS, promotions, known), "prices": _table(PRICES, prices, known)}


def _sales_lines(day: _Day) -> pa.Table:
    lines, outcome = _lines(day), day.outcome
    paid, regular = outcome.price.flat[lines.cell], day.world.regular_price.flat[lines.cell]
    reduced = outcome.promoted.flat[lines.cell] & (paid < regular)
    label = np.where(reduced, regular, paid)
    return _table(SALES_LINES, _cells(day.world, lines.cell) | {
        "receipt": lines.names(outcome.day), "line": lines.line.astype(str), "day": _all(outcome.day, lines.cell),
        "sold_at": _times(outcome.day, lines.second), "customer": _members(lines.customer), "quantity": lines.units,
        "amount": np.round(paid * lines.units, 2), "discount": np.round((label - paid) * lines.units, 2),
        "price": label, "channel": np.where(lines.online, "app", "store"),
    }, _times(outcome.day, lines.second))  # fmt: skip


def _stock(day: _Day) -> pa.Table:
    cells = np.arange(day.world.rate.size)
    return _table(STOCK, _cells(day.world, cells) | {
        "day": _all(day.outcome.day, cells), "on_hand": day.outcome.stock.ravel(),
        "on_order": day.outcome.on_order.ravel(), "counted": _all(False, cells),
    }, _close(day))  # fmt: skip


def _receipts(day: _Day) -> pa.Table:
    world, today, goods = day.world, day.outcome.day, day.outcome.deliveries
    cells = _joined([delivery.cells for delivery in goods])
    ordered = [delivery.ordered for delivery in goods for _ in delivery.cells]
    lead = world.lead_days.flat[cells].tolist()
    life = world.life[cells % len(world.items)].tolist()
    return _table(RECEIPTS, _cells(world, cells) | {
        "delivery": [f"d{one:%y%m%d}-{today:%y%m%d}" for one in ordered], "line": _items(world, cells),
        "ordered": ordered, "promised": [one + timedelta(days=days) for one, days in zip(ordered, lead, strict=True)],
        "received_at": _all(_at(today, DELIVERED), cells),
        "quantity_ordered": _joined([delivery.units for delivery in goods]).astype(float),
        "quantity": _joined([delivery.units for delivery in goods]).astype(float), "cost": world.cost.flat[cells],
        "best_before": [today + timedelta(days=days - 1) if days < KEEPS else None for days in life],
    }, _at(today, DELIVERED))  # fmt: skip


def _prices(day: _Day) -> pa.Table:
    """Shelf prices outside of offers that are others than the day before's; on the first day, all."""
    outcome, before = day.outcome, day.before
    price = np.where(outcome.promoted, day.world.regular_price, outcome.price)
    cells = np.flatnonzero(~outcome.promoted & (price != before.price) if before else np.ones_like(price))
    return _table(PRICES, _cells(day.world, cells) | {
        "kind": _all("regular", cells), "valid_from": _all(outcome.day, cells), "price": price.flat[cells],
    }, _at(outcome.day))  # fmt: skip


def _competitor_prices(day: _Day) -> pa.Table:
    """Every Monday somebody looks; on the first day, too."""
    today, items = day.outcome.day, day.world.items
    seen = items if today.weekday() == 0 or day.before is None else ()
    return _table(COMPETITOR_PRICES, {
        "competitor": _all(COMPETITOR, seen), "item": seen, "seen_at": _all(_at(today, 12), seen),
        "price": np.round(day.outcome.competitor[: len(seen)], 2),
    }, _at(today, 12))  # fmt: skip


def _weather(day: _Day) -> pa.Table:
    """What was observed, and tomorrow as one may forecast it."""
    world, outcome, region = day.world, day.outcome, day.world.region
    issued = _close(day)
    told = [("observed", outcome.day, outcome.temperature, outcome.rain_mm),
            ("forecast", outcome.day + timedelta(days=1), outcome.temperature_tomorrow, None)]  # fmt: skip
    return pa.concat_tables(
        _table(WEATHER, {
            "store": world.stores, "day": _all(of, world.stores), "kind": _all(kind, world.stores),
            "issued_at": _all(issued, world.stores), "temperature_max": np.round(heat[region], 1),
            "rain_mm": pa.nulls(len(region), pa.float64()) if rain is None else np.round(rain[region], 1),
        }, issued)
        for kind, of, heat, rain in told
    )  # fmt: skip


def _footfall(day: _Day) -> pa.Table:
    """Visitors through the doors by hour."""
    world, outcome = day.world, day.outcome
    rng = stream(world, day.seed, (outcome.day - world.start).days, 3)
    counts = rng.multinomial(outcome.footfall.astype(np.int64), HOURS).astype(float).ravel()
    hours = np.tile(np.arange(len(HOURS)), len(world.stores))
    times = _times(outcome.day, 3600 * (OPENS + hours))
    return _table(FOOTFALL, {
        "store": np.repeat(np.array(world.stores), len(HOURS)), "zone": _all("entrance", counts), "at": times,
        "minutes": np.full(len(counts), 60.0), "day": _all(outcome.day, counts), "visitors": counts,
    }, _close(day))  # fmt: skip


def _events(day: _Day) -> pa.Table:
    events = browsing(day.world, day.seed, day.outcome, _lines(day))
    stamp = f"{day.outcome.day:%y%m%d}"
    times = _times(day.outcome.day, events.second)
    quantity = np.where(events.kind == 0, np.nan, events.units)
    return _table(EVENTS, _cells(day.world, events.cell) | {
        "event_id": [f"e{stamp}-{number:07d}" for number in range(len(events.kind))], "at": times,
        "kind": np.array(KINDS)[events.kind], "session": [f"{stamp}-{number}" for number in events.session],
        "customer": _members(events.customer), "channel": _all("app", events.kind),
        "quantity": pa.array(quantity, from_pandas=True),
    }, times)  # fmt: skip


DAILY: Mapping[str, Callable[[_Day], pa.Table]] = {
    "sales_lines": _sales_lines, "stock": _stock, "receipts": _receipts, "prices": _prices,
    "competitor_prices": _competitor_prices, "weather": _weather, "footfall": _footfall, "events": _events,
}  # fmt: skip
"""Tables that get rows every day, and how."""


def _lines(day: _Day) -> Lines:
    assert day.lines is not None
    return day.lines


def _table(contract: Contract, rows: Rows, known: Any) -> pa.Table:
    """Rows that keep the contract, with `source` and, for all or each, `known_at`."""
    columns = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in rows.items()}
    count = len(next(iter(columns.values())))
    moments = known if isinstance(known, pa.Array) else pa.array([known] * count, pa.timestamp("us", tz="UTC"))
    marked = columns | {"source": pa.array([SOURCE] * count, pa.string()), "known_at": moments}
    return contract.require(pa.table(marked))


def _cells(world: World, cells: IntArray) -> dict[str, Any]:
    """Store and item of each cell."""
    items = len(world.items)
    return {"store": pa.array(world.stores).take(pa.array(cells // items)), "item": _items(world, cells)}


def _items(world: World, cells: IntArray) -> pa.Array:
    """Item of each cell."""
    return pa.array(world.items).take(pa.array(cells % len(world.items)))


def _members(numbers: IntArray) -> pa.Array:
    """Random keys of members; -1 = unknown."""
    return pa.array([f"c{number:07d}" if number >= 0 else None for number in numbers.tolist()], pa.string())


def _life(world: World, items: IntArray) -> pa.Array:
    """Days that goods may be sold; empty where they keep."""
    life = world.life[items].astype(float)
    return pa.array(life, mask=life >= KEEPS)


def _lead_sd(world: World) -> float:
    """Standard deviation of the days that a delivery is late: 1 or 3, as a chain would count it over a year."""
    late = world.family.late
    mean, square = late * (0.75 + 0.25 * 3), late * (0.75 + 0.25 * 9)
    return round(float(np.sqrt(square - mean**2)), 2)


def _all(value: Any, like: Any) -> list[Any]:
    return [value] * len(like)


def _joined(parts: list[Any]) -> Any:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _times(day: date, seconds: IntArray) -> pa.Array:
    start = int(datetime.combine(day, time(), UTC).timestamp())
    return pa.array((start + seconds) * 1_000_000).cast(pa.timestamp("us", tz="UTC"))


def _at(day: date, hour: int = 0) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _close(day: _Day) -> datetime:
    return datetime.combine(day.outcome.day, time(23, 59), UTC)

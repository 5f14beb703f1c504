"""What has to be brought tomorrow, from where, to whom, within which hours.

    orders → lines that must be in the stores by the opening of the day after ┐
    customers' orders with a window tomorrow ────────────────────────────────┴→ × weight and volume → deliveries

A line goes from the warehouse of the chain that is its supplier. Other suppliers bring their goods themselves. A
customer's order goes from the store that fulfils it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pandas as pd

from aislehub.core.settings import Settings, field
from aislehub.supply.route.simulated import DEPOT, simulated_places
from aislehub.supply.simulated import simulated_weights

__all__ = ["Delivery", "Place", "Policy", "due_deliveries", "known_places", "seconds_of"]

CLOCK = r"^([01]\d|2\d|3[0-5]):[0-5]\d$"
OPEN_ORDERS = ("placed", "picked")
CHILLED, FROZEN = "chilled", "frozen"


class Policy(Settings, section="routes"):
    """What is known of goods, roads, vehicles and doors where the tables do not say it."""

    data_share: float = field(1.0, "Share of the stores' goods that the data hold; below 1 for a sample", gt=0, le=1)
    simulate: bool = field(True, "Make up places, depot, weights or vehicles where the chain's data have none at all")
    seed: int = field(0, "Seed of what is made up, of the search and of the draws of traffic", ge=0)
    receives_from: str = field("05:00", "From when on stores receive goods, unless `stores` says it", pattern=CLOCK)
    receives_to: str = field("18:00", "Until when unloading may begin there", pattern=CLOCK)
    stop_minutes: float = field(10.0, "Minutes at a store besides unloading", ge=0, le=240)
    unload_kg_per_minute: float = field(80.0, "Weight unloaded in a minute at a store", gt=0, le=10_000)
    door_minutes: float = field(5.0, "Minutes at a customer's door, unless the order says it", ge=0, le=240)
    load_minutes: float = field(30.0, "Minutes of loading before each trip", ge=0, le=480)
    works_from: str = field("04:00", "Start of a driver's day, unless `vehicles` says it", pattern=CLOCK)
    works_to: str = field("22:00", "End of a driver's day, unless `vehicles` says it", pattern=CLOCK)
    cost_per_km: float = field(0.6, "Money per km, unless `vehicles` says it", ge=0)
    cost_per_hour: float = field(30.0, "Money per hour of vehicle and driver, unless `vehicles` says it", gt=0)
    road_factor: float = field(1.3, "Road over great circle, where `distances` has no way", ge=1, le=5)
    km_per_hour: float = field(45.0, "Mean speed there", gt=0, le=200)
    roads: str = field("", "OpenStreetMap extract (.osm.pbf, .osm) whose roads are driven; empty = ways are estimated")
    distance_spread: float = field(
        0.1,
        "Standard deviation of the logarithm of an estimated distance; half of the variance is common to all ways",
        ge=0,
        le=1,
    )
    time_spread: float = field(0.2, "The same of a time of driving, given or estimated: traffic", ge=0, le=1)
    hire_factor: float = field(
        1.5,
        "Cost of a hired vehicle over an own one: what a delivery costs that the own fleet cannot make",
        ge=1,
        le=10,
    )
    rounds: int = field(20, "Rounds of search for each stop; more find shorter tours, slowly", ge=1, le=100_000)
    seconds: float = field(120.0, "Processor time a depot after which the search ends before its rounds", gt=0, le=3600)


@dataclass(frozen=True)
class Place:
    """A store or a warehouse.

    Attributes:
        receives: seconds of the day between which unloading may begin.
        why_not: code of the sentence why nothing can be brought there; empty = it can.
    """

    name: str
    latitude: float
    longitude: float
    receives: tuple[int, int]
    is_simulated: bool
    why_not: str = ""


@dataclass(frozen=True)
class Delivery:
    """What one visit brings.

    Attributes:
        id: of the stop: the store, or the customer's order.
        depot: store or warehouse from which it comes.
        store, order: one of the two.
        kg, litres: of all goods.
        chilled_litres, frozen_litres: of those that have to be kept cold; parts of `litres`.
        opens, closes: seconds of the day between which unloading may begin.
        minutes: of service.
        made_up: what of it is simulated.
        why_not: code of the sentence why it cannot be planned; empty = it can.
    """

    id: str
    name: str
    depot: str
    store: str | None
    order: str | None
    kg: float
    litres: float
    chilled_litres: float
    frozen_litres: float
    latitude: float
    longitude: float
    opens: int
    closes: int
    minutes: float
    made_up: frozenset[str]
    why_not: str = ""


def due_deliveries(
    orders: Any, customer_orders: Any, stores: Any, items: Any, *, day: date, policy: Policy, timezone: str, fleet: bool
) -> tuple[list[Delivery], dict[str, Place]]:
    """Deliveries of the day after `day`, by depot, then store, then order; and all places of the chain by store.

    Args:
        orders: of all days; those that a person changed or refused are known to the ledger and not to this table.
        timezone: of places that name none.
        fleet: whether the chain has vehicles; a depot is made up only for one that has neither these nor a warehouse.
    """
    places = known_places(stores, day + timedelta(days=1), policy)
    warehouses = stores.filter(stores.kind == "warehouse").select("store").to_pandas()["store"].tolist()
    bought = _store_lines(orders, warehouses, day, policy, made_up_depot=not (fleet or warehouses))
    zones = {
        row["store"]: row["timezone"] or timezone
        for row in stores.select("store", "timezone").to_pandas().to_dict("records")
    }
    ordered = _home_lines(customer_orders, day, zones, timezone)
    weighed = _weighed(pd.concat([bought, ordered], ignore_index=True), items, policy)
    found = [
        *(_to_store(row, places, policy) for row in _loads(weighed[weighed["order"].isna()], "store")),
        *(_to_home(row, places, policy) for row in _homes(weighed[weighed["order"].notna()], ordered)),
    ]
    return sorted(found, key=lambda one: (one.depot, one.store or "", one.order or "")), places


def known_places(stores: Any, day: date, policy: Policy) -> dict[str, Place]:
    """All places of the chain as they are on `day`; made up where no store of the chain has one."""
    rows = stores.order_by("store").to_pandas()
    made_up = policy.simulate and rows["latitude"].isna().all()
    if made_up:
        rows = rows.assign(**simulated_places(rows, seed=policy.seed))
    found = {}
    for row in rows.to_dict("records"):
        closed = pd.notna(row["closed"]) and pd.Timestamp(row["closed"]).date() < day
        lost = pd.isna(row["latitude"]) or pd.isna(row["longitude"])
        opens = seconds_of(row["receives_from"] or policy.receives_from)
        closes = seconds_of(row["receives_to"] or policy.receives_to)
        found[row["store"]] = Place(
            row["name"] or row["store"], row["latitude"], row["longitude"], (opens, closes), made_up,
            "routes.closed" if closed else "routes.no_place" if lost else "",
        )  # fmt: skip
    if made_up:
        found[DEPOT] = Place(DEPOT, *_middle(rows), (0, 0), True)
    return found


def seconds_of(clock: str) -> int:
    """Seconds of the day of a time such as 08:30."""
    hours, minutes = clock.split(":")
    return (int(hours) * 60 + int(minutes)) * 60


# -- helpers -----------------------------------------------------------------------------------------


def _store_lines(orders: Any, warehouses: list[str], day: date, policy: Policy, *, made_up_depot: bool) -> pd.DataFrame:
    """Columns depot, store, order (empty), item, quantity, made_up: what must be in the stores by the morning after
    tomorrow. What is ordered tomorrow morning and wanted on the same day is brought at once, too. Stock that is made
    up never holds what was ordered, so every day orders the same again, and only the last day's orders count."""
    after = ibis.literal(day + timedelta(days=2))
    new = (orders.day == ibis.literal(day)) & (orders.arrives <= after)
    is_followed = orders.source.isnull() | ~orders.source.contains("stock")
    old = (orders.day < ibis.literal(day)) & (orders.arrives == after) & is_followed
    due = orders.filter((orders.quantity > 0) & (new | old))
    wanted = due.select("store", "day", "supplier", "quantity", "source", item="subject")
    lines = wanted.order_by(["store", "item", "day"]).drop("day").to_pandas()  # sums depend on the order, by a hair
    terms_made_up = lines["source"].fillna("").str.contains("lead times")
    own = lines["supplier"].isin(warehouses)
    depot = lines["supplier"].where(own)
    if policy.simulate and made_up_depot:
        depot = depot.where(~terms_made_up, DEPOT)
    lines = lines.assign(depot=depot, order=None, made_up=terms_made_up, quantity=lines["quantity"] / policy.data_share)
    return lines[lines["depot"].notna()].drop(columns=["supplier", "source"])


def _home_lines(customer_orders: Any, day: date, zones: Mapping[str, str], timezone: str) -> pd.DataFrame:
    """Lines of customers' orders that are to be brought tomorrow, with the order's window in seconds of the day."""
    open_ = customer_orders.status.isnull() | customer_orders.status.isin(OPEN_ORDERS)
    wanted = customer_orders.filter((customer_orders.fulfilment == "delivery") & open_)
    around = [ibis.literal(pd.Timestamp(day + timedelta(days=ahead), tz="UTC")) for ahead in (0, 3)]
    wanted = wanted.filter((wanted.window_from >= around[0]) & (wanted.window_from < around[1]))
    lines = wanted.order_by(["order", "line"]).to_pandas()
    starts = [_clock(row["window_from"], zones.get(row["store"], timezone), day) for row in lines.to_dict("records")]
    ends = [_clock(row["window_to"], zones.get(row["store"], timezone), day) for row in lines.to_dict("records")]
    lines = lines.assign(depot=lines["store"], opens=starts, closes=ends, made_up=False)
    tomorrow = lines["opens"].between(0, 24 * 3600 - 1)
    return lines.loc[tomorrow, [
        "depot", "store", "order", "item", "quantity", "made_up", "opens", "closes", "latitude", "longitude",
        "service_minutes",
    ]]  # fmt: skip


def _clock(instant: Any, zone: str, day: date) -> float:
    """Seconds of tomorrow by the clock of a zone; NaN where there is no instant."""
    if pd.isna(instant):
        return np.nan
    local = pd.Timestamp(instant).tz_convert(ZoneInfo(zone)).tz_localize(None)
    return float((local - pd.Timestamp(day + timedelta(days=1))).total_seconds())


def _weighed(lines: pd.DataFrame, items: Any, policy: Policy) -> pd.DataFrame:
    """Lines with kg, litres and the litres to be kept cold; `weight_made_up` where an item's weight or volume is."""
    known = items.select("item", "department", "category", "unit", "temperature", "weight_kg", "volume_l")
    goods = (
        known.filter(known.item.isin(sorted(set(lines["item"])))).to_pandas()
        if len(lines)
        else known.limit(0).to_pandas()
    )
    lines = lines.merge(goods, on="item", how="left")
    made = simulated_weights(lines, seed=policy.seed)
    by_weight = lines["unit"].isin(["kg", "l"])
    made["weight_kg"] = made["weight_kg"].mask(by_weight, 1.0)
    weight, volume = (lines[name].astype(float) for name in ("weight_kg", "volume_l"))
    made_up = (weight.isna() & ~by_weight) | volume.isna()
    volume = volume.fillna(made["volume_l"] * (weight / made["weight_kg"]).fillna(1.0))
    weight = weight.fillna(made["weight_kg"])
    temperature = lines["temperature"].fillna(made["temperature"])
    litres = lines["quantity"] * volume
    return lines.assign(
        kg=lines["quantity"] * weight, litres=litres, weight_made_up=made_up,
        chilled=litres.where(temperature == CHILLED, 0.0), frozen=litres.where(temperature == FROZEN, 0.0),
    )  # fmt: skip


def _loads(lines: pd.DataFrame, key: str) -> list[dict[str, Any]]:
    """Sums by depot and `key`."""
    sums = lines.groupby(["depot", key], sort=True, as_index=False).agg(
        kg=("kg", "sum"), litres=("litres", "sum"), chilled=("chilled", "sum"), frozen=("frozen", "sum"),
        made_up=("made_up", "max"), weight_made_up=("weight_made_up", "max"),
    )  # fmt: skip
    return [{str(name): value for name, value in row.items()} for row in sums.to_dict("records")]


def _homes(weighed: pd.DataFrame, ordered: pd.DataFrame) -> list[dict[str, Any]]:
    """Sums by customer's order, with its window and place: those of its first line."""
    first = ordered.drop_duplicates("order").set_index("order")
    names = ["opens", "closes", "latitude", "longitude", "service_minutes"]
    return [row | first.loc[row["order"], names].to_dict() for row in _loads(weighed, "order")]


def _to_store(row: Mapping[str, Any], places: Mapping[str, Place], policy: Policy) -> Delivery:
    store = row["store"]
    place = places.get(store) or Place(store, np.nan, np.nan, (0, 0), False, "routes.no_place")
    return Delivery(
        store, place.name, row["depot"], store, None, row["kg"], row["litres"], row["chilled"], row["frozen"],
        place.latitude, place.longitude, *place.receives, policy.stop_minutes + row["kg"] / policy.unload_kg_per_minute,
        _made_up(row, place), place.why_not,
    )  # fmt: skip


def _to_home(row: Mapping[str, Any], places: Mapping[str, Place], policy: Policy) -> Delivery:
    lost = pd.isna(row["latitude"]) or pd.isna(row["longitude"])
    minutes = policy.door_minutes if pd.isna(row["service_minutes"]) else row["service_minutes"]
    closes = 24 * 3600 if pd.isna(row["closes"]) else int(row["closes"])
    return Delivery(
        row["order"], row["order"], row["depot"], None, row["order"], row["kg"], row["litres"], row["chilled"],
        row["frozen"], row["latitude"], row["longitude"], int(row["opens"]), max(int(row["opens"]), closes),
        minutes, _made_up(row, places.get(row["depot"])), "routes.no_place" if lost else "",
    )  # fmt: skip


def _made_up(row: Mapping[str, Any], place: Place | None) -> frozenset[str]:
    parts = {
        "orders": row["made_up"], "weights": row["weight_made_up"], "places": place is not None and place.is_simulated,
        "depot": row["depot"] == DEPOT,
    }  # fmt: skip
    return frozenset(name for name, made_up in parts.items() if made_up)


def _middle(stores: pd.DataFrame) -> tuple[float, float]:
    """Where a made-up depot stands: amid the stores."""
    return round(float(stores["latitude"].mean()), 4), round(float(stores["longitude"].mean()), 4)

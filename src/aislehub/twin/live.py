"""A chain lives under a policy: rules and the hub decide from what the chain's tables hold, and the day follows.

Until policies part, the chain lives under today's rules; so every policy starts with the same past.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.registry import Registry
from aislehub.core.registry import registry as house
from aislehub.twin.chain import Actions, Chain, Outcome
from aislehub.twin.emit import Offer, announced, master, of_day
from aislehub.twin.office import Decider, Office
from aislehub.twin.policy import TODAY, Policy
from aislehub.twin.rules import Books, follow_competitor, rotating, weeks_of_cover
from aislehub.twin.world import FloatArray, World

__all__ = ["ORDER_WEEKDAYS", "WARM_UP", "Twin", "live", "told", "warmed"]

ORDER_WEEKDAYS = "135"
"""ISO weekdays on which the twin's stores order; the hub decides on the evenings before."""
WARM_UP = 112
"""Days that a chain lives under today's rules before policies part."""
TOLD_DAYS = 400  # for which the calendar is told
BOOKED_DAYS = 28


@dataclass
class Twin:
    """A chain on a morning: its past, its shelf prices outside of offers, its offers so far and the next one.

    `cleared` are prices of short-dated goods, asked until `cleared_until` (ordinal of the last day) and then no longer.
    """

    chain: Chain
    prices: FloatArray
    past: list[Outcome] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    cleared: FloatArray = field(init=False)
    cleared_until: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.cleared, self.cleared_until = self.prices, np.zeros(self.prices.shape)

    @property
    def asked(self) -> FloatArray:
        """Shelf prices of the coming day outside of offers, (S, I)."""
        return np.where(self.chain.today.toordinal() <= self.cleared_until, self.cleared, self.prices)

    def fork(self) -> Twin:
        """The same morning once more."""
        twin = Twin(self.chain.fork(), self.prices, list(self.past), list(self.offers))
        twin.cleared, twin.cleared_until = self.cleared, self.cleared_until
        return twin


def warmed(world: World, seed: int, days: int = WARM_UP) -> Twin:
    """A chain that has lived some days under today's rules."""
    twin = Twin(Chain(world, seed), world.regular_price)
    live(twin, TODAY, days)
    return twin


def live(
    twin: Twin, policy: Policy, days: int, registry: Registry | None = None,
    progress: Callable[[date], None] = lambda day: None, office: Decider | None = None,
) -> list[Outcome]:  # fmt: skip
    """Live on for some days under a policy; returns their outcomes.

    Args:
        registry: the hub that decides what the policy leaves to it; None = this house's.
        progress: told each day before it is lived.
        office: who decides in the hub's place; it is told the past first.

    Raises:
        HubError: `twin.no_step`, `twin.step_failed`, and what a wrong setting says.
    """
    with ExitStack() as opened:
        if office is None and policy.hub_tables():
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="twin-")))
            (folder / "hub.toml").write_text(policy.as_toml(), encoding="utf-8")
            office = Office(registry or house(), policy.hub_tables(), folder)
        if office is not None:
            _tell_past(office, twin)
        for _ in range(days):
            progress(twin.chain.today)
            _day(twin, policy, office)
    return twin.past[len(twin.past) - days :]


def told(twin: Twin, only: Collection[str] | None = None) -> Iterator[dict[str, pa.Table]]:
    """Everything that a chain has told of its past, piece by piece: what it knew before, offers, day after day.

    Args:
        only: of the daily tables, those that are wanted; None = all.
    """
    world, seed = twin.chain.world, twin.chain.seed
    yield master(world, TOLD_DAYS + len(twin.past), order_weekdays=ORDER_WEEKDAYS)
    for offer in twin.offers:
        yield announced(world, offer)
    for outcome, before in zip(twin.past, [None, *twin.past], strict=False):
        yield of_day(world, seed, outcome, before, only)


def _day(twin: Twin, policy: Policy, office: Decider | None) -> None:
    """Plan, decide, live and tell one day."""
    chain, world, today = twin.chain, twin.chain.world, twin.chain.today
    planned = len(twin.offers)
    if policy.promotion == "rotating":
        _plan(twin, today)
    ordering = str(today.isoweekday()) in ORDER_WEEKDAYS
    books = _books(twin) if twin.past else None
    decided = office.decide(today - timedelta(days=1)) if office and ordering else {}
    if "promotion_plan" in decided:
        _take_up(twin, decided["promotion_plan"])
    order = None
    if "orders" in decided:
        order = _at(world, decided["orders"], "quantity", np.zeros(world.shape))
    elif policy.replenish == "weeks_of_cover" and ordering and books:
        order = weeks_of_cover(books, policy.weeks_of_cover)
    if "price_changes" in decided:
        _reprice(twin, decided["price_changes"])
    elif policy.price == "follow_competitor" and today.weekday() == 0 and books:
        twin.prices = follow_competitor(books, twin.prices)
    elif policy.price == "regular":
        twin.prices = world.regular_price

    offer = next((offer for offer in twin.offers if offer.starts <= today <= offer.ends), None)
    price, promoted, displayed = twin.asked, None, None
    if offer is not None:
        reduced = np.round(world.regular_price * (1 - offer.discount), 2)
        price = np.where(offer.discount > 0, np.minimum(reduced, price), price)
        promoted, displayed = offer.promoted, offer.displayed
    twin.past.append(chain.advance(Actions(price, promoted, displayed, order)))
    if office is not None:
        before = twin.past[-2] if len(twin.past) > 1 else None
        office.tell(of_day(world, chain.seed, twin.past[-1], before, office.reads))
        for new in twin.offers[planned:]:
            office.tell(announced(world, new))


def _reprice(twin: Twin, rows: pa.Table) -> None:
    """Take up decided prices: of short-dated goods until these expire, of others until they are changed again."""
    world = twin.chain.world
    expires = rows["expires"] if "expires" in rows.column_names else pa.nulls(rows.num_rows, pa.date32())
    short = pc.is_valid(expires)
    twin.prices = _at(world, rows.filter(pc.invert(short)), "price", twin.prices)
    last = pa.array([day and day.toordinal() for day in expires.to_pylist()], pa.float64())
    clearance = rows.append_column("until", last).filter(short)
    twin.cleared = _at(world, clearance, "price", twin.cleared)
    twin.cleared_until = _at(world, clearance, "until", twin.cleared_until)


def _plan(twin: Twin, today: date) -> None:
    """Plan this week's offer, if there is none, and the next week's."""
    monday = today - timedelta(days=today.weekday())
    planned = {offer.starts for offer in twin.offers}
    for starts in (monday, monday + timedelta(days=7)):
        if starts not in planned:
            twin.offers.append(rotating(twin.chain.world.regular_price.shape, starts))


def _take_up(twin: Twin, plan: pa.Table) -> None:
    """Offers of the weeks that the hub has planned; one that has been announced stays as it is."""
    world, planned = twin.chain.world, {offer.starts for offer in twin.offers}
    nothing = np.zeros(world.shape)
    for starts in sorted(set(plan["starts"].to_pylist()) - planned):
        rows = plan.filter(pc.equal(plan["starts"], starts))
        discount = _at(world, rows, "depth", nothing)
        ends = rows["ends"][0].as_py()
        twin.offers.append(Offer(starts, ends, discount > 0, nothing > 0, discount))


def _books(twin: Twin) -> Books:
    """What the chain's computers hold this morning."""
    world, last = twin.chain.world, twin.past[-1]
    return Books(
        day=twin.chain.today,
        regular=world.regular_price,
        cost=world.cost,
        case=world.case,
        life=world.life,
        lead_days=world.lead_days,
        sold=np.stack([outcome.sold for outcome in twin.past[-BOOKED_DAYS:]]),
        stock=last.stock,
        on_order=last.on_order,
        seen=np.stack([twin.past[0].competitor, last.competitor]),
    )


def _tell_past(office: Decider, twin: Twin) -> None:
    for rows in told(twin, office.reads):
        office.tell(rows)


def _at(world: World, rows: pa.Table, column: str, otherwise: FloatArray) -> FloatArray:
    """A decided column as (S, I); cells without a row stay as they were."""
    stores = {name: number for number, name in enumerate(world.stores)}
    items = {name: number for number, name in enumerate(world.items)}
    values = otherwise.copy()
    cells = (
        [stores[name] for name in rows["store"].to_pylist()],
        [items[name] for name in rows["subject"].to_pylist()],
    )
    values[cells] = rows[column].to_numpy()
    return values

"""Changes of price and promotions in the twin, as the house measures them and as they were.

A chain lives half a year under today's rules. The hub decides once; prices are carried out in half of the stores, drawn
by lot, promotions where the bandit drew them. The same days are lived once more without: what a line then earned less
is the truth of its decision. The judge gets what the chain has told, and the decisions, and nothing else.

In the worlds called `deaf` shoppers stop minding prices and promotions on the day of the decision: what was believed of
them has become wrong, and whoever measures honestly has to find that out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.judging import Measured
from aislehub.core.registry import registry
from aislehub.price.price_outcome import judge_prices
from aislehub.price.pricing import Policy as PricePolicy
from aislehub.price.promotion import Policy as PromotionPolicy
from aislehub.price.promotion_outcome import judge_promotions
from aislehub.twin.chain import Outcome
from aislehub.twin.live import live, warmed
from aislehub.twin.office import Office
from aislehub.twin.policy import DECISIONS, Policy
from aislehub.twin.world import FloatArray, World

__all__ = ["Trial", "tried"]

WARM_UP = 26 * 7  # a Monday comes next, on which the stores order and promotions are planned
BEGINS = {"price_changes": 0, "promotion_plan": 7}  # days lived until a decision begins
LIVED = {"price_changes": 14, "promotion_plan": 35}
COUNTED = 28  # days of a promotion and of what it has pulled forward
DEAF = -0.01  # elasticity of shoppers who do not mind prices
SETTINGS = """[demand]
model = "seasonal_mean"

[promotion]
trial_share = 0.5
"""


@dataclass(frozen=True)
class Trial:
    """One chain.

    Attributes:
        rows: the decisions that were measured, in the form of the ledger.
        truth: money of each, (n,).
        waste: money lost over and above that because orders followed a promotion for too long and goods spoiled.
    """

    rows: Sequence[Mapping[str, Any]]
    truth: FloatArray
    waste: float


def tried(kind: str, family: str, seed: int, *, stores: int, items: int, deaf: bool = False) -> Trial:
    """Let the hub decide once in a chain and measure what it brought.

    Args:
        kind: price_changes or promotion_plan.
        family: of worlds.
        seed: of the world, its chance and the lot.
        deaf: whether shoppers stop minding prices and promotions.
    """
    past = warmed(World.make(family, stores=stores, items=items, seed=seed), seed, WARM_UP)
    world = past.chain.world
    if deaf:
        past.chain.world = _deaf(world)
    policy = Policy("hub", **{decision: "hub" for decision, table in DECISIONS.items() if table == kind})  # type: ignore[arg-type]
    policy = replace(policy, price="hub")  # prices stay where they are
    names = np.random.default_rng([seed, 0x10D6E]).permutation(world.stores)
    treated = set(names[: stores // 2].tolist()) if kind == "price_changes" else set(world.stores)
    without = past.fork()
    lived_without = live(without, policy, LIVED[kind], office=_Nobody())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "hub.toml").write_text(SETTINGS, encoding="utf-8")
        house = _House(kind, Path(folder), treated)
        lived = live(past, policy, LIVED[kind], office=house)
        found = house.measure(today=past.chain.today - timedelta(days=1))
    return _trial(kind, world, house.decisions, found, lived, lived_without)


class _Nobody:
    """Decides nothing."""

    reads: frozenset[str] = frozenset()

    def tell(self, rows: Mapping[str, pa.Table]) -> None:
        """It listens to nothing."""

    def decide(self, day: date) -> dict[str, pa.Table]:
        return {}


class _House(Office):
    """The hub in memory: it decides on the first evening, for some stores, and measures that in the end."""

    def __init__(self, kind: str, folder: Path, treated: Collection[str]) -> None:
        super().__init__(registry(), [kind], folder)
        self._kind, self._treated = kind, treated
        self.decisions: list[dict[str, Any]] = []
        self._day: date | None = None

    def decide(self, day: date) -> dict[str, pa.Table]:
        if self._day is not None:
            return {}
        self._day = day
        rows = super().decide(day)[self._kind]
        self.decisions = [_decision(row, row["store"] in self._treated) for row in rows.to_pylist()]
        return {self._kind: rows.filter(pc.is_in(rows["store"], pa.array(sorted(self._treated))))}

    def measure(self, today: date) -> Mapping[str, Measured]:
        assert self._day is not None
        for name, parts in self._told.items():
            self.tables.append(name, pa.concat_tables(parts))
        when = {"day": self._day, "today": today}
        if self._kind == "price_changes":
            return judge_prices(self.tables, self.decisions, **when, policy=PricePolicy())
        return judge_promotions(self.tables, self.decisions, **when, policy=PromotionPolicy())


def _decision(row: Mapping[str, Any], treated: bool) -> dict[str, Any]:
    """A row of the plan as the ledger has it."""
    opened = {name: json.loads(row[name]) for name in ("action", "baseline", "reasons")}
    state, arm = ("done", "lot:treatment") if treated else ("approved", "lot:control")
    stamped = {"id": f"{row['store']}/{row['subject']}", "override": None, "currency": "money", "state": state}
    return {**row, **opened, **stamped, "arm": arm}


def _deaf(world: World) -> World:
    same = np.ones(len(world.items))
    return replace(
        world, elasticity=np.full(world.shape, DEAF), cross=0 * world.cross, promotion_lift=same, display_lift=same
    )


def _trial(
    kind: str, world: World, decisions: Sequence[dict[str, Any]], found: Mapping[str, Measured],
    lived: Sequence[Outcome], without: Sequence[Outcome],
) -> Trial:  # fmt: skip
    """The measured decisions with their truth: of the item itself, for what its neighbours gain or lose is not seen."""
    stores = {name: number for number, name in enumerate(world.stores)}
    items = {name: number for number, name in enumerate(world.items)}
    pairs = list(zip(lived, without, strict=True))
    margin = np.stack([_margin(world, one) - _margin(world, other) for one, other in pairs])
    spoiled = np.stack([world.cost * (one.spoiled - other.spoiled) for one, other in pairs])
    rows, truth, waste = [], [], 0.0
    for decision in decisions:
        one = found.get(decision["id"])
        if one is None:
            continue
        beside = sum(reason["weight"] for reason in decision["reasons"] if reason["code"].endswith("because_beside"))
        measured = {**vars(one), **{name: getattr(one, name) - beside for name in ("money", "low", "high")}}
        counted = decision["horizon_days"] if kind == "price_changes" else COUNTED
        here = (slice(BEGINS[kind], BEGINS[kind] + counted), stores[decision["store"]], items[decision["subject"]])
        lost = spoiled[here].sum()
        cleared = decision.get("expires") is not None  # to save goods from spoiling is what a clearance is for
        cost = PricePolicy().change_cost if kind == "price_changes" else 7 * world.family.promotion_cost
        truth.append(margin[here].sum() - cost - (lost if cleared else 0.0))
        waste += 0.0 if cleared else lost
        rows.append({**decision, "kind": kind, "money": decision["money"] - beside, "measured": measured})
    return Trial(rows, np.array(truth), float(waste))


def _margin(world: World, outcome: Outcome) -> FloatArray:
    """What each line earned on a day, (S, I)."""
    return np.asarray((outcome.price - world.cost) * outcome.sold)

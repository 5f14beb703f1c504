"""Promotions: which items to promote in a coming week, how deep, in which store, beside today's rule.

Once a week, a week's notice ahead, every line (an item in a store) gets an arm of the bandit: none or one of the
chain's discounts. Until a log of such draws shows that this earns more than today's rule, only a small share of lines,
told by a salted hash, is decided so; for all others the plan keeps today's rule and says that there is not enough
evidence. Every draw is kept with its probabilities (`promotion_choices`), so that any other policy can be judged on the
same log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import ibis
import numpy as np
import pandas as pd
import typer

from aislehub.core.assign import arm as assigned
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.output import print_json
from aislehub.core.reasons import Reason, to_json
from aislehub.core.settings import Settings, field
from aislehub.core.step import learn, step
from aislehub.core.text import say
from aislehub.price.bandit import GREEDY, Lines, Terms, chances, draw_arms, effects, money, of_neighbours
from aislehub.price.belief import HALF_LIFE, STOCKED_DAYS, Belief, BoolArray, FloatArray, prior_of
from aislehub.price.belief import learn as learn_belief
from aislehub.price.offpolicy import Estimate
from aislehub.price.promotion_gate import Evidence, evidence, judged, outcomes
from aislehub.price.promotion_history import weekly
from aislehub.price.promotion_limits import allowed_arms

__all__ = [
    "PROMOTION_CHOICES",
    "PROMOTION_PLAN",
    "Policy",
    "explain",
    "learn_promotion",
    "promotion_choices",
    "promotion_plan",
    "weighed",
]

CENT = 0.005
QUANTILE_DRAWS = 200

PROMOTION_CHOICES = Contract(
    "promotion_choices",
    "What was drawn for one item of a store for a coming week, with the probability of every discount: the log from "
    "which policies are judged",
    (
        Column("store", "text", "Store"),
        Column("item", "text", "Item"),
        Column("starts", "date", "First business day of the week"),
        Column("ends", "date", "Last business day of it"),
        Column("trial", "bool", "Whether the discount was drawn from the probabilities; otherwise today's rule stands"),
        Column("depth", "float", "Discount that is planned, 0 = no promotion", "fraction", low=0, high=1),
        Column("chance", "float", "Probability with which it was drawn; 1 where nothing was drawn", "fraction", low=0,
               high=1),
        Column("chances", "text", "JSON object: the probability of each discount"),
        Column("wish", "float", "Discount that is expected to earn most within the limits", "fraction", low=0, high=1),
        Column("today", "float", "Discount under today's rule", "fraction", low=0, high=1),
        Column("usual", "float", "Units expected to sell in the week without a promotion", "item's unit", low=0),
        Column("units", "float", "Units expected to sell in it as planned", "item's unit", low=0),
        Column("shelf", "float", "Shelf price before the discount", "money per unit", low=0),
        Column("price", "float", "The same without tax", "money per unit", low=0),
        Column("cost", "float", "Purchase cost of a unit", "money per unit", low=0),
        Column("tax_rate", "float", "Tax contained in the shelf price", "fraction", low=0, high=1),
        Column("money", "float", "Expected contribution of the plan over today's rule", "money"),
        Column("money_low", "float", "5 % quantile of it", "money"),
        Column("money_high", "float", "95 % quantile of it", "money"),
        Column("wish_money", "float", "Expected contribution of `wish` over today's rule", "money"),
        Column("later", "float", "Part of the plan's money that is lost because shoppers stock up", "money", low=0),
        Column("beside", "float", "Part of it that its neighbours in the category lose", "money"),
        Column("leaflet", "float", "What promoting the line costs", "money", low=0),
        Column("slope", "float", "Believed answer to the price: % units per % off", "% units per % price"),
        Column("lift", "float", "Believed answer to being promoted at all", "log units"),
        Column("learned", "float", "Share of that belief which the chain's own promotions have decided", "fraction",
               low=0, high=1),
        Column("bound", "text", "Guard-rail that kept a better discount away, or none"),
        Column("source", "text", "Where the facts came from; says `simulated` when any of them was", required=False),
    ),
    key="day store item",
    derived=True,
)  # fmt: skip

PROMOTION_PLAN = Contract(
    "promotion_plan",
    "A promotion of a coming week, beside today's rule",
    (
        Column("depth", "float", "Discount, 0 = no promotion", "fraction", low=0, high=1),
        Column("price", "float", "Shelf price under it", "money per unit", low=0),
        Column("regular", "float", "Shelf price without it", "money per unit", low=0),
        Column("starts", "date", "First business day"),
        Column("ends", "date", "Last business day"),
        Column("propensity", "float", "Probability with which this discount was drawn; 1 where nothing was drawn",
               "fraction", low=0, high=1),
        Column("units", "float", "Units expected to sell in the week", "item's unit", low=0),
        Column("units_nothing", "float", "Units expected to sell in it without a promotion", "item's unit", low=0),
    ),
    key="day store subject",
    decision=True,
)  # fmt: skip


class Policy(Settings, section="promotion"):
    """What may be promoted, how deep, and when the hub's choice replaces today's rule."""

    depths: list[float] = field([0.1, 0.2, 0.3], "Discounts that the chain gives, as shares of the shelf price")
    first_weekday: int = field(1, "Weekday on which promotions begin, 1 = Monday; they last a week", ge=1, le=7)
    notice_days: int = field(7, "Whole days between the plan and its first day", ge=0, le=20)
    budget: int = field(20, "Items that a store promotes at most in a week", ge=0, le=10_000)
    rest_weeks: int = field(2, "Weeks before and after a promotion in which an item is not promoted", ge=0, le=52)
    least_margin: float = field(0.02, "Least margin of a promoted price, as a share of it without tax", ge=0, lt=1)
    leaflet_cost: float = field(1.75, "Money that promoting one item in one store for a week costs", ge=0)
    method: Literal["thompson", "linucb"] = field(
        "thompson", "How the bandit explores: thompson draws from its belief, linucb adds its uncertainty"
    )
    confidence: float = field(Terms.confidence, "Standard deviations that linucb adds to an effect", ge=0, le=5)
    temper: float = field(Terms.temper, "Factor on the belief's standard deviations in thompson's draws", gt=0, le=2)
    explore: float = field(Terms.explore, "Share of the budget spent evenly, so that every discount keeps a chance",
                           ge=0.001, le=1)  # fmt: skip
    trial_share: float = field(0.10, "Share of lines on trial until there is enough evidence", ge=0, le=1)
    salt: str = field("promotion", "Salt of the lot that names the lines on trial; another one draws other lines")
    half_life: float = field(HALF_LIFE, "Weeks after which a past week counts half", gt=0, le=520)
    history_weeks: int = field(52, "Weeks of sales from which the belief is learned", ge=12, le=156)
    least_weeks: int = field(12, "Weeks with sales that a line needs to be considered", ge=2, le=156)
    today: Literal["none", "rotating"] = field(
        "none", "Today's rule for what has not been announced: none, or every so many weeks each item's turn"
    )
    today_every: int = field(10, "Weeks until an item's turn comes again, with today = rotating", ge=1, le=104)
    today_depth: float = field(0.2, "Discount of today's rule", gt=0, lt=1)
    least_rows: int = field(500, "Outcomes that the log needs before it can be evidence", ge=50)
    evidence_weeks: int = field(26, "Weeks of outcomes that count as evidence", ge=2, le=156)
    clip: float = field(20.0, "Largest weight of one outcome when a policy is judged", ge=1)
    law: list[str] = field([], 'Packs of law that hold in every store, e.g. ["eu"]; empty = by each store\'s country')

    @property
    def terms(self) -> Terms:
        return Terms(self.budget, self.leaflet_cost, self.method, self.temper, self.confidence, self.explore)


def plan_is_due(day: date, policy: Policy) -> bool:
    """Whether the week that starts after the notice is planned at the close of `day`."""
    return (day + timedelta(days=policy.notice_days + 1)).isoweekday() == policy.first_weekday


def due(tables: Any, day: date, *, age: int, policy: Policy) -> str:
    """The belief is renewed on days with a plan."""
    return "age" if plan_is_due(day, policy) else ""


@learn(
    reads="sales_lines promotions items competitor_prices footfall price_elasticities promotion_choices",
    model="promotion",
    every_days=1,
    due=due,
)
def learn_promotion(
    sales_lines: Any, promotions: Any, items: Any, competitor_prices: Any, footfall: Any, price_elasticities: Any,
    promotion_choices: Any, *, day: date, policy: Policy, folder: Path,
) -> Mapping[str, Any]:  # fmt: skip
    """Learn what promotions do, and weigh what the log says of the plan against today's rule."""
    found = weekly(
        sales_lines,
        promotions,
        items,
        competitor_prices,
        footfall,
        day=day,
        weeks=policy.history_weeks,
        least_weeks=policy.least_weeks,
    )
    slopes = known_slopes(found.items, price_elasticities, day)
    found.lines[["store", "item", "item_at"]].to_parquet(folder / "lines.parquet")
    if len(found.lines):
        belief = learn_belief(found.weeks, prior_of(slopes), half_life=policy.half_life)
        belief.save(folder)
    said = evidence(promotion_choices, sales_lines, promotions, day=day, policy=policy)
    said.save(folder / "evidence.json")
    promoted = int((found.weeks.depth > 0).sum())
    return {
        "lines": len(found.lines), "items": len(found.items), "elasticities": int(np.isfinite(slopes).sum()),
        "promoted_weeks": promoted, "rows": said.rows, "gain": said.gain, "gain_low": said.low, "gain_high": said.high,
        "passed": said.passed,
    }  # fmt: skip


def known_slopes(items: pd.DataFrame, price_elasticities: Any, day: date) -> FloatArray:
    """Units gained per unit of log price, of items whose elasticity the chain's prices tell, else NaN, (I,)."""
    learned = price_elasticities.filter(price_elasticities.day == ibis.literal(day))
    learned = learned.filter(learned.level != "published").select("item", "elasticity").to_pandas()
    return -learned.set_index("item")["elasticity"].reindex(items["item"]).to_numpy(float)


@step(
    reads="supply_state demand_forecast prices promotions items stores sales_lines", writes=PROMOTION_CHOICES,
    model="promotion",
)  # fmt: skip
def promotion_choices(
    supply_state: Any, demand_forecast: Any, prices: Any, promotions: Any, items: Any, stores: Any, sales_lines: Any, *,
    day: date, policy: Policy, model: Path, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Draw the discount of every line for the week after the notice; nothing on days without a plan."""
    known = pd.read_parquet(model / "lines.parquet")
    if not plan_is_due(day, policy) or known.empty:
        return _no_choices()
    belief, said = Belief.load(model), Evidence.load(model / "evidence.json")
    starts = day + timedelta(days=policy.notice_days + 1)
    frame = _lines(known, supply_state, demand_forecast, prices, items, stores, day, starts)
    if frame.empty:
        return _no_choices()
    depths = np.array([0.0, *sorted(policy.depths)])
    allowed, bound = allowed_arms(
        frame, depths, prices, promotions, sales_lines, day, starts, least_margin=policy.least_margin,
        rest=timedelta(days=7 * policy.rest_weeks), law=policy.law,
    )  # fmt: skip
    lines = _as_lines(frame, belief, allowed)
    rng = np.random.default_rng([seed, day.toordinal()])
    terms = policy.terms
    likely = chances(belief, lines, depths, terms, rng)
    best = chances(belief, lines, depths, GREEDY.within(terms), rng).argmax(axis=1)
    trial = np.array([said.passed or _on_trial(row, policy) for row in frame.itertuples()])
    drawn = draw_arms(np.where(trial[:, None], likely, np.eye(len(depths))[0]), lines.store, rng)
    today = _today(frame, starts, allowed, depths, policy)
    arm = np.where(trial, drawn, today)
    return _choices(frame, belief, lines, depths, likely, trial, arm, best, today, bound, rng, starts, policy)


@step(reads="promotion_choices", writes=PROMOTION_PLAN, model="promotion")
def promotion_plan(promotion_choices: Any, *, day: date, policy: Policy, model: Path) -> pd.DataFrame:
    """Promotions to decide on, and those that wait for evidence."""
    rows = promotion_choices.filter(promotion_choices.day == ibis.literal(day)).to_pandas()
    said = Evidence.load(model / "evidence.json")
    waiting = ~rows["trial"].astype(bool) & (rows["wish"] != rows["depth"])
    rows = rows[(rows["depth"] > 0) | (rows["today"] > 0) | waiting].reset_index(drop=True)
    waiting = ~rows["trial"].astype(bool) & (rows["wish"] != rows["depth"])
    days = {name: pd.to_datetime(rows[name]).dt.date for name in ("starts", "ends")}
    rows = rows.assign(
        **days,
        subject=rows["item"], regular=rows["shelf"], price=np.round(rows["shelf"] * (1 - rows["depth"]), 2),
        propensity=rows["chance"], units_nothing=rows["usual"], horizon_days=7,
        outlay=np.where(rows["depth"] > 0, rows["leaflet"], 0.0),
        bound=np.where(waiting, "evidence", rows["bound"]),
    )  # fmt: skip
    records = rows.to_dict("records")
    return rows.assign(
        action=[json.dumps(_action(row)) for row in records],
        baseline=[json.dumps({"name": policy.today, "depth": row["today"]}) for row in records],
        reasons=[to_json(explain(row, said), leading=1) for row in records],
    )[[column.name for column in PROMOTION_PLAN.columns if column.name != "day"]]


def explain(row: Mapping[str, Any], said: Evidence) -> list[Reason]:
    """Why this discount: first whether it is a trial or has evidence, then the terms of its money, then the belief.

    The weights of the terms sum to the money over today's rule: what the additional units earn, what shoppers stock up,
    what the neighbours lose, and the leaflet.
    """
    reasons = _standing(row, said)
    if row["depth"] > 0:
        facts = {"percent": round(100 * row["depth"]), "units": round(row["units"], 1), "usual": round(row["usual"], 1)}
        earned = row["money"] + row["later"] + row["beside"] + row["leaflet"]
        reasons.append(Reason("promotion.because_units", facts, earned))
    for term in ("leaflet", "later", "beside"):
        if row[term] > CENT:
            reasons.append(Reason(f"promotion.because_{term}", {"money": round(row[term], 2)}, -row[term]))
    belief = {"slope": round(row["slope"], 2), "lift": round(100 * float(np.expm1(row["lift"])))}
    code = "promotion.because_learned" if row["learned"] >= 0.5 else "promotion.because_cold"
    reasons.append(Reason(code, belief | {"learned": round(100 * row["learned"])}, 0.0))
    if row["bound"] not in ("none", "evidence"):
        reasons.append(Reason(f"promotion.because_{row['bound']}", {"percent": round(100 * row["depth"])}, 0.0))
    return reasons


def _standing(row: Mapping[str, Any], said: Evidence) -> list[Reason]:
    """Whether the line waits for evidence, is on trial, or rests on evidence; nothing where today's rule agrees."""
    if row["bound"] == "evidence":
        wish = {"percent": round(100 * row["wish"]), "money": round(row["wish_money"], 2), "rows": said.rows}
        return [Reason("promotion.because_no_evidence", wish, 0.0)]
    if not row["trial"]:
        return []
    chance = {"chance": round(100 * row["chance"], 1)}
    if not said.passed:
        return [Reason("promotion.because_trial", {**chance, "rows": said.rows}, 0.0)]
    gain = {"gain": round(said.gain, 2), "low": round(said.low, 2)}
    return [Reason("promotion.because_evidence", {**chance, **gain}, 0.0)]


def _action(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"depth": row["depth"], "price": row["price"], "starts": str(row["starts"]), "ends": str(row["ends"])}


def _no_choices() -> pd.DataFrame:
    return PROMOTION_CHOICES.empty().drop_columns(["day"]).to_pandas()


def _lines(
    known: pd.DataFrame, supply_state: Any, demand_forecast: Any, prices: Any, items: Any, stores: Any, day: date,
    starts: date,
) -> pd.DataFrame:  # fmt: skip
    """Lines of the belief that can be sold, with price, cost, stock and usual units; `at`: their place there."""
    state = supply_state.filter(supply_state.day == ibis.literal(day)).select(
        "store", "item", "on_hand", "on_order", "orderable", "shelf_life_days", "cost", "mean_sales", "source",
        net="price",
    )  # fmt: skip
    goods = items.select("item", "category", "tax_rate").to_pandas().drop_duplicates("item")
    places = stores.select("store", "country").to_pandas().drop_duplicates("store")
    frame = known.reset_index(names="at").merge(state.to_pandas(), on=["store", "item"])
    frame = frame.merge(goods, on="item", how="left").merge(places, on="store", how="left")
    frame = frame.merge(_regular(prices, day), on=["store", "item"], how="left")
    frame = frame.merge(_forecast(demand_forecast, day, starts), on=["store", "item"], how="left")
    tax = frame["tax_rate"].astype(float).fillna(0.0)
    shelf = frame["regular"].astype(float).fillna(np.round(frame["net"].astype(float) * (1 + tax), 2))
    frame = frame.assign(
        tax_rate=tax, shelf=shelf, price=shelf / (1 + tax), category=frame["category"].fillna("—"),
        usual=frame["forecast"].astype(float).fillna(7 * frame["mean_sales"].astype(float)),
    )  # fmt: skip
    sound = (frame["shelf"] > CENT) & (frame["cost"] >= 0) & (frame["usual"] > 0) & (frame["price"] > frame["cost"])
    return frame[sound].sort_values(["store", "item"]).reset_index(drop=True)


def _regular(prices: Any, day: date) -> pd.DataFrame:
    """The regular shelf price that holds, where a list says it."""
    listed = prices.filter((prices.kind == "regular") & (prices.valid_from <= ibis.literal(day)))
    listed = listed.filter(listed.valid_to.isnull() | (listed.valid_to >= ibis.literal(day)))
    return listed.group_by(["store", "item"]).aggregate(regular=listed.price.argmax(listed.valid_from)).to_pandas()


def _forecast(demand_forecast: Any, day: date, starts: date) -> pd.DataFrame:
    """Units forecast for the week; a horizon that ends within it goes on at the rate of its last days."""
    ahead = demand_forecast.filter(demand_forecast.day == ibis.literal(day))
    week = ahead.filter(ahead.ds.between(ibis.literal(starts), ibis.literal(starts + timedelta(days=6))))
    return week.group_by(["store", "item"]).aggregate(forecast=week["mean"].mean() * 7).to_pandas()


def _as_lines(frame: pd.DataFrame, belief: Belief, allowed: BoolArray) -> Lines:
    stock = np.maximum(frame["on_hand"].to_numpy(float), 0) + frame["on_order"].to_numpy(float)
    item = frame["item_at"].to_numpy(np.int64)
    keeps = ~(frame["shelf_life_days"].to_numpy(float, na_value=np.inf) < STOCKED_DAYS)
    dip = np.exp(-belief.mean[item, 2] * belief.stocked[frame["at"]])
    return Lines(
        store=pd.factorize(frame["store"])[0].astype(np.int64), item=item,
        usual=frame["usual"].to_numpy(float) * dip,
        price=frame["price"].to_numpy(float), cost=frame["cost"].to_numpy(float), keeps=keeps,
        stock=np.where(frame["orderable"].fillna(True).astype(bool), np.inf, stock), allowed=allowed,
    )  # fmt: skip


def _on_trial(row: Any, policy: Policy) -> bool:
    if policy.trial_share in (0.0, 1.0):
        return policy.trial_share == 1.0
    shares = {"trial": policy.trial_share, "today": 1 - policy.trial_share}
    return assigned(f"{row.store}\x1f{row.item}", shares, salt=policy.salt) == "trial"


def _today(frame: pd.DataFrame, starts: date, allowed: BoolArray, depths: FloatArray, policy: Policy) -> np.ndarray:
    """Arm of today's rule, (n,)."""
    if policy.today == "none":
        return np.zeros(len(frame), dtype=np.int64)
    arm = int(np.abs(depths - policy.today_depth).argmin())
    week = starts.toordinal() // 7
    turn = (frame["item_at"].to_numpy(np.int64) + week) % policy.today_every == 0
    return np.where(turn & allowed[:, arm], arm, 0)


def _choices(
    frame: pd.DataFrame, belief: Belief, lines: Lines, depths: FloatArray, likely: FloatArray, trial: BoolArray,
    arm: np.ndarray, best: np.ndarray, today: np.ndarray, bound: np.ndarray, rng: np.random.Generator, starts: date,
    policy: Policy,
) -> pd.DataFrame:  # fmt: skip
    """The rows of the log."""
    here = np.arange(len(frame))
    gain = money(belief, lines, depths, policy.leaflet_cost)
    own, traffic = belief.draw(rng, QUANTILE_DRAWS)
    spread = np.empty((QUANTILE_DRAWS, len(frame)))
    for number in range(QUANTILE_DRAWS):
        one = money(belief, lines, depths, policy.leaflet_cost, own=own[number], traffic=float(traffic[number]))
        spread[number] = one[here, arm] - one[here, today]
    low, high = np.quantile(spread, [0.05, 0.95], axis=0)
    mean = gain[here, arm] - gain[here, today]
    effect = effects(belief.mean, lines, depths)[here, arm]
    units = np.minimum(lines.usual * np.exp(np.clip(effect, -3, 3)), lines.stock)
    margin = lines.price - lines.cost
    more = np.maximum(units - lines.usual, 0) * lines.keeps
    taken = effect * of_neighbours(lines.usual * margin, belief.taken.T, lines)
    chance = np.where(trial, likely[here, arm], 1.0)
    names = [f"{depth:g}" for depth in depths]
    told = np.where(trial[:, None], likely, np.eye(len(depths))[arm])
    return frame.assign(
        starts=starts, ends=starts + timedelta(days=6), trial=trial, depth=depths[arm], chance=chance,
        chances=[json.dumps(dict(zip(names, row, strict=True))) for row in told.tolist()],
        wish=depths[best], today=depths[today], usual=lines.usual, units=units, money=mean,
        money_low=np.minimum(low, mean), money_high=np.maximum(high, mean),
        wish_money=gain[here, best] - gain[here, today], later=belief.mean[lines.item, 2] * more * margin * (arm > 0),
        beside=np.where(depths[arm] > 0, taken, 0.0), leaflet=np.where(arm > 0, policy.leaflet_cost, 0.0),
        slope=belief.mean[lines.item, 1], lift=belief.mean[lines.item, 0], learned=belief.learned[lines.item],
        bound=bound,
    )[[column.name for column in PROMOTION_CHOICES.columns if column.name != "day"]]  # fmt: skip


def weighed(hub: Hub, day: date) -> tuple[Evidence, dict[str, dict[str, Estimate]]]:
    """What the log of draws says by the close of a day, and the plan and today's rule by all three estimators.

    Returns:
        The evidence of the gate; policy → estimator → estimate, empty while the log is too thin.
    """
    policy = Policy.load(hub.home)
    tables = [hub.tables.read(name, as_of=day) for name in ("promotion_choices", "sales_lines", "promotions")]
    said = evidence(*tables, day=day, policy=policy)
    if said.rows < policy.least_rows:
        return said, {}
    rows, _ = outcomes(*tables, day=day, weeks=policy.evidence_weeks)
    return said, judged(rows, policy.clip)


promotions = typer.Typer(name="promotions", help="Promotions: judge the log of draws.", no_args_is_help=True)


@promotions.callback()
def _promotions() -> None:
    """A group, though it has one verb."""


@promotions.command()
def evaluate(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Close of the day; default the newest with a plan")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output")] = False,
) -> None:
    """Judge the hub's promotions against today's rule by the log of draws: three estimators, and whether it passes.

    Example: aislehub promotions evaluate --day 2017-12-03
    """
    with open_hub() as hub:
        policy = Policy.load(hub.home)
        if day is None:
            newest = hub.tables.run(lambda t: t.read("promotion_choices").aggregate(day=ibis._.day.max()))
            last = newest["day"][0].as_py()
        else:
            last = day.date()
        if last is None:
            raise HubError("promotion.no_log")
        said, found = weighed(hub, last)
    document = {"day": str(last), **asdict(said), "policies": {
        name: {kind: asdict(one) for kind, one in by_kind.items()} for name, by_kind in found.items()
    }}  # fmt: skip
    if as_json:
        print_json(document)
        return
    print(say("promotion.log", day=last, rows=said.rows, missed=said.missed, limit=policy.least_rows))
    for name, by_kind in found.items():
        for kind, one in by_kind.items():
            interval = {"value": f"{one.value:.2f}", "low": f"{one.low:.2f}", "high": f"{one.high:.2f}"}
            print(say("promotion.judged", policy=say(f"promotion.policy_{name}"), estimator=kind.upper(), **interval))
    verdict = "passed" if said.passed else "kept" if found else "thin"
    print(say(f"promotion.{verdict}", gain=f"{said.gain:.2f}", low=f"{said.low:.2f}", high=f"{said.high:.2f}"))


commands = (promotions,)

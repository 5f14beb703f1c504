"""From tables to a plan of promotions: guard-rails, trial, evidence, and what the plan says."""

import json
from datetime import UTC, date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aislehub.core.reasons import sentence
from aislehub.price.promotion import (
    PROMOTION_CHOICES,
    PROMOTION_PLAN,
    Policy,
    learn_promotion,
    promotion_choices,
    promotion_plan,
)
from aislehub.price.promotion_history import weekly
from aislehub.price.promotion_limits import allowed_depths
from aislehub.schema import (
    COMPETITOR_PRICES,
    DEMAND_FORECAST,
    FOOTFALL,
    ITEMS,
    PRICE_ELASTICITIES,
    PRICES,
    PROMOTIONS,
    SALES_LINES,
    STORES,
)
from aislehub.supply.state import SUPPLY_STATE

DAY = date(2024, 6, 30)  # a Sunday; with a week's notice the plan begins on Monday, 8 July
STARTS = date(2024, 7, 8)
ITEMS_SOLD, PLACES = [f"i{n}" for n in range(6)], ["A", "B"]
EVERYTHING = {"trial_share": 1.0, "budget": 3, "least_rows": 50}


def lazy(contract, rows):
    """Rows as a step gets them."""
    if not len(rows):
        return ibis.memtable(contract.empty())
    checked = contract.check(pa.Table.from_pandas(pd.DataFrame(rows), preserve_index=False))
    assert not checked.rejected.num_rows, checked.rejected.to_pylist()
    return ibis.memtable(checked.good)


def sales(depth_of=lambda store, item, day: 0.0, last=DAY, days=26 * 7, seed=0):
    """A line per store, item and day of about 6 units at 4.00, more where it is promoted."""
    rng = np.random.default_rng(seed)
    rows = []
    for store in PLACES:
        for item in ITEMS_SOLD:
            for ago in range(days):
                day = last - timedelta(days=ago)
                depth = depth_of(store, item, day)
                units = rng.poisson(6 * (1.3 * (1 - depth) ** -3 if depth else 1))
                if units:
                    rows.append({
                        "store": store, "receipt": day.isoformat(), "line": item, "item": item, "day": day,
                        "sold_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "quantity": float(units),
                        "amount": 4.0 * (1 - depth) * units,
                    })  # fmt: skip
    return rows


def state(**given):
    """State of supply of every line: cost 2.00, price 4.00 without tax."""
    standard = {
        "day": DAY, "on_hand": 50.0, "on_order": 0.0, "orderable": True, "lead_days": 2.0, "lead_days_sd": 0.0,
        "cover_days": 4.0, "case_pack": 1.0, "moq": 0.0, "presentation_stock": 0.0, "order_cost": 0.0, "price": 4.0,
        "cost": 2.0, "mean_sales": 6.0, "own_mean": 24.0, "variance_ratio": 1.0, "source": "facts",
    }  # fmt: skip
    return [standard | given | {"store": store, "item": item} for store in PLACES for item in ITEMS_SOLD]


FACTS = {
    "sales_lines": SALES_LINES, "promotions": PROMOTIONS, "items": ITEMS, "competitor_prices": COMPETITOR_PRICES,
    "promotion_choices": PROMOTION_CHOICES, "supply_state": SUPPLY_STATE, "demand_forecast": DEMAND_FORECAST,
    "prices": PRICES, "stores": STORES, "price_elasticities": PRICE_ELASTICITIES, "footfall": FOOTFALL,
}  # fmt: skip


def plan(folder, policy=None, day=DAY, **given):
    """Learn, draw and plan on given facts: (choices, plan, metrics)."""
    policy = policy or Policy(**EVERYTHING)
    facts = {
        "sales_lines": sales(), "promotions": [], "competitor_prices": [], "promotion_choices": [], "prices": [],
        "price_elasticities": [], "footfall": [],
        "items": [{"item": item, "category": "c", "is_sellable": True} for item in ITEMS_SOLD],
        "supply_state": state(), "demand_forecast": [], "stores": [{"store": s, "country": "US"} for s in PLACES],
    } | given  # fmt: skip
    tables = {name: lazy(FACTS[name], rows) for name, rows in facts.items()}
    metrics = learn_promotion(*(tables[n] for n in learn_promotion.reads), day=day, policy=policy, folder=folder)
    drawn = promotion_choices(
        *(tables[n] for n in promotion_choices.reads), day=day, policy=policy, model=folder, seed=1
    )
    drawn = PROMOTION_CHOICES.require(pa.Table.from_pandas(drawn.assign(day=day), preserve_index=False))
    made = promotion_plan(ibis.memtable(drawn), day=day, policy=policy, model=folder)
    PROMOTION_PLAN.require(pa.Table.from_pandas(made.assign(day=day), preserve_index=False))
    return drawn.to_pandas(), made, metrics


def told(row, lang="en"):
    """All reasons of a row as text."""
    return " ".join(sentence(reason, lang) for reason in json.loads(row["reasons"]))


def test_a_plan_is_made_a_week_ahead_within_the_budget(tmp_path):
    """On the planning day every line has a draw whose probabilities sum to 1, and at most the budget is promoted."""
    drawn, made, _ = plan(tmp_path)
    assert len(drawn) == 12
    chances = [json.loads(text) for text in drawn["chances"]]
    assert all(sum(one.values()) == pytest.approx(1) and min(one.values()) > 0 for one in chances)
    assert [one[f"{depth:g}"] for one, depth in zip(chances, drawn["depth"], strict=True)] == list(drawn["chance"])
    promoted = made[made["depth"] > 0]
    assert 0 < len(promoted) <= 6
    assert promoted.groupby("store").size().max() <= 3
    assert set(promoted["starts"]) == {STARTS}
    assert (promoted["money_low"] <= promoted["money"]).all() and (promoted["money"] <= promoted["money_high"]).all()


def test_other_days_have_no_plan(tmp_path):
    """Promotions begin on Mondays: on another evening there is nothing to draw."""
    monday = DAY + timedelta(days=1)
    drawn, made, _ = plan(tmp_path, day=monday, supply_state=[row | {"day": monday} for row in state()])
    assert drawn.empty and made.empty


def test_nothing_is_promoted_below_cost(tmp_path):
    """At a cost of 3.60 only 10 % would not lose money, and the margin asked forbids even that."""
    policy = Policy(**EVERYTHING, least_margin=0.02)
    drawn, made, _ = plan(tmp_path, policy, supply_state=state(cost=3.6))
    assert (drawn["depth"] == 0).all() and made.empty
    assert set(drawn["bound"]) == {"unit_cost"}


@given(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 0.99), st.floats(0, 0.99),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_no_input_lets_a_price_below_cost_pass(shelf, cost, tax, depth, margin):
    """Whatever the numbers, an allowed discount leaves a net price of at least cost."""
    allowed = allowed_depths(np.array([shelf]), np.array([cost]), np.array([tax]), np.array([0.0, depth]), margin)
    assert allowed[0, 0]
    if allowed[0, 1] and depth > 0:
        assert round(shelf * (1 - depth), 2) / (1 + tax) >= cost * (1 - 1e-12)


def test_an_item_rests_between_promotions(tmp_path):
    """An item that is announced for the week before is not promoted again, and its row says why."""
    near = {"store": "A", "item": "i0", "promotion": "p", "starts": date(2024, 7, 1), "ends": date(2024, 7, 7)}
    drawn, _, _ = plan(tmp_path, promotions=[near | {"discount": 0.2}])
    row = drawn[(drawn["store"] == "A") & (drawn["item"] == "i0")].iloc[0]
    assert (row["depth"], row["bound"]) == (0, "rest")


def test_a_reduction_that_the_law_does_not_know_is_not_announced(tmp_path):
    """In the EU an item that sold at 3.00 two weeks ago cannot be announced at 3.60 or 3.20; at 2.80 it can."""
    cheap = sales(lambda store, item, day: 0.25 if date(2024, 6, 10) <= day <= date(2024, 6, 16) else 0.0)
    policy = Policy(**EVERYTHING, law=["eu"])
    drawn, _, _ = plan(tmp_path, policy, sales_lines=cheap)
    chances = [json.loads(text) for text in drawn["chances"]]
    assert all(one["0.1"] == one["0.2"] == 0 and one["0.3"] > 0 for one in chances)
    assert set(drawn["bound"]) == {"law"}


def test_without_evidence_today_stays_and_the_plan_says_so(tmp_path):
    """No line is on trial and the log is empty: what the hub would do is shown, and today's rule is kept."""
    policy = Policy(trial_share=0.0, budget=3)
    drawn, made, metrics = plan(tmp_path, policy)
    assert not metrics["passed"] and metrics["rows"] == 0
    assert not drawn["trial"].any() and (drawn["depth"] == 0).all()
    assert len(made) and set(made["bound"]) == {"evidence"} and (made["money"] == 0).all()
    assert "Not enough evidence (0 outcomes" in told(made.iloc[0])
    assert "证据不足" in told(made.iloc[0], "zh")


def test_a_trial_is_told_first_and_the_terms_sum_to_the_money(tmp_path):
    """Why a promotion that costs money is proposed is told before what it costs; its terms leave nothing out."""
    _, made, _ = plan(tmp_path)
    promoted = made[made["depth"] > 0]
    assert len(promoted)
    for row in promoted.to_dict("records"):
        reasons = json.loads(row["reasons"])
        assert reasons[0]["code"] == "promotion.because_trial"
        assert "promotion.because_leaflet" in [reason["code"] for reason in reasons]
        assert sum(reason["weight"] for reason in reasons) == pytest.approx(row["money"], abs=0.02)


def test_today_may_be_a_rule_in_turn(tmp_path):
    """With today = rotating, lines that are not on trial get their turn, and the baseline says which discount."""
    policy = Policy(trial_share=0.0, budget=3, today="rotating", today_every=3)
    drawn, made, _ = plan(tmp_path, policy)
    assert (drawn["depth"] > 0).sum() == 4  # two items of six in each store
    turn = made[made["depth"] > 0].iloc[0]
    assert json.loads(turn["baseline"]) == {"name": "rotating", "depth": 0.2}


def test_a_cold_start_says_what_it_rests_on(tmp_path):
    """Before the chain has promoted anything, the reason says that the belief is not its own."""
    _, made, _ = plan(tmp_path)
    assert "say little of this item yet" in told(made[made["depth"] > 0].iloc[0])


def test_a_cold_start_uses_what_prices_have_told(tmp_path):
    """An item whose price elasticity is known starts from it: the more elastic one is promoted for more money."""
    told_before = [
        {"day": DAY, "item": item, "elasticity": -1.2 - 0.6 * n, "low": -6.0, "high": -1.0, "identified": True,
         "level": "item", "weight": 0.9, "rows": 100, "price_changes": 9, "price_source": "list", "method": "dml"}
        for n, item in enumerate(ITEMS_SOLD)
    ]  # fmt: skip
    drawn, _, metrics = plan(tmp_path, price_elasticities=told_before)
    assert metrics["elasticities"] == 6
    assert (drawn.groupby("item")["slope"].mean().diff().dropna() > 0.3).all()


def logged(weeks=20, better=True, seed=0):
    """A log of draws between none and 20 % by a coin, with the facts that followed: choices, promotions, sales."""
    rng = np.random.default_rng(seed)
    choices, promotions, depth = [], [], {}
    for week in range(weeks):
        starts = DAY - timedelta(days=7 * (week + 1) - 1)
        for store in PLACES:
            for item in ITEMS_SOLD:
                cut = 0.2 if rng.random() < 0.5 else 0.0
                depth[store, item, starts] = cut
                choices.append({
                    "day": starts - timedelta(days=8), "store": store, "item": item, "starts": starts,
                    "ends": starts + timedelta(days=6), "trial": True, "depth": cut, "chance": 0.5,
                    "chances": '{"0": 0.5, "0.1": 0.0, "0.2": 0.5, "0.3": 0.0}', "wish": 0.2, "today": 0.0,
                    "usual": 42.0, "units": 42.0, "shelf": 4.0, "price": 4.0, "cost": 2.0 if better else 3.5,
                    "tax_rate": 0.0, "money": 0.0, "money_low": 0.0, "money_high": 0.0, "wish_money": 0.0,
                    "later": 0.0, "beside": 0.0, "leaflet": 1.75 if cut else 0.0, "slope": 3.0, "lift": 0.2,
                    "learned": 0.5, "bound": "none",
                })  # fmt: skip
                if cut:
                    ends = starts + timedelta(days=6)
                    promotions.append({"store": store, "item": item, "promotion": f"w{week}", "starts": starts,
                                       "ends": ends, "discount": 0.2})  # fmt: skip
    monday = lambda day: day - timedelta(days=day.weekday())  # noqa: E731
    lines = sales(lambda store, item, day: depth.get((store, item, monday(day)), 0.0))
    return {"promotion_choices": choices, "promotions": promotions, "sales_lines": lines}


@pytest.mark.parametrize("better", [True, False])
def test_the_gate_lets_only_a_better_policy_pass(better, tmp_path):
    """At a cost of 2.00 promotions earn and the plan replaces today's rule; at 3.50 they lose and it does not."""
    policy = Policy(trial_share=0.5, budget=3, rest_weeks=0, least_rows=100)
    drawn, _, metrics = plan(tmp_path, policy, **logged(better=better))
    assert metrics["rows"] == 240
    assert metrics["passed"] is better
    assert (metrics["gain_low"] > 0) is better
    assert drawn["trial"].all() if better else 0 < drawn["trial"].sum() < 12


def test_draws_that_were_not_carried_out_are_left_out(tmp_path):
    """A promotion that somebody rejected never became a fact: its draw is no outcome of that discount."""
    facts = logged()
    rejected = facts["promotions"][::4]
    facts["promotions"] = [row for row in facts["promotions"] if row not in rejected]
    _, _, metrics = plan(tmp_path, Policy(trial_share=0.5, budget=3, least_rows=100), **facts)
    assert metrics["rows"] == 240 - len(rejected)


def test_visitors_are_counted_by_whole_weeks_at_the_doors():
    """A week with fewer counted days than is usual says nothing, nor does a zone inside; a store without a door has no
    count."""
    doors = [
        {"store": "A", "zone": zone, "at": datetime(day.year, day.month, day.day, 9, tzinfo=UTC), "minutes": 60.0,
         "day": day, "visitors": 100.0}
        for zone in ("entrance", "aisle")
        for day in (DAY - timedelta(days=ago) for ago in range(26 * 7)) if day != DAY
    ]  # fmt: skip
    given = {"sales_lines": sales(), "footfall": doors, "promotions": [], "competitor_prices": [],
             "items": [{"item": item, "category": "c", "is_sellable": True} for item in ITEMS_SOLD]}  # fmt: skip
    tables = {name: lazy(FACTS[name], rows) for name, rows in given.items()}
    names = ("sales_lines", "promotions", "items", "competitor_prices", "footfall")
    visitors = weekly(*(tables[n] for n in names), day=DAY, weeks=26, least_weeks=12).weeks.visitors
    assert (visitors[0, :-1] == 700).all()
    assert np.isnan(visitors[0, -1]) and np.isnan(visitors[1]).all()

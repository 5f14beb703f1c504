"""Planning: what chance alone makes of two arms alike, read off the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError
from aislehub.proof.design import Design, active_units, unit_parts
from aislehub.proof.effect import compare
from aislehub.proof.metrics import METRICS
from aislehub.proof.moments import Moments
from aislehub.proof.past import Past
from aislehub.proof.planning import by_chance, expected_se, first_enough, outlooks, units_enough, weeks_enough

LAST = date(2024, 6, 30)
DESIGN = Design("store", "sales", 0.1, pre_days=28)


@pytest.fixture(scope="module")
def daily() -> ibis.Table:
    """Twelve weeks of thirty stores whose days are 10 % noise around their own level."""
    random = np.random.default_rng(2)
    level = random.gamma(4.0, 25.0, 30)
    days = [LAST - timedelta(days=number) for number in range(84)]
    rows = [(f"s{n}", day, level[n] * random.normal(1, 0.1)) for day in days for n in range(30)]
    return ibis.memtable(pd.DataFrame(rows, columns=["unit", "day", "sales"]))


def test_chance_is_what_random_arms_differ_by() -> None:
    """The planned standard error is the scatter of the effect over many draws of the lots, by any share."""
    random = np.random.default_rng(3)
    before = random.gamma(4.0, 10.0, 300)
    units = np.column_stack([0.8 * before + random.normal(0, 6, 300), np.ones(300), before, np.ones(300)])
    for share in (0.5, 0.2):
        planned = by_chance([Moments.of(units)], share)
        found = []
        for _ in range(1500):
            arm = random.permutation(300) < 300 * share
            found.append(compare(Moments.of(units[~arm]), Moments.of(units[arm])).difference)
        assert planned.se == pytest.approx(np.std(found), rel=0.06)
        assert planned.freedom > 50


def test_more_weeks_find_smaller_effects(daily: ibis.Table) -> None:
    """And more power for the wanted one; one look needs less than many; half of a small share costs."""
    found = outlooks(daily, DESIGN, LAST, range(1, 9), 0.5, 0)
    assert [outlook.weeks for outlook in found] == list(range(1, 9))
    assert all(one.fixed < one.always for one in found)
    assert found[-1].always < 0.7 * found[0].always and found[-1].power_always > found[0].power_always
    lopsided = outlooks(daily, DESIGN, LAST, [8], 0.1, 0)
    assert lopsided[0].fixed > found[-1].fixed


def test_the_effect_found_has_the_wanted_power(daily: ibis.Table) -> None:
    """At the smallest effect of a duration, the power of that duration is the wanted one, by both methods."""
    (first,) = outlooks(daily, DESIGN, LAST, [4], 0.5, 0)
    for method, smallest in (("fixed", first.fixed), ("always_valid", first.always)):
        design = Design("store", "sales", smallest, pre_days=28, method=method)
        (again,) = outlooks(daily, design, LAST, [4], 0.5, 0)
        assert again.power(method) == pytest.approx(0.8, abs=2e-3)
        assert first_enough([again], Design("store", "sales", 1.01 * smallest, method=method, power=0.79)) is again
    assert first_enough([first], Design("store", "sales", 0.1, power=1.0)) is None


def test_a_switchback_counts_stores_times_blocks(daily: ibis.Table) -> None:
    """With blocks of a fortnight nothing is known before the second week; then units grow with the blocks."""
    design = Design("switchback", "sales", 0.1, pre_days=28, washout_days=1)
    found = outlooks(daily, design, LAST, range(1, 7), 0.5, 14)
    assert [(outlook.weeks, outlook.units) for outlook in found] == [(2, 30), (3, 30), (4, 60), (5, 60), (6, 90)]


def test_a_metric_s_chance_is_planned_alone(daily: ibis.Table) -> None:
    """The standard error of one metric after so many weeks is that of the whole outlook."""
    (outlook,) = outlooks(daily, DESIGN, LAST, [4], 0.5, 0)
    assert expected_se(daily, DESIGN, METRICS["sales"], LAST, 4, 0.5, 0) == pytest.approx(outlook.se)


def test_periods_that_differ_ask_for_more(daily: ibis.Table) -> None:
    """With the same scatter in the last period, a past whose periods differed more is counted on for less; one that is
    sure in half of the periods only needs less than one that is sure in nine of ten."""
    calm = daily.to_pandas()
    start = pd.Timestamp(LAST - timedelta(days=27))
    stormy = calm.copy()
    day = pd.to_datetime(stormy["day"])
    earlier = (day < start) & (day >= start - timedelta(days=28))
    noise = np.random.default_rng(5).normal(1, 0.5, len(stormy))
    stormy.loc[earlier, "sales"] *= noise[earlier]
    design = Design("store", "sales", 0.1, pre_days=28)
    (quiet,) = outlooks(daily, replace(design, pre_days=7), LAST, [2], 0.5, 0)
    (rough,) = outlooks(ibis.memtable(stormy), replace(design, pre_days=7), LAST, [2], 0.5, 0)
    assert rough.periods == quiet.periods > 3
    assert rough.mean == pytest.approx(quiet.mean) and rough.always > 1.2 * quiet.always
    (half,) = outlooks(daily, replace(design, pre_days=7, assurance=0.5), LAST, [2], 0.5, 0)
    assert half.always < quiet.always and half.power_always >= quiet.power_always


@pytest.mark.parametrize("name", ["sales", "average_order_value"])
@pytest.mark.parametrize(("block_days", "washout_days"), [(0, 0), (7, 2)])
def test_the_past_in_memory_is_the_engine_s(name: str, block_days: int, washout_days: int) -> None:
    """Units that were active, and the four parts of each, are those by which the experiment will be read."""
    random = np.random.default_rng(4)
    rows = [(f"s{n}", LAST - timedelta(days=int(d)), random.gamma(2.0), 1.0 + n)
            for n in range(9) for d in random.choice(60, 20, replace=False)]  # fmt: skip
    daily = ibis.memtable(pd.DataFrame(rows, columns=["unit", "day", "sales", "baskets"]).assign(
        basket_sales=lambda table: table["sales"]))  # fmt: skip
    start, last = LAST - timedelta(days=20), LAST
    past = Past.of(daily, METRICS[name])
    assert past is not None
    units, found = active_units(daily, start, 28), past.active(start, 28)
    assert len(units) == len(found)
    blocks = 21 // block_days if block_days else 1
    arms = pd.DataFrame([(u, b, "") for b in range(blocks) for u in units], columns=["unit", "block", "arm"])
    engine = unit_parts(
        daily, arms, METRICS[name], start, last, 28, block_days=block_days, washout_days=washout_days
    ).to_pandas().sort_values(["block", "unit"])  # fmt: skip
    mine = np.vstack(past.parts(found, start, 21, 28, block_days, washout_days))
    assert mine == pytest.approx(engine[["top", "bottom", "top_before", "bottom_before"]].to_numpy())


def test_what_would_find_the_effect_is_said(daily: ibis.Table) -> None:
    """An effect just beyond reach takes more weeks; one below what stores drift apart by takes more stores only."""
    design = Design("store", "sales", 0.1, pre_days=28)
    found = outlooks(daily, design, LAST, range(1, 5), 0.5, 0)
    near = replace(design, effect=0.9 * found[-1].always)
    needed = weeks_enough(found, near)
    assert needed is not None and 5 <= needed <= 8
    assert units_enough(found[-1], near) == pytest.approx(30 / 0.81, abs=1)
    apart = [replace(outlook, always=0.05 + 0.01 / outlook.weeks) for outlook in found]
    assert weeks_enough(apart, replace(design, effect=0.02)) is None


def test_no_past_and_no_scatter_are_refused(daily: ibis.Table) -> None:
    """Nobody active before, an arm with one unit, or a metric that never moves: each with its reason."""
    with pytest.raises(HubError, match="no such past"):
        outlooks(daily, DESIGN, LAST - timedelta(days=200), [4], 0.5, 0)
    with pytest.raises(HubError, match="no spread"):
        outlooks(daily, DESIGN, LAST, [4], 0.02, 0)
    flat = daily.mutate(sales=ibis.literal(1.0))
    with pytest.raises(HubError, match="did not vary"):
        outlooks(flat, DESIGN, LAST, [4], 0.5, 0)

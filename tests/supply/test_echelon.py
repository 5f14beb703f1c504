"""Base-stock levels of two echelons, against the textbook's instances as `stockpyl` solves them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stockpyl import ssm_serial
from stockpyl.instances import load_instance

from aislehub.supply.base_stock import demand_quantile
from aislehub.supply.echelon import Demand, echelon_levels, newsvendor_bounds, pool_in_stores, pool_in_warehouse

TWO_STAGES = ("problem_6_1", "problem_6_16")
MORE_STAGES = ("example_6_1", "problem_6_2b", "shang_song_1", "shang_song_9", "shang_song_17", "shang_song_25")
FINE = 100  # a unit is cut into so many, so that counts can stand for the normal demand of an instance
GRID = {"x_num": 300, "d_num": 50}


@pytest.fixture(autouse=True)
def stockpyl_on_numpy_2(monkeypatch):
    """Its look-up of a value on a grid returns arrays of length 1 where numpy 2 wants numbers."""

    def find_nearest(grid, values, sorted=True, index=None):
        return np.clip(np.rint((values - grid[0]) / (grid[1] - grid[0])).astype(int), 0, len(grid) - 1)

    monkeypatch.setattr(ssm_serial, "find_nearest", find_nearest)


class Serial:
    """A serial system of stockpyl in our terms, the store first."""

    def __init__(self, name):
        self.network = load_instance(name)
        nodes = sorted(self.network.nodes, key=lambda node: node.index)
        source = nodes[0].demand_source
        self.names = [node.index for node in nodes]
        self.unit = FINE if source.type == "N" else 1
        rate, variance = source.mean * self.unit, (source.standard_deviation * self.unit) ** 2
        leads = [float(node.shipment_lead_time) for node in nodes]
        self.stages = [Demand(np.array([rate * lead]), np.array([variance * lead])) for lead in leads]
        self.holding = [np.array([float(node.echelon_holding_cost)]) for node in nodes]
        self.penalty = np.array([float(nodes[0].stockout_cost)])

    def excess(self, levels):
        """How much more than the optimum these levels cost, by stockpyl."""
        _, optimum = ssm_serial.optimize_base_stock_levels(network=self.network, **GRID)
        named = {name: float(level) / self.unit for name, level in zip(self.names, levels, strict=True)}
        return ssm_serial.expected_cost(named, network=self.network, **GRID) / optimum - 1


@pytest.mark.parametrize("name", TWO_STAGES)
def test_two_echelons_cost_no_more_than_the_optimum(name):
    """On the textbook's systems of two stages the levels cost within 0.5 % of the optimum."""
    system = Serial(name)
    store, warehouse = echelon_levels(*system.stages, *system.holding, system.penalty)
    assert abs(system.excess([store[0], warehouse[0]])) < 0.005


@pytest.mark.parametrize("name", MORE_STAGES)
def test_the_middle_of_the_bounds_is_nearly_optimal(name):
    """On systems of three to five stages the mean of the newsvendor bounds costs within 1 % of the optimum."""
    system = Serial(name)
    bounds = newsvendor_bounds(system.stages, system.holding, system.penalty)
    assert abs(system.excess([np.round((low[0] + high[0]) / 2) for low, high in bounds])) < 0.01


@given(
    rate=st.floats(0.2, 30), ratio=st.floats(1, 4), leads=st.tuples(st.integers(1, 10), st.integers(1, 20)),
    share=st.floats(0.05, 0.95), penalty=st.floats(1, 60),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_no_other_level_costs_less(rate, ratio, leads, share, penalty):
    """No level between its bounds costs half a percent less than the warehouse's, by the cost summed out in full."""
    stages = [Demand(np.array([rate * lead]), np.array([rate * ratio * lead])) for lead in leads]
    holding = [np.array([1 - share]), np.array([share])]
    store, warehouse = echelon_levels(*stages, *holding, np.array([penalty]))
    (_, _), (low, high) = newsvendor_bounds(stages, holding, np.array([penalty]))
    assert low[0] <= warehouse[0] <= high[0]
    costs = [_cost(y, store[0], stages, holding, penalty) for y in np.arange(low[0], high[0] + 1)]
    assert _cost(warehouse[0], store[0], stages, holding, penalty) <= min(costs) * 1.005


def _cost(level, store, stages, holding, penalty):
    """Mean cost of a period: what the store costs once the warehouse has brought it to the least of `store` and what
    there is, over quantiles of both demands."""
    points = np.sin(np.pi / 2 * (np.arange(400) + 0.5) / 400) ** 2
    weight = np.diff(np.sin(np.pi / 2 * np.arange(401) / 400) ** 2)
    at_store, ahead = (demand_quantile(np.repeat(s.mean, 400), np.repeat(s.variance, 400), points) for s in stages)
    left = level - ahead
    position = np.minimum(store, left)
    net = position[:, None] - at_store[None, :]
    all_in = penalty + holding[0][0] + holding[1][0]
    in_store = weight @ (holding[0][0] * net + all_in * np.maximum(-net, 0)) @ weight
    return float(holding[1][0] * left @ weight + in_store)


def test_pooling_spares_stock():
    """Ten stores need less safety stock at one warehouse than ten warehouses would; in the stores nothing is spared."""
    mean, variance, system = np.full(10, 20.0), np.full(10, 60.0), np.zeros(10, np.int64)
    together = pool_in_warehouse(mean, variance, system, 1), pool_in_stores(mean, variance, system, 1)
    assert together[0].mean == together[1].mean == 200
    assert (together[0].variance, together[1].variance) == (pytest.approx(600), pytest.approx(6000))
    alone = Demand(np.array([20.0]), np.array([60.0]))
    money = np.array([0.5]), np.array([0.5]), np.array([20.0])
    _, pooled = echelon_levels(together[1], together[0], *money)
    _, single = echelon_levels(alone, alone, *money)
    assert pooled[0] < 10 * single[0]


def test_more_penalty_means_more_stock():
    """Levels grow with what a lost sale costs, and fall with what a unit costs to keep."""
    n = 6
    stage = Demand(np.full(n, 30.0), np.full(n, 90.0))
    penalty = np.geomspace(1, 200, n)
    dear, cheap = (echelon_levels(stage, stage, np.full(n, 0.5), np.full(n, kept), penalty)[1] for kept in (2.0, 0.2))
    assert (np.diff(dear) > 0).all() and (np.diff(cheap) > 0).all() and (cheap > dear).all()


def test_rows_do_not_disturb_each_other():
    """Many systems at once, in blocks, get the levels that each gets alone."""
    rng = np.random.default_rng(3)
    n = 9000
    mean = rng.gamma(1.0, 8.0, n)
    stage, money = Demand(mean, mean * 1.7), (np.full(n, 0.4), np.full(n, 0.6), rng.uniform(2, 50, n))
    store, warehouse = echelon_levels(stage, stage, *money)
    for row in (0, 8191, 8192, 8999):
        at = slice(row, row + 1)
        alone = echelon_levels(stage.of(at), stage.of(at), *(values[at] for values in money))
        assert (alone[0][0], alone[1][0]) == (store[row], warehouse[row])

"""The benchmark of warehouses: contenders at equal fill on any long table, its knobs chosen without a look ahead."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError

FILE = Path(__file__).parents[2] / "benchmarks" / "echelon.py"
COLUMNS = ["bench", "data", "model", "metric", "value", "low", "high", "cpu_s", "peak_mb"]


@pytest.fixture(scope="module")
def bench():
    """The benchmark as a module; it belongs to the source tree, not to the package."""
    spec = importlib.util.spec_from_file_location("benchmarks.echelon", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cube(items=3, stores=3, days=285, seed=5):
    """Overdispersed demand of items in stores of different size, (items, stores, days)."""
    rng = np.random.default_rng(seed)
    mean = rng.gamma(2.0, 2.0, items)[:, None, None] * rng.uniform(0.4, 2.0, stores)[None, :, None]
    return rng.negative_binomial(np.broadcast_to(mean, (items, stores, days)), 0.5).astype(float)


def test_one_run_compares_every_contender(bench, tmp_path):
    """A table of `store/item` gives each contender's stock at equal fill, and the hub's beside each rival's."""
    demand = cube()
    days = pd.date_range("2024-01-01", periods=demand.shape[2])
    table = pd.concat(
        pd.DataFrame({"unique_id": f"{store}/{item}", "ds": days, "y": demand[item, store]})
        for item in range(demand.shape[0]) for store in range(demand.shape[1])
    )  # fmt: skip
    table.to_parquet(tmp_path / "own.parquet")
    rows = pd.DataFrame(bench.run(tmp_path / "own.parquet", quick=True))
    assert list(rows.columns) == COLUMNS and set(rows["data"]) == {"own"}
    stock = rows[rows["metric"] == "tuned_stock_95"].set_index("model")["value"]
    assert set(stock.index) == {"weeks_of_cover", "local_base_stock", "echelon_fair", "aislehub"} and (stock > 0).all()
    assert rows[rows["metric"] == "tuned_fill_95"]["value"].between(0.85, 1).all()
    assert {f"stock_vs_{rival}_95" for rival in stock.index if rival != "aislehub"} <= set(rows["metric"])


def test_more_service_holds_more_and_loses_less(bench):
    """All that customers ask for is counted, no more is lost than was asked for, and service costs stock."""
    chain = bench._chain("x", cube(), seed=1)
    days = chain.demand.shape[1]
    windows = (days - 2 * bench.WINDOW, days - bench.WINDOW)
    outlook = bench._outlook(chain, windows[0] - bench.WARM_UP)
    rules = bench._rules("aislehub", chain, outlook, (0.8, 0.997), windows[0] - bench.WARM_UP)
    found = [bench._replay(chain, outlook, rule, windows[0] - bench.WARM_UP, windows) for rule in rules]
    low, high = found[0], found[-1]
    asked = chain.totals(chain.demand[:, windows[1] :]).sum(axis=1)
    np.testing.assert_allclose(low[1, 0], asked)
    assert (low[:, 1] <= low[:, 0]).all()
    assert high[1, 1].sum() < low[1, 1].sum() and high[1, 2].sum() > low[1, 2].sum()


def test_the_scored_weeks_choose_nothing(bench):
    """Demand of the scored weeks changes neither what the tuned weeks show nor which settings are chosen by them."""
    found = []
    for factor in (1.0, 3.0):
        demand = cube()
        demand[:, :, -bench.WINDOW :] *= factor
        chain = bench._chain("x", demand, seed=1)
        days = demand.shape[2]
        windows = (days - 2 * bench.WINDOW, days - bench.WINDOW)
        outlook = bench._outlook(chain, windows[0] - bench.WARM_UP)
        rules = bench._rules("weeks_of_cover", chain, outlook, (0.9, 0.97), windows[0] - bench.WARM_UP)
        found.append(
            np.array([bench._replay(chain, outlook, rule, windows[0] - bench.WARM_UP, windows) for rule in rules])
        )
    np.testing.assert_array_equal(found[0][:, 0], found[1][:, 0])
    assert bench._chosen(found[0]) == bench._chosen(found[1])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("unique_id,ds\na/b,2024-01-01\n", "supply.bench_columns"),
        ("unique_id,ds,y\na/b,2024-01-01,3\n", "supply.bench_short"),
    ],
)
def test_bad_tables_are_refused(bench, tmp_path, content, code):
    """A table without the columns, or too short to warm up, tune and score, is refused with a sentence."""
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(HubError) as refused:
        bench.run(path)
    assert refused.value.code == code and str(refused.value)

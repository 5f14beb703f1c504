"""The benchmark of routes: both solvers beside published solutions, features beside a known optimum."""

import pytest

from aislehub.supply.route.problem import Vehicle
from tests.supply.route.problems import bench, line_problem

COLUMNS = ["bench", "data", "model", "metric", "value", "low", "high", "cpu_s", "peak_mb"]


@pytest.mark.data
def test_one_run_compares_both_solvers(data_folder):
    """Quick rows have the house's columns; each set has the hub's gap and OR-tools', and no gap is below 0."""
    rows = bench.run(data_folder / "vrp", quick=True)
    assert all(list(row) == COLUMNS for row in rows)
    gaps = {(row["data"], row["model"]): row["value"] for row in rows if row["metric"] == "gap"}
    assert {("X-n106-k14", "aislehub"), ("C101", "aislehub"), ("C101", "ortools")} <= gaps.keys()
    assert all(gap > -1e-9 for gap in gaps.values())
    values = {(row["data"].split(",")[-1].strip(), row["metric"]): row["value"] for row in rows}
    assert values["fewest", "tours_more"] == 0 and values["fewest", "fewest_gap"] > -1e-9
    assert {"moved", "seconds"} <= {row["metric"] for row in rows}


def test_features_reach_the_optimum_without_data(tmp_path):
    """Where no instances lie, the features are still measured, and each reaches the optimum."""
    rows = bench.run(tmp_path, quick=True)
    assert len(rows) == len(bench.FEATURES) + 1 and all(row["value"] == pytest.approx(0, abs=1e-9) for row in rows)


def test_the_exhaustive_search_knows_the_answer():
    """Stops at 10 and 20 on a line cost 40 on one tour and 60 on two."""
    assert bench.cheapest(line_problem([10, 20])) == 40
    assert bench.cheapest(line_problem([10, 20], vehicle=Vehicle("van", 2, (1,)))) == 60

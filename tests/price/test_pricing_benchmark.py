"""The benchmark of prices, small: the shipped decision earns more than a constant mark-up and leaves no guard-rail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "pricing.py"


@pytest.fixture(scope="module")
def rows() -> dict[tuple[str, str, str], float]:
    """(data, model, metric) → value of the quick run; the benchmark belongs to the source tree, not to the package."""
    spec = importlib.util.spec_from_file_location("benchmarks.pricing", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = module.run(quick=True)
    assert all(row["bench"] == "pricing" for row in found)
    return {(row["data"], row["model"], row["metric"]): row["value"] for row in found}


def test_prices_earn_more_than_the_best_mark_up(rows: dict[tuple[str, str, str], float]) -> None:
    """In the first world of the benchmark: above the best constant mark-up in hindsight, below the clairvoyant."""
    assert rows["heterogeneous", "aislehub", "profit_over_best_markup"] > 0.03
    assert -0.15 < rows["heterogeneous", "aislehub", "profit_over_clairvoyant"] < 0.02


def test_no_fuzzed_price_leaves_guard_rails_or_law(rows: dict[tuple[str, str, str], float]) -> None:
    """Of 20,000 decisions on absurd numbers thousands propose a price, and none breaks a rule."""
    assert rows["fuzz", "aislehub", "prices_proposed"] > 1000
    assert rows["fuzz", "aislehub", "guard_rail_breaches"] == rows["fuzz", "aislehub", "law_breaches"] == 0


def test_an_answer_costs_milliseconds(rows: dict[tuple[str, str, str], float]) -> None:
    """99 of 100 answers at the till take less than 5 ms of CPU."""
    assert rows["answer", "aislehub", "p99_cpu_ms"] < 5

"""The benchmark's chains are confounded, the hub is not misled by them, and on real sales it agrees with others."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The module `benchmarks/elasticity.py`."""
    root = str(Path(__file__).parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module("benchmarks.elasticity")


def test_in_a_confounded_chain_the_error_is_at_most_half_of_the_naive_one(benchmark: ModuleType) -> None:
    """On the first seed the ratio of errors is below 0.5, and the naive regression is biased by more than 0.5."""
    rows = list(benchmark._scored("confounded", benchmark.confounded, range(1)))
    value = {(row["model"], row["metric"]): row["value"] for row in rows}
    assert value["aislehub", "rmse_over_naive"] < 0.5
    assert value["naive", "bias"] < -0.5
    assert 0.8 <= value["aislehub", "coverage_90"] <= 1


def test_chains_are_the_same_for_the_same_seed(benchmark: ModuleType) -> None:
    """Drawing a chain twice gives the same weeks."""
    assert benchmark.twin(1).rows.equals(benchmark.twin(1).rows)


def test_orange_juice_answers_about_as_published(benchmark: ModuleType, data_folder: Path) -> None:
    """Dominick's brands answer with −2.5 to −3.5 on average; a regression with fixed effects finds −3.1."""
    path = data_folder / "orange_juice" / "orange_juice.parquet"
    rows = list(benchmark._means("orange_juice", *benchmark._orange_juice(path)))
    value = {row["model"]: row["value"] for row in rows}
    assert value["one_slope"] == pytest.approx(-3.1, abs=0.05)
    assert -3.5 <= value["aislehub"] <= -2.5

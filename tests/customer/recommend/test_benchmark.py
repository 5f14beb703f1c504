"""The benchmark on a file of purchases: any table runs, every base beside, and what cannot be judged is refused."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aislehub.core.errors import HubError

FILE = Path(__file__).parents[3] / "benchmarks" / "recommend.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark's module."""
    spec = importlib.util.spec_from_file_location("benchmarks.recommend", FILE)
    assert spec is not None and spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bought(customers: int, days: int, again: float, seed: int = 0) -> pd.DataFrame:
    """Customers who come weekly; a share `again` of it is of five items of their own, the rest what sells."""
    random = np.random.default_rng(seed)
    chance = 1 / np.arange(1, 61)
    rows = []
    for number in range(customers):
        own = random.choice(60, 5, replace=False)
        for day in range(int(random.integers(7)), days, 7):
            others = random.choice(60, 6, p=chance / chance.sum())
            for item in np.unique(np.where(random.random(6) < again, random.choice(own, 6), others)):
                rows.append((f"c{number}", int(item), 1_700_000_000 + day * 86_400))
    return pd.DataFrame(rows, columns=["customer", "item", "time"])


def figures(rows: list[dict[str, Any]], metric: str, where: str) -> dict[str, float]:
    """A metric of each method at the cuts whose name ends so."""
    return {row["model"]: row["value"] for row in rows if row["metric"] == metric and row["data"].endswith(where)}


@pytest.mark.parametrize(("again", "best"), [(0.8, "personal frequency"), (0.0, "popularity")])
def test_the_house_answers_at_least_as_well_as_the_best_base(
    again: float, best: str, bench: ModuleType, tmp_path: Path
) -> None:
    """Where all come back for their own, and where nobody does: no base is better beyond chance, at any of three cuts
    of the file's own span."""
    file = tmp_path / "events.parquet"
    bought(60, 140, again).to_parquet(file)
    rows = bench.run(events=file)
    cuts = {row["data"].split()[-1] for row in rows} - {"cuts"}
    assert len(cuts) == 3
    assert figures(rows, "best_base", "all cuts").keys() & {best, "personal frequency, decayed", "TIFU-KNN"}
    ratios = [row for row in rows if row["metric"].startswith("ratio to")]
    assert len(ratios) == 4 * len(bench.BASES)
    assert all(row["high"] >= 1 for row in ratios)
    assert {"new_recall10", "coverage", "left_out"} <= {row["metric"] for row in rows}


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (bought(1, 140, 0.5), "recommend.bench_customers"),
        (bought(30, 30, 0.5), "recommend.bench_short"),
    ],
    ids=["one customer", "a month"],
)
def test_too_little_to_judge_is_said(frame: pd.DataFrame, code: str, bench: ModuleType, tmp_path: Path) -> None:
    """One customer or a month of purchases is refused with what is needed."""
    file = tmp_path / "events.csv"
    frame.to_csv(file, index=False)
    with pytest.raises(HubError) as refused:
        bench.run(events=file)
    assert refused.value.code == code


def test_one_who_buys_all_day_does_no_harm(bench: ModuleType, tmp_path: Path) -> None:
    """A customer of 50,000 lines is one customer; the others' lists are made and judged."""
    random = np.random.default_rng(0)
    many = pd.DataFrame({"customer": "till", "item": random.integers(0, 60, 50_000),
                         "time": 1_700_000_000 + random.integers(0, 140, 50_000) * 86_400})  # fmt: skip
    file = tmp_path / "events.parquet"
    pd.concat([bought(40, 140, 0.5), many]).to_parquet(file)
    rows = bench.run(events=file, quick=True)
    assert figures(rows, "customers", "") == {"": 41}

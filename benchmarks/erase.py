"""One member erased from a home of Complete Journey's size, and from the recommender exactly.

First the whole command: 1.47 million sales lines, the member of median size; what it costs, and whether a search of
every byte of the home, made here and not by the product, still finds the key. Then the recommender alone: EASE without
one member by the rank-one change, beside the baseline of learning it again from all the others.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from aislehub.core.hub import open_hub
from aislehub.customer.recommend.baskets import Baskets
from aislehub.customer.recommend.ease import Ease, head_items
from aislehub.data.loading import ingest_source
from aislehub.data.privacy.erase import erase_person
from aislehub.data.sources.complete_journey import CompleteJourney

__all__ = ["run"]

Row = dict[str, Any]
HEAD, HEAD_QUICK = 4000, 500
RIDGE = 300.0
FORGOTTEN = 5


def run(data: Path | None, *, quick: bool = False) -> list[Row]:
    """CPU-seconds and what is left of one erasure; exactness and cost of forgetting.

    Args:
        data: a home to copy nothing from; None = a new home with Complete Journey.
        quick: 500 head items instead of 4,000.
    """
    with tempfile.TemporaryDirectory() as folder, open_hub(Path(folder) / "home") as hub:
        ingest_source(hub, CompleteJourney(), name="complete-journey")
        lines = hub.tables.fetch("sales_lines")
        person, count = _median_member(lines)
        started, wall = time.process_time(), time.perf_counter()
        proof = erase_person(hub, person, Path(folder) / "proof.json", who="bench")
        spent, elapsed = time.process_time() - started, time.perf_counter() - wall
        left = [file for file in hub.home.rglob("*") if file.is_file() and person.encode() in file.read_bytes()]
        size = proof["search"]["bytes"] / 1e6
    rows = [
        _row("home", "aislehub", "rows of the member", count, 0.0),
        _row("home", "aislehub", "rows erased", sum(entry["rows"] for entry in proof["tables"]), 0.0),
        _row("home", "aislehub", "CPU-s of the erasure", spent, spent),
        _row("home", "aislehub", "seconds by the clock", elapsed, 0.0),
        _row("home", "aislehub", "MB searched", size, 0.0),
        _row("home", "own search", "files that hold the key afterwards", len(left), 0.0),
    ]
    return rows + _forgetting(lines, HEAD_QUICK if quick else HEAD)


def _median_member(lines: pa.Table) -> tuple[str, int]:
    counts = lines.filter(lines["customer"].is_valid())["customer"].value_counts().to_pylist()
    ordered = sorted(counts, key=lambda one: (one["counts"], one["values"]))
    chosen = ordered[len(ordered) // 2]
    return chosen["values"], chosen["counts"]


def _forgetting(lines: pa.Table, most: int) -> list[Row]:
    """EASE without each of some members, by one rank and by learning again."""
    baskets = Baskets.of(lines.filter(lines["customer"].is_valid()))
    whole = (baskets.matrix() > 0).astype(float).tocsr()
    items = head_items(whole, most)
    rows = whole[:, items]
    model = Ease.fit(rows, items, RIDGE)
    places = np.random.default_rng(0).choice(rows.shape[0], FORGOTTEN, replace=False)
    worst, quick_s, slow_s = 0.0, [], []
    for place in places:
        started = time.process_time()
        quickly = model.without(rows[place].toarray().ravel())
        quick_s.append(time.process_time() - started)
        others = rows[np.delete(np.arange(rows.shape[0]), place)]
        started = time.process_time()
        again = Ease.fit(others, items, RIDGE)
        slow_s.append(time.process_time() - started)
        worst = max(worst, float(np.abs(quickly.inverse - again.inverse).max() / np.abs(again.inverse).max()))
    quick, slow = float(np.median(quick_s)), float(np.median(slow_s))
    about = f"EASE, {len(items):,} head items"
    return [
        _row(about, "rank-one change", "CPU-s to forget a member", quick, quick),
        _row(about, "learned again", "CPU-s to forget a member", slow, slow),
        _row(about, "rank-one change", "times cheaper", slow / max(quick, 1e-9), 0.0),
        _row(about, "rank-one change", "largest relative difference", worst, 0.0),
    ]


def _row(data: str, model: str, metric: str, value: float, cpu: float) -> Row:
    return {
        "bench": "erase", "data": data, "model": model, "metric": metric, "value": float(value), "low": None,
        "high": None, "cpu_s": round(cpu, 4), "peak_mb": None,
    }  # fmt: skip

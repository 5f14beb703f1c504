"""Classes of demand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aislehub.demand.classes import CLASSES, demand_classes
from aislehub.demand.panel import Panel


def panel_of(y: np.ndarray) -> Panel:
    """Days of these demands, and a week ahead."""
    days = pd.date_range("2024-01-01", periods=y.shape[1] + 7)
    return Panel(pd.RangeIndex(len(y)), days, y.astype(np.float32))


@pytest.mark.parametrize(
    ("every", "sizes", "expected"),
    [
        (1, (4, 5, 6), "smooth"),
        (1, (1, 1, 20), "erratic"),
        (4, (4, 5, 6), "intermittent"),
        (4, (1, 1, 20), "lumpy"),
    ],
)
def test_interval_and_size_decide(every: int, sizes: tuple[int, ...], expected: str) -> None:
    """How often something sells and how much its amount varies make the class (ADI 1.32, CV² 0.49)."""
    y = np.zeros((1, 360))
    sold = np.arange(0, 360, every)
    y[0, sold] = np.resize(sizes, len(sold))
    assert CLASSES[demand_classes(panel_of(y))[0]] == expected


def test_a_young_series_is_new() -> None:
    """A series that began less than eight weeks ago is new, however regular; one that began before is not."""
    y = np.full((2, 200), 5.0)
    y[0, : 200 - 55] = np.nan
    y[1, : 200 - 56] = np.nan
    assert [CLASSES[place] for place in demand_classes(panel_of(y))] == ["new", "smooth"]


def test_edges() -> None:
    """Nothing sold ever is intermittent; nothing known is new; what is unknown counts in no interval."""
    y = np.zeros((3, 200))
    y[1] = np.nan
    y[2] = 3.0
    y[2, ::2] = np.nan
    assert [CLASSES[place] for place in demand_classes(panel_of(y))] == ["intermittent", "new", "smooth"]

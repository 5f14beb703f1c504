"""Rows of the table `rostered` as shifts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from aislehub.store.roster.duty import Duty, minute_of

__all__ = ["HISTORY", "duty_of", "text_of"]

HISTORY = timedelta(weeks=17)
"""As far back as any law of working time looks."""


def duty_of(row: Mapping[str, Any]) -> Duty:
    """The shift of a row that holds one."""
    breaks = (one.split("-") for one in text_of(row["breaks"]).split())
    day = row["day"] if type(row["day"]) is date else pd.Timestamp(row["day"]).date()
    return Duty(
        day, minute_of(row["begins"]), minute_of(row["ends"]), row["staff"], text_of(row["skill"]),
        tuple((minute_of(since), minute_of(until)) for since, until in breaks),
    )  # fmt: skip


def text_of(value: Any) -> str:
    """A cell's text; "" where it is empty."""
    return "" if value is None or pd.isna(value) else str(value)

"""Settings of profiles: how long is new, late, away."""

from __future__ import annotations

from aislehub.core.settings import Settings, field

__all__ = ["Policy"]


class Policy(Settings, section="customer"):
    """What counts as new, late and away, and whom chances of a purchase are learned from."""

    new_days: int = field(56, "A member is new for so many days from joining or from the first purchase", ge=1, le=365)
    lapsing_gaps: float = field(
        3.0, "A member is lapsing from so many of their usual gaps after the last purchase", ge=1, le=20
    )
    lapsing_days: int = field(14, "A member is not lapsing before so many days without a purchase", ge=1, le=365)
    lapsed_days: int = field(90, "A member has lapsed after so many days without a purchase", ge=7, le=730)
    churn_days: int = field(56, "Churn = no purchase within so many days", ge=7, le=365)
    learn_members: int = field(
        50_000, "Chances of a purchase are learned from at most so many members", ge=1_000, le=10_000_000
    )

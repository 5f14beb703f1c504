"""What a roster of the business day follows, beside the law: `[roster]` of the settings."""

from __future__ import annotations

from aislehub.core.settings import Settings, field

__all__ = ["Policy"]


class Policy(Settings, section="roster"):
    """Shifts, rest, contracts and what a missing person costs."""

    shift_hours: list[float] = field([4.0, 6.0, 8.0], "Lengths of shifts, breaks included, in hours")
    start_minutes: int = field(60, "Shifts begin every so many minutes from opening on", ge=15, le=240)
    break_after: float = field(6.0, "A shift longer than so many hours has a break; the law may want more", gt=0, le=24)
    break_minutes: int = field(30, "Length of that break, unpaid; whole quarters of an hour", ge=15, le=120)
    rest_hours: float = field(
        11.0, "Least rest between a shift and that of the next day; the law may want more", ge=0, le=24
    )
    days_in_row: int = field(5, "Most days worked one after another", ge=1, le=7)
    weekly_hours: float = field(38.0, "Hours of a contract that says none", gt=0, le=80)
    tolerance: float = field(0.1, "Share by which paid hours of a week may differ from the contract's", ge=0, le=1)
    hourly_cost: float = field(15.0, "Cost of an hour of somebody for whom `staff` says none, in money", gt=0)
    missing: float = field(
        2.0,
        "What an hour without a person who is needed costs, as a multiple of an hour's pay: about what overtime or an "
        "agency costs, and customers who wait are no cheaper",
        ge=1, le=20,
    )  # fmt: skip
    wish: float = field(0.5, "What a wish not heeded may cost, in hours of pay", ge=0, le=8)
    fairness: float = field(
        0.05,
        "What each late or weekend shift of the last four weeks makes another one dearer, in hours of pay",
        ge=0,
        le=2,
    )
    change: float = field(
        2.0, "What each change of a shift that was told costs, in hours of pay; changed is what saves more", ge=0, le=40
    )
    lend: float = field(
        1.0, "What a shift in another store than one's own costs beside its pay, in hours of pay", ge=0, le=40
    )
    late: str = field("20:00", "A shift that ends after this time of day is a late one")
    day_spread: float = field(
        0.1, "Least standard deviation of a day's visitors about their forecast, as a share, for the expected money",
        ge=0, le=1,
    )  # fmt: skip
    effort: int = field(10, "How often each person is planned anew in the search for a roster", ge=1, le=10000)
    swaps_by_rule: bool = field(
        False, "Approve a swap as soon as both want it and law, skills and availability allow it; else a planner does"
    )
    law: list[str] = field([], "Packs of working time that hold everywhere; empty = by each store's country and city")
    simulate_stores: int = field(
        0, "Where the table `staff` is empty: stores, those with the most work, for which people are made up", ge=0
    )
    seed: int = field(0, "Of the search, and of people made up", ge=0)

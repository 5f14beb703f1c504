"""The law as defaults: what a price or a roster may never do, a pack of pure rules a jurisdiction. Not legal advice.

`check(kind, subject, history)` gives the rules that what is to happen would break, each with its article. Packs follow
the country of a store, and for working time its city; where the country is unknown, those of all countries hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from types import ModuleType

from aislehub.core.errors import HubError, did_you_mean
from aislehub.law import cn, eu, nyc, us
from aislehub.law.rules import Breach, NewPrice, PriceHistory
from aislehub.law.shifts import PlannedWork, Shift, Worker, WorkHistory

__all__ = [
    "HOURS_PACKS",
    "PACKS",
    "Breach",
    "NewPrice",
    "PlannedWork",
    "PriceHistory",
    "Shift",
    "WorkHistory",
    "Worker",
    "check",
    "hours_packs_of",
    "packs_of",
    "prior_price",
]

PACKS: dict[str, ModuleType] = {"cn": cn, "eu": eu, "us": us}
HOURS_PACKS = {**PACKS, "nyc": nyc}
"""Packs of working time: those of the countries, and of the city that has its own."""
NEW_YORK = frozenset({"new york", "new york city", "nyc", "manhattan", "brooklyn", "queens", "bronx", "staten island"})
# Countries of the Union, and of the European Economic Area, where the directive holds too.
MEMBERS = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT", "LI",
        "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip


def packs_of(country: str | None, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The packs that hold in a country; all where it is unknown, none where no pack is written for it.

    Args:
        country: ISO 3166 code of two letters.
        chosen: packs that hold whatever the country.

    Raises:
        HubError: `law.pack`.

    Example:
        >>> packs_of("DE"), packs_of("CN"), packs_of(None)
        (('eu',), ('cn',), ('cn', 'eu', 'us'))
    """
    for name in chosen:
        if name not in PACKS:
            raise HubError("law.pack", pack=name, suggestion=did_you_mean(name, PACKS))
    if chosen or not country:
        return tuple(chosen or PACKS)
    if country in MEMBERS:
        return ("eu",)
    return (country.lower(),) if country.lower() in PACKS else ()


def hours_packs_of(country: str | None, city: str | None = None, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The packs of working time that hold in a place.

    Args:
        country, city: of the store.
        chosen: packs that hold whatever the place.

    Raises:
        HubError: `law.pack`.

    Example:
        >>> hours_packs_of("US", "New York"), hours_packs_of("US", "Boston"), hours_packs_of("FR")
        (('us', 'nyc'), ('us',), ('eu',))
    """
    for name in chosen:
        if name not in HOURS_PACKS:
            raise HubError("law.pack", pack=name, suggestion=did_you_mean(name, HOURS_PACKS))
    if chosen:
        return tuple(chosen)
    in_new_york = (country or "").upper() == "US" and (city or "").strip().lower() in NEW_YORK
    return (*packs_of(country), "nyc") if in_new_york else packs_of(country)


def check(
    kind: str,
    subject: NewPrice | PlannedWork,
    history: PriceHistory | WorkHistory,
    packs: Sequence[str] = tuple(PACKS),
) -> list[Breach]:
    """The rules that `subject` would break.

    Args:
        kind: what it is: `price` (a `NewPrice` and its `PriceHistory`) or `hours` (a person's `PlannedWork` and
            `WorkHistory`).
        subject: what is to happen.
        history: what has been.
        packs: those that hold there.

    Raises:
        HubError: `law.kind`; of hours `law.overlap`, when a person is in two places at once.
    """
    if kind == "price" and isinstance(subject, NewPrice) and isinstance(history, PriceHistory):
        found = (rule(subject, history) for name in packs for rule in PACKS[name].PRICE_RULES)
        return [breach for breach in found if breach is not None]
    if kind == "hours" and isinstance(subject, PlannedWork) and isinstance(history, WorkHistory):
        rules = [rule for name in packs for rule in HOURS_PACKS[name].HOURS_RULES]
        return [breach for rule in rules for breach in rule(subject, history)]
    raise HubError("law.kind", kind=kind)


def prior_price(history: PriceHistory, day: date, packs: Sequence[str] = tuple(PACKS)) -> float:
    """The highest former price that every pack lets one show beside a reduction from `day` on; NaN = none may be shown.

    Where no pack holds it is the price of the day before.
    """
    allowed = [PACKS[name].prior_price(history, day) for name in packs] or [history.lowest(day, 1)]
    return math.nan if any(math.isnan(price) for price in allowed) else min(allowed)

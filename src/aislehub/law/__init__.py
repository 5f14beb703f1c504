"""The law as defaults: what a price may never do, a pack of pure rules for each jurisdiction. Not legal advice.

`check(kind, subject, history)` gives the rules that what is to happen would break, each with its article. Packs follow
the country of a store; where that is unknown, all of them hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from types import ModuleType

from aislehub.core.errors import HubError, did_you_mean
from aislehub.law import cn, eu, us
from aislehub.law.rules import Breach, NewPrice, PriceHistory

__all__ = ["PACKS", "Breach", "NewPrice", "PriceHistory", "check", "packs_of", "prior_price"]

PACKS: dict[str, ModuleType] = {"cn": cn, "eu": eu, "us": us}
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


def check(kind: str, subject: NewPrice, history: PriceHistory, packs: Sequence[str] = tuple(PACKS)) -> list[Breach]:
    """The rules that `subject` would break.

    Args:
        kind: what it is: `price`.
        subject: what is to happen.
        history: what has been.
        packs: those that hold there.

    Raises:
        HubError: `law.kind`.
    """
    if kind != "price":
        raise HubError("law.kind", kind=kind)
    found = (rule(subject, history) for name in packs for rule in PACKS[name].PRICE_RULES)
    return [breach for breach in found if breach is not None]


def prior_price(history: PriceHistory, day: date, packs: Sequence[str] = tuple(PACKS)) -> float:
    """The highest former price that every pack lets one show beside a reduction from `day` on; NaN = none may be shown.

    Where no pack holds it is the price of the day before.
    """
    allowed = [PACKS[name].prior_price(history, day) for name in packs] or [history.lowest(day, 1)]
    return math.nan if any(math.isnan(price) for price in allowed) else min(allowed)

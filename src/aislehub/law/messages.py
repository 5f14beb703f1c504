"""What holds for every message to a member: how often, at what hours, and who never gets any.

The permanent holdout is a lot that nothing stores and nobody can choose: the same members always, so that what all
messages together are worth can be measured on those who never get one.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import model_validator

from aislehub.core.assign import arm
from aislehub.core.settings import Settings, field

__all__ = ["WEEK", "MessageRules", "is_held_back", "is_quiet"]

WEEK = 7
_SALT = "permanent holdout"


class MessageRules(Settings, section="messages"):
    """What holds for every message to a member."""

    per_day: int = field(1, "Most messages to one member on a day", ge=1, le=10)
    per_week: int = field(2, "Most messages to one member in any 7 days", ge=1, le=70)
    quiet_from: int = field(21, "Hour from which nothing is sent, on the clock of the member's home store", ge=0, le=23)
    quiet_to: int = field(8, "Hour until which nothing is sent; the same as quiet_from = no quiet hours", ge=0, le=23)
    holdout: float = field(0.05, "Share of the members who never get a message, to measure what all are worth", ge=0,
                           le=0.5)  # fmt: skip
    law: tuple[str, ...] = field((), "Packs of law that hold for all members; empty = that of their home store's "
                                     "country, all packs where it is unknown")  # fmt: skip

    @model_validator(mode="after")
    def _week_holds_a_day(self) -> MessageRules:
        if self.per_week < self.per_day:
            raise ValueError("per_week is below per_day")
        return self


def is_held_back(member: str, share: float) -> bool:
    """Whether a member is in the permanent holdout of this share.

    Example:
        >>> is_held_back("m-17", 0.0), is_held_back("m-17", 1.0)
        (False, True)
    """
    return arm(member, {"held": share, "open": 1 - share}, salt=_SALT) == "held"


def is_quiet(now: datetime, timezone: str, rules: MessageRules) -> bool:
    """Whether nothing may be sent at an instant where clocks show `timezone`."""
    hour = now.astimezone(ZoneInfo(timezone)).hour
    if rules.quiet_from <= rules.quiet_to:
        return rules.quiet_from <= hour < rules.quiet_to
    return hour >= rules.quiet_from or hour < rules.quiet_to

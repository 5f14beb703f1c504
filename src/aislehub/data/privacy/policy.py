"""What the house has decided about personal data: how long tables keep it, and how requests are verified."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aislehub.core.settings import Settings
from aislehub.core.settings import field as setting

__all__ = ["Policy"]


class Policy(Settings, section="privacy"):
    """How personal data are kept, and given back."""

    keep_days: dict[str, Annotated[int, Field(ge=1)]] = setting(
        {},
        "Table → days after which `aislehub retain` removes its rows, e.g. {events = 400}; a table not named is kept",
    )
    relearn: bool = setting(
        True,
        "Learn models anew on the next day when rows that they were learned from were erased; false = at their turn",
    )
    code_minutes: int = setting(15, "How long a one-time code of a request holds", ge=1, le=1440)
    code_tries: int = setting(5, "Wrong codes allowed for one request", ge=1, le=20)

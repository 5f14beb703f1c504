"""Segments: groups of members by rules that a marketer can read, with thresholds from the house's own members.

Nobody has to guess what is behind a name: each segment is one rule over the columns of the profile (`rules.py`), and
what is high or low is the highest or lowest quarter of the chain's own regular members. A member may be in several;
one leads: a stage of life that asks for an answer (not bought yet, new, lapsing, lapsed), else the one in which they
stand out most. Rules of one's own are lines in hub.toml, and replace a built-in one of the same name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import field_validator

from aislehub.core.errors import HubError
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer.rules import COLUMNS, Limits, Rule, matches, parse, scores
from aislehub.law.consent import may_use
from aislehub.schema.segments import CUSTOMER_SEGMENTS

__all__ = ["BUILT_IN", "FEWEST", "STAGES_FIRST", "Policy", "belonging", "customer_segments", "leading", "limits_of",
           "rules_of"]  # fmt: skip

BUILT_IN = {
    "prospect": "stage = prospect",
    "new": "stage = new",
    "lapsing": "stage = lapsing",
    "lapsed": "stage = lapsed",
    "loyal": "stage = active and visits_90 is high and tenure_days >= 180",
    "high_value": "stage = active and spend_90 is high",
    "price_sensitive": "discount_share is high and offer_seeking >= 1",
    "quality_seeking": "quality_index is high and not discount_share is high",
    "big_basket": "basket_value is high",
    "top_up": "basket_items is low and visits_90 is high",
    "own_brand": "private_label_share is high",
    "coupon_user": "coupon_visits is high",
    "one_category": "top_category_share is high",
    "broad_range": "categories_bought is high",
    "growing": "spend_trend is high and spend_trend >= 0.2",
    "shrinking": "stage = active and spend_trend is low and spend_trend <= -0.2",
    "weekend": "weekend_share >= 0.6 and visits_365 >= 4",
    "online": "online_share >= 0.5",
    "looked_only": "carts_30 >= 1 and visits_28 = 0",
}
"""Name → rule, in the order in which they are shown."""
STAGES_FIRST = ("prospect", "new", "lapsing", "lapsed")
"""Segments that lead wherever they hold."""
FEWEST = 5
"""Groups of fewer members are not shown in figures."""
_NAME = re.compile(r"[^\W\d][\w-]{0,39}")


class Policy(Settings, section="segments"):
    """How members are put into segments."""

    high: float = field(0.75, "Share of regular members below which a value is not high", gt=0.5, lt=1)
    low: float = field(0.25, "Share of regular members up to which a value is low", gt=0, lt=0.5)
    least_visits: int = field(
        4, "Visits of a year from which a member counts as regular: compared, and compared with", ge=1, le=100
    )
    cluster_by: list[str] = field(
        ["visits_90", "basket_value", "discount_share"], "Figures of the profile that regular members are clustered "
        "by: few, and telling of different things"
    )  # fmt: skip
    cluster_stability: float = field(
        0.8, "Clusters are shown if made again from other draws of members they agree at least so much (adjusted Rand "
             "index, 1 = the same)", gt=0, le=1
    )  # fmt: skip
    most_clusters: int = field(7, "Clusters at most", ge=3, le=12)
    own: dict[str, str] = field(
        {}, "Own segments, name = rule, e.g. in `[segments.own]`: families = \"basket_items >= 20 and weekend_share is "
            "high\"; one with the name of a built-in segment replaces it, an empty rule takes it away"
    )  # fmt: skip

    @field_validator("cluster_by")
    @classmethod
    def _are_figures(cls, names: list[str]) -> list[str]:
        if not names:
            raise ValueError("at least one figure of a profile, such as visits_90")
        for name in names:
            if name not in COLUMNS or COLUMNS[name].type not in ("int", "float"):
                raise ValueError(f"{name}: no figure of a profile, such as visits_90")
        return names

    @field_validator("own")
    @classmethod
    def _are_rules(cls, own: dict[str, str]) -> dict[str, str]:
        for name, rule in own.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name}: a name begins with a letter and has letters, digits, _ and -, at most 40")
            try:
                if rule.strip():
                    parse(rule)
            except HubError as error:
                raise ValueError(f"{name}: {error}") from error
        return own


@step(reads="customer_profiles consents", writes=CUSTOMER_SEGMENTS)
def customer_segments(
    customer_profiles: ir.Table, consents: ir.Table, *, day: date, policy: Policy, timezone: str
) -> pd.DataFrame:
    """Every segment of every member who did not object to being told apart."""
    members = customer_profiles.filter(customer_profiles.day == ibis.literal(day)).order_by("customer").to_pandas()
    said = consents.select("customer", "purpose", "granted", "at").to_pandas()
    moment = end_of_day(day, timezone)
    limits = limits_of(members[may_use(members["customer"].tolist(), "analysis", said, moment)], policy)
    found = belonging(members, rules_of(policy), limits)
    willing = members["customer"][may_use(members["customer"].tolist(), "personalisation", said, moment)]
    return found[found["customer"].isin(willing)]


def rules_of(policy: Policy) -> dict[str, Rule]:
    """Name → rule of all segments: the built-in ones, then one's own."""
    texts = {name: text for name, text in {**BUILT_IN, **policy.own}.items() if text.strip()}
    return {name: parse(text) for name, text in texts.items()}


def limits_of(members: pd.DataFrame, policy: Policy) -> Limits:
    """What is high and low among members."""
    return Limits.of(members, low=policy.low, high=policy.high, least_visits=policy.least_visits)


def belonging(members: pd.DataFrame, rules: Mapping[str, Rule], limits: Limits) -> pd.DataFrame:
    """Columns customer, segment, score, leading, source: a row per member and segment that they are in.

    Args:
        members: profiles, a row a member.
    """
    parts = []
    for name, rule in rules.items():
        inside = matches(rule, members, limits)
        score = scores(rule, members, limits)[inside]
        some = members.loc[inside, ["customer", "source"]]
        parts.append(some.assign(segment=name, score=np.clip(score, 0, 1)))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["customer", "segment", "score"])
    return found.assign(leading=leading(found, list(rules)))


def leading(found: pd.DataFrame, order: list[str]) -> NDArray[np.bool_]:
    """Which row of each member is the one that leads, (n,)."""
    turn = {name: at for at, name in enumerate(order)}
    ranked = found.assign(stage=found["segment"].isin(STAGES_FIRST), turn=found["segment"].map(turn)).sort_values(
        ["stage", "score", "turn"], ascending=[False, False, True], kind="stable"
    )
    first = ~ranked["customer"].duplicated()
    return np.asarray(first.reindex(found.index), dtype=bool)

"""Whose data may be used for what: a member's last word on a purpose, and what holds where there is none.

**Personalisation** and **analysis** may begin without a yes and end at a no: GDPR, articles 6(1)(f) and 21;
《个人信息保护法》 article 24, which asks for a choice that is not made for the person. **Messages** need a yes first
in China (《消费者权益保护法》 article 29) and in the European Union (Directive 2002/58/EC, article 13); in the United
States they end at a no (15 U.S.C. 7704(a)(4)).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.core.errors import HubError, did_you_mean
from aislehub.law.rules import Article
from aislehub.schema.consents import PURPOSES

__all__ = ["ARTICLES", "ASKED_FIRST", "may_use"]

ASKED_FIRST: dict[str, frozenset[str]] = {"messages": frozenset({"cn", "eu"})}
"""Purpose → packs in which nothing may happen before the member agrees; elsewhere it must end when they object."""

ARTICLES: dict[tuple[str, str], Article] = {
    ("personalisation", "cn"): Article(
        "《中华人民共和国个人信息保护法》第二十四条",
        "http://www.npc.gov.cn/npc/c30834/202108/a8c4e3672c74491a80b53a172bb753fe.shtml",
    ),
    ("personalisation", "eu"): Article(
        "Regulation (EU) 2016/679, art. 21", "https://eur-lex.europa.eu/eli/reg/2016/679/oj"
    ),
    ("messages", "cn"): Article("《中华人民共和国消费者权益保护法》第二十九条", "https://flk.npc.gov.cn"),
    ("messages", "eu"): Article(
        "Directive 2002/58/EC, art. 13", "https://eur-lex.europa.eu/eli/dir/2002/58/2009-12-19"
    ),
    ("messages", "us"): Article("15 U.S.C. 7704(a)(4)", "https://www.law.cornell.edu/uscode/text/15/7704"),
    ("analysis", "cn"): Article(
        "《中华人民共和国个人信息保护法》第四十四条",
        "http://www.npc.gov.cn/npc/c30834/202108/a8c4e3672c74491a80b53a172bb753fe.shtml",
    ),
    ("analysis", "eu"): Article("Regulation (EU) 2016/679, art. 21", "https://eur-lex.europa.eu/eli/reg/2016/679/oj"),
}
"""Where it is written, by purpose and pack."""


def may_use(
    customers: Sequence[str],
    purpose: str,
    consents: pd.DataFrame,
    at: datetime,
    packs: Sequence[str] = ("cn", "eu", "us"),
) -> NDArray[np.bool_]:
    """Whose data may be used for a purpose at a moment.

    Args:
        customers: random keys, (n,).
        purpose: one of `PURPOSES`.
        consents: rows of the table `consents`: customer, purpose, granted, at.
        at: a word said later does not count.
        packs: those that hold where the customers are; the strictest decides.

    Returns:
        bool (n,).

    Raises:
        HubError: `law.purpose`.
    """
    if purpose not in PURPOSES:
        raise HubError("law.purpose", purpose=purpose, suggestion=did_you_mean(purpose, PURPOSES))
    said = consents[(consents["purpose"] == purpose) & (pd.to_datetime(consents["at"], utc=True) <= _utc(at))]
    latest = said.sort_values("at", kind="stable").drop_duplicates("customer", keep="last")
    word = latest.set_index("customer")["granted"].reindex(list(customers))
    without = not ASKED_FIRST.get(purpose, frozenset()).intersection(packs)
    return word.where(word.notna(), without).to_numpy(dtype=bool)


def _utc(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)

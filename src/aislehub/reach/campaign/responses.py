"""What members brought after earlier sends of an offer that is due again: from it uplift learns whom to write to.

Only sends by lot are of use, so only the two arms are in it: who got the message, and whom the lot kept from it. Money
is counted over the horizon of the campaign that is due, so sends that were measured over other horizons count as well,
once as many days have passed.
"""

from __future__ import annotations

from datetime import date, timedelta

import ibis.expr.types as ir
import pandas as pd

from aislehub.core.step import step
from aislehub.reach.campaign.audience import due
from aislehub.reach.campaign.decide import Policy
from aislehub.reach.campaign.money import brought, contributions, first_messages
from aislehub.schema.campaigns import CAMPAIGN_RESPONSES

__all__ = ["campaign_responses"]


@step(reads="campaign_plans contacts sales_lines items", writes=CAMPAIGN_RESPONSES)
def campaign_responses(
    campaign_plans: ir.Table, contacts: ir.Table, sales_lines: ir.Table, items: ir.Table, *, day: date, policy: Policy
) -> pd.DataFrame:
    """Both arms of every earlier send of an offer and channel that is due tomorrow."""
    plans = campaign_plans.to_pandas()
    tomorrow = due(plans, day + timedelta(days=1))
    sent = contacts.to_pandas() if len(tomorrow) else pd.DataFrame()
    money = contributions(sales_lines, items, policy.margin)
    found = []
    for plan in tomorrow.itertuples():
        alike = plans[(plans["offer"] == plan.offer) & (plans["channel"] == plan.channel)]["campaign"]
        for earlier in sorted(set(alike) & set(sent.get("campaign", ()))):
            rows = first_messages(sent[sent["campaign"] == earlier], plan.horizon_days, day)
            if rows["arm"].nunique() < 2:
                continue
            seen = brought(money, rows[["customer", "day", "arm", "source"]], plan.horizon_days, policy.pre_days)
            seen = seen.rename(columns={"after": "money", "earlier": "money_before", "day": "sent"})
            found.append(seen.assign(campaign=plan.campaign, earlier=earlier))
    if not found:
        return CAMPAIGN_RESPONSES.empty().to_pandas()
    return pd.concat(found, ignore_index=True).assign(day=day)

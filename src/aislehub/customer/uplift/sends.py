"""Earlier sends of an offer as one trial: each with its own lot, put together so that only the message tells apart.

Sends differ in season, audience and in the share that the lot kept from the message. So money is net of what a member
brought before (CUPED: Deng, Xu, Kohavi and Walker 2013) and counted from the mean of the same send's control, and each
row keeps the chance with which it was drawn. A send whose arms can be told apart by what was known before, or that has
too few members, does not count.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aislehub.customer.uplift.randomised import LEVEL, balance
from aislehub.customer.uplift.trial import FloatArray, Trial, described
from aislehub.schema.profiles import CUSTOMER_PROFILES

__all__ = ["FEATURES", "Sends", "sends_of"]

FEATURES = tuple(
    column.name for column in CUSTOMER_PROFILES.columns if column.type in ("int", "float", "bool") or column.values
)
"""Columns of the profile that describe a member; not days and names of goods and stores."""


@dataclass(frozen=True)
class Sends:
    """Earlier sends that count, and the members of today.

    Attributes:
        trial: both arms of all sends, (n,); outcome = money over the mean of the send's control.
        member: number of each unit's member, (n,).
        count: sends that count.
        few, not_random: sends that do not, because an arm has too few members, or their arms were not drawn by lot.
        today: features of the members of today, (m, k), described as those of the trial.
        members: who they are: columns customer and source, (m,).
    """

    trial: Trial
    member: NDArray[np.int64]
    count: int
    few: int
    not_random: int
    today: FloatArray
    members: pd.DataFrame


def sends_of(responses: pd.DataFrame, before: pd.DataFrame, today: pd.DataFrame, *, least: int, seed: int = 0) -> Sends:
    """Earlier sends with what was known of each member on the eve, as one trial.

    Args:
        responses: rows of `campaign_responses` of one campaign that is due.
        before: profiles on the eve of each message: `sent`, `customer` and `FEATURES`.
        today: profiles of the members to be scored: `customer`, `source` and `FEATURES`.
        least: members of each arm that a send has to have.
    """
    rows = responses.merge(before, on=["sent", "customer"]).sort_values(["earlier", "customer"], ignore_index=True)
    values, names, left_out = described(pd.concat([rows, today], ignore_index=True), FEATURES)
    treated = (rows["arm"] == "treatment").to_numpy(bool)
    everything = Trial(values[: len(rows)], names, treated, np.zeros(len(rows)), np.arange(len(rows)), left_out)
    parts: list[Trial] = []
    few = not_random = 0
    for places in rows.groupby("earlier", sort=True).indices.values():
        one = everything.part(np.asarray(places))
        if min(int(one.treated.sum()), int((~one.treated).sum())) < least or not names:
            few += 1
        elif balance(one, seed=seed).p_value < LEVEL:
            not_random += 1
        else:
            money = rows.iloc[places]
            net = _net(money["money"].to_numpy(float), money["money_before"].to_numpy(float), one.treated)
            parts.append(replace(one, outcome=net, chance=np.full(len(net), one.share)))
    used = np.concatenate([part.rows for part in parts]) if parts else np.empty(0, dtype=np.int64)
    trial = replace(
        everything.part(used),
        outcome=np.concatenate([np.empty(0), *(part.outcome for part in parts)]),
        chance=np.concatenate([np.empty(0), *(part.chances for part in parts)]),
    )
    member = pd.factorize(rows["customer"].iloc[used])[0].astype(np.int64)
    return Sends(trial, member, len(parts), few, not_random, values[len(rows) :], today[["customer", "source"]])


def _net(money: FloatArray, before: FloatArray, treated: NDArray[np.bool_]) -> FloatArray:
    """Money net of what was brought before, over the mean of the control."""
    spread = float(before.var())
    slope = float(np.cov(money, before, bias=True)[0, 1]) / spread if spread > 0 else 0.0
    net = money - slope * (before - before.mean())
    return np.asarray(net - net[~treated].mean(), dtype=float)

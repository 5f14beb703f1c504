"""Whom a campaign should write to, learned from earlier sends by lot of the same offer and channel.

Every evening, for each campaign that is due: what do earlier sends tell? Only if members can be told apart by what
writing to them changes (the 90 % interval of the Qini lies above 0, on members that the model has not seen), each
member gets a score, and the campaign may pick by it. Else the study says why not, and the lot decides as before.
Who objected to analysis is not learned from; who objected to personalisation has no score.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _
from pydantic import field_validator

from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.settings import Settings, field
from aislehub.core.step import step
from aislehub.core.tables import end_of_day
from aislehub.customer.uplift.learners import DEFAULT, LEARNERS, cross_fitted, learn
from aislehub.customer.uplift.qini import qini
from aislehub.customer.uplift.sends import FEATURES, Sends, sends_of
from aislehub.customer.uplift.trial import LEAST
from aislehub.customer.uplift.value import mean_of, scores
from aislehub.law.consent import may_use
from aislehub.schema.uplift import UPLIFT_SCORES, UPLIFT_STUDIES

__all__ = ["Policy", "studied", "uplift_scores", "uplift_studies"]

STALE = 21
"""Days after which a profile says nothing of the eve of a message any more."""


class Policy(Settings, section="uplift"):
    """How campaigns learn whom to write to."""

    learner: str = field(DEFAULT, f"Model: {', '.join(LEARNERS)}")
    least: int = field(LEAST, "Members of each arm that an earlier send has to have, to be learned from", ge=LEAST)

    @field_validator("learner")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in LEARNERS:
            raise ValueError(str(HubError("uplift.learner", learner=name, suggestion=did_you_mean(name, LEARNERS))))
        return name


@step(reads="campaign_plans campaign_responses customer_profiles consents", writes=UPLIFT_STUDIES)
def uplift_studies(
    campaign_plans: ir.Table, campaign_responses: ir.Table, customer_profiles: ir.Table, consents: ir.Table, *,
    day: date, policy: Policy, timezone: str, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """What earlier sends tell, for each campaign that is due tomorrow and has any."""
    costs = campaign_plans.select("campaign", "message_cost").to_pandas().set_index("campaign")["message_cost"]
    rows = []
    for name, found in _sends(campaign_responses, customer_profiles, consents, day, timezone, policy, seed):
        cost = float(pd.to_numeric(costs)[name])
        rows.append({"campaign": name, **studied(found, 0.0 if np.isnan(cost) else cost, policy.learner, seed=seed)})
    return pd.DataFrame(rows).assign(day=day) if rows else UPLIFT_STUDIES.empty().to_pandas()


@step(reads="campaign_responses customer_profiles consents uplift_studies", writes=UPLIFT_SCORES)
def uplift_scores(
    campaign_responses: ir.Table, customer_profiles: ir.Table, consents: ir.Table, uplift_studies: ir.Table, *,
    day: date, policy: Policy, timezone: str, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """The expected change of every member, for campaigns whose earlier sends tell members apart."""
    telling = uplift_studies.filter(_.day == ibis.literal(day), _.verdict == "picks").select("campaign")
    mine = campaign_responses.semi_join(telling, "campaign")
    parts = []
    for name, found in _sends(mine, customer_profiles, consents, day, timezone, policy, seed):
        gain = learn(policy.learner, found.trial, seed=seed).uplift(found.today)
        parts.append(found.members.assign(campaign=name, uplift=gain))
    return pd.concat(parts, ignore_index=True).assign(day=day) if parts else UPLIFT_SCORES.empty().to_pandas()


def studied(sends: Sends, cost: float, learner: str, *, seed: int = 0) -> dict[str, Any]:
    """What a campaign's earlier sends tell, by models that have not seen the member.

    Args:
        cost: of one message.

    Returns:
        Columns of `uplift_studies`, without the campaign.
    """
    known: dict[str, Any] = {"sends": sends.count, "members": len(sends.trial.treated)}
    if not sends.count:
        return known | {"verdict": "not_random" if sends.not_random else "few"}
    trial = sends.trial
    outcomes = cross_fitted(learner, trial, seed=seed)
    gain = outcomes[:, 1] - outcomes[:, 0]
    ranked = qini(gain, trial.treated, trial.outcome, weight=trial.weights, member=sends.member, seed=seed)
    scored = scores(trial, outcomes)
    picked = gain > cost
    told = {"qini": ranked.times(1000), "all": mean_of(scored, sends.member)}
    if picked.any():
        told["picked"] = mean_of(scored[picked], sends.member[picked])
    for name, found in told.items():
        known |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
    return known | {"verdict": "picks" if ranked.low > 0 else "no_rank", "picked_share": float(picked.mean())}


def _sends(
    responses: ir.Table, profiles: ir.Table, consents: ir.Table, day: date, timezone: str, policy: Policy, seed: int
) -> Iterator[tuple[str, Sends]]:
    """Name and earlier sends of each campaign that has any."""
    rows = responses.filter(_.day == ibis.literal(day)).to_pandas()
    if rows.empty:
        return
    said, moment = consents.to_pandas(), end_of_day(day, timezone)
    rows = rows[may_use(rows["customer"].tolist(), "analysis", said, moment)]
    before = _eves(profiles, sorted(set(rows["sent"])))
    today = profiles.filter(_.day == ibis.literal(day)).select("customer", "source", *FEATURES).to_pandas()
    today = today[may_use(today["customer"].tolist(), "personalisation", said, moment)].sort_values("customer")
    for name, mine in rows.groupby("campaign"):
        yield str(name), sends_of(mine, before, today, least=policy.least, seed=seed)


def _eves(profiles: ir.Table, sent: Sequence[date]) -> pd.DataFrame:
    """Profiles on the last day before each message that has any: columns sent, customer and `FEATURES`."""
    days = sorted(profiles.select("day").distinct().to_pandas()["day"])
    eves = {one: max((day for day in days if 0 < (one - day).days <= STALE), default=None) for one in sent}
    read = profiles.filter(_.day.isin([day for day in eves.values() if day])).to_pandas()
    parts = [read[read["day"] == eve].assign(sent=one) for one, eve in eves.items() if eve]
    columns = ["sent", "customer", *FEATURES]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

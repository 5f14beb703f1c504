"""Uplift of campaigns: what earlier sends by lot tell of whom to write to, and each member's expected change."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["UPLIFT_SCORES", "UPLIFT_STUDIES", "VERDICTS"]

VERDICTS = ("picks", "no_rank", "not_random", "few")
"""What earlier sends tell: whom to write to; that members cannot be told apart; nothing, for they were not drawn by
lot; nothing, for an arm has too few members."""

UPLIFT_STUDIES = Contract(
    "uplift_studies",
    "What earlier sends by lot of the same offer and channel tell of whom to write to in one campaign that is due on "
    "the next day; a campaign without such sends has no row",
    (
        Column("campaign", "text", "Name of the campaign that is due"),
        Column("verdict", "text", "picks = members can be told apart by what writing to them changes; no_rank = they "
               "cannot, the Qini's interval holds 0; not_random = earlier sends were not drawn by lot; few = too few "
               "members of an arm", values=VERDICTS),
        Column("sends", "int", "Earlier sends that count", "sends", low=0),
        Column("members", "int", "Members of both arms in them", "members", low=0),
        Column("qini", "float", "Area between what the ranking brings and what chance brings, for 1,000 members; empty "
               "= nothing could be estimated", "money", required=False),
        Column("qini_low", "float", "Lower end of its 90 % interval", "money", required=False),
        Column("qini_high", "float", "Upper end", "money", required=False),
        Column("all", "float", "What writing to one member changes, over all members; costs of messages are not taken "
               "off", "money", required=False),
        Column("all_low", "float", "Lower end of its 90 % interval", "money", required=False),
        Column("all_high", "float", "Upper end", "money", required=False),
        Column("picked", "float", "The same over those whom uplift picks", "money", required=False),
        Column("picked_low", "float", "Lower end of its 90 % interval", "money", required=False),
        Column("picked_high", "float", "Upper end", "money", required=False),
        Column("picked_share", "float", "Share of the members in earlier sends whom uplift picks", "fraction",
               required=False, low=0, high=1),
    ),
    key="day campaign",
    derived=True,
)  # fmt: skip

UPLIFT_SCORES = Contract(
    "uplift_scores",
    "By how much writing to one member is expected to change what they bring; only where earlier sends tell members "
    "apart",
    (
        Column("campaign", "text", "Name of the campaign that is due on the next day"),
        Column("customer", "text", "Random key of the member", person=True),
        Column("uplift", "float", "Expected change of their contribution over the days that the campaign is measured "
               "over; the cost of the message is not taken off", "money"),
        SOURCE,
    ),
    key="day campaign customer",
    derived=True,
)  # fmt: skip

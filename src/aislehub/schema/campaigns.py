"""Campaigns: what is to be sent to which segment, who was picked, and who was written to or, by lot, was not."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CAMPAIGN_AUDIENCE", "CAMPAIGN_PLANS", "CAMPAIGN_RESPONSES", "CHANNELS", "CONTACTS", "STATUSES"]

CHANNELS = ("email", "webhook", "file")
"""Ways to a member: mail by the house itself, a signed post to a gateway (text message, app), a file for an agency."""

STATUSES = ("treatment", "control", "holdout", "no_consent", "capped", "over_budget", "not_picked")
"""What becomes of a member of the segment: gets it; by lot does not, for comparison; never gets any; has not agreed or
has objected; was written to often enough; beyond the budget; is not expected to bring what writing costs."""

CAMPAIGN_PLANS = Contract(
    "campaign_plans",
    "One campaign: a segment, an offer, a channel and what is written",
    (
        Column("campaign", "text", "Its name"),
        Column("segment", "text", "Segment of `customer_segments` that it is for; empty = all members", required=False),
        Column("offer", "text", "What is offered, in words or as the till's code"),
        Column("channel", "text", "Way to the member: email, webhook (text message or app by a gateway), file",
               values=CHANNELS),
        Column("starts", "date", "First day on which messages go out"),
        Column("ends", "date", "Last day of the offer, and of messages; empty = the first day", required=False),
        Column("every_days", "int", "Days from one round of messages to the next; empty = one round", "days",
               required=False, low=1),
        Column("control", "float", "Share of the audience that by lot gets nothing, for comparison", "fraction",
               low=0, high=0.9),
        Column("explore", "float", "Share of the audience that is drawn by lot also where earlier sends tell whom to "
               "write to, so that the next estimate stays possible; empty = 0.2", "fraction", required=False, low=0,
               high=1),
        Column("horizon_days", "int", "Days after a message over which its effect is counted", "days", low=1, high=365),
        Column("message_cost", "float", "Cost of one message", "money", required=False, low=0),
        Column("offer_cost", "float", "Expected cost of the offer for one member written to: discount times those who "
               "use it", "money", required=False, low=0),
        Column("budget", "float", "Most money that messages and offers of one round may cost; empty = no limit",
               "money", required=False, low=0),
        Column("subject_en", "text", "Subject in English", required=False),
        Column("text_en", "text", "Text in English, with {offer} and {ends}", required=False),
        Column("subject_zh", "text", "Subject in Chinese", required=False),
        Column("text_zh", "text", "Text in Chinese, with {offer} and {ends}", required=False),
        SOURCE,
    ),
    key="campaign",
)  # fmt: skip

CAMPAIGN_AUDIENCE = Contract(
    "campaign_audience",
    "One member of a campaign's segment at the close of business day `day`, and what becomes of them on the next day",
    (
        Column("campaign", "text", "Name of the campaign"),
        Column("customer", "text", "Random key of the member", person=True),
        Column("status", "text", "treatment = gets the message; control = by lot does not; holdout = gets no message "
               "ever; no_consent = has not agreed, or objected; capped = was written to often enough; over_budget; "
               "not_picked = is not expected to bring what writing costs",
               values=STATUSES),
        Column("drawn", "text", "How those in treatment and control came in: lot, or uplift = expected to bring more "
               "than writing costs; empty for all others", required=False, values=("lot", "uplift")),
        Column("language", "text", "Language the member reads; empty = unknown", required=False),
        Column("country", "text", "Country of the member's home store; empty = unknown", required=False),
        Column("timezone", "text", "Time zone of that store; empty = the chain's", required=False),
        SOURCE,
    ),
    key="day campaign customer",
    derived=True,
)  # fmt: skip

CONTACTS = Contract(
    "contacts",
    "One member whom a campaign wrote to, or whom the lot of its control kept from it",
    (
        Column("campaign", "text", "Name of the campaign"),
        Column("customer", "text", "Random key of the member", person=True),
        Column("day", "date", "Business day of the message"),
        Column("arm", "text", "treatment = written to, control = by lot not", values=("treatment", "control")),
        Column("channel", "text", "Way to the member", values=CHANNELS),
        Column("decision", "text", "Decision that sent it", required=False),
        SOURCE,
    ),
    key="campaign day customer",
    known_from="day",
)  # fmt: skip

CAMPAIGN_RESPONSES = Contract(
    "campaign_responses",
    "What one member brought after an earlier send, by lot, of an offer and channel that are due on the next day; of a "
    "member's rounds the first",
    (
        Column("campaign", "text", "Name of the campaign that is due"),
        Column("earlier", "text", "Name of the campaign that was sent; the same one, where it is an earlier round"),
        Column("customer", "text", "Random key of the member", person=True),
        Column("sent", "date", "Business day of the message"),
        Column("arm", "text", "treatment = written to, control = by lot not", values=("treatment", "control")),
        Column("money", "float", "Contribution over as many days from that day on as the due campaign is measured "
               "over; the costs of messages are not in it", "money"),
        Column("money_before", "float", "Contribution of the `campaigns.pre_days` before", "money"),
        SOURCE,
    ),
    key="day campaign earlier customer",
    derived=True,
)  # fmt: skip

"""Customers: members under a random key, with only what they told the chain."""

from __future__ import annotations

from aislehub.core.contract import Column, Contract
from aislehub.schema.provenance import SOURCE

__all__ = ["CUSTOMERS"]

CUSTOMERS = Contract(
    "customers",
    "One member; the key is random, its link to a person lives in the state database, what they agreed to in "
    "`consents`",
    (
        Column("customer", "text", "Random key of the member", person=True),
        Column("joined", "date", "First business day as a member", required=False),
        Column("home_store", "text", "Store the member chose", required=False),
        Column("age_band", "text", "Age band as told, e.g. 25-34; never in a price", required=False),
        Column("income_band", "text", "Income band as told; never in a price", required=False),
        Column("household", "text", "Household as told, e.g. 2 Adults Kids", required=False),
        Column("household_size", "int", "Persons in the household", "persons", required=False, low=1),
        Column("children", "int", "Children in the household", "persons", required=False, low=0),
        Column("language", "text", "Language the member reads, e.g. zh or en", required=False),
        SOURCE,
    ),
    key="customer",
    known_from="joined",
)  # fmt: skip

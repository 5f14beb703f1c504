"""How long personal data are kept: what each table with persons holds, and the removal of what is too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

from aislehub.core.contract import Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.hub import Hub
from aislehub.core.tables import end_of_day
from aislehub.data.privacy.policy import Policy

__all__ = ["Holding", "holdings", "retain"]


@dataclass(frozen=True)
class Holding:
    """One table with persons.

    Attributes:
        persons: how many different ones.
        oldest: day of its oldest row.
        keep_days: after which `retain` removes rows; None = kept.
        due: rows that are older than that.
    """

    table: str
    help: str
    columns: tuple[str, ...]
    rows: int
    persons: int
    oldest: date | None
    keep_days: int | None
    due: int


def holdings(hub: Hub, day: date) -> list[Holding]:
    """Every table with a column of persons that has rows, as of `day`."""
    keep = _kept(hub)
    found = []
    for name, contract in sorted(hub.registry.contracts.items()):
        if contract.persons and hub.tables.count(name):
            found.append(_holding(hub, contract, keep.get(name), day))
    return found


def retain(hub: Hub, day: date, *, dry_run: bool = False) -> dict[str, int]:
    """Remove rows older than the settings say, bytes included; rows by table.

    Raises:
        HubError: `privacy.keep` for a table that does not exist, `day.busy`.
    """
    keep = _kept(hub)
    with hub.day_lock(day):
        removed = {}
        for name, days in keep.items():
            wanted = _older(hub.tables.contract(name), day, days, hub.tables.timezone)
            if dry_run:
                removed[name] = hub.tables.matching(name, wanted).num_rows
            else:
                removed[name] = hub.tables.rewrite(name, wanted, _none)
        return removed


def _kept(hub: Hub) -> dict[str, int]:
    keep = Policy.load(hub.home).keep_days
    for name in keep:
        if name not in hub.registry.contracts:
            raise HubError("privacy.keep", table=name, suggestion=did_you_mean(name, hub.registry.contracts))
    return dict(keep)


def _holding(hub: Hub, contract: Contract, days: int | None, day: date) -> Holding:
    moment, person = _moment(contract), contract.persons[0]

    def figures(tables: Any) -> Any:
        rows = tables.read(contract.name)
        return rows.agg(persons=rows[person].nunique(), oldest=rows[moment].min().cast("date"))

    (told,) = hub.tables.run(figures).to_pylist()
    due = 0
    if days is not None:
        due = hub.tables.matching(contract.name, _older(contract, day, days, hub.tables.timezone)).num_rows
    rows = hub.tables.count(contract.name)
    return Holding(contract.name, contract.help, contract.persons, rows, told["persons"], told["oldest"], days, due)


def _moment(contract: Contract) -> str:
    """The column that says how old a row is."""
    if contract.known_from:
        return contract.known_from
    return "known_at" if contract.is_fact else "day"


def _older(contract: Contract, day: date, days: int, timezone: str) -> str:
    """SQL that holds for rows from before `days` days ago; rows without a moment are kept."""
    moment = _moment(contract)
    last = day - timedelta(days=days)
    if contract.column(moment).type == "date":
        return f"\"{moment}\" <= DATE '{last.isoformat()}'"
    instant: datetime = end_of_day(last, timezone)
    return f"\"{moment}\" < TIMESTAMPTZ '{instant.isoformat()}'"


def _none(found: pa.Table) -> pa.Table:
    return found.slice(0, 0)

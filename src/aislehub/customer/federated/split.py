"""A chain dealt out to franchisees, to show on one machine what several would do on theirs."""

from __future__ import annotations

from aislehub.core.errors import HubError
from aislehub.core.tables import Tables

__all__ = ["deal", "party_names"]


def deal(tables: Tables, parties: int) -> list[list[str]]:
    """Stores by franchisee: the largest first, dealt there and back, so that all have about the same sales.

    Raises:
        HubError: `federated.few_stores` where somebody would have none.
    """
    lines = tables.read("sales_lines")
    sizes = lines.group_by("store").agg(lines=lines.count()).to_pandas()
    ordered = sizes.sort_values(["lines", "store"], ascending=[False, True])["store"].tolist()
    if len(ordered) < parties:
        raise HubError("federated.few_stores", stores=len(ordered), parties=parties)
    dealt: list[list[str]] = [[] for _ in range(parties)]
    for place, store in enumerate(ordered):
        turn, seat = divmod(place, parties)
        dealt[seat if turn % 2 == 0 else parties - 1 - seat].append(store)
    return dealt


def party_names(count: int) -> list[str]:
    """franchisee-1, franchisee-2 …"""
    return [f"franchisee-{number}" for number in range(1, count + 1)]

"""Stores that an export names before any list of stores has brought them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from aislehub.core.contract import Contract
from aislehub.core.hub import Hub
from aislehub.core.settings import Settings
from aislehub.core.settings import field as setting

__all__ = ["Ingest", "NewStores"]

_MADE = "named in an export"  # the source of a store that no list of stores has brought


class Ingest(Settings, section="ingest"):
    """How exports are taken in."""

    new_stores: Literal["first", "always", "never"] = setting(
        "first",
        "Stores that an export names and table `stores` lacks: make them until a list of stores is loaded (first), "
        "always or never",
    )


class NewStores:
    """Table `stores` while rows that refer to it come in."""

    def __init__(self, hub: Hub, contract: Contract) -> None:
        self._hub = hub
        self._refers = any(column.ref == "stores" for column in contract.columns)
        rows = hub.tables.fetch("stores", columns=["store", "timezone", "source"]).to_pylist()
        self._zones = {row["store"]: row["timezone"] or hub.settings.timezone for row in rows}
        policy = Ingest.load(hub.home).new_stores
        listed = any(row["source"] != _MADE for row in rows)
        self._open = policy == "always" or (policy == "first" and not listed)
        self.made: set[str] = set()

    def zones(self, stores: pa.ChunkedArray | None) -> str | pa.Array:
        """One time zone for all rows, or one per row."""
        chain = self._hub.settings.timezone
        if stores is None or set(self._zones.values()) <= {chain}:
            return chain
        coded = stores.combine_chunks().dictionary_encode()
        lookup = pa.array([self._zones.get(store, chain) for store in coded.dictionary.to_pylist()], pa.string())
        zones = lookup.take(coded.indices).fill_null(chain)
        distinct = pc.unique(zones).to_pylist()
        return distinct[0] if len(distinct) == 1 else zones

    def known(self, rows: pa.Table) -> Mapping[str, set[str]] | None:
        return None if self._open or not self._refers else {"stores": set(self._zones)}

    def make(self, good: pa.Table) -> None:
        """Enter stores that rows name, until a list of stores is loaded; they count as known from the beginning."""
        if not (self._open and self._refers) or not good.num_rows:
            return
        new = sorted(set(pc.unique(good["store"]).to_pylist()) - set(self._zones))
        if not new:
            return
        contract = self._hub.tables.contract("stores")
        rows = pa.table({
            "store": pa.array(new), "source": pa.array([_MADE] * len(new)),
            "known_at": pa.array([datetime(1970, 1, 1, tzinfo=UTC)] * len(new), pa.timestamp("us", tz="UTC")),
        })  # fmt: skip
        self._hub.tables.append("stores", contract.check(rows).good)
        self._zones |= dict.fromkeys(new, self._hub.settings.timezone)
        self.made |= set(new)

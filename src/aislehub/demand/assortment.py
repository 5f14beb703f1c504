"""What the tables say of the range: which store-items are new, and which items stand side by side.

A store-item is new when its item was listed or its store opened lately or soon, so that its sales cannot speak for it
yet. It gets a forecast from its look-alikes (`aislehub.demand.lookalike`), whatever it has sold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from aislehub.demand.corrections import BETWEEN
from aislehub.demand.panel import FloatArray, Panel

__all__ = ["NEW_DAYS", "new_series", "with_shelves"]

NEW_DAYS = 56
"""Days since listing or opening in which a store-item counts as new."""
PRICE_DIGITS = 6


def new_series(
    usual: pd.DataFrame, items: ir.Table, stores: ir.Table, *evidence: ir.Table, day: date, ahead: int
) -> pd.DataFrame:
    """Store-items that are new at the close of `day` and not among the usual ones; columns `store, item`.

    An item listed lately, or within `ahead` days, is new in the stores where a row of `evidence` names it, and in all
    stores where none does. A store opened lately or soon is to have what most other stores sell.

    Args:
        usual: columns `store, item`, the store-items that sell often enough.
        items: `listed_from`, `delisted_from`, `is_sellable`.
        stores: `opened`, `closed`.
        evidence: tables with `store, item`: prices, promotions, stock, sales.
    """
    since, until = ibis.literal(day - timedelta(days=NEW_DAYS)), ibis.literal(day + timedelta(days=ahead))
    wanted = items.filter(
        items.is_sellable.fill_null(True),
        items.delisted_from.isnull() | (items.delisted_from > ibis.literal(day)),
    )
    listed = wanted.filter(wanted.listed_from > since, wanted.listed_from <= until).select("item")
    opened = stores.filter(stores.opened > since, stores.opened <= until).select("store")
    pairs = [_where_named(listed, evidence, usual["store"].drop_duplicates()), _range_of(opened.to_pandas(), usual)]
    fresh = pd.concat(pairs).drop_duplicates()
    merged = fresh.merge(usual[["store", "item"]], how="left", indicator=True)
    return merged.loc[merged["_merge"] == "left_only", ["store", "item"]]


def with_shelves(panel: Panel, sales: pd.DataFrame, items: ir.Table) -> Panel:
    """A daily panel with the department, category, subcategory and usual price of its items in `alike`.

    The usual price is the list's, or else what was paid for a unit on average. Models do not learn from these.

    Args:
        sales: columns `item, y, amount`.
    """
    of = panel.ids.str.partition(BETWEEN).get_level_values(2)
    known = items.select("item", "department", "category", "subcategory", "price").to_pandas().set_index("item")
    known = known.reindex(of)
    alike: dict[str, FloatArray] = {}
    for name in ("department", "category", "subcategory"):
        codes = pd.factorize(known[name])[0]
        if (codes >= 0).any():
            alike[name] = np.where(codes < 0, np.nan, codes)
    total = sales.groupby("item")[["amount", "y"]].sum()
    # The last digits of a sum depend on the order in which threads add, and shall not part two items of one price.
    paid = (total["amount"] / total["y"]).round(PRICE_DIGITS).reindex(of).to_numpy(float)
    alike["usual price"] = known["price"].fillna(pd.Series(paid, index=known.index)).to_numpy(float)
    return replace(panel, alike=alike)


def _where_named(listed: ir.Table, evidence: tuple[ir.Table, ...], stores: pd.Series) -> pd.DataFrame:
    """Each listed item in the stores that a table names it for, or in all."""
    items = listed.to_pandas()
    if items.empty:
        return pd.DataFrame({"store": [], "item": []}, dtype=object)
    found = ibis.union(
        *(rows.semi_join(listed, "item").select("store", "item") for rows in evidence), distinct=True
    ).to_pandas()
    elsewhere = items.loc[~items["item"].isin(found["item"])].merge(stores.to_frame(), how="cross")
    return pd.concat([found, elsewhere[["store", "item"]]])


def _range_of(opened: pd.DataFrame, usual: pd.DataFrame) -> pd.DataFrame:
    """What most of the other stores sell, for each new store."""
    others = usual.loc[~usual["store"].isin(opened["store"])]
    spread = others.groupby("item")["store"].nunique()
    core = spread.index[2 * spread > others["store"].nunique()]
    return opened.merge(pd.DataFrame({"item": core}), how="cross")[["store", "item"]]

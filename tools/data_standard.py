"""Write docs/data-standard.md (the data-collection standard), docs/profile-standard.md and text/en/schema.toml.

The contracts are the one truth: this tool only sets them as a page. Run it after changing one:
`python tools/data_standard.py`; a test fails until it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import aislehub.schema as schema
from aislehub.core.contract import Column, Contract
from aislehub.core.text import sentences

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "data-standard.md"
PROFILE = ROOT / "docs" / "profile-standard.md"
ENGLISH = ROOT / "src" / "aislehub" / "text" / "en" / "schema.toml"
# What a chain collects; the tables that the hub itself writes are no part of the standard.
CONTRACTS: tuple[Contract, ...] = tuple(
    contract for contract in (getattr(schema, name) for name in schema.__all__) if contract.is_fact
)
# Whose help is read in both languages: also the profile's, which the console shows beside each figure.
SPOKEN = (*CONTRACTS, schema.CUSTOMER_PROFILES)
TYPES = {
    "text": "text", "int": "whole number", "float": "number", "bool": "true/false", "date": "business day",
    "time": "instant (UTC)",
}  # fmt: skip

HEAD = """# The data-collection standard · 数据采集标准

<!-- Written by tools/data_standard.py from src/aislehub/schema; edit the contracts, not this page. -->

What the hub wants to know, table by table. A table that is not there switches off only what needs it;
`aislehub readiness` says what that is and what each fault in the data costs.

- **Keys.** `store`, `item` and `customer` are the chain's own numbers, written the same way in every
  table. The key columns (🔑) identify a row: sending a row again changes nothing, sending it with another
  content corrects it.
- **Time.** An instant is stored in UTC and sent as ISO 8601 with its offset
  (`2017-11-05T14:30:00-05:00`). A business day is a date in the store's time zone.
- **Known since.** `known_at` says when the chain knew a row. A forecast for a day sees only what was
  known by then. It may be left out: then it is taken from the column named under the table (a row that leaves
  that empty too counts as known all along) or is the moment of loading, whichever is earlier. Send it for prices and
  promotions that had been announced before they were loaded.
- **Money** is in the chain's one currency (`[hub] currency`). Prices and amounts are on the tax basis of
  the shelf label (in China and the EU with tax, in the US without); `items.tax_rate` says what is in
  them. Costs are without recoverable tax.
- **Quantities** are in the item's unit: `each`, `kg`, `l` or `m`.
- **Persons.** 👤 marks a random key that stands for a person: for administrators only, never used
  in a price.
- **Simulated rows** carry `simulated` in `source`, and everything made from them says so.

每张表都可以缺：缺少的表只会关闭需要它的功能，
`aislehub readiness` 会说明影响和代价。🔑 为主键，👤 为代表个人的随机键，● 为必填。

See also: [where facts come from](sources.md), [readiness](readiness.md), [key figures](kpis.md).
"""

PROFILE_HEAD = f"""# The profile of a member · 会员画像

<!-- Written by tools/data_standard.py from src/aislehub/schema/profiles.py; edit the contract, not this page. -->

One row a member and day in the table `customer_profiles` ([how it is made](customers.md)).
{schema.CUSTOMER_PROFILES.help}. All columns but the key and the source may be used in the
[rules of segments](customers.md#segments). Each is made of tables of the
[data-collection standard](data-standard.md); a cell is empty where what it needs is not collected.

{sentences("zh")["schema.customer_profiles"]}。
除键与来源外，各列都可用于客群规则；所需数据未采集时为空。
"""


def page() -> str:
    """The whole page."""
    chinese = sentences("zh")
    tables = "\n".join(f"| [{c.name}](#{c.name}) | {c.help} · {chinese[f'schema.{c.name}']} |" for c in CONTRACTS)
    index = f"| table | one row is · 每行表示 |\n|---|---|\n{tables}\n"
    return "\n".join([HEAD, index, *(section(contract) for contract in CONTRACTS)])


def profile_page() -> str:
    """The columns of the profile of a member."""
    chinese = sentences("zh")
    rows = [
        f"| `{column.name}` | {TYPES[column.type]} | {column.unit or '–'} | {limits(column)} | {column.help}"
        f"<br>{chinese[f'schema.customer_profiles.{column.name}']} |"
        for column in schema.CUSTOMER_PROFILES.columns
    ]
    head = ["| column | type | unit | allowed | meaning · 含义 |", "|---|---|---|---|---|"]
    return "\n".join([PROFILE_HEAD, *head, *rows, ""])


def section(contract: Contract) -> str:
    """One table: what a row is, and its columns."""
    chinese = sentences("zh")
    known = f"`{contract.known_from}`" if contract.known_from else "the moment of loading"
    rows = [
        f"| {mark(contract, column)} | `{column.name}` | {TYPES[column.type]} | {column.unit or '–'} | "
        f"{limits(column)} | {column.help}<br>{chinese[f'schema.{contract.name}.{column.name}']} |"
        for column in contract.columns
    ]
    return "\n".join(
        [
            f"## {contract.name}",
            "",
            f"{contract.help}. {chinese[f'schema.{contract.name}']}。",
            f"Known from {known} where `known_at` is not sent.",
            "",
            "| | column | type | unit | allowed | meaning · 含义 |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def mark(contract: Contract, column: Column) -> str:
    """🔑 key, ● required, 👤 person."""
    signs = [
        "🔑" if column.name in contract.keys else "●" if column.required else "",
        "👤" if column.person else "",
    ]
    return "".join(signs)


def limits(column: Column) -> str:
    """What a cell may hold, in short."""
    parts = []
    if column.values:
        parts.append(", ".join(f"`{value}`" for value in column.values))
    if column.low is not None:
        parts.append(f"≥ {column.low:g}")
    if column.high is not None:
        parts.append(f"≤ {column.high:g}")
    if column.valid is not None:
        parts.append("checked")
    if column.ref:
        parts.append(f"in [{column.ref}](#{column.ref})")
    return "; ".join(parts) or "–"


def english() -> str:
    """The contracts' help as sentences by code, so that English and Chinese are read the same way."""
    return "".join(f"{line}\n" for contract in SPOKEN for line in sentence_lines(contract))


def sentence_lines(contract: Contract) -> Iterator[str]:
    """`"schema.table" = "help"` and one such line a column."""
    yield f'"schema.{contract.name}" = {json.dumps(contract.help, ensure_ascii=False)}'
    for column in contract.columns:
        yield f'"schema.{contract.name}.{column.name}" = {json.dumps(column.help, ensure_ascii=False)}'


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    PROFILE.write_text(profile_page(), encoding="utf-8")
    ENGLISH.write_text(english(), encoding="utf-8")

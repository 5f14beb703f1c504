"""A mapping says which of an export's columns make which of ours; it is a small file made for editing.

A column of ours is made by an expression over theirs: `"门店编码"` (a column), `"=S01"` (a constant),
`"日期 + 时间"` (joined, or added), `"Qty * Price - Discount"`, `"SKU | Name"` (the first that is
filled), `"@门店"` (what a title row above the table says), `"#row"` (a number made from the row's content) or
`"#day"` (the text of another column of ours).
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import available_timezones

from aislehub.core.contract import Contract
from aislehub.core.errors import HubError, did_you_mean
from aislehub.core.text import say
from aislehub.data.written_moments import DateOrder
from aislehub.data.written_numbers import Decimal

__all__ = ["MARKS", "ROW", "Mapping", "Terms", "fingerprint", "load_mapping", "normal", "save_mapping", "terms"]

ROW = "#row"
Duplicates = Literal["drop", "keep"]
MARKS = ("=", "#", "@")
_OPERATORS = re.compile(r"\s([+\-*/|])\s")


@dataclass(frozen=True)
class Terms:
    """An expression taken apart: operands (a column, `=constant`, `@title`, `#ours`, a number), operators between."""

    operands: tuple[str, ...]
    operators: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(term for term in self.operands if not term.startswith(MARKS) and not _is_number(term))


@dataclass(frozen=True)
class Mapping:
    """How exports of one shape become rows of one table.

    Attributes:
        table: the table they fill.
        columns: our column → expression over theirs.
        fingerprint: of the export's column names; the next export with the same ones uses this mapping.
        duplicates: rows alike in every column count once (`drop`) or each (`keep`).
        timezone: of moments without one; empty = the store's, else the chain's.
        fill_down: their columns that are written only on the first row of a receipt, the receipt's number first.
        ignore: their columns that say nothing about a row (a running number): rows alike in all others are alike.
        decimal: their column → its decimal mark, where 1,234 could be either.
        date_order: their column → the order of dates such as 01/05/2017.
        days: their columns that hold days without a time; as a moment each is the close of its day.
        returns_column, returns_words: rows whose column holds one of the words are returns: quantity and amount
            are made negative.
        values: our column → {their word: our word}.
        confidence: our column → how sure a guess is, 0 to 1.
    """

    table: str
    columns: Dict[str, str]
    fingerprint: str = ""
    duplicates: Duplicates = "drop"
    timezone: str = ""
    fill_down: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    decimal: Dict[str, Decimal] = field(default_factory=dict)
    date_order: Dict[str, DateOrder] = field(default_factory=dict)
    days: tuple[str, ...] = ()
    returns_column: str = ""
    returns_words: tuple[str, ...] = ()
    values: Dict[str, Dict[str, str]] = field(default_factory=dict)
    confidence: Dict[str, float] = field(default_factory=dict)

    def check(self, contract: Contract, columns: Sequence[str], file: str) -> None:
        """Refuse a mapping that names a column that one side does not have.

        Raises:
            HubError: `contract.unknown_column`, `data.mapping_column`, `data.mapping_value`.
        """
        for name, expression in self.columns.items():
            contract.column(name)
            for ours in terms(expression, columns, file).operands:
                if ours.startswith("#") and ours != ROW:
                    contract.column(ours[1:])
        named = [
            *self.fill_down,
            *self.ignore,
            *self.decimal,
            *self.date_order,
            *self.days,
            *filter(None, [self.returns_column]),
        ]
        for name in named:
            if name not in columns:
                raise _unknown_column(name, columns, file)
        for name, words in self.values.items():
            allowed = contract.column(name).values
            for word in words.values():
                if allowed and word not in allowed:
                    raise _bad_value(f"values.{name}", word, ", ".join(allowed))

    def missing(self, contract: Contract) -> list[str]:
        """Our required columns that nothing makes."""
        return [c.name for c in contract.columns if c.required and not self.columns.get(c.name)]

    def of(self, name: str) -> str:
        return self.columns.get(name, "")

    def with_columns(self, **columns: str) -> Mapping:
        return replace(self, columns={**self.columns, **columns})


@cache
def normal(word: str) -> str:
    """A column name without case, blanks, punctuation and unit in brackets: `销售 金额（元）` → `销售金额`."""
    word = unicodedata.normalize("NFKC", word).casefold()
    bare = re.sub(r"\([^)]*\)|\[[^\]]*\]|【[^】]*】", "", word)
    return re.sub(r"[\W_]+", "", bare) or re.sub(r"\s+", "", word)


def fingerprint(columns: Sequence[str]) -> str:
    """A short hash of column names, in any order."""
    return hashlib.sha256("\n".join(sorted(columns)).encode()).hexdigest()[:12]


def terms(expression: str, columns: Sequence[str], file: str = "") -> Terms:
    """Take an expression apart. The longest text that is a column's name counts as one.

    Raises:
        HubError: `data.mapping_column` for a name the export does not have.

    Example:
        >>> terms("Qty * Price - Line - Discount", ["Qty", "Price", "Line - Discount"])
        Terms(operands=('Qty', 'Price', 'Line - Discount'), operators=('*', '-'))
    """
    known = set(columns)
    parts = _OPERATORS.split(expression)
    operands: list[str] = []
    operators: list[str] = []
    at = 0
    while at < len(parts):
        for end in range(len(parts), at, -2):
            term = parts[at] + "".join(
                f" {op} {right}" for op, right in zip(parts[at + 1 : end : 2], parts[at + 2 : end : 2], strict=True)
            )
            if term in known or (end == at + 1 and (term.startswith(MARKS) or _is_number(term))):
                operands.append(term)
                operators += parts[end : end + 1]
                at = end + 1
                break
        else:
            raise _unknown_column(parts[at], columns, file)
    return Terms(tuple(operands), tuple(operators))


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        HubError: `settings.broken_file` when it is no TOML, `data.mapping_key` for an unknown entry,
            `data.mapping_value` for a value that cannot be.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HubError("settings.broken_file", file=path, why=error) from error
    known = {entry.name for entry in fields(Mapping)} - {"confidence", "returns_column", "returns_words"} | {"returns"}
    for key in document:
        if key not in known:
            raise HubError("data.mapping_key", key=key, file=path, suggestion=did_you_mean(key, known))
    for key in ("table", "columns"):
        if not document.get(key):
            raise HubError("data.mapping_key", key=key, file=path, suggestion=say("data.mapping_needs"))
    returns = document.pop("returns", {})
    mapping = Mapping(
        **{
            **document,
            "columns": {name: str(text) for name, text in document["columns"].items() if text != ""},
            **{name: tuple(document.get(name, ())) for name in ("fill_down", "ignore", "days")},
        },
        returns_column=returns.get("column", ""),
        returns_words=tuple(map(str, returns.get("words", ()))),
    )
    _check_choices(mapping)
    return mapping


def _check_choices(mapping: Mapping) -> None:
    choices: list[tuple[str, str, Sequence[str]]] = [("duplicates", mapping.duplicates, get_args(Duplicates))]
    choices += [(f"decimal.{name}", mark, get_args(Decimal)) for name, mark in mapping.decimal.items()]
    choices += [(f"date_order.{name}", order, get_args(DateOrder)) for name, order in mapping.date_order.items()]
    if mapping.timezone:
        choices.append(("timezone", mapping.timezone, sorted(available_timezones())))
    for setting, value, allowed in choices:
        if value not in allowed:
            raise _bad_value(setting, value, ", ".join(allowed[:8]))


def save_mapping(mapping: Mapping, path: Path, contract: Contract) -> None:
    """Write a mapping for editing: every required column is there, an empty one still has to be filled."""
    lines = [
        f"# {say('data.mapping_file')}",
        f"table = {_quoted(mapping.table)}",
        f"fingerprint = {_quoted(mapping.fingerprint)}",
        f"duplicates = {_quoted(mapping.duplicates)}  # {say('data.mapping_duplicates')}",
        f"timezone = {_quoted(mapping.timezone)}  # {say('data.mapping_timezone')}",
        f"fill_down = {_list(mapping.fill_down)}  # {say('data.mapping_fill_down')}",
        f"ignore = {_list(mapping.ignore)}  # {say('data.mapping_ignore')}",
        f"days = {_list(mapping.days)}  # {say('data.mapping_days')}",
        "",
        f"# {say('data.mapping_columns')}",
        "[columns]",
    ]
    for column in contract.columns:
        if column.name in mapping.columns or column.required:
            sure = mapping.confidence.get(column.name)
            note = f"  # {sure:.0%}" if sure is not None else "" if mapping.of(column.name) else "  # ?"
            lines.append(f"{column.name} = {_quoted(mapping.of(column.name))}{note}")
    for title, entries in (("decimal", mapping.decimal), ("date_order", mapping.date_order)):
        if entries:
            lines += ["", f"# {say(f'data.mapping_{title}')}", f"[{title}]"]
            lines += [f"{_quoted(name)} = {_quoted(value)}" for name, value in entries.items()]
    if mapping.returns_column:
        lines += ["", f"# {say('data.mapping_returns')}", "[returns]", f"column = {_quoted(mapping.returns_column)}",
                  f"words = {_list(mapping.returns_words)}"]  # fmt: skip
    for name, words in mapping.values.items():
        lines += ["", f"[values.{_quoted(name)}]", *(f"{_quoted(a)} = {_quoted(b)}" for a, b in words.items())]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(path)


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(words: Sequence[str]) -> str:
    return "[" + ", ".join(map(_quoted, words)) + "]"


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", text))


def _unknown_column(name: str, columns: Sequence[str], file: str) -> HubError:
    return HubError("data.mapping_column", column=name, file=file, suggestion=did_you_mean(name, columns))


def _bad_value(setting: str, value: Any, limit: str) -> HubError:
    return HubError("data.mapping_value", setting=setting, value=value, limit=limit)

"""The retail vocabulary keeps its own conventions and refuses what it must refuse."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

import aislehub.schema as schema
from aislehub.core.contract import Checked, Contract
from aislehub.core.text import sentences
from aislehub.schema.items import is_gtin
from aislehub.schema.stock import are_weekdays
from aislehub.schema.stores import is_timezone

CONTRACTS: list[Contract] = [getattr(schema, name) for name in schema.__all__]
FACTS = [contract for contract in CONTRACTS if contract.is_fact]


def sale(**cells: object) -> pa.Table:
    """One sound sales line, some cells changed."""
    row = {
        "store": "1", "receipt": "r1", "line": "1", "sold_at": datetime(2017, 3, 1, 15, tzinfo=UTC),
        "day": date(2017, 3, 1), "item": "a", "quantity": 1.0, "amount": 2.5, "price": 2.5,
    } | cells  # fmt: skip
    return pa.table({name: [cell] for name, cell in row.items()})


def fault(checked: Checked) -> tuple[str, str]:
    """Code and column of the first fault."""
    first = json.loads(checked.rejected["_reasons"][0].as_py())[0]
    return first["code"], first["column"]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_every_number_states_its_unit(contract: Contract) -> None:
    """A number without a unit is a misunderstanding waiting: only counts of position have none."""
    without = [
        column.name
        for column in contract.columns
        if column.type in ("int", "float") and not column.unit and column.name != "stop"
    ]
    assert without == []


@pytest.mark.parametrize("contract", FACTS, ids=lambda contract: contract.name)
def test_every_fact_says_when_it_became_known(contract: Contract) -> None:
    """Point-in-time reading needs a column to fill `known_at` from; a plan of the house is known when it comes in."""
    assert contract.known_from or contract.name == "campaign_plans"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_person_keys_are_marked(contract: Contract) -> None:
    """Whoever erases a person must find the key: `customer` and `staff` wherever they stand, and who is assigned."""
    persons = ("customer", "staff", "unit" if contract.name == "assignments" else "")
    named = [column.name for column in contract.columns if column.name in persons]
    assert list(contract.persons) == named


@pytest.mark.parametrize("contract", [*FACTS, schema.CUSTOMER_PROFILES], ids=lambda contract: contract.name)
def test_chinese_help_is_complete(contract: Contract) -> None:
    """Each table and column is explained in Chinese too, the dimensions of a member's profile among them."""
    codes = [f"schema.{contract.name}"]
    codes += [f"schema.{contract.name}.{column.name}" for column in contract.columns]
    missing = [code for code in codes if not sentences("zh").get(code)]
    assert missing == []


def test_a_sound_line_passes() -> None:
    """The example row itself keeps the contract, so that the rejections below have one cause each."""
    assert schema.SALES_LINES.check(sale()).rejected.num_rows == 0


def test_a_return_passes() -> None:
    """Negative quantity and amount are a return, not a fault."""
    assert schema.SALES_LINES.check(sale(quantity=-1.0, amount=-2.5)).rejected.num_rows == 0


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"price": -3.0}, ("reject.low", "price")),
        ({"quantity": "two"}, ("reject.float", "quantity")),
        ({"day": "31/31/2017"}, ("reject.date", "day")),
        ({"receipt": None}, ("reject.empty", "receipt")),
        ({"amount": float("inf")}, ("reject.infinite", "amount")),
        ({"channel": "fax"}, ("reject.value", "channel")),
        ({"store": "99"}, ("reject.unknown", "store")),
    ],
)
def test_bad_cells_are_rejected_with_their_reason(cells: dict[str, object], expected: tuple[str, str]) -> None:
    """A negative price, text in a number, a bad date … each is rejected for what it is."""
    assert fault(schema.SALES_LINES.check(sale(**cells), {"stores": {"1"}})) == expected


def test_a_negative_list_price_is_rejected() -> None:
    """No shelf price is below 0."""
    row = {
        "store": ["1"],
        "item": ["a"],
        "kind": ["regular"],
        "valid_from": [date(2017, 1, 1)],
        "price": [-0.01],
    }
    assert fault(schema.PRICES.check(pa.table(row))) == ("reject.low", "price")


def test_negative_book_stock_is_kept() -> None:
    """A negative book stock happens in every chain; readiness reports it, the contract lets it in."""
    row = {"store": ["1"], "item": ["a"], "day": [date(2017, 1, 1)], "on_hand": [-2.0]}
    assert schema.STOCK.check(pa.table(row)).rejected.num_rows == 0


@pytest.mark.parametrize(
    ("code", "good"),
    [
        ("6901234567892", True), ("4006381333931", True), ("036000291452", True), ("73513537", True),
        ("10614141000415", True), ("4006381333932", False), ("36000291452", False), ("690 1234567892", False),
        ("", False), ("abc", False), ("６９０１２３４５６７８９２", False),
    ],
)  # fmt: skip
def test_gtin(code: str, good: bool) -> None:
    """GTIN-8, -12, -13, -14 with a right check digit pass; a wrong digit or a lost leading zero does not."""
    assert is_gtin([code]) == [good]


def test_weekdays_and_time_zones() -> None:
    """Weekdays are ISO digits in order; time zones are IANA names."""
    assert are_weekdays(["135", "1234567", "", "31", "11", "8"]) == [True, True, False, False, False, False]
    assert is_timezone(["Asia/Shanghai", "Beijing", ""]) == [True, False, False]

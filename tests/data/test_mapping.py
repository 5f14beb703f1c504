"""Mapping: guessed from headers and values, shown, saved for editing, and refused when wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from aislehub import schema
from aislehub.core.contract import Contract
from aislehub.core.errors import HubError
from aislehub.data.guess import guess
from aislehub.data.mapping import Mapping, Terms, load_mapping, normal, save_mapping, terms

CONTRACTS = {c.name: c for c in vars(schema).values() if isinstance(c, Contract)}


def guessed(columns: dict[str, list[str | None]], **options: str) -> Mapping:
    """The mapping guessed for columns of text."""
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    return guess(list(columns), table, CONTRACTS, **options)


def test_a_chinese_till_export_is_understood() -> None:
    """Codes win over names, money received over list money; date and clock are joined; returns are found."""
    mapping = guessed(
        {
            "门店编码": ["S1"],
            "门店名称": ["朝阳店"],
            "小票号": ["1"],
            "商品编码": ["10"],
            "商品名称": ["牛奶"],
            "数量": ["2"],
            "单价": ["5.5"],
            "金额": ["11.0"],
            "优惠金额": ["1"],
            "实收金额": ["10.0"],
            "会员号": ["M1"],
            "销售日期": ["2024-03-01"],
            "销售时间": ["10:00"],
            "类型": ["退货"],
        }
    )
    assert mapping.table == "sales_lines"
    assert mapping.columns == {
        "store": "门店编码",
        "receipt": "小票号",
        "line": "#row",
        "sold_at": "销售日期 + 销售时间",
        "day": "销售日期 + 销售时间",
        "item": "商品编码",
        "customer": "会员号",
        "quantity": "数量",
        "amount": "实收金额",
        "discount": "优惠金额",
        "price": "单价",
    }
    assert mapping.returns_column == "类型"
    assert "退货" in mapping.returns_words


def test_money_is_made_from_quantity_and_price_where_it_is_missing() -> None:
    """amount = quantity × price, and what was taken off is taken off."""
    columns = {
        "store": ["S1"],
        "receipt": ["1"],
        "date": ["2024-03-01"],
        "sku": ["A"],
        "qty": ["2"],
        "unit price": ["3"],
    }
    assert guessed(columns).of("amount") == "qty * unit price"
    assert guessed(columns | {"discount": ["1"]}).of("amount") == "qty * unit price - discount"


def test_daily_totals_are_keyed_by_day_and_item() -> None:
    """Without receipts and times a row is a day's total, so that its correction replaces it."""
    mapping = guessed(
        {
            "日期": ["2024-03-01", "2024-03-02"],
            "门店": ["S1", "S1"],
            "商品编码": ["A", "A"],
            "销量": ["3", "4"],
            "销售额": ["9", "12"],
        }
    )
    assert (mapping.of("receipt"), mapping.of("line"), mapping.of("source")) == ("#day", "#item", "=daily total")


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("stock", {"门店编码": ["S1"], "商品编码": ["A"], "库存数量": ["3"], "盘点日期": ["2024-03-01"]}),
        (
            "items",
            {"商品编码": ["A"], "国际条码": ["6907992500133"], "品名": ["牛奶"], "品牌": ["伊利"], "进价": ["4"]},
        ),
        ("stores", {"Store ID": ["S1"], "Store Name": ["Main"], "City": ["Berlin"], "Time zone": ["Europe/Berlin"]}),
        ("prices", {"店号": ["S1"], "货号": ["A"], "价格类型": ["正价"], "生效日期": ["2024-03-01"], "售价": ["5"]}),
        ("customers", {"会员号": ["M1"], "入会日期": ["2024-03-01"], "年龄段": ["25-34"]}),
        ("footfall", {"门店编码": ["S1"], "日期": ["2024-03-01"], "时段": ["09:00"], "进店人数": ["30"]}),
        ("reviews", {"评论编号": ["1"], "评论时间": ["2024-03-01 10:00"], "评分": ["5"], "评论内容": ["很好"]}),
        ("consents", {"会员编号": ["M1"], "用途": ["营销"], "是否同意": ["是"], "时间": ["2024-03-01 10:00"]}),
        ("consents", {"customer": ["M1"], "purpose": ["messages"], "granted": ["true"], "at": ["2024-03-01"]}),
        (
            "events",
            {"事件编号": ["1"], "时间": ["2024-03-01 10:00"], "类型": ["浏览"], "会员编号": ["M1"], "商品编码": ["A"]},
        ),
    ],
)
def test_the_table_is_guessed_from_what_its_columns_are_about(table: str, columns: dict[str, list[str | None]]) -> None:
    """Each kind of export finds its own table."""
    mapping = guessed(columns)
    assert mapping.table == table
    assert not mapping.missing(CONTRACTS[table])


def test_values_speak_against_a_header() -> None:
    """A column called amount that holds words is no amount when another one fits."""
    mapping = guessed(
        {
            "store": ["S1"],
            "receipt": ["1"],
            "sku": ["A"],
            "date": ["2024-03-01"],
            "qty": ["1"],
            "amount": ["paid"],
            "line total": ["5"],
        }
    )
    assert mapping.of("amount") == "line total"


def test_an_export_about_nothing_known_is_refused() -> None:
    """The error names the nearest table and what it lacks."""
    with pytest.raises(HubError) as error:
        guessed({"colour": ["red"], "planet": ["Mars"]}, name="odd.csv")
    assert error.value.code == "data.no_table"


def test_headers_are_compared_without_case_blanks_and_units() -> None:
    """A unit in brackets and the way of writing do not matter."""
    assert normal("Lineitem Quantity (pcs)") == normal("lineitem_quantity")
    assert normal("销售 金额（元）") == "销售金额"


def test_expressions_prefer_the_longest_column_name() -> None:
    """An operator inside a column's name is part of the name."""
    assert terms("Qty * Unit - Price", ["Qty", "Unit - Price"]) == Terms(("Qty", "Unit - Price"), ("*",))
    with pytest.raises(HubError, match="Did you mean Price"):
        terms("Qty * Prise", ["Qty", "Price"])


def test_a_saved_mapping_reads_back_the_same(tmp_path: Path) -> None:
    """Nothing is lost by saving, quotes and non-ASCII included, and required columns show even when open."""
    mapping = Mapping(
        "sales_lines",
        {"item": 'Artikel "neu"', "amount": "金额 * 税率"},
        "abc",
        "keep",
        "Asia/Shanghai",
        ("小票号",),
        ("序号",),
        {"金额": ","},
        {"日期": "dmy"},
        ("日期",),
        "类型",
        ("退货",),
        {"channel": {"线上": "web"}},
    )
    path = tmp_path / "deep" / "mapping.toml"
    save_mapping(mapping, path, CONTRACTS["sales_lines"])
    assert load_mapping(path) == mapping
    assert 'store = ""' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"columns": {"quantitty": "Menge"}}, "contract.unknown_column"),
        ({"columns": {"quantity": "Mange"}}, "data.mapping_column"),
        ({"columns": {"receipt": "#dya"}}, "contract.unknown_column"),
        ({"fill_down": ("Bon",)}, "data.mapping_column"),
        ({"values": {"channel": {"x": "teleport"}}}, "data.mapping_value"),
    ],
)
def test_a_wrong_mapping_is_refused_before_anything_is_loaded(change: dict[str, object], code: str) -> None:
    """Each side's unknown names and forbidden values are refused."""
    mapping = replace(Mapping("sales_lines", {"quantity": "Menge"}), **change)  # type: ignore[arg-type]
    with pytest.raises(HubError) as error:
        mapping.check(CONTRACTS["sales_lines"], ["Menge"], "sales.csv")
    assert error.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("table = ", "settings.broken_file"),
        ('table = "stock"\nkolumns = 1', "data.mapping_key"),
        ('[columns]\nitem = "A"', "data.mapping_key"),
        ('table = "stock"\nduplicates = "maybe"\n[columns]\nitem = "A"', "data.mapping_value"),
        ('table = "stock"\ntimezone = "Mars/Base"\n[columns]\nitem = "A"', "data.mapping_value"),
        ('table = "stock"\n[columns]\nitem = "A"\n[date_order]\nx = "dym"', "data.mapping_value"),
    ],
)
def test_a_broken_mapping_file_is_refused(tmp_path: Path, text: str, code: str) -> None:
    """The error names the entry that is wrong."""
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(HubError) as error:
        load_mapping(path)
    assert error.value.code == code

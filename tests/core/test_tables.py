"""Tables: facts only grow, reading asks what was known, and no crash, crowd or full disk loses a row."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aislehub.core import tables as tables_module
from aislehub.core.contract import Column, Contract
from aislehub.core.errors import HubError
from aislehub.core.tables import Tables, end_of_day

DAY = date(2017, 11, 5)
LINES = Contract(
    "lines", "A line of a receipt",
    (
        Column("receipt", "text", "Receipt"),
        Column("line", "int", "Number on it"),
        Column("amount", "float", "What was paid", unit="money", required=False),
        Column("sold_at", "time", "When"),
        Column("customer", "text", "Who", required=False, person=True),
    ),
    key="receipt line", known_from="sold_at",
)  # fmt: skip
PLANS = Contract(
    "plans", "A plan from a day on",
    (Column("shop", "text", "Where"), Column("starts", "date", "First day"), Column("size", "int", "How large", low=0)),
    key="shop starts", known_from="starts",
)  # fmt: skip
NOTES = Contract(
    "notes", "What somebody noted", (Column("id", "text", "Identity"), Column("value", "int", "Value")), key="id"
)
SCORES = Contract(
    "scores", "A result a day", (Column("shop", "text", "Where"), Column("score", "float", "Result", low=0)),
    key="shop", derived=True,
)  # fmt: skip
SHOPS = Contract(
    "shops", "A shop",
    (
        Column("shop", "text", "Name"),
        Column("opened", "date", "First day", required=False),
        Column("city", "text", "Where", required=False),
    ),
    key="shop", known_from="opened",
)  # fmt: skip
CONTRACTS = {contract.name: contract for contract in (LINES, PLANS, NOTES, SCORES, SHOPS)}
Open = Callable[..., Tables]


@pytest.fixture(params=["memory", "delta"])
def engine(request: pytest.FixtureRequest) -> str:
    """Where tables live."""
    return request.param


@pytest.fixture
def fresh(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Opens empty tables of either engine, as often as asked."""

    def make(timezone: str = "UTC") -> Tables:
        folder = tmp_path_factory.mktemp("tables") if engine == "delta" else None
        return Tables(folder, CONTRACTS, timezone)

    return make


@pytest.fixture
def tables(fresh: Open) -> Tables:
    """Empty tables."""
    return fresh()


def lines(*rows: tuple[str, float, datetime, str | None], known_at: datetime | None = None) -> pa.Table:
    """Good rows: receipt, amount, when, who."""
    columns = [
        {"receipt": r, "line": 1, "amount": a, "sold_at": t, "customer": c, "known_at": known_at} for r, a, t, c in rows
    ]
    return LINES.check(pa.Table.from_pylist(columns, LINES.schema)).good


def notes(**values: int) -> pa.Table:
    """Good rows: id=value."""
    return NOTES.check(pa.table({"id": list(values), "value": list(values.values())})).good


def scores(day: date, **values: float) -> pa.Table:
    """Rows of one day: shop=score."""
    return pa.table({"day": [day] * len(values), "shop": list(values), "score": list(values.values())})


def found(table: pa.Table, key: str, value: str) -> dict[Any, Any]:
    """The table as key → value; a key that comes twice fails."""
    pairs = list(zip(table[key].to_pylist(), table[value].to_pylist(), strict=True))
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


# -- facts grow, once each -------------------------------------------------------------------------

STARTED = datetime(2017, 11, 5, tzinfo=UTC)


def told(key: int, content: int) -> dict[str, Any]:
    """A version of a fact; each content became known at an hour of its own."""
    return {"id": f"k{key}", "value": content, "known_at": STARTED + timedelta(hours=content)}


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[list[tuple[int, int]]]]:
    """Facts (key, content), and the same facts shuffled, some repeated, in parcels."""
    facts = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=8, unique=True))
    arriving = draw(
        st.permutations(facts + draw(st.lists(st.sampled_from(facts), max_size=4) if facts else st.just([])))
    )
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=2)))
    return facts, [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]


@given(arrivals(), st.integers(0, 5))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_and_parcels_of_arrival_do_not_matter(
    fresh: Open, given: tuple[list[tuple[int, int]], list[list[tuple[int, int]]]], hour: int
) -> None:
    """Each fact is stored once, and at any moment each key has the version that became known last before it."""
    tables = fresh()
    facts, parcels = given
    for parcel in parcels:
        tables.append("notes", pa.Table.from_pylist([told(*fact) for fact in parcel], NOTES.schema))
    assert tables.count("notes") == len(facts)
    everything = pa.Table.from_pylist([told(*fact) for fact in facts], NOTES.schema)
    again = tables.append("notes", everything)
    assert (again.read, again.new, again.known) == (len(facts), 0, len(facts))
    expected: dict[str, int] = {}
    for key, content in sorted(facts, key=lambda fact: fact[1]):
        if content < hour:
            expected[f"k{key}"] = content
    assert found(tables.fetch("notes", as_of=STARTED + timedelta(hours=hour)), "id", "value") == expected
    latest = {f"k{key}": content for key, content in sorted(facts, key=lambda fact: fact[1])}
    assert found(tables.fetch("notes"), "id", "value") == latest


def test_the_same_rows_again_change_nothing(tables: Tables) -> None:
    """`new` is 0 and the version stays; a repetition within one parcel counts once."""
    first = tables.append("notes", pa.concat_tables([notes(a=1, b=2), notes(a=1)]))
    assert (first.read, first.new, first.known, first.version) == (3, 2, 1, 0)
    second = tables.append("notes", notes(b=2, a=1))
    assert (second.new, second.known, second.version) == (0, 2, 0)
    assert tables.unseen("notes", notes(a=1, c=3)) == 1


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=8), st.lists(st.integers(0, 8), max_size=2))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_again_later_holds_again(fresh: Open, said: list[tuple[int, int]], cuts: list[int]) -> None:
    """Dated versions may return to an earlier content: at any moment the last one said before it holds."""
    tables = fresh()
    rows = [
        {"id": f"k{key}", "value": content, "known_at": STARTED + timedelta(hours=hour)}
        for hour, (key, content) in enumerate(said)
    ]
    borders = sorted(min(cut, len(rows)) for cut in cuts)
    for a, b in zip([0, *borders], [*borders, len(rows)], strict=True):
        tables.append("notes", pa.Table.from_pylist(rows[a:b], NOTES.schema))
    everything = pa.Table.from_pylist(rows, NOTES.schema)
    assert tables.append("notes", everything).new == 0
    undated = [{**row, "known_at": None} for row in rows]  # the same contents, nobody knows when: nothing new
    assert tables.append("notes", pa.Table.from_pylist(undated, NOTES.schema)).new == 0
    for hour in range(len(rows) + 1):
        expected = {row["id"]: row["value"] for row in rows[:hour]}
        assert found(tables.fetch("notes", as_of=STARTED + timedelta(hours=hour)), "id", "value") == expected


def test_a_correction_is_known_from_now_on(tables: Tables) -> None:
    """New content for a key replaces the old one from the moment it came in, not before."""
    noon = datetime(2017, 11, 5, 12, tzinfo=UTC)
    tables.append("lines", lines(("r1", 5.0, noon, None), ("r2", 7.0, noon, None)))
    tables.append("lines", lines(("r1", 4.0, noon, None)))
    assert found(tables.fetch("lines"), "receipt", "amount") == {"r1": 4.0, "r2": 7.0}
    assert found(tables.fetch("lines", as_of=DAY), "receipt", "amount") == {"r1": 5.0, "r2": 7.0}
    assert tables.count("lines") == 3


def test_a_plan_is_known_once_it_is_loaded(tables: Tables) -> None:
    """What starts later is known today, and so is its correction; not before it came, and later if it says so."""
    before, later = datetime.now(UTC), datetime(2101, 1, 1, tzinfo=UTC)
    tables.append("lines", lines(("r1", 5.0, later, None)))
    tables.append("lines", lines(("r1", 4.0, later, None)))
    tables.append("lines", lines(("r2", 7.0, later, None), known_at=later))
    assert tables.fetch("lines", as_of=before).num_rows == 0
    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert found(tables.fetch("lines", as_of=soon), "receipt", "amount") == {"r1": 4.0}
    assert found(tables.fetch("lines"), "receipt", "amount") == {"r1": 4.0, "r2": 7.0}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_replaces_another_takes_over_on_its_day(tables: Tables, order: tuple[int, int]) -> None:
    """Of a shop of today and its next form from a day on, today's holds until then, whichever was loaded first."""
    forms = [
        {"shop": "a", "opened": date(2015, 3, 1), "city": "Bonn"},
        {"shop": "a", "opened": date(2101, 1, 1), "city": "Ulm"},
    ]
    for place in order:
        tables.append("shops", pa.Table.from_pylist([forms[place]], SHOPS.schema))
    soon = datetime.now(UTC) + timedelta(seconds=1)
    assert tables.fetch("shops", as_of=soon, columns=["city"]).to_pylist() == [{"city": "Bonn"}]
    assert tables.fetch("shops", as_of=date(2101, 1, 1), columns=["city"]).to_pylist() == [{"city": "Ulm"}]


def test_a_fact_without_origin_is_known_when_it_came(tables: Tables) -> None:
    """Where neither the row nor its contract says when it was known, it is now."""
    before = datetime.now(UTC)
    tables.append("notes", notes(a=1))
    assert tables.fetch("notes", as_of=before).num_rows == 0
    assert tables.fetch("notes", as_of=datetime.now(UTC) + timedelta(seconds=1)).num_rows == 1


# -- point in time ---------------------------------------------------------------------------------


def test_standing_data_without_a_first_day_were_known_all_along(fresh: Open) -> None:
    """Shops loaded today, without opening days, are known on the day of yesterday's sales; a correction is not."""
    tables = fresh()
    tables.append("shops", pa.Table.from_pylist([{"shop": "a", "opened": None}], SHOPS.schema))
    corrected = pa.Table.from_pylist([{"shop": "a", "opened": None, "city": "Bonn"}], SHOPS.schema)
    assert tables.append("shops", corrected).new == 1
    assert tables.fetch("shops", as_of=DAY, columns=["shop", "city"]).to_pylist() == [{"shop": "a", "city": None}]
    assert tables.fetch("shops", columns=["city"]).to_pylist() == [{"city": "Bonn"}]


def test_a_late_row_is_not_seen_before_it_was_known(tables: Tables) -> None:
    """A sale of Sunday that came in on Wednesday is not in what was known on Sunday, Monday and Tuesday."""
    sold = datetime(2017, 11, 5, 12, tzinfo=UTC)
    tables.append("lines", lines(("late", 5.0, sold, None), known_at=sold + timedelta(days=3)))
    tables.append("lines", lines(("prompt", 5.0, sold, None)))
    seen = [len(tables.fetch("lines", as_of=DAY + timedelta(days=days))) for days in range(-1, 4)]
    assert seen == [0, 1, 1, 1, 2]


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("America/New_York", date(2017, 11, 5), 25),
        ("America/New_York", date(2017, 3, 12), 23),
        ("America/Sao_Paulo", date(2017, 10, 15), 23),  # begins at 01:00: there is no midnight
        ("Asia/Shanghai", date(2017, 11, 5), 24),
        ("UTC", date(2017, 11, 5), 24),
    ],
)
def test_a_business_day_ends_at_the_chains_midnight(fresh: Open, timezone: str, day: date, hours: int) -> None:
    """Days of 23 and 25 hours end when their clock says so: the last second is in, the next one is not."""
    start, end = end_of_day(day - timedelta(days=1), timezone), end_of_day(day, timezone)
    assert end - start == timedelta(hours=hours)
    tables, second = fresh(timezone), timedelta(seconds=1)
    moments = {"first": start, "before": start - second, "last": end - second, "next": end}
    tables.append("lines", lines(*((name, 1.0, moment, None) for name, moment in moments.items())))
    assert set(tables.fetch("lines", as_of=day)["receipt"].to_pylist()) == {"first", "before", "last"}
    assert set(tables.fetch("lines", as_of=end)["receipt"].to_pylist()) == {"first", "before", "last"}
    assert set(tables.fetch("lines", as_of=day - timedelta(days=1))["receipt"].to_pylist()) == {"before"}
    plan = PLANS.check(pa.table({"shop": ["a"], "starts": [day], "size": [1]})).good
    tables.append("plans", plan)  # known from the first instant of its day
    seen = [tables.fetch("plans", as_of=start + step).num_rows for step in (-second, timedelta(0), second)]
    assert seen == [0, 0, 1]


def test_an_instant_without_zone_is_utc(tables: Tables) -> None:
    """`as_of` a naive datetime asks in UTC, whatever the machine's own zone."""
    tables.append("lines", lines(("r", 1.0, datetime(2017, 11, 5, 12, tzinfo=UTC), None)))
    assert tables.fetch("lines", as_of=datetime(2017, 11, 5, 12)).num_rows == 0
    assert tables.fetch("lines", as_of=datetime(2017, 11, 5, 12, 0, 1)).num_rows == 1


def test_a_result_is_known_when_its_day_has_ended(fresh: Open) -> None:
    """A result of a day was decided at its close: an instant within that day does not see it."""
    tables = fresh("Asia/Shanghai")
    tables.write("scores", scores(DAY, a=1.0), DAY)
    close = end_of_day(DAY, "Asia/Shanghai")
    seen = [tables.fetch("scores", as_of=moment).num_rows for moment in (close - timedelta(seconds=1), close, DAY)]
    assert seen == [0, 1, 1]


# -- results, a slice a day ------------------------------------------------------------------------


def test_a_slice_replaces_its_own_day_only(tables: Tables) -> None:
    """Writing a day again leaves the other days as they are; reading as of a day takes the days up to it."""
    next_day = DAY + timedelta(days=1)
    tables.write("scores", scores(DAY, a=1.0, b=2.0), DAY)
    tables.write("scores", scores(next_day, a=3.0), next_day)
    tables.write("scores", scores(DAY, b=5.0), DAY)
    rows = {(row["day"], row["shop"]): row["score"] for row in tables.fetch("scores").to_pylist()}
    assert rows == {(DAY, "b"): 5.0, (next_day, "a"): 3.0}
    assert tables.fetch("scores", as_of=DAY).num_rows == 1
    tables.write("scores", scores(DAY), DAY)
    assert found(tables.fetch("scores"), "shop", "score") == {"a": 3.0}
    tables.write("scores", scores(DAY, c=1.0), None)
    assert found(tables.fetch("scores"), "shop", "score") == {"c": 1.0}


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (scores(DAY, a=-1.0), "contract.broken"),
        (scores(DAY + timedelta(days=1), a=1.0), "tables.other_day"),
        (pa.concat_tables([scores(DAY, a=1.0)] * 2), "contract.twice"),
        (scores(DAY, a=1.0).drop_columns(["score"]), "contract.missing_columns"),
    ],
)
def test_a_broken_promise_leaves_the_table_as_it_was(tables: Tables, rows: pa.Table, code: str) -> None:
    """A row below its limit, of another day, twice, or without a column: nothing is written."""
    tables.write("scores", scores(DAY, a=7.0), DAY)
    with pytest.raises(HubError) as caught:
        tables.write("scores", rows, DAY)
    assert caught.value.code == code
    assert (tables.version("scores"), found(tables.fetch("scores"), "shop", "score")) == (0, {"a": 7.0})


def test_facts_and_results_are_not_confused(tables: Tables) -> None:
    """Facts cannot be overwritten and results cannot be appended: that is a defect, not an input error."""
    with pytest.raises(TypeError, match="only grow"):
        tables.write("notes", notes(a=1), DAY)
    with pytest.raises(TypeError, match="in slices"):
        tables.append("scores", scores(DAY, a=1.0))


def test_an_unknown_table_is_named_with_the_nearest_one(tables: Tables) -> None:
    """A misspelt name gets a suggestion."""
    with pytest.raises(HubError, match=r"No table is called 'nots'.* Did you mean notes"):
        tables.read("nots")


def test_a_table_that_nobody_has_written_is_empty(tables: Tables) -> None:
    """Reading it gives no rows in the promised types, and version -1."""
    assert tables.fetch("lines").schema == LINES.schema
    assert (tables.count("lines"), tables.version("lines"), tables.fetch("scores", as_of=DAY).num_rows) == (0, -1, 0)
    assert tables.erase("lines", "customer", ["anybody"]) == 0


# -- erasing, compacting, growing --------------------------------------------------------------------


def test_erased_rows_are_gone(tables: Tables) -> None:
    """Every row of the person goes, corrected versions too; rows of nobody and of others stay."""
    noon = datetime(2017, 11, 5, 12, tzinfo=UTC)
    tables.append("lines", lines(("r1", 1.0, noon, "per'son"), ("r2", 2.0, noon, None), ("r3", 3.0, noon, "other")))
    tables.append("lines", lines(("r1", 9.0, noon, "per'son")))
    assert tables.erase("lines", "customer", ["per'son", "nobody"]) == 2
    assert found(tables.fetch("lines"), "receipt", "customer") == {"r2": None, "r3": "other"}
    assert tables.erase("lines", "customer", ["per'son"]) == 0


def test_facts_may_be_added_after_an_erasure(tables: Tables) -> None:
    """What was written anew joins with new rows, times included."""
    noon = datetime(2017, 11, 5, 12, tzinfo=UTC)
    tables.append("lines", lines(("r1", 1.0, noon, "person"), ("r2", 2.0, noon, None)))
    tables.erase("lines", "customer", ["person"])
    tables.append("lines", lines(("r3", 3.0, noon, "other")))
    assert found(tables.fetch("lines"), "receipt", "customer") == {"r2": None, "r3": "other"}


def holding(folder: Path, word: str) -> list[str]:
    """Names of the files in which `word` stands."""
    return [file.name for file in sorted(folder.rglob("*")) if file.is_file() and word.encode() in file.read_bytes()]


def test_an_erased_value_is_in_no_file(tmp_path: Path) -> None:
    """After an erasure the value's bytes are nowhere: not in data, nor in the log's statistics or operations."""
    tables = Tables(tmp_path, CONTRACTS)
    noon = datetime(2017, 11, 5, 12, tzinfo=UTC)
    for number in range(3):
        tables.append(
            "lines", lines((f"r{number}", 1.0, noon, "person-4711"), (f"s{number}", 1.0, noon, "person-0815"))
        )
    assert len(holding(tmp_path, "person-4711")) == 3
    tables.erase("lines", "customer", ["person-4711"])
    assert holding(tmp_path, "person-4711") == []
    assert holding(tmp_path, "person-0815") != []


def test_a_reader_under_an_erasure_reads_again(tmp_path: Path) -> None:
    """A query whose files an erasure removed meanwhile is built and run once more."""
    tables, other = Tables(tmp_path, CONTRACTS), Tables(tmp_path, CONTRACTS)
    noon = datetime(2017, 11, 5, 12, tzinfo=UTC)
    tables.append("lines", lines(("r1", 1.0, noon, "gone"), ("r2", 2.0, noon, "here")))
    builds = []

    def build(read: Tables) -> ir.Table:
        rows = read.read("lines")
        if not builds:
            other.erase("lines", "customer", ["gone"])
        builds.append(rows)
        return rows

    assert tables.run(build)["receipt"].to_pylist() == ["r2"]
    assert len(builds) == 2


def test_compacting_changes_files_but_neither_rows_nor_version(tmp_path: Path) -> None:
    """Many small appends become few files; whoever waits for a new version sees none."""
    tables = Tables(tmp_path, CONTRACTS)
    for number in range(26):
        tables.append("notes", notes(**{f"n{number}": number}))
    before, files = tables.version("notes"), len(list((tmp_path / "notes").glob("*.parquet")))
    rows = found(tables.fetch("notes"), "id", "value")
    tables.compact("notes")
    again = Tables(tmp_path, CONTRACTS)
    assert (again.version("notes"), found(again.fetch("notes"), "id", "value")) == (before, rows)
    assert len(list((tmp_path / "notes").glob("*.parquet"))) == files + 1  # the old ones stay for their readers
    assert again.append("notes", notes(more=1)).version > before


def test_a_contract_may_gain_an_optional_column(engine: str, tmp_path: Path) -> None:
    """Old rows have nothing in it and are still known; new rows and slices bring it."""
    tables = Tables(tmp_path if engine == "delta" else None, CONTRACTS)
    tables.append("notes", notes(a=1))
    for day in (DAY, DAY + timedelta(days=1)):
        tables.write("scores", scores(day, a=1.0), day)
    column = Column("remark", "text", "New", required=False)
    wider = {
        "notes": Contract("notes", "Notes", (*NOTES.columns[:-1], column), key="id"),
        "scores": Contract("scores", "Scores", (*SCORES.columns[1:], column), key="shop", derived=True),
    }
    if engine == "delta":
        tables = Tables(tmp_path, wider)
    else:
        tables.contracts = wider
    assert tables.fetch("notes")["remark"].to_pylist() == [None]
    assert tables.append("notes", wider["notes"].check(notes(a=1)).good).new == 0
    tables.append("notes", wider["notes"].check(pa.table({"id": ["b"], "value": [2], "remark": ["x"]})).good)
    assert found(tables.fetch("notes"), "id", "remark") == {"a": None, "b": "x"}
    tables.write("scores", scores(DAY, a=2.0).append_column("remark", pa.array(["y"])), DAY)
    assert found(tables.fetch("scores"), "day", "remark") == {DAY: "y", DAY + timedelta(days=1): None}


# -- crowds, crashes, full disks ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of table_worker's scenes and how each went."""
    folder = tmp_path_factory.mktemp("scenes")
    worker = Path(__file__).with_name("table_worker.py")
    played = subprocess.run([sys.executable, worker, folder], capture_output=True, text=True, timeout=120)
    assert played.returncode == 0, played.stderr
    return folder, json.loads(played.stdout)


def everything(folder: Path) -> set[tuple[int, str]]:
    """All rows of table_worker's table."""
    lines = Contract("lines", "", (Column("line", "int", "Number"), Column("text", "text", "Text")), key="line")
    rows = Tables(folder, {"lines": lines}).fetch("lines")
    assert rows.num_rows == len(rows["line"].unique())
    return set(zip(rows["line"].to_pylist(), rows["text"].to_pylist(), strict=True))


WRITTEN = {(line, f"line {line}") for line in range(12_000)}


def test_processes_read_while_others_write_the_same_rows(scenes: tuple[Path, dict[str, str]]) -> None:
    """Two readers see whole parcels, never fewer than before; two writers of the same rows leave each row once."""
    folder, told = scenes
    assert told["crowd"] == "ok"
    assert everything(folder / "crowd") == WRITTEN


def test_a_killed_writer_leaves_a_readable_table(scenes: tuple[Path, dict[str, str]]) -> None:
    """After 15 writers killed at random moments, one that may finish leaves the rows of an undisturbed one."""
    folder, told = scenes
    assert told["kill"] == "ok"
    assert everything(folder / "kill") == WRITTEN


def test_a_full_disk_is_said_and_loses_nothing(scenes: tuple[Path, dict[str, str]]) -> None:
    """What cannot be written is an error with a hint; the last version stays as it was."""
    folder, told = scenes
    assert told["full"] == "ok"
    assert "Table lines cannot be written" in (folder / "full" / "refused").read_text()
    assert len(everything(folder / "full")) == 2000


def test_threads_share_the_tables(tables: Tables) -> None:
    """Eight threads of a server ask at once, and each gets its own answer."""
    tables.append("notes", notes(**{f"n{number}": number for number in range(100)}))
    tables.write("scores", scores(DAY, a=1.0), DAY)
    wrong: list[Any] = []

    def ask(name: str, rows: int) -> None:
        for _ in range(5):
            if tables.fetch(name).num_rows != rows:
                wrong.append(name)

    def guarded(name: str, rows: int) -> None:
        try:
            ask(name, rows)
        except Exception as error:
            wrong.append(error)

    asked = [("notes", 100), ("scores", 1), ("lines", 0), ("plans", 0)] * 2
    threads = [threading.Thread(target=guarded, args=each) for each in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_table_that_another_process_writes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that nobody gives back ends in a sentence, not in a wait without end."""
    monkeypatch.setattr(tables_module, "_LOCK_SECONDS", 0.1)
    tables = Tables(tmp_path, CONTRACTS)
    tables.append("notes", notes(a=1))
    with (
        FileLock(tmp_path / ".notes.lock"),
        pytest.raises(HubError, match="has been writing table notes") as caught,
    ):
        tables.append("notes", notes(b=1))
    assert caught.value.code == "tables.busy"
    assert tables.append("notes", notes(b=1)).new == 1


@pytest.mark.parametrize("name", ["a home", "店铺", "it's", "a#b?c*d"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Blanks, Chinese and signs in the folder's name do not matter."""
    tables = Tables(tmp_path / name, CONTRACTS)
    tables.append("notes", notes(a=1))
    assert tables.append("notes", notes(a=1)).new == 0
    assert tables.fetch("notes")["id"].to_pylist() == ["a"]


def test_a_name_that_the_engine_garbles_is_refused(tmp_path: Path) -> None:
    """Where a table could be lost by its folder's name, it is not begun."""
    with pytest.raises(HubError, match=r"its name holds %") as caught:
        Tables(tmp_path / "100%25", CONTRACTS)
    assert caught.value.code == "tables.folder"

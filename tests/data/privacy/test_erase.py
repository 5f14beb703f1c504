"""An erasure leaves nothing of one person and everything of the others, whenever it is cut."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.models import is_outdated, learned_cards, save_learned
from aislehub.core.reads import note_read
from aislehub.core.state import moves, users
from aislehub.data.loading import ingest_path
from aislehub.data.privacy import identities, requests
from aislehub.data.privacy.consent import say_word
from aislehub.data.privacy.erase import erase_person, find_person
from aislehub.data.privacy.proof import verified
from tests.data.privacy.conftest import ANN, BEN, DAY, NOON, append, fill, holding, sale


def contents(hub: Hub) -> dict[str, list[str]]:
    """Every stored row with its physical columns, as text, by table."""
    rows = {name: hub.tables.matching(name, "true").to_pylist() for name in hub.tables.stored()}
    return {name: sorted(json.dumps(row, default=str, sort_keys=True) for row in found) for name, found in rows.items()}


def without(rows: Mapping[str, list[str]], word: str) -> dict[str, list[str]]:
    """The same without the rows that hold a word."""
    return {name: [row for row in found if word not in row] for name, found in rows.items()}


def test_nothing_is_left_of_the_person_and_all_of_the_others(hub: Hub, tmp_path: Path) -> None:
    """The key stands in no byte of any file of the home, and other persons' rows are what they were, to the last."""
    before = contents(hub)
    assert {"hub.db", "inbox.db", "log/hub.jsonl", "outbox/messages.csv"} <= {
        file.removesuffix("-wal") for file in holding(hub.home, ANN)
    }
    proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert holding(hub.home, ANN) == []
    assert contents(hub) == without(before, ANN)
    assert (hub.home / "outbox" / "messages.csv").read_text() == f"customer,offer\n{BEN},10 %\n"
    assert holding(hub.home, BEN) != [] and [event["customer"] for _, event in hub.inbox.since()] == [BEN]
    counts = {entry["table"]: entry["rows"] for entry in proof["tables"]}
    assert counts == {"customers": 1, "sales_lines": 4, "consents": 1, "rejected": 1}
    assert proof["search"]["found"] == [] and proof["search"]["bytes_searched"] and proof["events"] == 1
    assert ANN not in (tmp_path / "proof.json").read_text()


def test_the_ledger_keeps_its_moves_without_the_name(hub: Hub, tmp_path: Path) -> None:
    """A decision about several persons stays, with its history; the erased one is a token in its reasons."""
    id = hub.ledger.days() and hub.ledger.find(_all())[0]["id"]
    history = hub.ledger.history(id)
    proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    decision = hub.ledger.get(id)
    assert decision["reasons"][0]["facts"]["names"] == [proof["token"], BEN]
    assert decision["action"] == {"quantity": 6} and hub.ledger.history(id) == history
    gone = {entry["table"]: (entry["version_before"], entry["version_after"]) for entry in proof["tables"]}
    assert gone["sales_lines"] == (1, 2)


def _all() -> Any:
    from aislehub.core.book import Filter

    return Filter(day=DAY)


def test_erasing_again_changes_nothing(hub: Hub, tmp_path: Path) -> None:
    """A second erasure, and one of somebody unknown, find nothing, change nothing and prove just that."""
    erase_person(hub, ANN, tmp_path / "first.json", who="test")
    before = contents(hub)
    for person in (ANN, "nobody-at-all"):
        proof = erase_person(hub, person, tmp_path / "second.json", who="test")
        assert proof["tables"] == [] and proof["state"] == {} and proof["search"]["found"] == []
        assert find_person(hub, person).nothing
    assert contents(hub) == before


def test_a_short_key_does_not_take_numbers_with_it(home: Path, tmp_path: Path) -> None:
    """The person 7 goes where fields say it is a person; quantities, items and other texts with a 7 stay."""
    with open_hub(home) as hub:
        fill(hub, "7", "77")
        row = {
            "store": "367", "subject": "7", "action": '{"quantity": 7}', "baseline": '{"name": "none"}', "money": 7.0,
            "money_low": 0.0, "money_high": 9.0, "horizon_days": 7, "bound": "none", "source": "7",
            "reasons": json.dumps([{"code": "x", "facts": {"customer": "7", "items": ["7"], "count": 7}, "weight": 7}]),
        }  # fmt: skip
        hub.ledger.propose("price_changes", DAY, pa.Table.from_pylist([row]), currency="USD")
        before = contents(hub)
        proof = erase_person(hub, "7", tmp_path / "proof.json", who="test")
        assert not proof["search"]["bytes_searched"]
        after = contents(hub)
        assert [r for r in before["sales_lines"] if '"customer": "7"' not in r] == after["sales_lines"]
        assert after["stores"] == before["stores"] and len(after["customers"]) == 1
        (decision,) = [d for d in hub.ledger.find(_all()) if d["kind"] == "price_changes"]
        assert decision["action"] == {"quantity": 7} and decision["subject"] == "7"
        facts = decision["reasons"][0]["facts"]
        assert facts == {"customer": proof["token"], "items": ["7"], "count": 7}


def test_a_key_inside_another_is_another_person(home: Path, tmp_path: Path) -> None:
    """Erasing `member-12` leaves `member-123` alone, and the search is not misled by it."""
    with open_hub(home) as hub:
        fill(hub, "member-12", "member-123")
        before = contents(hub)
        proof = erase_person(hub, "member-12", tmp_path / "proof.json", who="test")
        assert proof["search"]["found"] == []
        kept = [row for row in before["sales_lines"] if '"customer": "member-12"' not in row]
        assert contents(hub)["sales_lines"] == kept
        assert [event["customer"] for _, event in hub.inbox.since()] == ["member-123"]


def test_a_running_day_is_not_disturbed(hub: Hub, tmp_path: Path) -> None:
    """While a business day runs, an erasure is refused with a sentence and has changed nothing."""
    before = contents(hub)
    with hub.day_lock(DAY), pytest.raises(HubError) as caught:
        erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert caught.value.code == "day.busy"
    assert contents(hub) == before and not (tmp_path / "proof.json").exists()


def _erase(home: Path, proof: Path) -> None:
    """What the killed process does; a process of its own, for the tables' engine survives no fork."""
    with open_hub(home) as own:
        erase_person(own, ANN, proof, who="test")


@pytest.mark.parametrize("after", [0.05, 0.3, 0.8])
def test_a_killed_erasure_is_finished_by_the_next(hub: Hub, tmp_path: Path, after: float) -> None:
    """Killed at any moment, the same call afterwards leaves nothing behind, and its proof counts all that went."""
    before = contents(hub)
    hub.close()
    child = get_context("spawn").Process(target=_erase, args=(hub.home, tmp_path / "proof.json"))
    child.start()
    while not list(hub.home.glob(".erasing-*")) and child.is_alive():
        time.sleep(0.01)  # it has to read the house's code first
    time.sleep(after)
    child.kill()
    child.join()
    with open_hub(hub.home) as again:
        proof = erase_person(again, ANN, tmp_path / "proof.json", who="test")
        assert contents(again) == without(before, ANN)
    assert holding(hub.home, ANN) == [] and not list(hub.home.glob(".erasing-*"))
    counts = {entry["table"]: entry["rows"] for entry in proof["tables"]}
    if (tmp_path / "proof.json").stat().st_size and counts:
        assert counts == {"customers": 1, "sales_lines": 4, "consents": 1, "rejected": 1}


def test_a_late_file_does_not_bring_the_person_back(hub: Hub, tmp_path: Path) -> None:
    """Rows about an erased person are refused with the reason and not kept; other rows of the file come in."""
    erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    late = tmp_path / "late.csv"
    late.write_text(
        "store,receipt,line,sold_at,day,item,customer,quantity,amount\n"
        f"367,r9,1,2026-10-06T12:00:00Z,2026-10-06,1001,{ANN},1,4\n"
        f"367,r9,2,2026-10-06T12:00:00Z,2026-10-06,1001,{ANN},x,4\n"
        f"367,r8,1,2026-10-06T12:00:00Z,2026-10-06,1001,{BEN},1,4\n"
    )
    (loaded,) = ingest_path(hub, str(late), table="sales_lines")
    assert (loaded.read, loaded.new, loaded.rejected) == (3, 1, 2)
    refused = [row for row in hub.tables.fetch("rejected").to_pylist() if row["source"].endswith("late.csv")]
    assert {row["row"] for row in refused} == {2, 3} and {row["raw"] for row in refused} == {"{}"}
    assert all("erased" in row["reasons"] for row in refused)
    assert holding(hub.home, ANN) == []


def test_who_agrees_again_begins_anew(hub: Hub, tmp_path: Path) -> None:
    """A yes after the erasure lets a person in again, for what happens since; a no, and old rows, are still refused."""
    erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    with pytest.raises(HubError) as caught:
        say_word(hub, ANN, "messages", False)
    assert caught.value.code == "privacy.erased"
    with pytest.raises(HubError):
        say_word(hub, ANN, "messages", True, at=NOON)
    assert say_word(hub, ANN, "messages", True)
    now = datetime.now(UTC) + timedelta(seconds=1)
    late = tmp_path / "late.csv"
    late.write_text(
        "store,receipt,line,sold_at,day,item,customer,quantity,amount\n"
        f"367,old,1,2026-10-06T12:00:00Z,2026-10-06,1001,{ANN},1,4\n"
        f"367,new,1,{now:%Y-%m-%dT%H:%M:%SZ},{now:%Y-%m-%d},1001,{ANN},1,4\n"
    )
    (loaded,) = ingest_path(hub, str(late), table="sales_lines")
    assert (loaded.new, loaded.rejected) == (1, 1)


def test_identities_requests_and_readings_lose_the_name(hub: Hub, tmp_path: Path) -> None:
    """Identities go; who asked, and who read, stays as history of nobody in particular."""
    email = identities.parse("email:ann@example.com")
    identities.link(hub.state, hub.home, ANN, email, who="test")
    id, codes = requests.open_request(hub.state, hub.home, "erase", [email], who="test", minutes=5)
    requests.verify(hub.state, hub.home, id, email, who="test", tries=5, code=next(iter(codes.values())))
    note_read(hub.state, "eve", "page customers", ANN)
    append(hub, "rejected", [{"table": "customers", "source": "b", "row": 1, "raw": '{"mail": "Ann@Example.com"}',
                              "reasons": "[]"}])  # fmt: skip
    proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test", request=id)
    assert identities.find(hub.state, hub.home, email) == []
    assert requests.get(hub.state, id)["person"] == proof["token"]
    assert holding(hub.home, "ann@example.com") == holding(hub.home, "Ann@Example.com") == []
    assert proof["state"]["identities"] == 1 and proof["state"]["reads"] == 1


def test_staff_are_persons_too(hub: Hub, tmp_path: Path) -> None:
    """Erasing somebody of the staff takes their rows and their login; what they approved keeps its history."""
    key = "staff-key-55b1"
    employed = {"staff": key, "store": "367", "skills": "till", "weekly_hours": 38.0, "hourly_cost": 15.0}
    append(hub, "staff", [employed | {"employed_from": DAY, "minor": False}])
    with hub.state.begin() as connection:
        row = {"name": "carl", "password": "x", "role": "staff", "staff": key, "created_at": NOON}
        connection.execute(insert(users).values(row))
    erase_person(hub, key, tmp_path / "proof.json", who="test")
    with hub.state.connect() as connection:
        assert connection.execute(select(users.c.name).where(users.c.name == "carl")).first() is None
        assert connection.execute(select(moves)).first() is not None
    assert holding(hub.home, key) == [] and hub.tables.count("staff") == 0


def test_models_are_learned_anew_or_removed(hub: Hub, tmp_path: Path) -> None:
    """A model that learned from erased rows is marked for the next day; one that holds the key goes at once."""
    for model, text in (("demand", "tree"), ("other", f"members: {ANN}")):
        made = hub.home / "made"
        made.mkdir()
        (made / "model.txt").write_text(text)
        about = {"day": str(DAY), "metrics": {}, "versions": {}, "code": "", "policy": ""}
        save_learned(hub.models, model, made, **about)
    proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert "demand" in proof["models_to_relearn"] and proof["files"]["models"] == 1
    assert is_outdated(learned_cards(hub.models, "demand")[0][1]) and learned_cards(hub.models, "other") == []


def test_capabilities_take_the_person_out_of_what_they_learned(hub: Hub, tmp_path: Path) -> None:
    """Each eraser is called once, while the person's rows are still there, and its answer stands in the proof."""
    seen = []

    def erase(person: str, tables: Any, home: Path) -> dict[str, Any]:
        rows = tables.run(lambda t: (s := t.read("sales_lines")).filter(s.customer == person))
        seen.append((person, rows.num_rows, home))
        return {"vectors": 1}

    hub.registry.erasers["some.capability"] = erase
    try:
        proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    finally:
        del hub.registry.erasers["some.capability"]
    assert seen == [(ANN, 3, hub.home)] and proof["capabilities"]["some.capability"] == [{"vectors": 1}]


def test_a_proof_cannot_be_changed(hub: Hub, tmp_path: Path) -> None:
    """A proof verifies as signed here and about the person; one changed byte, or another person, and it does not."""
    path = tmp_path / "proof.json"
    erase_person(hub, ANN, path, who="test")
    found = verified(path, hub.home, ANN)
    assert found.own and found.about and verified(path, hub.home, BEN).about is False
    assert not verified(path, tmp_path / "elsewhere").own
    document = json.loads(path.read_text())
    document["tables"][0]["rows"] += 1
    path.write_text(json.dumps(document))
    with pytest.raises(HubError) as caught:
        verified(path, hub.home)
    assert caught.value.code == "privacy.forged"
    path.write_text("[]")
    with pytest.raises(HubError) as caught:
        verified(path, hub.home)
    assert caught.value.code == "privacy.no_proof"


def test_a_packed_file_that_names_the_person_is_said(hub: Hub, tmp_path: Path) -> None:
    """What cannot be mended in place is not passed over: the command fails, and the proof names the file."""
    import gzip

    (hub.home / "old.json.gz").write_bytes(gzip.compress(f'{{"customer": "{ANN}"}}'.encode()))
    with pytest.raises(HubError) as caught:
        erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert caught.value.code == "privacy.left"
    assert json.loads((tmp_path / "proof.json").read_text())["search"]["found"] == ["old.json.gz"]
    (hub.home / "old.json.gz").unlink()
    assert erase_person(hub, ANN, tmp_path / "proof.json", who="test")["search"]["found"] == []


@settings(max_examples=4)
@given(
    keys=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs", "Cc", "Z"]),
                          min_size=1, max_size=14), min_size=2, max_size=3, unique=True),
)  # fmt: skip
def test_whatever_keys_look_like_only_one_person_goes(
    keys: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """For any keys (quotes, percent signs, Chinese, emoji) the others' sales are untouched and the person has none."""
    home = tmp_path_factory.mktemp("home")
    with open_hub(home) as hub:
        append(hub, "sales_lines", [sale(key, str(n)) for n, key in enumerate(keys)])
        before = {row["customer"]: row for row in hub.tables.matching("sales_lines", "true").to_pylist()}
        proof = erase_person(hub, keys[0], home / "proof.json", who="test")
        rows = hub.tables.matching("sales_lines", "true").to_pylist()
        assert {row["customer"]: row for row in rows} == {key: before[key] for key in keys[1:]}
        assert proof["search"]["found"] == []


def test_a_key_is_found_however_a_file_writes_it(hub: Hub, tmp_path: Path) -> None:
    """NumPy's four bytes a character, packed; a column's dictionary; a list in a column; a spreadsheet's two bytes."""
    learned = hub.home / "models" / "some" / "1"
    learned.mkdir(parents=True)
    (learned / "card.json").write_text("{}")
    np.savez_compressed(learned / "who.npz", names=np.array([ANN, BEN] * 50))
    names = pa.array([ANN, BEN] * 50)
    pq.write_table(pa.table({"x": names.dictionary_encode()}), hub.home / "coded.parquet")
    pq.write_table(pa.table({"x": pa.array([[ANN], [BEN]] * 50)}), hub.home / "listed.parquet")
    (hub.home / "sheet.csv").write_bytes(f"customer\n{ANN}\n".encode("utf-16"))
    with pytest.raises(HubError) as caught:
        erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert caught.value.facts["files"] == "sheet.csv"  # what cannot be mended is named, the rest is
    assert not learned.exists()
    for name, kept in (("coded", [BEN] * 50), ("listed", [[BEN]] * 50)):
        assert pq.read_table(hub.home / f"{name}.parquet")["x"].to_pylist() == kept
        assert ANN.encode() not in (hub.home / f"{name}.parquet").read_bytes()


def test_what_a_killed_writer_left_goes_too(hub: Hub, tmp_path: Path) -> None:
    """A file that no version of a table names, and a table whose first write was cut, keep nothing of the person."""
    folder = hub.tables.folder
    assert folder is not None
    rows = pa.table({"customer": [ANN, BEN]})
    pq.write_table(rows, folder / "sales_lines" / "part-00001-cut.snappy.parquet")
    (folder / "loans").mkdir()
    pq.write_table(rows, folder / "loans" / "part-00000-cut.snappy.parquet")
    before = contents(hub)["sales_lines"]
    proof = erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert proof["search"]["found"] == [] and holding(hub.home, ANN) == []
    assert contents(hub)["sales_lines"] == without({"sales_lines": before}, ANN)["sales_lines"]

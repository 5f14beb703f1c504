"""What a member has just said holds for the next answer, whatever the answer still knows of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub, open_hub
from aislehub.core.reads import last_reads, note_read
from aislehub.core.sends import Sends
from aislehub.core.state import sends
from aislehub.data.privacy.consent import say_word
from aislehub.data.privacy.erase import erase_person
from aislehub.data.privacy.screen import screen
from aislehub.data.privacy.suppression import ERASED, told_key
from aislehub.serve.cli import main
from tests.customer.recommend.shop import Shop
from tests.data.privacy.conftest import ANN, BEN, holding


def test_an_answer_heeds_a_word_that_no_snapshot_has_seen(home: Path, tmp_path: Path) -> None:
    """After an objection, a consent and an erasure the very next answer is right, though no snapshot is new."""
    with open_hub(home) as hub:
        Shop(home, tables=hub.tables)
        desk = hub.desk
        desk.screen, desk.check_seconds = screen(hub), 3600

        def told(customer: str) -> tuple[bool, str]:
            answer = desk.ask("recommend", {"customer": customer})
            return answer["personalised"], answer["why"]

        assert told("c06") == told("c07") == (True, "")
        assert desk.ask("recommend", {"customer": "c06", "personalised": False})["why"] == "asked"
        say_word(hub, "c06", "personalisation", False)
        assert told("c06") == (False, "objected") and told("c07") == (True, "")
        say_word(hub, "c06", "personalisation", True)
        assert told("c06") == (True, "")
        say_word(hub, "c06", "messages", False)
        assert told("c06") == (True, "")
        erase_person(hub, "c07", tmp_path / "proof.json", who="test")
        assert told("c07") == (False, "unknown")


def test_an_answer_says_itself_which_fields_name_a_person(hub: Hub, tmp_path: Path) -> None:
    """Every declared field is looked at, by text or number, and no other; only the field of who was erased goes."""
    say_word(hub, "77", "personalisation", False)
    erase_person(hub, BEN, tmp_path / "proof.json", who="test")
    screened = screen(hub)
    for key in ("77", 77):
        asked = {"member": key, "guest": ANN}
        assert screened(asked, ("member", "guest")) == {**asked, "objected": True}
        assert screened(asked, ("guest",)) == screened(asked, ()) == asked
    assert screened({"member": ANN, "guest": BEN}, ("member", "guest")) == {"member": ANN}
    assert screened({"member": [ANN], "guest": None}, ("member", "guest")) == {"member": [ANN], "guest": None}


def test_asking_for_the_erased_does_not_bring_the_key_back(hub: Hub, tmp_path: Path) -> None:
    """Looks for somebody erased are noted without the key; a new link of an identity is refused."""
    erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    note_read(hub.state, "eve", "page customers", told_key(hub, ANN))
    note_read(hub.state, "eve", "page customers", told_key(hub, BEN))
    assert main(["consent", "show", ANN]) == main(["export-person", ANN, "--out", str(tmp_path / "a.json")]) == 0
    assert main(["identity", "link", ANN, "email:ann@example.com"]) == 1
    assert holding(hub.home, ANN) == []
    assert {row["person"] for row in last_reads(hub.state)} == {ERASED, BEN}


def test_the_link_in_a_message_ends_with_its_member(hub: Hub, tmp_path: Path) -> None:
    """A message's id, a hash of the key, and its link name nobody afterwards; the count of messages stays."""
    Sends(hub.state).plan("d1", "coffee", "email", [ANN, BEN])
    with hub.state.connect() as connection:
        before = {row.recipient: row for row in connection.execute(select(sends))}
    erase_person(hub, ANN, tmp_path / "proof.json", who="test")
    assert Sends(hub.state).by_token(before[ANN].token) is None
    with hub.state.connect() as connection:
        after = {row.id: row for row in connection.execute(select(sends))}
    assert len(after) == 2 and before[ANN].id not in after and after[before[BEN].id].token == before[BEN].token
    with pytest.raises(HubError):
        say_word(hub, ANN, "messages", False)

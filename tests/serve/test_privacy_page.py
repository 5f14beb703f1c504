"""The page Privacy: for admins alone, and true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from aislehub.core.hub import Hub
from aislehub.data.privacy.consent import say_word
from aislehub.data.privacy.erase import erase_person

SignIn = Callable[..., TestClient]


def test_only_admins_see_it(sign_in: SignIn) -> None:
    """A planner is refused, and does not find it in the navigation."""
    client = sign_in("planner")
    assert client.get("/privacy").status_code == 403 and "/privacy" not in client.get("/today").text


def test_what_is_held_who_read_and_what_was_proved(hub: Hub, sign_in: SignIn, tmp_path: Path) -> None:
    """Tables with persons, words by purpose, readings and proofs stand there; a proof is checked, a forged one told."""
    say_word(hub, "member-0001", "messages", True)
    client = sign_in("admin")
    client.get("/data/table/consents")
    proof = erase_person(hub, "member-9999", tmp_path / "proof.json", who="test")
    page = client.get("/privacy").text
    assert "/data/table/sales_lines" in page and "page data/table/consents" in page and "signature fits" in page
    good = client.post("/privacy/check", data={"text": json.dumps(proof), "person": "member-9999"})
    assert "It is about that person." in good.text
    forged = client.post("/privacy/check", data={"text": json.dumps(proof | {"events": 7})})
    assert forged.status_code == 422 and "changed after it was signed" in forged.text
    address = page.partition('href="/privacy/proof/')[2].partition('"')[0]
    assert client.get(f"/privacy/proof/{address}").json() == proof

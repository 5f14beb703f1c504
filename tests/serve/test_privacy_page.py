"""The page Privacy: for admins alone, and true."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from aislehub.core.hub import Hub
from aislehub.customer.federated.certificates import found, load_identity
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.secagg import arrived_message
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


def test_what_was_learned_with_other_houses(hub: Hub, sign_in: SignIn, tmp_path: Path) -> None:
    """Without a training the page says how to begin one; with one, who took part, what crossed the wire, and ε."""
    client = sign_in("admin")
    assert "aislehub federate" in client.get("/privacy").text
    found(tmp_path / "f", ["north", "south", "west"])
    party, digest = load_identity(tmp_path / "f" / "north"), bytes(32)
    done = {
        "task": "gram", "digest": digest.hex(), "numbers": 3, "threshold": 1, "sigma": 2.5, "epsilon": 8.0,
        "delta": 1e-5, "parties": ["north"], "fallen": {"west": "west is gone."},
        "signatures": {"north": party.sign(arrived_message(digest, ["north"])).hex()},
    }  # fmt: skip
    record = {
        "rounds": [done], "certificates": {"north": party.certificate.hex()},
        "wire": {"north": {"sent": 123456, "received": 7}},
    }  # fmt: skip
    card = {
        "until": "2017-12-03", "head": 2, "clip": 1.0, "parties": ["north"], "epsilon": 8.0, "delta": 1e-5,
        "unit": "one member's purchases at one party", "sigma": 2.5,
    }  # fmt: skip
    model = Learned(["a", "b"], np.array([3.0, 1.0, 2.0]), 1.0, 2.5, {}, card, record)
    model.save(hub.models, why="test")
    page = client.get("/privacy").text
    for word in (
        "ε = 8.0",
        "1 of 1 signatures",
        "123,456",
        party.roster["north"][:16],
        "west is gone.",
        "Pairs of items",
    ):
        assert word in page
    replace(model, ridge=2.0, record=record | {"rounds": [done | {"parties": ["north", "west"]}]}).save(
        hub.models, why="test"
    )
    assert "not proved" in client.get("/privacy").text

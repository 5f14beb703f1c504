"""What is kept of the rounds behind a model: who took part, what was summed, what was promised, who signed it.

Before anything is unmasked, each party signs the round and the list of those whose numbers are in the sum. These
signatures stay beside the model, with the certificates: whoever knows the parties' certificates can check who took part
without asking the coordinator. The digest is that of the round's plan, which each party saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from aislehub.core.models import Card, learned_cards
from aislehub.customer.federated.rounds import Summed
from aislehub.customer.federated.secagg import arrived_message

__all__ = ["FILE", "MODEL", "Training", "record_of", "trainings"]

FILE = "rounds.json"
MODEL = "federated"


@dataclass(frozen=True)
class Training:
    """One learned model and its rounds.

    Attributes:
        rounds: as `record_of` keeps them; none of a model from before they were kept.
        wire: bytes that each party sent and received, as the coordinator counted them.
        marks: first digits of each party's certificate's fingerprint (SHA-256).
        signed, forged: signatures that are genuine, and that are not.
        expected: one of each party in each sum; who leaves before signing gives none, and its numbers stay in the sum.
    """

    card: Card
    rounds: Sequence[Mapping[str, Any]]
    wire: Mapping[str, Mapping[str, int]]
    marks: Mapping[str, str]
    signed: int
    forged: int
    expected: int

    @property
    def until(self) -> date:
        """The last day of the rows that it was learned from."""
        return date.fromisoformat(self.card.day)

    def sums_of(self, party: str) -> int:
        """Sums that a party's numbers are in."""
        return sum(party in done["parties"] for done in self.rounds)


def record_of(sums: Sequence[Summed], wire: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The record of a training, as JSON."""
    certificates = {name: one.certificate.hex() for done in sums for name, one in done.signed.items()}
    return {"rounds": [_round(done) for done in sums], "certificates": certificates, "wire": dict(wire)}


def trainings(models: Path, most: int = 5) -> list[Training]:
    """The newest federated models of a catalogue, the newest first."""
    return [_training(card, place / FILE) for card, place in learned_cards(models, MODEL)[: -most - 1 : -1]]


def _round(done: Summed) -> dict[str, Any]:
    plan = done.plan
    return {
        "task": plan.task, "digest": plan.digest().hex(), "numbers": plan.length, "threshold": plan.threshold,
        "sigma": plan.sigma, "epsilon": plan.epsilon, "delta": plan.delta, "parties": [*done.parties],
        "fallen": {name: str(why) for name, why in done.fallen.items()},
        "signatures": {name: one.signature.hex() for name, one in done.signed.items()},
    }  # fmt: skip


def _training(card: Card, file: Path) -> Training:
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    rounds, certificates = kept.get("rounds", []), kept.get("certificates", {})
    keys = {name: x509.load_der_x509_certificate(bytes.fromhex(one)) for name, one in certificates.items()}
    genuine = [_is_genuine(done, name, keys.get(name)) for done in rounds for name in done["signatures"]]
    marks = {name: one.fingerprint(SHA256()).hex()[:16] for name, one in keys.items()}
    return Training(
        card, rounds, kept.get("wire", {}), marks, sum(genuine), genuine.count(False),
        sum(len(done["parties"]) for done in rounds),
    )  # fmt: skip


def _is_genuine(done: Mapping[str, Any], name: str, certificate: x509.Certificate | None) -> bool:
    key = certificate.public_key() if certificate else None
    if not isinstance(key, Ed25519PublicKey):
        return False
    try:
        key.verify(
            bytes.fromhex(done["signatures"][name]), arrived_message(bytes.fromhex(done["digest"]), done["parties"])
        )
    except InvalidSignature:
        return False
    return True

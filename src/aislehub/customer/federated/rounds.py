"""One round: the coordinator's five questions, who fell out at which and why, and the sum of the others."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.federated.fixed import Vector, decode
from aislehub.customer.federated.hall import Hall
from aislehub.customer.federated.plan import Plan
from aislehub.customer.federated.secagg import Keys, Revealed, arrived_message, unmask
from aislehub.customer.federated.shamir import SHARE
from aislehub.customer.federated.wire import Message, hex_of

__all__ = ["Signed", "Summed", "secure_sum"]

MOST_MEMBERS = 10**9
T = TypeVar("T")


@dataclass(frozen=True)
class Signed:
    """A party's name (certificate, DER) under the list of those whose vectors are in the sum."""

    certificate: bytes
    signature: bytes


@dataclass(frozen=True)
class Summed:
    """A sum.

    Attributes:
        values: float64 (plan.length,), the sum of the parties' vectors.
        parties: whose vectors are in it.
        members: sum of the members whom they say to have summed; 0 where a promise of privacy forbids saying it.
        fallen: who is not in it, or left before it was unmasked, and why.
        signed: what each of `parties` signed that was still there then.
    """

    plan: Plan
    values: NDArray[np.float64]
    parties: tuple[str, ...]
    members: int
    fallen: Mapping[str, HubError]
    signed: Mapping[str, Signed]

    def noise(self) -> float:
        """Standard deviation of the noise in it: more than promised where more parties than the fewest took part."""
        return self.plan.noise_share() * math.sqrt(len(self.parties))


async def secure_sum(hall: Hall, plan: Plan, seconds: float) -> Summed:
    """Ask everybody who is there for their part of a plan, and add up what comes.

    Args:
        hall: where the parties are.
        plan: what is summed.
        seconds: that a party may take for each answer.

    Raises:
        HubError: `federated.too_few` when fewer than the threshold are left, with who fell out and why;
            `federated.bad_shares` when so many lie about their shares that a mask cannot be found.
    """
    fallen: dict[str, HubError] = {}
    lines = {name: hall.seats[name] for name in hall.present() if name in plan.parties}  # who comes later waits

    async def ask(
        questions: Mapping[str, Message], wanted: str, read: Callable[[str, Message], T], most_body: int = 0
    ) -> dict[str, T]:
        answers, failures = await hall.ask(lines, questions, wanted, seconds, most_body)
        fallen.update(failures)
        found = dict[str, T]()
        for name, message in answers.items():
            try:
                found[name] = read(name, message)
            except (KeyError, TypeError, ValueError, AttributeError):
                fallen[name] = HubError("federated.no_message", party=name)
                await hall.dismiss(lines[name], fallen[name])
            except HubError as error:
                fallen[name] = error
                await hall.dismiss(lines[name], error)
        for name, why in fallen.items():
            if name in questions and name not in found:
                hall.tell("federated.fell_out", {"party": name, "stage": wanted, "why": str(why)})
        if len(found) < plan.threshold:
            whys = "; ".join(f"{name}: {why}" for name, why in sorted(fallen.items())) or "—"
            raise HubError("federated.too_few", left=len(found), threshold=plan.threshold, task=plan.task, why=whys)
        return found

    asked = _same(lines, "plan", {"plan": plan.told()})
    told = await ask(asked, "keys", lambda name, message: _read_keys(hall, plan, name, message.facts))
    keys = {name: public for name, (public, _) in told.items()}
    asked = _same(keys, "keys", {"keys": {name: public.told() for name, public in keys.items()}})
    envelopes = await ask(asked, "shares", lambda name, message: _read_envelopes(name, message.facts, keys))
    asked = {
        name: Message("envelopes", {"from": {one: to[name].hex() for one, to in envelopes.items() if one != name}})
        for name in envelopes
    }
    masked = await ask(asked, "masked", lambda name, message: _read_vector(plan, name, message.body), 8 * plan.length)
    arrived = sorted(masked)
    asked = _same(masked, "arrived", {"parties": arrived})
    signatures = await ask(
        asked, "agreed", lambda name, message: _read_signature(hall, plan, keys[name], name, arrived, message.facts)
    )
    told_all = {name: signature.hex() for name, signature in signatures.items()}
    asked = _same(signatures, "signatures", {"signatures": told_all})
    revealed = await ask(asked, "revealed", lambda name, message: _read_revealed(message.facts))
    total = await asyncio.to_thread(unmask, plan, keys, [*envelopes], masked, revealed)
    members = sum(told[name][1] for name in arrived)
    signed = {name: Signed(keys[name].certificate, signature) for name, signature in signatures.items()}
    return Summed(plan, decode(total, plan.bits), tuple(arrived), members, fallen, signed)


def _same(parties: Iterable[str], kind: str, facts: Mapping[str, Any]) -> dict[str, Message]:
    message = Message(kind, facts)
    return dict.fromkeys(parties, message)


def _read_keys(hall: Hall, plan: Plan, name: str, facts: Mapping[str, Any]) -> tuple[Keys, int]:
    """Keys that this party made for this round, and its members.

    The others check the signature, too, but would have to leave the round where only the one who lies should.
    """
    members = facts["members"]
    least = 0 if plan.epsilon else 1  # whoever promises privacy does not say how many they are
    if type(members) is not int or not least <= members <= MOST_MEMBERS:
        raise HubError("federated.size", party=name, members=str(members)[:40], most=MOST_MEMBERS)
    keys = Keys.read(facts["keys"])
    hall.identity.check(name, keys.certificate, keys.signature, keys.message(plan, name))
    return keys, members


def _read_envelopes(name: str, facts: Mapping[str, Any], keys: Mapping[str, Keys]) -> dict[str, bytes]:
    found = {other: hex_of(told) for other, told in facts["to"].items()}
    if found.keys() != keys.keys() - {name}:
        raise HubError("federated.no_message", party=name)
    return found


def _read_vector(plan: Plan, name: str, body: bytes) -> Vector:
    if len(body) != 8 * plan.length:
        raise HubError("federated.length", party=name, length=len(body) // 8, wanted=plan.length)
    return np.frombuffer(body, dtype="<u8").astype(np.uint64)


def _read_signature(
    hall: Hall, plan: Plan, keys: Keys, name: str, arrived: Collection[str], facts: Mapping[str, Any]
) -> bytes:
    signature = hex_of(facts["signature"])
    hall.identity.check(name, keys.certificate, signature, arrived_message(plan.digest(), arrived))
    return signature


def _read_revealed(facts: Mapping[str, Any]) -> Revealed:
    seeds, keys = ({name: hex_of(told, SHARE) for name, told in facts[part].items()} for part in ("seeds", "keys"))
    return Revealed(seeds, keys)

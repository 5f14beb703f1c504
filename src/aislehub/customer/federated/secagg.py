"""Secure aggregation: the coordinator learns the sum of the parties' vectors and nothing else of them.

Bonawitz et al. 2017, "Practical Secure Aggregation for Privacy-Preserving Machine Learning", in its form against an
active adversary: keys are signed, and what is unmasked is what at least `threshold` parties have signed. Five steps,
each of them a question of the coordinator and an answer of each party:

1. *keys*: two public keys for this round and the seed's hash, signed;
2. *shares*: the seed of the own mask and the private mask key, in Shamir's shares, one sealed for each party;
3. *masked*: the vector plus the own mask, plus a mask shared with each later party, minus one with each earlier;
4. *agreed*: a signature under the list of those whose vectors arrived;
5. *revealed*: of those who arrived the share of their own mask's seed, of those who did not the share of their mask
   key, never both of one party.

In the sum the shared masks cancel. Those of a party that fell out after step 2 are computed from its mask key, which
`threshold` of the others give back; its vector never arrived, so that nothing of it is laid open.

This file is arithmetic and knows no network.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from hashlib import sha256
from itertools import combinations, islice

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from aislehub.core.errors import HubError
from aislehub.customer.federated.certificates import Identity
from aislehub.customer.federated.fixed import Vector
from aislehub.customer.federated.masks import KEY, agree, expand, opened, sealed
from aislehub.customer.federated.plan import Plan
from aislehub.customer.federated.shamir import SECRET, SHARE, combine, share
from aislehub.customer.federated.wire import hex_of

__all__ = ["Contributor", "Keys", "Revealed", "arrived_message", "unmask"]

_MOST_TRIES = 2000  # sets of shares, to find one without a lie among them


@dataclass(frozen=True)
class Keys:
    """What a party makes public in one round: keys for envelopes and masks, SHA-256 of its seed, and its name to it."""

    envelope: bytes
    mask: bytes
    seed_hash: bytes
    certificate: bytes
    signature: bytes

    def message(self, plan: Plan, name: str) -> bytes:
        """What is signed."""
        return b"\0".join([b"keys", plan.digest(), name.encode(), self.envelope, self.mask, self.seed_hash])

    def told(self) -> dict[str, str]:
        """As a message has it."""
        return {part.name: getattr(self, part.name).hex() for part in fields(self)}

    @classmethod
    def read(cls, told: Mapping[str, str]) -> Keys:
        """From a message.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        read = {part.name: hex_of(told[part.name]) for part in fields(cls)}
        if any(len(read[name]) != KEY for name in ("envelope", "mask", "seed_hash")):
            raise ValueError(f"keys have {KEY} bytes")
        return cls(**read)


@dataclass(frozen=True)
class Revealed:
    """Shares that a party gives back: `seeds` of those whose vectors arrived, `keys` of those who fell out."""

    seeds: Mapping[str, bytes]
    keys: Mapping[str, bytes]


@dataclass
class Contributor:
    """One party in one round. Each step is taken once, in order; the secrets end with the object.

    Every step raises HubError: `federated.few_left` below the threshold, `federated.tampered` where the coordinator's
    lists contradict each other or a step comes out of turn.
    """

    identity: Identity
    plan: Plan
    _step: int = 0
    _envelope: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate, repr=False)
    _mask: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate, repr=False)
    _seed: bytes = field(default_factory=lambda: secrets.token_bytes(SECRET), repr=False)
    _own: Keys | None = None
    _keys: dict[str, Keys] = field(default_factory=dict, repr=False)
    _own_shares: bytes = field(default=b"", repr=False)
    _envelopes: dict[str, bytes] = field(default_factory=dict, repr=False)
    _arrived: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return self.identity.name

    def keys(self) -> Keys:
        """Step 1."""
        self._turn(1)
        envelope, mask = (key.public_key().public_bytes_raw() for key in (self._envelope, self._mask))
        unsigned = Keys(envelope, mask, sha256(self._seed).digest(), self.identity.certificate, b"")
        self._own = replace(unsigned, signature=self.identity.sign(unsigned.message(self.plan, self.name)))
        return self._own

    def shares(self, keys: Mapping[str, Keys]) -> dict[str, bytes]:
        """Step 2: an envelope for each other party, from everybody's keys.

        Raises:
            HubError: besides, `federated.stranger` and `federated.signature` for keys that are not a party's own.
        """
        self._turn(2)
        self._enough(keys)
        for name, told in keys.items():
            self.identity.check(name, told.certificate, told.signature, told.message(self.plan, name))
        public = {key for told in keys.values() for key in (told.envelope, told.mask)}
        self._insist(keys.get(self.name) == self._own and len(public) == 2 * len(keys))
        self._keys = dict(keys)
        points = [self.plan.point(name) for name in keys]
        seed = share(self._seed, self.plan.threshold, points)
        private = share(self._mask.private_bytes_raw(), self.plan.threshold, points)
        content = {name: seed[point] + private[point] for name, point in zip(keys, points, strict=True)}
        self._own_shares = content.pop(self.name)
        return {name: sealed(self._key(name, self.name, name), two) for name, two in content.items()}

    def masked(self, envelopes: Mapping[str, bytes], vector: Vector) -> Vector:
        """Step 3: the vector (n,) under its masks, from the envelopes of those who still take part.

        Raises:
            HubError: besides, `federated.length`.
        """
        self._turn(3)
        self._enough({*envelopes, self.name})
        self._insist(envelopes.keys() <= self._keys.keys() - {self.name})
        if vector.shape != (self.plan.length,):
            raise HubError("federated.length", party=self.name, length=vector.size, wanted=self.plan.length)
        self._envelopes = dict(envelopes)
        total = vector + expand(self._seed, vector.size)
        for other in envelopes:
            _add(total, self.plan, self.name, other, self._mask, self._keys[other].mask)
        return total

    def agreed(self, arrived: Collection[str]) -> bytes:
        """Step 4: a signature under the list of those whose vectors arrived."""
        self._turn(4)
        self._enough(arrived)
        self._insist(self.name in arrived and {*arrived} <= {*self._envelopes, self.name})
        self._arrived = frozenset(arrived)
        return self.identity.sign(arrived_message(self.plan.digest(), self._arrived))

    def revealed(self, signatures: Mapping[str, bytes]) -> Revealed:
        """Step 5: shares, once enough parties have signed the very list that this one has signed.

        Raises:
            HubError: besides, `federated.signature`, and `federated.envelope` for one that its sender did not make for
                this party in this round.
        """
        self._turn(5)
        self._enough(signatures)
        self._insist(signatures.keys() <= self._arrived)
        message = arrived_message(self.plan.digest(), self._arrived)
        for name, signature in signatures.items():
            self.identity.check(name, self._keys[name].certificate, signature, message)
        held = {name: self._opened(name) for name in self._envelopes} | {self.name: self._own_shares}
        return Revealed(
            seeds={name: two[:SHARE] for name, two in held.items() if name in self._arrived},
            keys={name: two[SHARE:] for name, two in held.items() if name not in self._arrived},
        )

    def _turn(self, step: int) -> None:
        self._insist(step == self._step + 1)
        self._step = step

    def _enough(self, parties: Collection[str]) -> None:
        if len(parties) < self.plan.threshold:
            raise HubError("federated.few_left", left=len(parties), threshold=self.plan.threshold, task=self.plan.task)

    def _insist(self, is_so: bool) -> None:
        if not is_so:
            raise HubError("federated.tampered", step=self._step)

    def _key(self, other: str, sender: str, receiver: str) -> bytes:
        purpose = b"\0".join([b"shares", self.plan.digest(), sender.encode(), receiver.encode()])
        return agree(self._envelope, self._keys[other].envelope, purpose)

    def _opened(self, sender: str) -> bytes:
        content = opened(self._key(sender, sender, self.name), self._envelopes[sender])
        if content is None or len(content) != 2 * SHARE:
            raise HubError("federated.envelope", party=sender)
        return content


def unmask(
    plan: Plan, keys: Mapping[str, Keys], shared: Collection[str], masked: Mapping[str, Vector],
    revealed: Mapping[str, Revealed],
) -> Vector:  # fmt: skip
    """The sum (n,) of the vectors that arrived: the coordinator's part.

    Args:
        plan: of the round.
        keys: of step 1, by party.
        shared: the parties that took part in step 2.
        masked: the vectors of step 3.
        revealed: the answers of step 5.

    Raises:
        HubError: `federated.few_left`, `federated.bad_shares` where no `threshold` shares of a secret give it back.
    """
    if len(revealed) < plan.threshold:
        raise HubError("federated.few_left", left=len(revealed), threshold=plan.threshold, task=plan.task)
    total = np.zeros(plan.length, dtype=np.uint64)
    for vector in masked.values():
        total += vector
    for name in masked:
        shares = {plan.point(giver): told.seeds[name] for giver, told in revealed.items() if name in told.seeds}
        total -= expand(_recovered(plan, name, shares, _hash, keys[name].seed_hash), plan.length)
    for name in {*shared} - masked.keys():
        shares = {plan.point(giver): told.keys[name] for giver, told in revealed.items() if name in told.keys}
        private = _recovered(plan, name, shares, _public, keys[name].mask)
        for other in masked:  # the other half of what each of them added for the one who fell out
            _add(total, plan, name, other, X25519PrivateKey.from_private_bytes(private), keys[other].mask)
    return total


def _recovered(
    plan: Plan, name: str, shares: Mapping[int, bytes], public: Callable[[bytes], bytes], known: bytes
) -> bytes:
    """A secret from its shares, some of which may be lies; the right one has the public side that was signed."""
    for chosen in islice(combinations(shares.items(), plan.threshold), _MOST_TRIES):
        secret = combine(dict(chosen))
        if secret is not None and public(secret) == known:
            return secret
    raise HubError("federated.bad_shares", party=name)


def _add(total: Vector, plan: Plan, own: str, other: str, key: X25519PrivateKey, public: bytes) -> None:
    """The mask of two parties: the earlier adds it, the later takes it away."""
    mask = expand(agree(key, public, b"mask\0" + plan.digest()), plan.length)
    if plan.point(own) < plan.point(other):
        total += mask
    else:
        total -= mask


def _hash(seed: bytes) -> bytes:
    return sha256(seed).digest()


def _public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def arrived_message(digest: bytes, arrived: Collection[str]) -> bytes:
    """What is signed in step 4 of the round whose plan has this digest."""
    return b"\0".join([b"arrived", digest, *(name.encode() for name in sorted(arrived))])

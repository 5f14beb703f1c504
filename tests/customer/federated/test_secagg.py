"""The arithmetic of secure aggregation, without a network."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.federated.fixed import decode, encode
from aislehub.customer.federated.masks import expand
from aislehub.customer.federated.secagg import Contributor, Revealed, unmask

LENGTH = 300


@pytest.fixture
def vectors(federation):
    """A vector of each party."""
    rng = np.random.default_rng(3)
    return {name: rng.normal(scale=1000, size=LENGTH) for name in federation.names}


def shared(federation, plan):
    """Parties after step 2, with everybody's keys and envelopes."""
    parties = {name: Contributor(federation.members[name], plan) for name in federation.names}
    keys = {name: party.keys() for name, party in parties.items()}
    return parties, keys, {name: party.shares(keys) for name, party in parties.items()}


def masked_by(parties, envelopes, vectors, plan, who):
    """Step 3 of some parties."""
    return {
        name: parties[name].masked(
            {other: envelopes[other][name] for other in envelopes if other != name},
            encode(vectors[name], plan.bound, plan.bits),
        )
        for name in who
    }


def sum_of(federation, vectors, masking, revealing):
    """The sum when only these mask and only these of them reveal."""
    plan = federation.plan(LENGTH)
    parties, keys, envelopes = shared(federation, plan)
    masked = masked_by(parties, envelopes, vectors, plan, masking)
    signatures = {name: parties[name].agreed(masking) for name in masking}
    revealed = {name: parties[name].revealed(signatures) for name in revealing}
    return plan, decode(unmask(plan, keys, envelopes, masked, revealed), plan.bits)


def test_the_sum_is_exact_whoever_falls_out(federation, vectors):
    """For every set of three or four that mask, and of three that reveal, the sum is that of those who masked."""
    names = federation.names
    for masking in [names, *combinations(names, 3)]:
        for revealing in combinations(masking, 3):
            plan, total = sum_of(federation, vectors, masking, revealing)
            exact = sum(np.rint(np.ldexp(vectors[name], plan.bits)) for name in masking)
            assert (total == np.ldexp(exact, -plan.bits)).all()


def test_below_the_threshold_nothing_is_laid_open(federation, vectors):
    """With two left, no party signs, and the coordinator computes nothing."""
    plan = federation.plan(LENGTH)
    parties, keys, envelopes = shared(federation, plan)
    masked = masked_by(parties, envelopes, vectors, plan, ("east", "north"))
    with pytest.raises(HubError) as refused:
        parties["east"].agreed(("east", "north"))
    assert refused.value.code == "federated.few_left"
    with pytest.raises(HubError) as refused:
        unmask(plan, keys, envelopes, masked, {})
    assert refused.value.code == "federated.few_left"


def test_a_party_never_gives_both_shares_of_one(federation, vectors):
    """Of those who arrived only seeds are revealed, of those who fell out only mask keys."""
    plan = federation.plan(LENGTH)
    parties, _, envelopes = shared(federation, plan)
    arrived = ("east", "north", "south")
    masked_by(parties, envelopes, vectors, plan, arrived)
    signatures = {name: parties[name].agreed(arrived) for name in arrived}
    revealed = parties["east"].revealed(signatures)
    assert revealed.seeds.keys() == {*arrived}
    assert revealed.keys.keys() == {"west"}
    with pytest.raises(HubError) as refused:
        parties["east"].revealed(signatures)
    assert refused.value.code == "federated.tampered"


def test_two_lists_cannot_both_be_unmasked(federation, vectors):
    """A coordinator that shows one party another list than the rest gets no shares of it: signatures do not match."""
    plan = federation.plan(LENGTH)
    parties, _, envelopes = shared(federation, plan)
    masked_by(parties, envelopes, vectors, plan, federation.names)
    shorter = ("east", "north", "south")
    signatures = {name: parties[name].agreed(shorter) for name in ("north", "south")}
    parties["east"].agreed(federation.names)
    parties["west"].agreed(federation.names)
    with pytest.raises(HubError) as refused:
        parties["east"].revealed(signatures | {"east": b""})
    assert refused.value.code == "federated.signature"


def test_a_coordinator_cannot_put_keys_of_its_own_between(federation):
    """Keys that a party did not sign, keys signed for another round and a key used twice are refused."""
    plan = federation.plan(LENGTH)
    other_round = Contributor(federation.members["west"], federation.plan(LENGTH)).keys()
    attacks = {
        "own": lambda keys: {**keys, "west": replace(keys["west"], mask=keys["north"].envelope)},
        "replayed": lambda keys: {**keys, "west": other_round},
        "renamed": lambda keys: {**keys, "west": keys["north"]},
    }
    for name, attack in attacks.items():
        parties = {one: Contributor(federation.members[one], plan) for one in federation.names}
        keys = {one: party.keys() for one, party in parties.items()}
        with pytest.raises(HubError) as refused:
            parties["east"].shares(attack(keys))
        assert refused.value.code in ("federated.signature", "federated.stranger"), name


def test_a_lie_among_the_shares_is_outvoted(federation, vectors):
    """Of four answers with a threshold of three, one party's false shares change nothing; two stop the sum."""
    plan = federation.plan(LENGTH)
    parties, keys, envelopes = shared(federation, plan)
    masked = masked_by(parties, envelopes, vectors, plan, federation.names)
    signatures = {name: party.agreed(federation.names) for name, party in parties.items()}
    revealed = {name: party.revealed(signatures) for name, party in parties.items()}
    lie = Revealed({name: bytes(66) for name in federation.names}, {})
    total = decode(unmask(plan, keys, envelopes, masked, revealed | {"north": lie}), plan.bits)
    assert np.abs(total - sum(vectors.values())).max() < 1e-6
    with pytest.raises(HubError) as refused:
        unmask(plan, keys, envelopes, masked, revealed | {"north": lie, "west": lie})
    assert refused.value.code == "federated.bad_shares"


def test_a_vector_stays_masked_without_its_own_mask(federation, vectors):
    """What the coordinator can know of one party, its vector without the own mask, is still uniform noise."""
    plan = federation.plan(LENGTH)
    parties, _, envelopes = shared(federation, plan)
    masked = masked_by(parties, envelopes, vectors, plan, federation.names)
    plain = encode(vectors["east"], plan.bound, plan.bits)
    left = masked["east"] - expand(parties["east"]._seed, LENGTH) - plain
    assert not (left == 0).any()
    assert abs((left >> np.uint64(63)).mean() - 0.5) < 5 * 0.5 / np.sqrt(LENGTH)


def test_a_vector_of_another_length_is_refused(federation):
    """A party notices itself that its vector does not fit the plan."""
    plan = federation.plan(LENGTH)
    parties, _, envelopes = shared(federation, plan)
    with pytest.raises(HubError) as refused:
        masked_by(parties, envelopes, {"east": np.zeros(LENGTH - 1)}, plan, ("east",))
    assert refused.value.code == "federated.length"

"""A whole training: what comes out is what one house with all rows would have learned."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.core.models import learned_cards
from aislehub.customer.federated import forecast, recommender
from aislehub.customer.federated.house import read_house
from aislehub.customer.federated.learned import Learned
from aislehub.customer.federated.party import Session
from aislehub.customer.federated.report import held, judged
from aislehub.customer.federated.split import deal
from aislehub.customer.federated.tasks import Workshop
from aislehub.customer.federated.train import Course, train
from aislehub.customer.federated.wire import Message
from tests.customer.federated.members import LAST, NAMES

ITEMS = [f"item-{number:03d}" for number in range(60)] + ["item-never-sold"]


def workshops(chain, stores=None):
    """A party's work for each franchisee of the chain."""
    dealt = dict(zip(NAMES, stores or deal(chain, 4), strict=True))

    def reader(name):
        return lambda until, history, ahead: read_house(
            chain, until, stores=dealt[name], history_days=history, ahead_days=ahead
        )

    return {name: Workshop(reader(name)) for name in NAMES}


def course(**changes):
    """A short course on the small chain."""
    return Course(ITEMS, **{"until": LAST, "history_days": 210, "head": 40, "clip": 4.0, "ridge": 5.0} | changes)


def learn(federation, chain, **changes):
    """The training with all four, everything parties send on tape."""
    tape, works = bytearray(), workshops(chain)
    result, ended = federation.meet(
        works, lambda hall: train(hall, course(**changes)), tap=lambda name, piece: tape.extend(piece)
    )
    return result, ended, bytes(tape), works


def test_the_models_are_those_of_all_rows_in_one_place(federation, chain):
    """Head, Gram matrix, and both forecasts agree with a training on the plain sums, to the resolution of the sums; no
    party sends a key of a member, an item or a store; each gets the same models."""
    (learned, sums), ended, tape, works = learn(federation, chain)
    houses = [work.house({"until": LAST.isoformat(), "history_days": 210, "ahead_days": 0}) for work in works.values()]
    counts = np.sum([recommender.counts(house, ITEMS, 4.0) for house in houses], axis=0)
    head = recommender.head(ITEMS, counts, 40)
    half = np.sum([recommender.gram(house, head, 4.0) for house in houses], axis=0)
    assert learned.head == head
    assert np.abs(learned.half - half).max() < 1e-9
    assert np.abs(learned.ease.inverse - recommender.fit(half, 5.0).inverse).max() < 1e-9
    ridge = forecast.solve(np.sum([forecast.ridge_sums(house) for house in houses], axis=0), 1e-9)
    newton = np.zeros(0)
    for _ in range(8):
        newton = forecast.solve(np.sum([forecast.newton_sums(house, newton) for house in houses], axis=0), 1e-9)
    assert learned.coefficients["ridge"] == pytest.approx(ridge, abs=1e-5)
    assert learned.coefficients["poisson"] == pytest.approx(newton, abs=1e-5)
    assert sums[0].members == sum(house.members for house in houses)
    for key in (b"member-0", b"item-0", b"store-", b"category-"):
        assert key not in tape
    for session in ended.values():
        assert isinstance(session, Session)
        assert session.sums == ["counts", "gram", "ridge", *["poisson"] * 8]
        assert (Learned.read(session.results[0]).half == learned.half).all()


def test_members_who_object_to_analysis_are_in_no_sum(chain):
    """The ten who objected are missing from the rows of every party, and counted."""
    houses = [read_house(chain, LAST, stores=stores) for stores in deal(chain, 4)]
    assert all(house.objected > 0 for house in houses)
    for house in houses:
        present = house.baskets.customers[np.flatnonzero(house.baskets.visits > 0)]
        assert not any(key <= "member-0009-key" for key in present)


def test_a_promise_is_on_the_card_and_noise_in_the_sums(federation, chain):
    """With ε = 8 the card says ε, δ and the unit, not how many members; the matrix differs from the plain one by about
    the noise that it says."""
    (learned, sums), _, _, works = learn(federation, chain, epsilon=8.0)
    houses = [work.house({"until": LAST.isoformat(), "history_days": 210, "ahead_days": 0}) for work in works.values()]
    half = np.sum([recommender.gram(house, learned.head, 4.0) for house in houses], axis=0)
    assert (learned.card["epsilon"], learned.card["delta"]) == (8.0, 1e-5)
    assert learned.card["unit"] == "one member's purchases at one party"
    assert "members" not in learned.card
    assert (learned.half - half).std() == pytest.approx(learned.sigma, rel=0.1)
    assert sums[0].members == 0


def test_one_member_moves_the_sums_by_no_more_than_the_clip(chain):
    """Without any one member, counts change by at most the clip in length and the half matrix by at most its square."""
    house = read_house(chain, LAST, stores=deal(chain, 4)[0])
    for member in (20, 77):
        kept = house.baskets.customers != f"member-{member:04d}-key"
        less = type(house)(
            house.baskets.of_customers(kept), house.later, 0, house.weekly, house.weeks, house.stores, house.lines
        )
        for clip in (0.5, 2.0, 100.0):
            moved = recommender.counts(house, ITEMS, clip) - recommender.counts(less, ITEMS, clip)
            assert np.linalg.norm(moved) <= clip + 1e-9
            moved = recommender.gram(house, ITEMS, clip) - recommender.gram(less, ITEMS, clip)
            assert np.linalg.norm(moved) <= clip**2 + 1e-9


def test_a_party_that_sums_other_members_than_it_says_spoils_nothing_unnoticed(federation, chain):
    """The sum holds the members too: one who says 1,000 and sums 150 is found out, though not by name."""
    works = workshops(chain)
    honest = works["west"].contribute

    class Liar(Workshop):
        def contribute(self, plan):
            made = honest(plan)
            return type(made)(made.values, made.members + 850)

    works["west"] = Liar(works["west"].read)
    refused, _ = federation.meet(works, lambda hall: train(hall, course()))
    assert refused.code == "federated.sizes"
    assert refused.facts["said"] - refused.facts["summed"] == 850


@pytest.mark.parametrize(
    ("task", "code"), [("gram", "implausible"), ("ridge", "no_solution"), ("poisson", "no_solution")]
)
def test_a_sum_of_nonsense_is_no_model(federation, chain, task, code, tmp_path):
    """A party that sums numbers no rows can give, within the bounds: the training ends with a sentence, and nobody gets
    a model."""
    works = workshops(chain)
    honest = works["west"].contribute

    class Liar(Workshop):
        def contribute(self, plan):
            made = honest(plan)
            wrong = np.where(np.arange(plan.length) > 0, -1e6, made.values)
            return type(made)(wrong, made.members) if plan.task == task else made

    works["west"] = Liar(works["west"].read)
    refused, ended = federation.meet(works, lambda hall: train(hall, course()))
    assert refused.code == f"federated.{code}"
    assert all(session.results == [] for session in ended.values())


def test_a_result_that_would_leave_the_catalogue_is_refused(federation, chain):
    """A coordinator that names a path for a day, or numbers that are no sum of rows, gives no model."""
    (learned, _), _, _, _ = learn(federation, chain)
    message = learned.message()
    away = message.facts | {"card": message.facts["card"] | {"until": "../../elsewhere"}}
    wrong = replace(learned, half=-learned.half).message()
    for bad in (Message("result", away, message.body), wrong):
        with pytest.raises(HubError) as refused:
            Learned.read(bad)
        assert refused.value.code == "federated.no_message"


def test_a_party_judges_by_its_own_later_days(federation, chain):
    """Recall and WAPE of each party's last four weeks, federated and alone, lie between 0 and what can be."""
    early = course(until=LAST - timedelta(days=28), ahead_days=28)
    works = workshops(chain)
    (learned, _), _ = federation.meet(works, lambda hall: train(hall, early))
    house = next(iter(works["east"].houses.values()))
    found = judged(house, learned)
    assert {"recall_federated", "recall_alone", "wape_ridge", "wape_poisson", "wape_mean4"} <= found.keys()
    assert 0 < found["recall_federated"] <= 1
    assert 0 < found["wape_ridge"] < 1.5
    assert held(house)["members"] == house.members > 0


def test_what_was_learned_lies_in_the_catalogue_with_its_card(federation, chain, tmp_path):
    """Files with hashes; the recommender reads without pickle."""
    (learned, _), _, _, _ = learn(federation, chain)
    card = learned.save(tmp_path / "models", why="test")
    ((found, place),) = learned_cards(tmp_path / "models", "federated")
    assert found == card
    assert found.metrics["parties"] == [*NAMES]
    with np.load(place / "recommender.npz", allow_pickle=False) as file:
        assert file["items"].tolist() == learned.head
    with pytest.raises(HubError) as refused:
        Learned.read(Message("result", {}, b"no archive"))
    assert refused.value.code == "federated.no_message"

"""What is kept of the rounds behind a model, and what it proves."""

import json

from aislehub.customer.federated.record import FILE, trainings
from aislehub.customer.federated.train import Course, train
from tests.customer.federated.members import LAST, NAMES
from tests.customer.federated.test_train import ITEMS, workshops


def test_the_rounds_lie_beside_the_model_and_prove_who_took_part(federation, chain, tmp_path):
    """Every party's signature under every sum, ε and the bytes on the wire; a list of parties that was changed
    afterwards is found out."""
    course = Course(ITEMS, LAST, history_days=210, head=40, clip=4.0, ridge=5.0, epsilon=8.0)
    (learned, _), ended = federation.meet(workshops(chain), lambda hall: train(hall, course))
    learned.save(tmp_path, why="test")
    (kept,) = trainings(tmp_path)
    assert (kept.signed, kept.forged, kept.expected) == (44, 0, 44)
    assert [done["task"] for done in kept.rounds] == ["counts", "gram", "ridge", *["poisson"] * 8]
    assert [done["epsilon"] for done in kept.rounds] == [8.0, 8.0, *[0.0] * 9]
    assert kept.marks == {name: federation.members[name].roster[name][:16] for name in NAMES}
    for name in NAMES:
        assert kept.sums_of(name) == 11
        assert kept.wire[name]["sent"] == ended[name].sent
    (file,) = tmp_path.glob(f"federated/*/{FILE}")
    told = json.loads(file.read_text(encoding="utf-8"))
    told["rounds"][1]["parties"].remove("west")
    file.write_text(json.dumps(told), encoding="utf-8")
    (kept,) = trainings(tmp_path)
    assert (kept.signed, kept.forged) == (40, 4)


def test_a_house_that_learned_nothing_with_others_has_none(tmp_path):
    """No catalogue, no trainings."""
    assert trainings(tmp_path / "models") == []

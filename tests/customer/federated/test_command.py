"""`aislehub federate`: as a user calls it, with processes of their own."""

import json

import pytest

from aislehub.core.hub import open_hub
from aislehub.core.models import learned_cards
from aislehub.serve.cli import main
from tests.customer.federated.members import LAST, NAMES, fill


@pytest.fixture
def stocked(home):
    """A home with the small chain's rows."""
    with open_hub(home) as hub:
        fill(hub.tables)
    return home


def test_franchisees_of_one_machine_learn_together(stocked, capsys):
    """Three processes over TCP with TLS: what each holds, the sum as exact as its resolution, recall beside alone and
    central, ε on the card when asked, and the model in the catalogue."""
    assert main(["federate", "--parties", "3", "--head", "40", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [report["party"] for report in told["parties"]] == ["franchisee-1", "franchisee-2", "franchisee-3"]
    assert sum(report["stores"] for report in told["parties"]) == 8
    assert told["central"]["largest_difference"] < 1e-9
    for report in told["parties"]:
        assert report["recall_federated"] == pytest.approx(told["central"]["recall"][report["party"]], abs=1e-4)
        assert report["sent"] > 8 * 820
    ((card, _),) = learned_cards(stocked / "models", "federated")
    assert card.id == told["model"]
    assert card.metrics["members"] == sum(report["members"] for report in told["parties"])


def test_certificates_are_made_for_everybody(tmp_path, capsys):
    """A folder each, and the hint where they go."""
    folder = tmp_path / "federation"
    call = ["federate", "init", str(folder)]
    for name in NAMES:
        call += ["--party", name]
    assert main(call) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [str(folder / name) for name in ("authority", "coordinator", *NAMES)]
    assert "3 of 4" in said.err


@pytest.mark.parametrize("at", ["nowhere", "host:", ":1", "host:99999", "host:http"])
def test_an_address_needs_host_and_port(stocked, tmp_path, at, capsys):
    """Anything else is refused before anybody is called."""
    assert main(["federate", "join", "--at", at, "--cert", str(tmp_path)]) == 1
    assert f"'{at}'" in capsys.readouterr().err


def test_a_coordinator_without_parties_says_who_is_missing(stocked, tmp_path, capsys):
    """After the time to wait, with the names."""
    assert main(["federate", "init", str(tmp_path / "f"), "--party", "a", "--party", "b", "--party", "c"]) == 0
    call = [
        "federate",
        "coordinate",
        "--cert",
        str(tmp_path / "f" / "coordinator"),
        "--host",
        "127.0.0.1",
        "--port",
        "0",
    ]
    assert main([*call, "--wait", "0.2", "--day", LAST.isoformat()]) == 1
    assert "Missing: a, b, c" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("parties", "said"), [("1", "Too few parties: 1"), ("2", "Too few parties: 2"), ("9", "--parties 8")]
)
def test_as_many_franchisees_as_can_be(stocked, parties, said, capsys):
    """Three or more, and a store for each: otherwise a sentence says how many, and no process is started."""
    assert main(["federate", "--parties", parties]) == 1
    assert said in capsys.readouterr().err


def test_an_empty_house_has_nothing_to_coordinate(home, capsys):
    """No items, no plan."""
    assert main(["federate", "--parties", "3"]) == 1
    assert "no items" in capsys.readouterr().err

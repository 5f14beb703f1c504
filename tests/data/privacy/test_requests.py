"""Nobody gets at somebody else's data by claiming to be them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from aislehub.core.errors import HubError
from aislehub.core.hub import Hub
from aislehub.core.state import identity_checks
from aislehub.data.privacy import identities, requests
from aislehub.data.privacy.identities import Identity, keys_of, parse
from tests.data.privacy.conftest import ANN, BEN, holding

EVE, VICTIM = parse("email:eve@example.com"), parse("card:6217 0001")
CODE = {"who": "test", "tries": 3}


def opened(hub: Hub, kind: str, *named: Identity) -> tuple[str, list[str]]:
    """An open request and its codes."""
    id, codes = requests.open_request(hub.state, hub.home, kind, named, who="test", minutes=15)
    return id, list(codes.values())


def test_who_has_one_identity_cannot_take_over_the_other(hub: Hub) -> None:
    """Eve, verified for her own key, asks for a merge with Ann's card: without Ann's code nothing happens."""
    identities.link(hub.state, hub.home, BEN, EVE, who="test")
    identities.link(hub.state, hub.home, ANN, VICTIM, who="test")
    id, (own, theirs) = opened(hub, "merge", EVE, VICTIM)
    assert requests.verify(hub.state, hub.home, id, EVE, code=own, **CODE) == "opened"
    with pytest.raises(HubError) as caught:
        requests.verify(hub.state, hub.home, id, VICTIM, code=own, **CODE)
    assert caught.value.code == "privacy.code"
    for attempt in (lambda: requests.merge(hub.state, id), lambda: requests.require(hub.state, id, "erase", ANN)):
        with pytest.raises(HubError):
            attempt()
    assert keys_of(hub.state, BEN) == (BEN,)
    assert requests.verify(hub.state, hub.home, id, VICTIM, code=theirs, **CODE) == "verified"
    assert set(requests.merge(hub.state, id)) == {ANN, BEN} == set(keys_of(hub.state, ANN))


def test_linking_a_known_identity_to_oneself_is_no_way_in(hub: Hub) -> None:
    """Once Ann's address was verified as hers, a second link of it to Ben's key does not make requests about Ben's."""
    mail = parse("email:ann@example.com")
    identities.link(hub.state, hub.home, ANN, mail, who="test")
    id, (code,) = opened(hub, "export", mail)
    requests.verify(hub.state, hub.home, id, mail, code=code, **CODE)
    identities.link(hub.state, hub.home, BEN, mail, who="eve")
    again, _ = opened(hub, "erase", mail)
    assert requests.get(hub.state, again)["person"] == ANN
    with pytest.raises(HubError):
        requests.require(hub.state, id, "export", BEN)
    identities.link(hub.state, hub.home, ANN, EVE, who="eve")
    identities.link(hub.state, hub.home, BEN, EVE, who="eve")
    with pytest.raises(HubError) as caught:
        opened(hub, "erase", EVE)
    assert caught.value.code == "privacy.identity_shared"


def test_codes_run_out(hub: Hub) -> None:
    """A code ends after its minutes and after so many wrong ones, even if the right one comes then."""
    identities.link(hub.state, hub.home, ANN, EVE, who="test")
    id, (code,) = opened(hub, "export", EVE)
    wrong = f"{(int(code) + 1) % 10**8:08}"
    for attempt in (wrong, wrong, wrong, code):
        with pytest.raises(HubError, match="not valid"):
            requests.verify(hub.state, hub.home, id, EVE, code=attempt, **CODE)
    late, (code,) = opened(hub, "export", EVE)
    with hub.state.begin() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(update(identity_checks).where(identity_checks.c.request == late).values(until=past))
    with pytest.raises(HubError, match="not valid"):
        requests.verify(hub.state, hub.home, late, EVE, code=code, **CODE)
    other, _ = opened(hub, "export", EVE)
    with pytest.raises(HubError, match="not valid"):
        requests.verify(hub.state, hub.home, other, EVE, code=code, **CODE)


def test_staff_say_what_they_checked(hub: Hub) -> None:
    """In person, what was looked at and who looked is kept with the request."""
    identities.link(hub.state, hub.home, ANN, EVE, who="test")
    id, _ = opened(hub, "object", EVE)
    assert requests.verify(hub.state, hub.home, id, EVE, who="carl", tries=3, seen="passport") == "verified"
    (row,) = requests.listed(hub.state)
    assert [(c["how"], c["who"], c["why"]) for c in row["checks"]] == [("in_person", "carl", "passport")]


def test_no_identity_is_stored_in_the_open(hub: Hub) -> None:
    """Neither addresses nor cards stand in any byte of the home, and the same spelling finds them again."""
    identities.link(hub.state, hub.home, ANN, parse("email:Ann.Open@Example.com"), who="test")
    identities.link(hub.state, hub.home, ANN, VICTIM, who="test")
    assert holding(hub.home, "ann.open@example.com") == holding(hub.home, "62170001") == []
    (link,) = identities.find(hub.state, hub.home, parse("email:  ann.open@example.com"))
    assert link["person"] == ANN
    values = [row["value"] for row in identities.identities_of(hub.state, hub.home, [ANN])]
    assert values == ["ann.open@example.com", None]


@pytest.mark.parametrize("text", ["", "email:", "email:ann", "fax:123", "phone:abc", "card:1", "ann@example.com"])
def test_what_is_no_identity_is_said(text: str) -> None:
    """A missing kind, an unknown one or a value that cannot be one is refused with the kinds there are."""
    with pytest.raises(HubError, match="email, phone, card"):
        parse(text)

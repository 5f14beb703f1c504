"""What a price may never do, each rule with the article it rests on."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from aislehub.core.errors import HubError
from aislehub.core.text import LANGUAGES
from aislehub.law import PACKS, NewPrice, PriceHistory, check, packs_of, prior_price

DAY = date(2026, 3, 2)
TODAY = DAY - timedelta(days=1)


def ago(days: int) -> date:
    """The day so many days before `DAY`."""
    return DAY - timedelta(days=days)


def codes(price: NewPrice, history: PriceHistory, *packs: str) -> list[str]:
    """Codes of the rules broken."""
    return [breach.code for breach in check("price", price, history, packs)]


RAISED = PriceHistory(shelf=[(ago(200), ago(12), 4.0), (ago(11), None, 5.0)], sold=[(ago(3), 5.0)], today=TODAY)


@pytest.mark.parametrize(("was", "broken"), [(5.0, True), (4.01, True), (4.0, False), (3.8, False), (None, False)])
def test_eu_reduction_starts_from_the_lowest_price_of_30_days(was: float | None, broken: bool) -> None:
    """Raised eleven days ago from 4 to 5: a cut to 3.50 may be shown beside 4 or less, or without a former price."""
    assert ("law.eu_prior" in codes(NewPrice(3.5, DAY, was=was), RAISED, "eu")) is broken


def test_eu_forgets_what_was_before_the_30_days() -> None:
    """A price that ended 31 days ago does not count, one of 30 days ago does."""
    for end, prior in ((31, 5.0), (30, 4.0)):
        history = PriceHistory(shelf=[(ago(200), ago(end), 4.0), (ago(end - 1), None, 5.0)])
        assert prior_price(history, DAY, ["eu"]) == prior


def test_a_reduction_that_is_none_is_not_announced() -> None:
    """A price no lower than the lowest of the 30 days is not called reduced, whatever is shown beside it."""
    assert codes(NewPrice(4.2, DAY, was=4.0), RAISED, "eu") == ["law.eu_prior"]
    assert codes(NewPrice(4.2, DAY), RAISED, "eu") == []


def test_cn_base_is_the_lowest_price_paid_in_seven_days() -> None:
    """What was paid counts, not what was asked; without a sale in seven days the last one paid does."""
    history = PriceHistory(shelf=[(ago(90), None, 5.0)], sold=[(ago(20), 3.0), (ago(6), 4.5), (ago(2), 5.0)])
    assert prior_price(history, DAY, ["cn"]) == 4.5
    assert codes(NewPrice(4.0, DAY, was=5.0), history, "cn") == ["law.cn_prior"]
    assert codes(NewPrice(4.0, DAY, was=4.5), history, "cn") == []
    quiet = PriceHistory(shelf=[(ago(90), None, 5.0)], sold=[(ago(30), 4.8), (ago(20), 3.0)])
    assert prior_price(quiet, DAY, ["cn"]) == 3.0
    assert codes(NewPrice(2.0, DAY, was=3.0), PriceHistory(), "cn") == ["law.cn_prior"]  # never sold


def test_us_former_price_was_asked_for_long_enough() -> None:
    """A former price held on at least 28 of the 90 days before."""
    for days, prior in ((27, 4.0), (28, 5.0)):
        history = PriceHistory(shelf=[(ago(300), ago(days + 1), 4.0), (ago(days), None, 5.0)])
        assert prior_price(history, DAY, ["us"]) == prior
        assert codes(NewPrice(3.0, DAY, was=5.0), history, "us") == (["law.us_prior"] if days < 28 else [])


@pytest.mark.parametrize("pack", list(PACKS))
def test_a_price_does_not_change_inside_a_business_day(pack: str) -> None:
    """A price begins on a day that has not begun, and is the only one to begin on it."""
    history = PriceHistory(shelf=[(ago(90), ago(1), 5.0), (DAY, None, 4.0)], today=TODAY)
    assert codes(NewPrice(4.5, TODAY), PriceHistory(today=TODAY), pack) == ["law.freeze"]
    assert codes(NewPrice(4.5, DAY), history, pack) == ["law.freeze"]
    assert codes(NewPrice(4.0, DAY), history, pack) == []  # the same price once more
    assert codes(NewPrice(4.5, DAY + timedelta(days=1)), history, pack) == []


@pytest.mark.parametrize("pack", list(PACKS))
def test_nothing_about_a_person_reaches_a_price(pack: str) -> None:
    """A price that a person's column has reached is a breach that names the column."""
    (breach,) = check("price", NewPrice(4.0, DAY, persons=("sales_lines.customer",)), PriceHistory(), [pack])
    assert breach.code == "law.person" and "sales_lines.customer" in breach.sentence("en")


def test_every_breach_cites_its_article_with_a_link() -> None:
    """The sentence of a breach, in either language, names the article; the breach has the link."""
    worst = NewPrice(3.5, TODAY, was=9.0, persons=("customers.age_band",))
    found = check("price", worst, RAISED)
    assert len(found) == 9
    for breach in found:
        assert breach.article.link.startswith("http")
        for lang in LANGUAGES:
            assert breach.article.name in breach.sentence(lang) and "{" not in breach.sentence(lang)


def test_the_strictest_pack_decides() -> None:
    """Where several packs hold, the former price shown passes all of them, and where one forbids it, none is shown."""
    assert prior_price(RAISED, DAY, ["eu", "cn"]) == 4.0
    assert prior_price(RAISED, DAY, ["cn"]) == 5.0
    unsold = PriceHistory(shelf=RAISED.shelf)
    assert prior_price(unsold, DAY, ["eu"]) == 4.0 and prior_price(unsold, DAY) != prior_price(unsold, DAY)
    assert prior_price(RAISED, DAY, []) == 5.0


def test_packs_follow_the_country() -> None:
    """By the store's country; all where it is unknown; those that the settings name in any case."""
    assert packs_of("DE") == packs_of("NO") == ("eu",)
    assert packs_of("US") == ("us",) and packs_of("BR") == ()
    assert packs_of("") == packs_of(None) == tuple(PACKS)
    assert packs_of("US", ["eu"]) == ("eu",)
    with pytest.raises(HubError, match="eu"):
        packs_of("US", ["ue"])


def test_an_unknown_kind_is_refused() -> None:
    """What has no rules is not waved through."""
    with pytest.raises(HubError, match="roster"):
        check("roster", NewPrice(1.0, DAY), PriceHistory())

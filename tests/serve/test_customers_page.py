"""The page Customers: segments and their history without persons, a builder, and one member's profile for admins."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from markupsafe import escape

from aislehub.core.hub import Hub
from aislehub.core.reads import reads_of
from aislehub.core.text import say
from aislehub.customer import policy
from aislehub.customer.clusters import CLUSTER_FIGURES, CUSTOMER_CLUSTERS
from aislehub.customer.profile import profiles
from aislehub.customer.rules import COLUMNS, parse
from aislehub.schema import CUSTOMER_PROFILES
from aislehub.serve import auth
from aislehub.serve.api import application
from aislehub.serve.console.customers import GROUPS
from aislehub.serve.console.rule_words import in_words
from tests.customer.conftest import DAY, GOODS, add, facts, regulars

from .conftest import PASSWORD, make_hub

SignIn = Callable[..., TestClient]
STEPS = ("customer_segments", "segment_figures", "segment_history")


@pytest.fixture(scope="module")
def segmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a house with 120 members in segments, one of whom objected to personalisation."""
    home = tmp_path_factory.mktemp("segmented")
    hub = make_hub(home)
    for name, rows in {"items": GOODS, "stores": [{"store": "1"}], "sales_lines": regulars(120, 300, seed=1)}.items():
        add(hub.tables, name, rows)
    said = {"customer": "m0003", "purpose": "personalisation", "granted": False, "at": datetime(2024, 1, 1, tzinfo=UTC)}
    add(hub.tables, "consents", [said])
    frame = profiles(facts(hub.tables), DAY, policy.Policy(), hub.tables.timezone).assign(day=DAY)
    held = CUSTOMER_PROFILES.require(pa.Table.from_pandas(frame, preserve_index=False))
    hub.tables.write("customer_profiles", held, DAY)
    for name in STEPS:
        step = next(step for step in hub.registry.steps if step.writes.name == name)
        assert step.policy
        hub.tables.write(name, step.writes.require(step.run(hub.tables, day=DAY, policy=step.policy.load(home))), DAY)
    for role in auth.ROLES:
        auth.add_user(hub.state, role, PASSWORD, role, "anna" if role == "staff" else "")
    hub.close()
    return home


@pytest.fixture
def hub(segmented: Path, tmp_path: Path, open_house: Callable[[Path, Path], Hub]) -> Iterator[Hub]:
    """A house of one's own with segments."""
    hub = open_house(segmented, tmp_path / "home")
    yield hub
    hub.close()


def group(client: TestClient, rule: str) -> str:
    """What the builder says of a rule."""
    answer = client.get("/customers/group", params={"rule": rule})
    assert answer.status_code == 200, answer.text
    return answer.text


def test_a_house_without_segments_says_what_to_do(empty_hub: Hub) -> None:
    """Before the first business day the page says how segments are made."""
    with TestClient(application(empty_hub)) as client:
        client.post("/login", data={"user": "admin", "password": PASSWORD})
        page = client.get("/customers").text
    assert "There are no segments yet" in page and "aislehub day DATE" in page


def test_segments_stand_with_their_rule_in_words_and_no_member_is_named(hub: Hub, sign_in: SignIn) -> None:
    """Each segment has its size, its rule in words and its share of spend; no key of a member is on the page."""
    page = sign_in("viewer").get("/customers").text
    rows = {row["segment"]: row for row in hub.tables.read("segment_figures").to_pyarrow().to_pylist()}
    assert "stage of life is active and visits, 90 days is high" in page
    assert f'<td class="figure">{rows["big_basket"]["members"]}</td>' in page
    assert "&lt; 5" in page and not re.search(r"m0\d{3}", page)


def test_the_check_shows_what_came_after_each_fifth(hub: Hub, sign_in: SignIn) -> None:
    """The five fifths by past discount have their share of discount then and since, as the history has them."""
    page = sign_in("viewer").get("/customers").text
    rows = [r for r in hub.tables.read("segment_history").to_pyarrow().to_pylist() if r["kind"] == "discount_share"]
    assert len(rows) == 5 and "Does the past foretell anything?" in page
    for row in rows:
        assert f"{round(100 * row['discount_since'], 1):g}\xa0%" in page


def test_the_builder_tells_the_group_and_nobody_in_it(hub: Hub, sign_in: SignIn) -> None:
    """A rule gets its size, its thresholds and the command with a holdout; no key of a member."""
    told = group(sign_in(), "basket_value is high and visits_90 >= 1")
    profiled = hub.tables.read("customer_profiles").to_pandas()
    regular = profiled[profiled["visits_365"] >= 4]["basket_value"]
    least = regular.quantile(0.75)
    inside = profiled[(profiled["basket_value"] >= least) & (profiled["visits_90"] >= 1) & (profiled.visits_365 >= 4)]
    assert f"<dd>{len(inside)} <small>" in told and "high from" in told
    assert "--holdout 0.1 --out list.csv" in told and not re.search(r"m0\d{3}", told)


def test_the_builder_is_silent_on_a_handful(hub: Hub, sign_in: SignIn) -> None:
    """Four members have neither a size nor a mean."""
    spend = hub.tables.read("customer_profiles").to_pandas()["spend_365"]
    told = group(sign_in(), f"spend_365 >= {spend.nlargest(4).min() - 0.005:.3f}")
    assert "fewer than 5 members" in told and "<table" not in told and "<dd>" not in told


@pytest.mark.parametrize(("rule", "said"), [("visit_90 > 1", "visits_90"), ("visits_90 >", "cannot be read")])
def test_a_rule_that_cannot_be_read_gets_a_hint(sign_in: SignIn, rule: str, said: str) -> None:
    """A misspelt column is answered with the nearest one, a broken rule with the place."""
    told = group(sign_in(), rule)
    assert 'role="alert"' in told and said in told


def test_what_is_typed_is_shown_and_never_run(sign_in: SignIn) -> None:
    """Markup in a rule or in the address comes back as text."""
    client = sign_in("admin")
    evil = "<script>alert(1)</script>"
    for page in (group(client, evil), client.get("/customers", params={"rule": evil, "customer": evil}).text,
                 client.get("/customers/member", params={"customer": evil}).text):  # fmt: skip
        assert evil not in page and "&lt;script&gt;" in page


def test_a_profile_is_for_admins_and_the_look_is_noted(hub: Hub, sign_in: SignIn) -> None:
    """A planner gets a sentence and refusals; an admin the profile, and the member can learn who looked."""
    client = sign_in("planner")
    assert "Profiles of single members are for admins" in client.get("/customers").text
    assert client.get("/customers/member?customer=m0001").status_code == 403
    assert client.get("/customers/members?customer=m").status_code == 403
    assert reads_of(hub.state, ["m0001"]) == []
    assert "m0001" in sign_in("admin").get("/customers/member?customer=m0001").text
    assert [(row["who"], row["what"]) for row in reads_of(hub.state, ["m0001"])] == [("admin", "page customers")]


def test_a_profile_says_why_each_segment_holds(hub: Hub, sign_in: SignIn) -> None:
    """Beside a segment stands what the member has and where high begins."""
    rows = hub.tables.read("customer_segments").to_pandas()
    key = rows[rows["segment"] == "big_basket"]["customer"].iloc[0]
    page = sign_in("admin").get(f"/customers/member?customer={key}").text
    assert "big basket" in page and re.search(r"money a visit is high \(theirs: .+?, high from .+? on\)", page)


def test_what_each_figure_means_is_said_in_the_readers_language(sign_in: SignIn) -> None:
    """Each dimension of the profile is explained on the page, in English or in Chinese, never in both at once."""
    client = sign_in("admin")
    helped = {}
    for lang in ("en", "zh"):
        client.cookies.set("language", lang)
        page = client.get("/customers/member?customer=m0001").text
        helped[lang] = re.findall(r'<small class="muted">(.*?)</small>', page)
        told = [escape(say(f"schema.customer_profiles.{name}", lang)) for name in COLUMNS]
        assert sorted(re.sub("</?code>", "`", text) for text in helped[lang]) == sorted(map(str, told))
    assert all(re.search("[一-鿿]", text) for text in helped["zh"])
    assert not any(re.search("[一-鿿]", text) for text in helped["en"])


def test_who_objected_is_put_into_no_segment(sign_in: SignIn) -> None:
    """The page says so in place of segments; a key that is none is told kindly."""
    client = sign_in("admin")
    page = client.get("/customers/member?customer=m0003").text
    assert "objected to personalisation and is put into no segment" in page
    assert "no profile of member m9999" in client.get("/customers/member?customer=m9999").text


def clustered(hub: Hub, stability: float | None, *, kept: bool) -> None:
    """Figures of a clustering into two halves, as the steps write them."""
    keys = hub.tables.fetch("customer_profiles", columns=["customer"])["customer"].to_pylist()
    rows: list[dict[str, object]] = [{"cluster": "all", "members": len(keys), "stability": stability, "clusters": 2}]
    for number, side in (("1", "high"), ("2", "low")):
        trait = {"column": "visits_90", "side": side, "mean": 3.0, "all": 2.0}
        rows.append({"cluster": number, "members": len(keys) // 2, "traits": json.dumps([trait]), "marks": "[]",
                     "spend_share": 0.5, "spend_90": 9.0, "visits_90": 3.0})  # fmt: skip
    names = dict.fromkeys(name for row in rows for name in row)
    told = [{name: row.get(name) for name in names} | {"day": DAY} for row in (rows if kept else rows[:1])]
    hub.tables.write("cluster_figures", CLUSTER_FIGURES.require(pa.Table.from_pylist(told)), DAY)
    inside = [{"customer": key, "cluster": str(n % 2 + 1), "day": DAY} for n, key in enumerate(keys)] if kept else []
    table = pa.Table.from_pylist(inside) if inside else CUSTOMER_CLUSTERS.empty()
    hub.tables.write("customer_clusters", CUSTOMER_CLUSTERS.require(table), DAY)


def test_stable_clusters_are_shown_and_can_be_built_on(hub: Hub, sign_in: SignIn) -> None:
    """Each has its number, what it is called and a rule to try; the rule counts its members."""
    clustered(hub, 0.93, kept=True)
    client = sign_in("planner")
    page = client.get("/customers").text
    assert "1: come often" in page and "2: come seldom" in page and "agreement is 0.93" in page
    assert "rule=cluster+%3D+1#builder" in page and "<code>cluster</code>" in page
    profiled = hub.tables.count("customer_profiles")
    told = group(client, "cluster = 1")
    assert f"<dd>{(profiled + 1) // 2} <small>" in told and "cannot be kept" in told
    assert "To keep the segment, put the rule" in group(client, "stage = active or stage = new or stage = lapsed")


def test_a_members_cluster_stands_in_their_profile(hub: Hub, sign_in: SignIn) -> None:
    """Its number and what it is called, in both languages; none where it is not stable or they said no."""
    client, page = sign_in("admin"), "/customers/member?customer="
    assert "Cluster of this week" not in client.get(f"{page}m0001").text
    clustered(hub, 0.93, kept=True)
    mine = {row["customer"]: row["cluster"] for row in hub.tables.fetch("customer_clusters").to_pylist()}
    names = {"1": ("1: come often", "1: 常来"), "2": ("2: come seldom", "2: 少来")}
    for key in ("m0001", "m0002"):
        english = client.get(page + key).text
        assert f"<strong>{names[mine[key]][0]}</strong>" in english
        chinese = client.get(page + key, headers={"Accept-Language": "zh"}).text
        assert f"<strong>{names[mine[key]][1]}</strong>" in chinese and "本周所属聚类" in chinese
    assert "Cluster of this week" not in client.get(f"{page}m0003").text  # who objected
    clustered(hub, 0.61, kept=False)
    assert "Cluster of this week" not in client.get(f"{page}m0001").text


def test_an_unstable_clustering_is_said_in_words(hub: Hub, sign_in: SignIn) -> None:
    """The figure and what was asked for stand in place of clusters, and a rule that asks for one is refused."""
    clustered(hub, 0.61, kept=False)
    client = sign_in("planner")
    page = client.get("/customers").text
    assert "No stable grouping" in page and "0.61" in page and "0.8" in page and "<code>cluster</code>" not in page
    assert "There is no stable clustering" in group(client, "cluster = 1")


def test_a_young_house_has_nothing_to_cluster(hub: Hub, sign_in: SignIn) -> None:
    """Too few regular members: the page says how many it takes."""
    clustered(hub, None, kept=False)
    assert "this needs 100 regular members" in sign_in("viewer").get("/customers").text


def test_viewers_build_nothing(sign_in: SignIn) -> None:
    """Rules of one's own are for planners."""
    client = sign_in("viewer")
    assert client.get("/customers/group?rule=stage+%3D+new").status_code == 403
    assert "Planners and admins can try rules" in client.get("/customers").text


def test_every_column_of_the_profile_has_its_place() -> None:
    """No figure is left out of the groups of the page, none stands in two."""
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(COLUMNS)


def test_a_rule_reads_as_it_binds() -> None:
    """Brackets, not, in and words of the data come out in the reader's words."""
    told = in_words(parse("(stage in (new, active) or visits_28 >= 3) and not discount_share is empty"), "USD")
    assert told.startswith("(stage of life is one of new, active or visits, 28 days at least 3) and ")
    assert told.endswith("not: share of money off is not known")

"""Rounds over TCP and TLS: what the coordinator gets, who falls out, and that the others go on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from aislehub.core.errors import HubError
from aislehub.customer.federated.certificates import COORDINATOR, client_tls, server_tls
from aislehub.customer.federated.fixed import encode
from aislehub.customer.federated.hall import VERSION, open_hall
from aislehub.customer.federated.party import Session, take_part
from aislehub.customer.federated.rounds import Summed, secure_sum
from aislehub.customer.federated.secagg import Contributor
from aislehub.customer.federated.terms import Answered, Terms
from aislehub.customer.federated.wire import Message, Stream
from tests.customer.federated.members import NAMES, Fixed, make_federation

LENGTH = 2000


def vectors(names=NAMES):
    """Numbers of each party, far from uniform when they are encoded."""
    rng = np.random.default_rng(1)
    return {name: rng.poisson(20, LENGTH).astype(float) for name in names}


def sum_with(federation, works, *, seconds=5.0, **options):
    """One round with these parties."""
    plan = federation.plan(LENGTH)
    return federation.meet(works, lambda hall: secure_sum(hall, plan, seconds), **options)


def test_the_coordinator_gets_the_sum_and_nothing_of_a_party(federation):
    """All bytes that leave TLS at the coordinator hold no vector and no part of one: what came is uniform and
    unrelated to the vectors, and yet adds up to their sum."""
    own, taped = vectors(), {name: bytearray() for name in NAMES}
    done, ended = sum_with(
        federation, {name: Fixed(own[name]) for name in NAMES}, tap=lambda name, piece: taped[name].extend(piece)
    )
    assert done.parties == NAMES
    assert (done.values == sum(own.values())).all()
    for name in NAMES:
        tape = bytes(taped[name])
        plain = encode(own[name], done.plan.bound, done.plan.bits)
        assert not any(plain[place : place + 1].tobytes() in tape for place in range(0, LENGTH, 7) if plain[place])
        body = tape[tape.index(b'"masked"') :]
        numbers = np.frombuffer(body[body.index(b"}}") + 2 :][: 8 * LENGTH], dtype="<u8")
        counts = np.bincount(numbers.view(np.uint8), minlength=256)
        assert abs(((counts - LENGTH / 32) ** 2 / (LENGTH / 32)).sum() - 255) < 6 * np.sqrt(510)
        assert abs(np.corrcoef(numbers.astype(float), own[name])[0, 1]) < 5 / np.sqrt(LENGTH)
        assert isinstance(ended[name], Session)
        assert ended[name].sums == ["gram"]


@pytest.mark.parametrize(
    ("work", "code"),
    [(Fixed(np.full(LENGTH, np.nan)), "federated.not_finite"), (Fixed(np.full(LENGTH, 1e9)), "federated.out_of_bound"),
     (Fixed(np.zeros(LENGTH - 1)), "federated.length"),
     (Fixed(np.zeros(LENGTH), members=3), "federated.terms_members")],
    ids=["nan", "too large", "wrong shape", "too few members"],
)  # fmt: skip
def test_a_party_with_bad_numbers_stays_out_and_the_others_go_on(federation, work, code):
    """NaN, too large, of another shape, too few members: the party says so, the sum is that of the three others."""
    own = vectors()
    works = {name: Fixed(own[name]) for name in NAMES} | {"west": work}
    done, ended = sum_with(federation, works)
    assert done.parties == ("east", "north", "south")
    assert (done.values == own["east"] + own["north"] + own["south"]).all()
    assert done.fallen["west"].code == "federated.sorry"
    assert [error.code for error in ended["west"].refused] == [code]


def test_a_slow_party_is_not_waited_for(federation):
    """It is told so, the round goes on, and it may take part in the next."""
    own = vectors()
    slow = Fixed(own["west"], before=lambda: time.sleep(1.2))
    works = {name: Fixed(own[name]) for name in NAMES} | {"west": slow}
    done, ended = sum_with(federation, works, seconds=0.6)
    assert done.parties == ("east", "north", "south")
    assert done.fallen["west"].code == "federated.slow"
    assert isinstance(ended["west"], Session | HubError)


def test_below_the_threshold_the_round_says_who_was_missing(federation):
    """Two of four with NaN: no sum, and the sentence names both and why."""
    own = vectors()
    works = {name: Fixed(own[name]) for name in NAMES} | dict.fromkeys(
        ("north", "west"), Fixed(np.full(LENGTH, np.nan))
    )
    refused, _ = sum_with(federation, works)
    assert refused.code == "federated.too_few"
    assert all(name in str(refused) for name in ("north", "west", "NaN"))


def test_an_answer_is_given_once(federation):
    """A second sum of the same thing is refused by all who were in the first; with `again` it is given."""
    works = {name: Fixed(vector) for name, vector in vectors().items()}
    assert isinstance(sum_with(federation, works)[0], Summed)
    refused, ended = sum_with(federation, works)
    assert refused.code == "federated.too_few"
    assert {ended[name].refused[0].code for name in NAMES} == {"federated.answered"}
    assert isinstance(sum_with(federation, works, again=True)[0], Summed)


def test_a_party_keeps_its_own_terms(federation):
    """Without a promise, who asks for ε = 4 stays out; of goods no promise is asked."""
    works = {name: Fixed(vector) for name, vector in vectors().items()}
    _, ended = sum_with(federation, works, terms=Terms(most_epsilon=4.0))
    assert {ended[name].refused[0].code for name in NAMES} == {"federated.terms_epsilon"}
    goods = {name: Fixed(vector, about=False) for name, vector in vectors().items()}
    assert isinstance(sum_with(federation, goods, terms=Terms(most_epsilon=4.0))[0], Summed)


def test_a_promise_with_too_little_noise_is_refused(federation):
    """Parties work out themselves what the noise is worth; a coordinator cannot promise ε = 1 with noise for 8."""
    works = {name: Fixed(vector) for name, vector in vectors().items()}
    plan = federation.plan(LENGTH, sigma=0.6, epsilon=1.0, delta=1e-5)
    _, ended = federation.meet(works, lambda hall: secure_sum(hall, plan, 5))
    assert {ended[name].refused[0].code for name in NAMES} == {"federated.broken_promise"}


def test_the_noise_of_all_is_what_was_promised(federation):
    """Of three parties, the fewest of a sum, the noise in it has the promised spread; nobody says how many members."""
    works = {name: Fixed(np.zeros(LENGTH)) for name in ("east", "north", "south")}
    plan = federation.plan(LENGTH, sigma=4.0, epsilon=1.0, delta=1e-5)
    done, _ = federation.meet(works, lambda hall: secure_sum(hall, plan, 5))
    assert done.members == 0
    assert done.noise() == pytest.approx(4.0)
    assert done.values.std() == pytest.approx(4.0, rel=0.1)


async def connected(federation, name, port):
    """A line that a test speaks on itself, with a party's certificate."""
    identity = federation.members[name]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_tls(identity))
    stream = Stream(COORDINATOR, reader, writer, most_head=2**26)
    await stream.send(Message("hello", {"version": VERSION}))
    return stream


@pytest.mark.parametrize(
    ("answer", "code"),
    [(Message("keys", {"keys": {}, "members": 10**12}), "federated.size"),
     (Message("keys", {"keys": {}, "members": -5}), "federated.size"),
     (Message("keys", {"keys": {}, "members": True}), "federated.size"),
     (Message("keys", {"keys": {"mask": "zz"}, "members": 50}), "federated.no_message"),
     (Message("masked", {}), "federated.no_message"),
     (Message("keys", {"members": 50, "keys": "x" * (2**20 + 1)}), "federated.too_long"),
     (Message("keys", {}, b"12345678"), "federated.too_long")],
    ids=["size of a country", "negative", "no number", "no keys", "out of turn", "endless head", "unasked numbers"],
)  # fmt: skip
def test_a_party_that_lies_or_talks_nonsense_is_put_out(federation, answer, code):
    """The line is closed with the reason, and the three others make the sum."""
    own, heard = vectors(), []

    async def liar(port):
        stream = await connected(federation, "west", port)
        while True:
            question = await stream.receive()
            heard.append(question)
            if question.kind == "plan":
                await stream.send(answer)
            if question.kind in ("refused", "end"):
                return await stream.close()

    done, _ = sum_with(federation, {name: Fixed(own[name]) for name in NAMES if name != "west"}, others=liar)
    assert done.parties == ("east", "north", "south")
    assert done.fallen["west"].code == code
    assert heard[-1].kind == "refused"
    assert heard[-1].facts["code"] == code


def test_keys_of_an_earlier_round_are_put_out(federation):
    """A party that sends again what it signed for another round is named and dismissed; the others make the sum."""
    own, heard = vectors(), []
    old = Contributor(federation.members["west"], federation.plan(LENGTH)).keys().told()

    async def replayer(port):
        stream = await connected(federation, "west", port)
        while True:
            heard.append(await stream.receive())
            if heard[-1].kind == "plan":
                await stream.send(Message("keys", {"keys": old, "members": 100}))
            if heard[-1].kind in ("refused", "end"):
                return await stream.close()

    done, _ = sum_with(federation, {name: Fixed(own[name]) for name in NAMES if name != "west"}, others=replayer)
    assert done.parties == ("east", "north", "south")
    assert done.fallen["west"].code == heard[-1].facts["code"] == "federated.signature"


def test_who_comes_no_more_is_not_waited_for(federation):
    """Two of four are known to be gone: the coordinator says so at once, though it would wait for a minute."""

    async def wait():
        async with open_hall(federation.members[COORDINATOR], "127.0.0.1") as hall:
            asyncio.get_running_loop().call_later(0.1, hall.give_up, "east")
            asyncio.get_running_loop().call_later(0.2, hall.give_up, "west")
            await hall.wait(3, 60)

    began = time.monotonic()
    with pytest.raises(HubError) as refused:
        asyncio.run(asyncio.wait_for(wait(), 20))
    assert refused.value.code == "federated.few_came"
    assert time.monotonic() - began < 10


def test_a_coordinator_that_fell_silent_is_called_again(federation):
    """After the seconds of silence that a party grants, the line counts as lost, and it connects anew."""
    told = []

    async def quiet():
        async with open_hall(federation.members[COORDINATOR], "127.0.0.1") as hall:
            session = asyncio.create_task(
                take_part(
                    federation.members["east"], "127.0.0.1", hall.port, Fixed([0.0]), terms=Terms(), silence=0.2,
                    answered=Answered(federation.folder / "a.json"), tell=lambda code, facts: told.append(code),
                )
            )  # fmt: skip
            while told.count("federated.lost") < 2:
                await asyncio.sleep(0.02)
            await hall.end(5)
            return await session

    assert asyncio.run(asyncio.wait_for(quiet(), 20)).sums == []


def test_a_damaged_list_of_answers_is_no_empty_one(tmp_path, federation):
    """Who cannot read what it has answered answers nothing."""
    file = tmp_path / "answered.json"
    file.write_text('{"half": ', encoding="utf-8")
    with pytest.raises(HubError) as refused:
        Answered(file).check(federation.plan(LENGTH))
    assert refused.value.code == "federated.answered_broken"


def test_a_second_connection_of_a_party_is_refused_and_the_first_stays(federation):
    """The one who comes second hears why; the first one's numbers are in the sum."""
    own, heard = vectors(), []

    async def twin(port):
        while not heard or heard[-1].facts.get("code") != "federated.twice":
            stream = await connected(federation, "east", port)
            heard.append(await stream.receive())
            if heard[-1].kind != "refused":  # it came before the real one, which then waits
                await asyncio.sleep(0.05)
            await stream.close()

    async def lead(hall):
        while not heard or heard[-1].facts.get("code") != "federated.twice":
            await asyncio.sleep(0.01)
        return await secure_sum(hall, federation.plan(LENGTH), 5)

    async def nobody(port):
        await twin(port)

    works = {name: Fixed(own[name]) for name in NAMES}
    done, ended = federation.meet(works, lead, others=nobody, expected=4)
    assert done.parties == NAMES
    assert isinstance(ended["east"], Session)


def test_nobody_without_a_certificate_of_this_federation_gets_in(federation, tmp_path):
    """No certificate, one of another federation, and a coordinator of another one whom a party calls by mistake."""
    other = make_federation(tmp_path / "other")

    async def call(port, context):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(b"x")
        try:
            return await reader.read(100)
        except (ssl.SSLError, ConnectionError):  # an alert of TLS, where it comes before the end of the line
            return b""
        finally:
            writer.close()

    async def strangers():
        async with open_hall(federation.members[COORDINATOR], "127.0.0.1") as hall:
            nameless = ssl.create_default_context()
            nameless.check_hostname, nameless.verify_mode = False, ssl.CERT_NONE
            foreign = client_tls(other.members["east"])
            foreign.verify_mode = ssl.CERT_NONE
            for context in (nameless, foreign):
                assert await call(hall.port, context) == b""
            assert hall.present() == []

    asyncio.run(asyncio.wait_for(strangers(), 20))
    result = other.meet({}, lambda hall: call_by_mistake(federation, hall.port))[0]
    assert result.code == "federated.not_its_coordinator"


async def call_by_mistake(federation, port):
    """A party of one federation calls the coordinator of another."""
    answered = Answered(federation.folder / "answered.json")
    return await take_part(
        federation.members["east"], "127.0.0.1", port, Fixed([0.0]), terms=Terms(), answered=answered, wait=1
    )


def test_a_server_needs_tls_13(federation):
    """Older versions are not offered."""
    assert server_tls(federation.members[COORDINATOR]).minimum_version == ssl.TLSVersion.TLSv1_3


PARTY = textwrap.dedent("""
    import asyncio, sys
    import numpy as np
    from pathlib import Path
    from aislehub.customer.federated.certificates import load_identity
    from aislehub.customer.federated.party import Contribution, take_part
    from aislehub.customer.federated.terms import Answered, Terms

    class Goods:
        def about_members(self, task):
            return False
        def contribute(self, plan):
            return Contribution(vector, 1)

    identity = load_identity(Path(sys.argv[1]))
    vector = np.random.default_rng(int(sys.argv[3])).poisson(20, 2000).astype(float)
    answered = Answered(identity.folder / "answered.json", again=True)
    asyncio.run(take_part(identity, "127.0.0.1", int(sys.argv[2]), Goods(), terms=Terms(), answered=answered))
""")


def test_killed_processes_are_recovered(tmp_path):
    """Of seven processes one is killed after it has shared its keys, so its vector is not in the sum and its masks are
    found by the others; one after its vector has come, which stays in the sum; the next round goes on with five."""
    names = tuple(f"shop {number}" for number in range(7))
    federation = make_federation(tmp_path, names)
    own = {name: np.random.default_rng(seed).poisson(20, LENGTH).astype(float) for seed, name in enumerate(names)}
    kill_at = {b'"kind": "shares"': names[2], b'"kind": "agreed"': names[5]}
    processes = {}

    def tap(name, piece):
        for mark, victim in kill_at.items():
            if name == victim and mark in piece and processes[name].poll() is None:
                os.kill(processes[name].pid, signal.SIGKILL)
                processes[name].wait()

    async def rounds():
        async with open_hall(federation.members[COORDINATOR], "127.0.0.1", tap=tap) as hall:
            for seed, name in enumerate(names):
                arguments = [str(federation.members[name].folder), str(hall.port), str(seed)]
                processes[name] = subprocess.Popen([sys.executable, "-c", PARTY, *arguments])
            await hall.wait(7, 60)
            try:
                first = await secure_sum(hall, federation.plan(LENGTH), 20)
                second = await secure_sum(hall, federation.plan(LENGTH), 20)
                await hall.end(5)
            finally:
                for process in processes.values():
                    if process.poll() is None:
                        await asyncio.to_thread(process.wait, 20)
        return first, second

    first, second = asyncio.run(asyncio.wait_for(rounds(), 120))
    assert first.fallen[names[2]].code == first.fallen[names[5]].code == "federated.gone"
    assert first.parties == tuple(name for name in names if name != names[2])
    assert (first.values == sum(own[name] for name in first.parties)).all()
    assert second.parties == tuple(name for name in names if name not in (names[2], names[5]))
    assert (second.values == sum(own[name] for name in second.parties)).all()
    assert json.loads((federation.members[names[5]].folder / "answered.json").read_text())

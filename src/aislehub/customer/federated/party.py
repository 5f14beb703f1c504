"""A party: connects to the coordinator, answers its questions within its own terms, and keeps its rows."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aislehub.core.errors import HubError
from aislehub.customer.federated.budget import spent
from aislehub.customer.federated.certificates import COORDINATOR, Identity, client_tls
from aislehub.customer.federated.fixed import encode
from aislehub.customer.federated.hall import GONE, VERSION
from aislehub.customer.federated.noise import gaussian
from aislehub.customer.federated.plan import Plan
from aislehub.customer.federated.secagg import Contributor, Keys
from aislehub.customer.federated.terms import Answered, Terms
from aislehub.customer.federated.wire import Message, Stream, hex_of

__all__ = ["Contribution", "Session", "Work", "take_part"]

_MOST_HEAD, _MOST_RESULT = 2**26, 2**30  # bytes: a catalogue of items, a model
_BETWEEN_TRIES = 0.5  # seconds
_SILENCE = 3600.0
"""Seconds without a word of the coordinator, whose host may be gone without saying so; longer than any round."""


@dataclass(frozen=True)
class Contribution:
    """A party's part of a sum: float64 (plan.length,), and how many members are in it (0: it is not about members)."""

    values: NDArray[np.float64]
    members: int


class Work(Protocol):
    """What a party can do: its part of a sum from its own rows."""

    def contribute(self, plan: Plan) -> Contribution: ...

    def sensitivity(self, plan: Plan) -> float:
        """The most, as a length, that one member can move the sum."""
        ...

    def about_members(self, task: str) -> bool:
        """Whether the task's rows are persons.

        Raises:
            HubError: `federated.task` for a task that it does not know.
        """
        ...


@dataclass
class Session:
    """What a party was part of: sums, refusals, results, noise of the sums under a promise, bytes."""

    sums: list[str] = field(default_factory=list)
    refused: list[HubError] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)
    multipliers: list[float] = field(default_factory=list)
    sent: int = 0
    received: int = 0


async def take_part(
    identity: Identity, host: str, port: int, work: Work, *, terms: Terms, answered: Answered, wait: float = 60.0,
    silence: float = _SILENCE, tell: Callable[[str, Mapping[str, Any]], None] = lambda code, facts: None,
) -> Session:  # fmt: skip
    """Stay with the coordinator until it says that all is done.

    A lost connection is built up again, and the rounds to come are answered.

    Args:
        identity: the party's.
        host, port: of the coordinator.
        work: what is done with the rows.
        terms: what the party insists on.
        answered: the sums that it has been part of.
        wait: seconds without a connection after which it gives up.
        silence: seconds without a word after which the connection counts as lost.
        tell: gets what happens, as code and facts.

    Raises:
        HubError: `federated.unreachable`; what the coordinator refuses a seat for: `federated.twice`,
            `federated.stranger`, `federated.version`.
    """
    session = Session()
    lost_since = time.monotonic()
    while True:
        try:
            stream = await _connect(identity, host, port, silence)
        except (*GONE, TimeoutError) as error:
            if time.monotonic() - lost_since > wait:
                raise HubError(
                    "federated.unreachable", host=host, port=port, seconds=f"{wait:.0f}", why=error
                ) from error
            await asyncio.sleep(_BETWEEN_TRIES)
            continue
        try:
            if await _answer_all(stream, identity, work, terms, answered, session, tell):
                return session
        except GONE as error:
            if not stream.received and time.monotonic() - lost_since > wait:  # it answers, and closes the line at once
                raise HubError("federated.not_admitted", host=host, port=port, why=error) from error
            tell("federated.lost", {"host": host, "port": port})
        finally:
            session.sent, session.received = session.sent + stream.sent, session.received + stream.received
            await stream.close()
        if stream.received:
            lost_since = time.monotonic()
        await asyncio.sleep(_BETWEEN_TRIES)


async def _connect(identity: Identity, host: str, port: int, silence: float) -> Stream:
    try:
        reader, writer = await asyncio.open_connection(host, port, ssl=client_tls(identity), limit=2**20)
    except ssl.SSLCertVerificationError as error:
        raise HubError("federated.not_its_coordinator", host=host, port=port) from error
    stream = Stream(COORDINATOR, reader, writer, most_head=_MOST_HEAD, patience=silence)
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if identity.known(certificate) != COORDINATOR:
        await stream.close()
        raise HubError("federated.not_its_coordinator", host=host, port=port)
    await stream.send(Message("hello", {"version": VERSION}))
    return stream


async def _answer_all(
    stream: Stream, identity: Identity, work: Work, terms: Terms, answered: Answered, session: Session,
    tell: Callable[[str, Mapping[str, Any]], None],
) -> bool:  # fmt: skip
    """Answer until the end; False when the line was closed because of one round, so that the next may be joined."""
    question = await stream.receive()
    while True:
        if question.kind == "end":
            return True
        if question.kind == "refused":
            why = _refusal(question)
            if why.code in ("federated.twice", "federated.stranger", "federated.version"):
                raise why
            tell(why.code, why.facts)
            session.refused.append(why)
            return False
        if question.kind == "result":
            session.results.append(question)
        if question.kind == "plan":
            try:
                question = await _round(stream, identity, work, terms, answered, session, tell, question)
                continue
            except HubError as error:
                tell("federated.declined", {"why": str(error)})
                session.refused.append(error)
                await stream.send(Message("sorry", {"why": error.message("en")}))
        question = await stream.receive(_MOST_RESULT)


async def _round(
    stream: Stream, identity: Identity, work: Work, terms: Terms, answered: Answered, session: Session,
    tell: Callable[[str, Mapping[str, Any]], None], question: Message,
) -> Message:  # fmt: skip
    """Answer the five questions of one round; returns the question after it, or one that ends it early."""
    plan = Plan.read(question.facts.get("plan", {}))
    if identity.name not in plan.parties or {*plan.parties} - {*identity.parties}:
        raise HubError("federated.bad_plan", why=", ".join(plan.parties))
    about_members = work.about_members(plan.task)
    terms.check(plan, about_members)
    answered.check(plan)
    if plan.epsilon:
        _keep_promise(plan, work.sensitivity(plan), session)
    made = await asyncio.to_thread(work.contribute, plan)
    if about_members:
        terms.check_members(made.members)
    vector = encode(await asyncio.to_thread(_noisy, plan, made.values), plan.bound, plan.bits)

    contributor = Contributor(identity, plan)
    own = contributor.keys()
    members = 0 if plan.epsilon else made.members  # a promise to members covers how many they are
    try:
        question = await _exchange(stream, Message("keys", {"keys": own.told(), "members": members}), "keys")
        everybody = {name: Keys.read(parts) for name, parts in question.facts["keys"].items()}
        envelopes = {name: sealed.hex() for name, sealed in contributor.shares(everybody).items()}
        question = await _exchange(stream, Message("shares", {"to": envelopes}), "envelopes")
        received = {name: hex_of(envelope) for name, envelope in question.facts["from"].items()}
        masked = await asyncio.to_thread(contributor.masked, received, vector)
        question = await _exchange(stream, Message("masked", {}, masked.astype("<u8").tobytes()), "arrived")
        signature = contributor.agreed(question.facts["parties"])
        answered.note(plan)
        question = await _exchange(stream, Message("agreed", {"signature": signature.hex()}), "signatures")
        signatures = {name: hex_of(one) for name, one in question.facts["signatures"].items()}
        revealed = contributor.revealed(signatures)
    except _Ended as ended:
        return ended.question
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HubError("federated.no_message", party=COORDINATOR) from error
    shares = {
        part: {name: share.hex() for name, share in given.items()}
        for part, given in (("seeds", revealed.seeds), ("keys", revealed.keys))
    }
    await stream.send(Message("revealed", shares))
    session.sums.append(plan.task)
    tell("federated.given", {"task": plan.task, "numbers": plan.length, "parties": len(question.facts["signatures"])})
    return await stream.receive(_MOST_RESULT)


class _Ended(Exception):
    """The coordinator went on to something else than the round's next question."""

    def __init__(self, question: Message) -> None:
        super().__init__(question.kind)
        self.question = question


async def _exchange(stream: Stream, answer: Message, wanted: str) -> Message:
    await stream.send(answer)
    question = await stream.receive(_MOST_RESULT)
    if question.kind != wanted:
        raise _Ended(question)
    return question


def _keep_promise(plan: Plan, sensitivity: float, session: Session) -> None:
    """That the noise of all sums so far and of this one is what the promised ε needs."""
    multipliers = [*session.multipliers, plan.sigma / sensitivity]
    if not plan.sigma or spent(multipliers, plan.delta) > plan.epsilon * (1 + 1e-9):
        raise HubError("federated.broken_promise", epsilon=plan.epsilon, task=plan.task)
    session.multipliers = multipliers


def _noisy(plan: Plan, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values + gaussian(plan.noise_share(), values.size) if plan.sigma else values


def _refusal(question: Message) -> HubError:
    facts = question.facts.get("facts", {})
    code = str(question.facts.get("code", ""))
    return HubError(code if code.startswith("federated.") else "federated.gone", **{"party": COORDINATOR} | facts)

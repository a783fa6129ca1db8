"""Gas of a bundle of proofs, and which of them a transaction's events say were taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
import trio

from poe.errors import AlreadyAccepted, BadAnswer, Reverted
from poe.l1.bundle import sized, which_accepted
from poe.l1.interface import ArbiterEvent, ProofAccepted, Submission
from poe.l1.send_log import Message
from poe.rollup.types import BatchNumber, FieldElement, Wei
from tests.fakes_l1 import ALICE, ARBITER, BOB, a_batch, accepted, finalized

CALL = Message(to=ARBITER, data=b"\x01")
ESTIMATE = 1000


class Endpoint:
    """The part of a transactor that sizing uses; `takes` is what the call returns at a gas limit."""

    def __init__(self, takes: Callable[[int | None], object]) -> None:
        self.takes = takes

    async def call(self, message: Message) -> bytes:
        await trio.lowlevel.checkpoint()
        found = self.takes(message.gas)
        if isinstance(found, str):
            raise Reverted(f"the arbiter refused: {found}", name=found)
        return found if isinstance(found, bytes) else int(cast(int, found)).to_bytes(32)

    async def gas_for(self, message: Message) -> int:
        await trio.lowlevel.checkpoint()
        return ESTIMATE


async def size(takes: Callable[[int | None], object]) -> Message:
    return await sized(CALL, cast(Any, Endpoint(takes)))


async def test_the_estimate_stands_when_all_are_taken_with_it() -> None:
    assert await size(lambda _: 3) == replace(CALL, gas=ESTIMATE)


async def test_gas_is_added_until_no_proof_falls_off_for_want_of_it() -> None:
    limited = await size(lambda gas: 3 if gas is None or gas >= 1500 else 2)
    assert limited.gas is not None
    assert 1500 <= limited.gas < 2000


async def test_a_call_that_reverts_at_the_estimate_gets_more() -> None:
    limited = await size(lambda gas: 2 if gas is None or gas >= 1200 else "InvalidProof")
    assert limited.gas == 1250


async def test_an_endpoint_whose_calls_never_agree_is_refused() -> None:
    with pytest.raises(BadAnswer, match="takes 3 proofs"):
        await size(lambda gas: 3 if gas is None else 2)


@pytest.mark.parametrize("answer", [b"", bytes(31), bytes(33)])
async def test_an_answer_that_is_no_number_is_refused(answer: bytes) -> None:
    with pytest.raises(BadAnswer, match=f"{len(answer)} bytes"):
        await size(lambda _: answer)


async def test_a_bundle_of_late_proofs_lost_its_races() -> None:
    with pytest.raises(AlreadyAccepted):
        await size(lambda _: "NothingToAccept")


async def test_any_other_refusal_is_told_as_it_is() -> None:
    with pytest.raises(Reverted, match="WrongBatch") as refusal:
        await size(lambda _: "WrongBatch")
    assert not isinstance(refusal.value, AlreadyAccepted)


def submission(number: int, **changed: Any) -> Submission:
    whole = Submission(
        number=BatchNumber(number),
        batch=a_batch(),
        old_root=FieldElement(number),
        new_root=FieldElement(number + 1),
        payee=BOB,
        tip=Wei(0),
        commitment=FieldElement(1),
        proof_words=tuple(range(8)),
        exits=(),
    )
    return replace(whole, **changed)


def taken(number: int) -> ProofAccepted:
    return accepted(number, number, number + 1)


def test_each_event_stands_for_the_submission_it_names() -> None:
    events: list[ArbiterEvent] = [taken(1), finalized(1, 2), taken(3), finalized(2, 3)]
    assert which_accepted([submission(1), submission(2), submission(3)], events) == (True, False, True)


def test_an_event_counts_for_one_of_two_twins() -> None:
    assert which_accepted([submission(1), submission(1)], [taken(1)]) == (True, False)


@pytest.mark.parametrize(
    "other", [{"payee": ALICE}, {"tip": Wei(1)}, {"old_root": FieldElement(9)}, {"new_root": FieldElement(9)}]
)
def test_somebody_elses_proof_of_the_same_batch_is_not_ours(other: dict[str, Any]) -> None:
    assert which_accepted([submission(1, **other)], [taken(1)]) == (False,)

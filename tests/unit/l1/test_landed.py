"""Reading a proof back out of calldata: exactly the one of the batch, nothing out of anything else."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from poe.errors import BadAnswer, L1Unreachable
from poe.l1.abi import load_artifact
from poe.l1.contract import submission_tuple
from poe.l1.interface import Submission
from poe.l1.landed import decode_landed, read_landed
from poe.l1.rpc import Rpc
from poe.rollup.types import BatchNumber, FieldElement, Hash, Wei
from tests.fakes_l1 import ALICE, a_batch

ARTIFACT = load_artifact("Arbiter")


def a_submission(number: int) -> Submission:
    return Submission(
        number=BatchNumber(number), batch=a_batch(number), old_root=FieldElement(1), new_root=FieldElement(2),
        payee=ALICE, tip=Wei(0), commitment=FieldElement(100 + number),
        proof_words=tuple(range(number, number + 8)), exits=(),
    )  # fmt: skip


def call_of(*numbers: int) -> bytes:
    tuples = [submission_tuple(a_submission(number)) for number in numbers]
    return (
        ARTIFACT.encode_call("submitProof", tuples[0])
        if len(tuples) == 1
        else ARTIFACT.encode_call("submitProofs", tuples)
    )


@pytest.mark.parametrize("numbers", [(3,), (3, 4), (2, 3, 9)])
def test_the_proof_of_the_batch_is_found(numbers: tuple[int, ...]) -> None:
    found = decode_landed(ARTIFACT, call_of(*numbers), BatchNumber(3))
    assert found is not None
    assert (found.commitment, found.words) == (103, tuple(range(3, 11)))


@pytest.mark.parametrize(
    "calldata", [b"", b"\x00" * 4, call_of(4), call_of(4, 5), ARTIFACT.functions["withdraw"].selector]
)
def test_another_call_or_batch_has_none(calldata: bytes) -> None:
    assert decode_landed(ARTIFACT, calldata, BatchNumber(3)) is None


@pytest.mark.parametrize("broken", [call_of(3)[:-1], call_of(3) + b"\0", call_of(3)[:40]])
def test_data_that_does_not_decode_is_a_bad_answer(broken: bytes) -> None:
    with pytest.raises(BadAnswer):
        decode_landed(ARTIFACT, broken, BatchNumber(3))


class Answering(Rpc):
    """An endpoint that answers every call the same."""

    def __init__(self, answer: object) -> None:
        super().__init__("http://127.0.0.1:1")
        self._said = answer

    async def call(self, method: str, *params: object) -> Any:
        await trio.lowlevel.checkpoint()
        if isinstance(self._said, Exception):
            raise self._said
        return self._said


async def test_the_transaction_is_asked_for() -> None:
    rpc = Answering({"input": "0x" + call_of(3).hex()})
    found = await read_landed(rpc, ARTIFACT, Hash(bytes(32)), BatchNumber(3))
    assert found is not None
    assert found.commitment == 103
    assert await read_landed(Answering(None), ARTIFACT, Hash(bytes(32)), BatchNumber(3)) is None


@pytest.mark.parametrize("answer", ["x", 7, {}, {"input": None}, {"input": "0x1"}, L1Unreachable("down")])
async def test_a_broken_endpoint_is_an_expected_failure(answer: object) -> None:
    with pytest.raises((BadAnswer, L1Unreachable)):
        await read_landed(Answering(answer), ARTIFACT, Hash(bytes(32)), BatchNumber(3))

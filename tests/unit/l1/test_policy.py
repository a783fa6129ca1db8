"""The policy's client: where contracts will live, which seat a stake takes, which policy an address holds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import rlp
from eth_abi.abi import encode

from poe.crypto.keccak import keccak256
from poe.errors import ConfigError, L1Error, RpcRefused
from poe.l1.abi import Artifact, load_artifact
from poe.l1.interface import BlockRef
from poe.l1.policy import (
    KINDS,
    LEASE,
    NOBODY,
    PHOTO_FINISH,
    PolicyTerms,
    PolicyViews,
    Seat,
    cheapest_seat,
    created_address,
)
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Wei
from tests.fakes_l1 import FakeRpc

ARBITER, POLICY, ANN = Address(b"\xaa" * 20), Address(b"\xbb" * 20), Address(b"\x0a" * 20)
ETHER = 10**18


def answering(kind: str, **results: tuple[object, ...]) -> Callable[[str, list[object]], object]:
    """A node on which a policy of this kind lives that answers so; anything else reverts."""
    artifact: Artifact = load_artifact(KINDS[kind])
    by_selector = {artifact.functions[name].selector: name for name in results}

    def answer(method: str, params: list[object]) -> object:
        assert method == "eth_call"
        fields = params[0]
        assert isinstance(fields, dict)
        name = by_selector.get(bytes.fromhex(fields["data"][2:10]))
        if name is None:
            raise RpcRefused("execution reverted", rpc_code=3, rpc_message="execution reverted")
        return "0x" + encode(artifact.functions[name].outputs, results[name]).hex()

    return answer


async def find(kind: str, **results: tuple[object, ...]) -> PolicyViews:
    facts = {"arbiter": ("0x" + ARBITER.hex(),), **results}
    return await PolicyViews.find(FakeRpc(answering(kind, **facts)), POLICY, arbiter=ARBITER)


def seat(index: int, ether: int) -> Seat:
    payee = ANN if ether else NOBODY
    return Seat(index=index, payee=payee, owner=payee, amount=Wei(ether * ETHER), since=1, lapses=0)


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 255, 256, 65_536, 2**63 - 1])
def test_a_contracts_address_is_the_one_that_ethereum_gives_it(nonce: int) -> None:
    assert created_address(ANN, nonce) == keccak256(rlp.encode([bytes(ANN), nonce]))[-20:]


def test_a_policy_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no award policy is called lottery"):
        PolicyTerms(kind="lottery")


def test_a_constructor_gets_what_it_takes() -> None:
    for kind in (PHOTO_FINISH, LEASE):
        arguments = PolicyTerms(kind=kind, lease_blocks=9).arguments(ARBITER)
        assert len(arguments) == len(load_artifact(KINDS[kind]).constructor_types)
        assert arguments[0] == ARBITER


async def test_a_lease_is_known_by_its_answers() -> None:
    views = await find(LEASE, leaseBlocks=(6,))
    assert (views.kind, views.lease_blocks) == (LEASE, 6)


async def test_a_photo_finish_is_known_by_its_answers() -> None:
    views = await find(PHOTO_FINISH, MAX_CONTENDERS=(16,))
    assert (views.kind, views.lease_blocks) == (PHOTO_FINISH, 0)


async def test_a_policy_of_another_arbiter_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        await find(LEASE, leaseBlocks=(6,), arbiter=("0x" + ANN.hex(),))
    assert caught.value.code == "POE-CFG-050"


async def test_a_contract_that_is_no_policy_is_refused() -> None:
    with pytest.raises(ConfigError):
        await find(LEASE)


async def test_a_batchs_lease_is_asked_by_its_postings_block() -> None:
    views = await find(LEASE, leaseBlocks=(6,), holderOf=("0x" + ANN.hex(), 3, 26))
    posted = BlockRef(number=20, hash=Hash(b"\x14" * 32), parent_hash=Hash(b"\x13" * 32), timestamp=0)
    lease = await views.lease_of(BatchNumber(7), posted)
    assert (lease.holder, lease.ends_at_block) == (ANN, 26)


async def test_what_is_drawn_is_an_address() -> None:
    views = await find(PHOTO_FINISH, MAX_CONTENDERS=(16,), drawn=("0x" + bytes(20).hex(),))
    assert await views.drawn(BatchNumber(7), FieldElement(5)) == NOBODY


def test_a_stake_takes_an_empty_seat_first() -> None:
    assert cheapest_seat([seat(0, 5), seat(1, 0), seat(2, 1)], count=3, most=64, amount=Wei(ETHER)) == 1


def test_a_stake_takes_the_next_seat_while_there_is_one() -> None:
    assert cheapest_seat([seat(0, 5), seat(1, 1)], count=2, most=64, amount=Wei(ETHER)) == 2


def test_a_stake_outbids_the_cheapest_of_a_full_list() -> None:
    full = [seat(0, 5), seat(1, 2)]
    least = 2 * ETHER + ETHER // 4 + 10**9
    assert cheapest_seat(full, count=2, most=2, amount=Wei(least)) == 1
    with pytest.raises(L1Error, match=str(least)):
        cheapest_seat(full, count=2, most=2, amount=Wei(least - 1))

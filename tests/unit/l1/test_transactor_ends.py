"""However a send ends, it ends in one known state: nothing in flight, its nonce free or used, and no money wasted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from poe.errors import AlreadyAccepted, EndpointsDisagree, FeesTooHigh, NotMined, PoeError, Reverted
from poe.journal import Journal
from poe.l1.fees import TRANSFER_GAS, FeePolicy
from poe.l1.send_log import InFlight, Message, SendLog
from poe.l1.transactor import Patience
from poe.rollup.types import Address, Wei
from tests.unit.l1.test_transactor import GWEI, MESSAGE, OTHER, SIGNER, Node, refused, revert_data, transactor_of

GAS = 60_000
WORTH = Wei(GAS * GWEI * 4)
WORTHY = replace(MESSAGE, worth=WORTH)


@pytest.fixture
def node() -> Node:
    return Node()


def is_empty(tx: dict[str, Any]) -> bool:
    return (tx["to"], tx["value"], tx["data"], tx["gas"]) == (SIGNER.address, 0, b"", TRANSFER_GAS)


def used_by_hand(node: Node) -> None:
    """The operator sends another transaction at the nonce, and it is mined."""
    node.pool.pop(node.next_nonce, None)
    node.next_nonce += 1


def rival_wins(method: str) -> str:
    raise refused("execution reverted", code=3, data=revert_data("AlreadyAccepted", 3, 2))


async def ended(node: Node, meanwhile: Callable[[], None], message: Message = MESSAGE) -> tuple[PoeError, float]:
    """How a send ends that is stuck at first, and after how many seconds."""
    node.mines = False
    transactor = transactor_of(node)
    started = trio.current_time()
    failures: list[PoeError] = []

    async def send() -> None:
        try:
            await transactor.send(message)
        except PoeError as failure:
            failures.append(failure)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await trio.sleep(1)
        meanwhile()
    took = trio.current_time() - started
    assert transactor._in_flight == {}
    node.mines, node.status = True, 1
    node.on_call = lambda method: "0x"
    before = node.next_nonce
    await transactor.send(OTHER)
    assert (node.nonces[-1], node.next_nonce) == (before, before + 1), "the account goes on"
    return failures[0], took


async def test_replaced_by_hand_is_known_within_a_minute(node: Node, autojump_clock: MockClock) -> None:
    failure, took = await ended(node, lambda: used_by_hand(node))
    assert isinstance(failure, NotMined)
    assert failure.code == "POE-L1-082"
    assert took < 60


async def test_mined_but_failed_is_known_with_its_reason_and_cost(node: Node, autojump_clock: MockClock) -> None:
    def mine_it() -> None:
        node.status, node.on_call = 0, rival_wins
        node.mine()

    failure, took = await ended(node, mine_it)
    assert isinstance(failure, AlreadyAccepted)
    assert (failure.gas_used, took < 5) == (40_000, True)


async def test_what_would_fail_by_now_is_taken_back_for_the_price_of_an_empty_payment(
    node: Node, autojump_clock: MockClock
) -> None:
    def lose() -> None:
        node.on_call, node.mines = rival_wins, True

    failure, took = await ended(node, lose, WORTHY)
    assert isinstance(failure, AlreadyAccepted)
    assert failure.gas_used == 0, "the payment is not the proof's gas"
    assert [is_empty(tx) for tx in node.sent[:2]] == [False, True]
    assert took < 20


async def test_a_nonce_is_free_within_two_minutes(node: Node, autojump_clock: MockClock) -> None:
    """With the patience that a node has by default, and blocks that take what is offered from then on."""
    node.mines = False
    transactor = transactor_of(node)
    started = trio.current_time()
    with pytest.raises(NotMined):
        await transactor.send(MESSAGE)
    assert is_empty(node.sent[-1])
    node.mine()
    await transactor.call(MESSAGE)
    assert node.next_nonce == 1
    assert trio.current_time() - started < 120


async def test_nothing_was_sent_while_endpoints_disagree_and_the_nonce_is_free(
    node: Node, autojump_clock: MockClock, tmp_path: Path
) -> None:
    def disagree(tx: dict[str, Any]) -> None:
        if len(node.sent) == 1:
            raise EndpointsDisagree("alpha says this, beta says that")

    node.on_send = disagree
    with Journal.open(tmp_path, identity=b"a test") as journal:
        transactor = transactor_of(node, journal=journal)
        with pytest.raises(EndpointsDisagree):
            await transactor.send(MESSAGE)
        assert SendLog(journal, SIGNER.address).read() == {}
        await transactor.send(MESSAGE)
    assert node.nonces == [0, 0]


async def test_a_resend_that_endpoints_forbid_is_made_when_they_agree_again(
    node: Node, autojump_clock: MockClock
) -> None:
    node.mines = False

    def disagree(tx: dict[str, Any]) -> None:
        if 2 <= len(node.sent) <= 4:
            node.pool.clear()
            raise EndpointsDisagree("alpha says this, beta says that")
        node.mines = len(node.sent) > 4

    node.on_send = disagree
    await transactor_of(node).send(MESSAGE)
    assert node.nonces == [0] * 5


async def test_a_block_that_a_reorg_takes_back_is_not_a_replacement_by_hand(
    node: Node, autojump_clock: MockClock
) -> None:
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor_of(node).send, MESSAGE)
        await trio.sleep(20)
        used_by_hand(node)
        await trio.sleep(20)
        node.next_nonce = 0
        await trio.sleep(20)
        used_by_hand(node)
        await trio.sleep(20)
        node.next_nonce, node.mines = 0, True
    assert set(node.nonces) == {0}


async def leave_behind(node: Node, journal: Journal, message: Message = WORTHY) -> None:
    """A process that dies between sending and the receipt; the endpoint forgets the transaction."""
    node.mines = False
    with trio.move_on_after(1):
        await transactor_of(node, journal=journal, patience=Patience(poll_seconds=3)).send(message)
    node.pool.clear()
    node.sent.clear()


@pytest.mark.parametrize("is_lost", [True, False])
async def test_what_a_dead_process_left_is_pushed_only_if_it_would_still_succeed(
    node: Node, tmp_path: Path, autojump_clock: MockClock, is_lost: bool
) -> None:
    autojump_clock.autojump_threshold = 0.05
    with Journal.open(tmp_path, identity=b"a test") as journal:
        await leave_behind(node, journal)
        transactor = transactor_of(node, journal=journal, patience=Patience(poll_seconds=3))
        calls: list[str] = []

        def judge(method: str) -> str:
            calls.append(method)
            return rival_wins(method) if is_lost and method == "eth_call" else "0x"

        node.on_call = judge
        async with trio.open_nursery() as nursery:
            nursery.start_soon(transactor.send, OTHER)
            await trio.sleep(20)
            node.mine()
    first = [tx for tx in node.sent if tx["nonce"] == 0]
    assert [is_empty(tx) for tx in first] == [is_lost] * len(first)
    assert calls.count("eth_call") >= 1


async def test_one_that_waits_behind_another_is_not_judged_before_its_turn(
    node: Node, autojump_clock: MockClock
) -> None:
    """On today's state it may well fail: what comes before it has not happened yet."""
    node.mines = False
    simulated: list[str] = []
    transactor = transactor_of(node)

    def second_needs_first(method: str) -> str:
        simulated.append(method)
        return "0x"

    node.on_call = second_needs_first
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor.send, MESSAGE)
        await trio.sleep(0.5)
        nursery.start_soon(transactor.send, OTHER)
        await trio.sleep(14)
        assert node.nonces.count(0) >= 2
        assert node.nonces.count(1) >= 2
        pushes = node.nonces.count(0) - 1
        assert simulated.count("eth_call") == pushes, "the first of them alone"
        node.mine()


async def test_a_spike_of_base_fees_makes_nothing_cost_more_than_it_is_worth(
    node: Node, autojump_clock: MockClock
) -> None:
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spike, node)
        with pytest.raises(NotMined):
            await transactor_of(node).send(WORTHY)
    empty = [tx for tx in node.sent if is_empty(tx)]
    assert len(empty) == 1
    assert max(tx["gas"] * tx["maxFeePerGas"] for tx in node.sent) <= WORTH
    assert empty[0]["gas"] * empty[0]["maxFeePerGas"] <= WORTH * TRANSFER_GAS * 126 // (GAS * 100)
    before = [tx for tx in node.sent if not is_empty(tx)][-1]
    assert empty[0]["maxFeePerGas"] * 100 >= before["maxFeePerGas"] * 110, "nodes take it for a replacement"
    assert empty[0]["maxPriorityFeePerGas"] * 100 >= before["maxPriorityFeePerGas"] * 110


async def spike(node: Node) -> None:
    await trio.sleep(1)
    node.base_fee = 100 * GWEI


def in_flight(message: Message, gas: int = GAS, **changes: Any) -> InFlight:
    return replace(InFlight(nonce=0, message=message, gas=gas, tip=GWEI, max_fee=3 * GWEI), **changes)


def test_an_empty_payment_rises_to_what_the_one_behind_it_may_cost() -> None:
    fees = FeePolicy()
    stuck = in_flight(WORTHY)
    stuck.give_up(fees.instead_of(stuck, SIGNER.address), TRANSFER_GAS)
    assert stuck.is_empty
    alone = fees.bumped(stuck, 100 * GWEI)[1]
    assert alone == 3 * GWEI * 125 // 100 + 1
    assert fees.bumped(stuck, 100 * GWEI, behind=in_flight(OTHER))[1] == 201 * GWEI
    assert fees.bumped(stuck, 100 * GWEI, behind=in_flight(replace(OTHER, worth=Wei(GAS * GWEI * 7))))[1] == 7 * GWEI


def test_a_transaction_never_rises_to_what_another_is_worth() -> None:
    assert FeePolicy().bumped(in_flight(WORTHY), 100 * GWEI, behind=in_flight(OTHER, max_fee=500 * GWEI))[1] <= 4 * GWEI


def test_a_gap_is_filled_for_no_more_a_gas_than_the_one_behind_it_may_cost() -> None:
    fees, filler = FeePolicy(), FeePolicy().filler(in_flight(WORTHY), SIGNER.address)
    assert fees.first(filler, TRANSFER_GAS, 4 * GWEI) == (GWEI, 4 * GWEI)
    with pytest.raises(FeesTooHigh):
        fees.first(filler, TRANSFER_GAS, 4 * GWEI + 1)
    assert fees.filler(in_flight(OTHER), SIGNER.address).worth is None


@pytest.mark.parametrize(
    ("message", "empty"),
    [
        (Message(to=SIGNER.address), True),
        (Message(to=SIGNER.address, value=Wei(1)), False),
        (MESSAGE, False),
        (Message(to=None), False),
        (Message(to=Address(b"\x02" * 20), data=b"\x01"), False),
    ],
)
def test_only_what_does_nothing_counts_as_empty(message: Message, empty: bool) -> None:
    assert in_flight(message).is_empty is empty


async def test_a_revert_that_stays_one_is_sent_once_and_not_again(node: Node, autojump_clock: MockClock) -> None:
    """A simulation that reverts is final: no further attempt, nothing out."""
    node.on_call = rival_wins
    with pytest.raises(Reverted):
        await transactor_of(node).send(MESSAGE)
    await trio.sleep(300)
    assert node.sent == []

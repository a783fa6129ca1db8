"""Transactions across crashes and dead ends: done once, never twice, and no nonce left in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from poe.errors import FeesTooHigh, L1Unreachable, NotMined, Reverted
from poe.journal import Journal
from poe.l1.keys import Signer
from poe.l1.send_log import InFlight, Message, SendLog
from poe.l1.transactor import Patience, Transactor
from poe.rollup.types import Address, Hash, Wei
from tests.unit.l1.test_transactor import GWEI, MESSAGE, OTHER, SIGNER, Node, transactor_of

GAS = 60_000
"""What the fake node's estimate and the margin come to."""


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.fixture
def patient_clock(autojump_clock: MockClock) -> MockClock:
    """Jumps only when writing to disk, in another thread, had time to end."""
    autojump_clock.autojump_threshold = 0.05
    return autojump_clock


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path, identity=b"a test") as opened:
        yield opened


def records(journal: Journal) -> list[int]:
    return list(SendLog(journal, SIGNER.address).read())


def after_restart(node: Node, journal: Journal, **patience: float) -> Transactor:
    """A transactor that begins with what the journal holds; looks rarely, since each look waits for the disk."""
    return transactor_of(node, journal=journal, patience=Patience(poll_seconds=3, **patience))


async def die_after_sending(node: Node, journal: Journal, message: Message = MESSAGE) -> None:
    """A process that ends between sending and the receipt."""
    node.mines = False
    with trio.move_on_after(1):
        await after_restart(node, journal).send(message)
    assert node.nonces == [0]


async def test_what_was_out_before_a_crash_is_waited_for_not_sent_again(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await die_after_sending(node, journal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(after_restart(node, journal).send, MESSAGE)
        await trio.sleep(1)
        node.mine()
    assert set(node.nonces) == {0}, "one nonce, so it can happen once"
    assert records(journal) == []


async def test_what_was_written_down_but_never_left_is_sent_after_a_crash(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await die_after_sending(node, journal)
    node.pool.clear()
    node.mines = True
    await after_restart(node, journal).send(MESSAGE)
    assert node.nonces == [0, 0]


async def test_the_record_is_on_disk_before_the_bytes_leave(node: Node, journal: Journal) -> None:
    seen: list[list[int]] = []
    node.on_send = lambda tx: seen.append(records(journal))
    await after_restart(node, journal).send(MESSAGE)
    assert seen == [[0]]
    assert records(journal) == []


async def test_what_was_mined_while_nobody_looked_is_not_waited_for(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    """Mined, or replaced by hand at its nonce: the simulation asks the chain whether to do it again."""
    await die_after_sending(node, journal)
    node.mine()
    node.mines = True
    await after_restart(node, journal).send(MESSAGE)
    assert node.nonces == [0, 1]
    assert records(journal) == []


async def test_another_message_takes_another_nonce_and_pushes_the_old_one_on(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await die_after_sending(node, journal)
    node.pool.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(after_restart(node, journal).send, OTHER)
        await trio.sleep(20)
        assert set(node.nonces) == {0, 1}
        node.mine()
    assert node.next_nonce == 2
    assert [tx["data"] for tx in node.sent if tx["nonce"] == 0] == [MESSAGE.data] * node.nonces.count(0)


async def test_the_same_thing_wanted_twice_at_once_is_done_twice(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False
    sender = transactor_of(node)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.send, MESSAGE)
        nursery.start_soon(sender.send, MESSAGE)
        await trio.sleep(1)
        assert sorted(node.nonces) == [0, 1]
        node.mine()


async def test_a_message_not_mined_in_time_gives_its_nonce_to_an_empty_payment(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    node.mines = False
    sender = after_restart(node, journal, mined_seconds=30)
    with pytest.raises(NotMined):
        await sender.send(MESSAGE)
    last, before = node.sent[-1], node.sent[-2]
    assert (last["nonce"], last["to"], last["value"], last["data"]) == (0, SIGNER.address, 0, b"")
    assert last["maxFeePerGas"] > before["maxFeePerGas"]
    node.mines = True
    await sender.send(MESSAGE)
    assert node.next_nonce == 2
    await sender.send(MESSAGE)
    assert records(journal) == [], "forgotten once the chain has passed it"


async def not_cancelled(node: Node, journal: Journal) -> None:
    """A process gives up on a transaction while the endpoint is away: the empty payment reaches nobody."""
    node.mines = False

    def lose_empty_payments(tx: dict[str, Any]) -> None:
        if tx["data"] == b"":
            raise L1Unreachable("gone")

    node.on_send = lose_empty_payments
    with pytest.raises(NotMined):
        await after_restart(node, journal, mined_seconds=10).send(MESSAGE)
    assert set(node.nonces) == {0}


async def test_what_may_still_be_mined_after_it_was_given_up_is_not_done_again_at_another_nonce(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await not_cancelled(node, journal)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(after_restart(node, journal).send, MESSAGE)
        await trio.sleep(5)
        node.mine()
    assert set(node.nonces) == {0}
    assert records(journal) == []


async def test_what_was_given_up_and_replaced_in_the_end_is_done_at_the_next_nonce(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await not_cancelled(node, journal)
    node.on_send, node.mines = lambda tx: None, True
    await after_restart(node, journal).send(MESSAGE)
    assert [(tx["nonce"], tx["data"]) for tx in node.sent[-2:]] == [(0, b""), (1, MESSAGE.data)]
    assert records(journal) == []


async def test_a_nonce_from_an_endpoint_that_lied_once_is_not_waited_for_ever_after(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    node.mines, node.next_nonce = False, 1000
    with pytest.raises(NotMined):
        await after_restart(node, journal, mined_seconds=5).send(MESSAGE)
    node.mines, node.next_nonce = True, 0
    receipt = await after_restart(node, journal).send(MESSAGE)
    assert (node.nonces[-1], receipt.block_number) == (0, 9)


async def test_why_a_given_up_version_reverted_is_not_taken_for_a_lack_of_gas(
    node: Node, journal: Journal, patient_clock: MockClock
) -> None:
    await not_cancelled(node, journal)
    node.status = 0
    with pytest.RaisesGroup(pytest.RaisesExc(Reverted, match="its replay does not")):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(after_restart(node, journal).send, MESSAGE)
            await trio.sleep(5)
            node.mine()


async def test_not_mined_is_told_even_when_the_endpoint_is_gone(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False

    def die(tx: dict[str, Any]) -> None:
        if len(node.sent) > 1:
            raise L1Unreachable("gone")

    node.on_send = die
    with pytest.raises(NotMined):
        await transactor_of(node, patience=Patience(mined_seconds=5)).send(MESSAGE)


async def test_nothing_is_sent_for_more_gas_than_it_is_worth(node: Node) -> None:
    worth = Wei(GAS * GWEI - 1)
    with pytest.raises(FeesTooHigh, match="60000 gas"):
        await transactor_of(node).send(replace(MESSAGE, worth=worth))
    assert node.sent == []


async def test_fees_stop_at_what_the_message_is_worth(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False
    worth = Wei(GAS * GWEI * 4)
    with pytest.raises(NotMined):
        await transactor_of(node).send(replace(MESSAGE, worth=worth))
    of_message = [tx for tx in node.sent if tx["data"]]
    assert len(of_message) > 3
    assert max(tx["maxFeePerGas"] for tx in of_message) == 4 * GWEI
    assert all(tx["maxPriorityFeePerGas"] <= tx["maxFeePerGas"] for tx in of_message)


async def test_a_rise_of_l1s_fees_beyond_its_worth_leaves_what_is_out_at_its_worth(
    node: Node, autojump_clock: MockClock
) -> None:
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor_of(node).send, replace(MESSAGE, worth=Wei(GAS * GWEI * 2)))
        await trio.sleep(1)
        node.base_fee = 100 * GWEI
        await trio.sleep(20)
        node.mine()
    assert max(tx["maxFeePerGas"] for tx in node.sent) == 2 * GWEI


def in_flight(nonce: int, **changes: Any) -> InFlight:
    sent = InFlight(nonce=nonce, message=MESSAGE, gas=GAS, tip=1, max_fee=2**130, raw=b"raw", hashes=[Hash(b"h" * 32)])
    return replace(sent, **changes)


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        Message(to=None, data=b"code", gas=7),
        Message(to=Address(b"\x09" * 20), value=Wei(2**200), worth=Wei(3)),
    ],
)
async def test_records_come_back_as_they_were(journal: Journal, message: Message) -> None:
    sends = SendLog(journal, SIGNER.address)
    await sends.write(in_flight(2**40, message=message))
    (read,) = sends.read().values()
    assert read == in_flight(2**40, message=message, is_awaited=False)
    read.give_up(Message(to=SIGNER.address), 21_000)
    await sends.write(read)
    assert sends.read() == {2**40: read}


async def test_another_accounts_records_are_not_ours(node: Node, journal: Journal, patient_clock: MockClock) -> None:
    await die_after_sending(node, journal)
    assert SendLog(journal, Signer(b"\x05" * 32).address).read() == {}


async def test_a_record_of_another_form_is_left_out(journal: Journal) -> None:
    kind = f"send 0x{SIGNER.address.hex()}"
    for nonce, body in enumerate([b"", b"\x90", b"\xc1", b"\x98" + b"\x01" * 8]):
        journal.put(kind, nonce.to_bytes(8), body)
    assert SendLog(journal, SIGNER.address).read() == {}


def test_without_a_journal_nothing_is_kept(node: Node) -> None:
    assert isinstance(transactor_of(node), Transactor)
    assert SendLog(None, SIGNER.address).read() == {}

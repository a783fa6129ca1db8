"""Nonces that a reorg freed below a transaction that waits: they are used up, so that it can be mined."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.unit.l1.test_transactor import MESSAGE, SIGNER, Node, refused, transactor_of

FILLER_GAS = 21_000


@pytest.fixture
def node() -> Node:
    return Node()


def reorg(node: Node, nonce: int) -> None:
    """The last blocks never were, and the endpoint has thrown their transactions away."""
    node.next_nonce = nonce
    node.mined.clear()


async def test_a_send_below_which_a_reorg_freed_nonces_is_mined(node: Node, autojump_clock: MockClock) -> None:
    transactor = transactor_of(node)
    for _ in range(3):
        await transactor.send(MESSAGE)
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor.send, MESSAGE)
        await trio.sleep(1)
        reorg(node, 1)
        node.mines = True
    assert node.nonces == [0, 1, 2, 3, 1, 2, 3], "the gap first, then the one that waits"
    fillers = node.sent[4:6]
    assert [(tx["to"], tx["value"], tx["data"], tx["gas"]) for tx in fillers] == 2 * [
        (SIGNER.address, 0, b"", FILLER_GAS)
    ], "an empty payment to ourselves: what was there before is its sender's to do again"


async def test_what_the_next_sender_uses_is_not_filled(node: Node, autojump_clock: MockClock) -> None:
    transactor = transactor_of(node)
    await transactor.send(MESSAGE)
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor.send, MESSAGE)
        await trio.sleep(1)
        reorg(node, 0)
        nursery.start_soon(transactor.send, MESSAGE)
        await trio.sleep(1)
        node.mines = True
    assert {tx["gas"] for tx in node.sent} == {60_000}, "no filler"


async def test_a_gap_that_somebody_else_fills_first_holds_up_nothing(node: Node, autojump_clock: MockClock) -> None:
    def somebody_is_faster(tx: dict[str, Any]) -> None:
        if tx["gas"] == FILLER_GAS:
            node.next_nonce = 1
            raise refused("nonce too low")

    transactor = transactor_of(node)
    await transactor.send(MESSAGE)
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor.send, MESSAGE)
        await trio.sleep(1)
        reorg(node, 0)
        node.mines, node.on_send = True, somebody_is_faster
    assert node.nonces == [0, 1, 0, 1]

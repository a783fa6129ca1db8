"""A prover through gas spikes, reorgs, and transactions that are dropped or replaced: no loss, no stall, true books."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trio

from poe.l1.keys import Signer
from poe.rollup.types import Wei
from tests.integration.faults.rig import DIVISOR, GWEI, PAYEE, SLACK_SECONDS, STALL_SECONDS, Rig, open_rig
from tests.integration.market import key_of

pytestmark = pytest.mark.integration

SLOT_SECONDS = 12 / DIVISOR
SPIKE_BLOCKS = 30
PROOF_SECONDS = 3.0
"""For a proof and a busy machine, which no divisor makes faster."""


async def blocks(rig: Rig, count: int, base_fee: int) -> None:
    """So many blocks, a slot each, at a base fee."""
    for _ in range(count):
        await rig.anvil.set_next_base_fee(base_fee)
        await rig.anvil.mine()
        await trio.sleep(SLOT_SECONDS)


async def until_out(rig: Rig) -> None:
    """Wait until a transaction of the prover's is in the pool, not mined."""
    account = "0x" + PAYEE.hex()
    with trio.fail_after(SLACK_SECONDS):
        pending = 0
        while pending <= await rig.nonce():
            await trio.sleep(0.02)
            pending = int(str(await rig.anvil.rpc.call("eth_getTransactionCount", account, "pending")), 16)


async def post_and_hold(rig: Rig) -> None:
    """A batch on L1, and the prover's proof of it in the pool: nothing is mined any more."""
    await rig.anvil.set_automine(False)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(rig.post)
        await trio.sleep(0.3)
        await rig.anvil.mine()
    await until_out(rig)


async def mine_on(rig: Rig) -> None:
    """Blocks at an ordinary base fee until all is final: within two minutes, by the clocks of these runs."""
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blocks, rig, 10_000, GWEI)
        await rig.until_final(seconds=STALL_SECONDS + PROOF_SECONDS)
        nursery.cancel_scope.cancel()
    print(f"\nfinal after {(trio.current_time() - began) * DIVISOR:.0f} s of a node's time")
    await rig.anvil.set_automine(True)


async def spike(rig: Rig, count: int = SPIKE_BLOCKS) -> None:
    """A proof is out when gas becomes a hundred times dearer; another batch is posted meanwhile."""
    await rig.anvil.set_next_base_fee(GWEI)
    await post_and_hold(rig)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blocks, rig, count, 100 * GWEI)
        await rig.post()
    assert rig.status["finalized"] < rig.posted[-1].number, "no proof pays at such a price"
    await mine_on(rig)


async def drop(rig: Rig) -> None:
    """What was sent is forgotten by the node it was sent to."""
    await post_and_hold(rig)
    await rig.anvil.drop_transactions()
    await mine_on(rig)


async def replace_by_hand(rig: Rig) -> None:
    """The operator sends a payment at the nonce of the proof that is out."""
    await post_and_hold(rig)
    fields = {
        "type": 2,
        "chainId": rig.market.parameters.chain_id,
        "nonce": await rig.nonce(),
        "gas": 21_000,
        "maxFeePerGas": 200 * GWEI,
        "maxPriorityFeePerGas": 20 * GWEI,
        "value": 0,
        "data": b"",
        "to": PAYEE,
    }
    raw, _ = Signer(key_of("prover")).sign_transaction(fields)
    rig.by_hand.add(str(await rig.anvil.rpc.call("eth_sendRawTransaction", "0x" + raw.hex())))
    await mine_on(rig)
    assert any(row["code"] == "POE-L1-082" for row in rig.status["races"]), rig.status["races"]


async def reorg(rig: Rig, depth: int) -> None:
    """Batches and proofs go with the last blocks; the sequencer posts again, the proofs are not made again."""
    await rig.post()
    await rig.post()
    last = rig.posted[-1].number
    await rig.until(lambda: rig.status["won"] == last - 1)
    made = rig.status["finished"]
    await rig.anvil.reorg(depth)
    await rig.anvil.mine()
    await rig.post_again()
    with trio.fail_after(STALL_SECONDS + SLACK_SECONDS):
        while (await rig.books()).finalized_number < last:  # noqa: ASYNC110 -- asked of the chain itself
            await trio.sleep(0.05)
    await rig.until(lambda: (rig.status["finalized"], rig.status["won"]) == (last, last - 1))
    assert rig.status["finished"] == made, "the proofs were kept: none is made a second time"


async def test_a_spike_dropped_and_replaced_transactions_and_a_reorg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_rig(tmp_path, monkeypatch) as rig:
        await drop(rig)
        await replace_by_hand(rig)
        await reorg(rig, 7)
        await spike(rig, 5)
        await rig.close_the_books()


@pytest.mark.long
async def test_thirty_blocks_of_gas_a_hundred_times_dearer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_rig(tmp_path, monkeypatch) as rig:
        await spike(rig)
        await spike(rig)
        await rig.close_the_books()


@pytest.mark.long
@pytest.mark.parametrize("depth", [1, 2, 7, 64])
@pytest.mark.parametrize("endpoints", [1, 2])
async def test_a_reorg_of_any_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, depth: int, endpoints: int
) -> None:
    caplog.set_level(logging.INFO)
    async with open_rig(tmp_path, monkeypatch, endpoints=endpoints) as rig:
        await reorg(rig, depth)
        await reorg(rig, depth)
        assert "l1_reorg " in caplog.text
        await rig.close_the_books()


@pytest.mark.long
async def test_dropped_and_replaced_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_rig(tmp_path, monkeypatch) as rig:
        for _ in range(3):
            await drop(rig)
            await replace_by_hand(rig)
        await rig.close_the_books()


def test_the_clocks_of_these_runs_are_those_of_a_node() -> None:
    assert STALL_SECONDS * DIVISOR == 120
    assert SLOT_SECONDS * DIVISOR == 12
    assert Wei(GWEI) == 10**9

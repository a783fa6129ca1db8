"""A sequencer in exit mode: it posts, seals and takes nothing, says so by one code, and comes back with a reorg."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from poe.errors import SequencerError
from poe.rollup.types import BatchNumber
from poe.sequencer.publisher import RETRY_SECONDS
from poe.sequencer.rpc import EXIT_MODE
from poe.status import read_status
from tests.unit.sequencer.rig import Rig, transfer
from tests.unit.sequencer.test_sequencer_node import UNTIL_SEALED, send, start

Clock = trio.testing.MockClock


async def test_it_posts_and_seals_nothing_and_refuses_by_one_code(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig().with_users(4)
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, transfer(2, 0))
        rig.l1.end()
        await trio.testing.wait_all_tasks_blocked()
        height = rig.chain.height
        with pytest.raises(SequencerError, match="exit mode") as refusal:
            await client.call("poe_sendRawTransactions", transfer(3, 0).slot.hex())
        assert refusal.value.code == EXIT_MODE
        assert str(refusal.value).count(EXIT_MODE) == 1
        await trio.sleep(4 * UNTIL_SEALED)
        status = await client.call("poe_status")
        assert (status["exit_mode"], status["ready"], status["mempool"]) == (True, False, 1)
        assert rig.chain.height == height, "what waits is not sealed"
    assert rig.l1.posted == [1]
    told = read_status(tmp_path)
    assert told is not None
    assert told["exit_mode"] is True


async def test_a_sequencer_that_starts_after_the_end_says_so_and_rests(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    first = await Rig().with_users(4)
    first.l1.finalize(root=first.chain.root)
    first.l1.end()
    second = Rig(l1=first.l1)
    async with await start(second, tmp_path, nursery) as client:
        with pytest.raises(SequencerError, match="exit mode"):
            await client.call("poe_sendRawTransactions", transfer(3, 0).slot.hex())
        status = await client.call("poe_status")
    assert (status["exit_mode"], status["finalized"], status["height"], status["agrees_with_l1"]) == (True, 1, 1, True)
    assert second.l1.posted == [1]


async def test_a_sealed_batch_is_not_posted_once_the_rollup_has_ended() -> None:
    rig = await Rig().with_users(4)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    rig.l1.end()
    await rig.sync()
    assert rig.publisher._next() is None


async def test_an_end_that_overtakes_a_posting_is_waited_out_without_spinning(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    """L1 refuses with ExitModeActive before the follower has told us of it."""
    rig = await Rig().with_users(4)
    async with await start(rig, tmp_path, nursery) as client:
        follow = rig.follower.step
        rig.follower.step = lambda: None  # type: ignore[method-assign]
        rig.l1.end()
        await send(client, transfer(2, 0))
        await trio.sleep(UNTIL_SEALED + 5 * RETRY_SECONDS)
        assert rig.l1.posted == [1]
        rig.follower.step = follow  # type: ignore[method-assign]
        rig.l1.mine()
        await trio.testing.wait_all_tasks_blocked()
        assert (await client.call("poe_status"))["exit_mode"] is True


async def test_a_reorg_that_undoes_exit_mode_brings_it_back(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await Rig().with_users(4)
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, transfer(2, 0))
        rig.l1.end()
        await trio.sleep(2 * UNTIL_SEALED)
        assert rig.l1.posted == [1]
        rig.l1.reorg(1)
        await trio.testing.wait_all_tasks_blocked()
        await send(client, transfer(3, 0))
        await trio.sleep(2 * UNTIL_SEALED)
        assert rig.l1.posted == [1, 2, 3]
        assert rig.chain.transactions == 2
    told = [line.split()[0] for line in caplog.messages if line.startswith("exit_mode_")]
    assert told == ["exit_mode_entered", "exit_mode_undone"]


async def two_final_batches() -> Rig:
    rig = await Rig().with_users(4)
    rig.l1.finalize(root=rig.chain.root)
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    await rig.post()
    rig.l1.finalize(root=rig.chain.root)
    await rig.sync()
    return rig


async def test_an_alarm_ends_it_in_peace_and_it_says_what_was_cancelled(
    tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await two_final_batches()
    async with await start(rig, tmp_path, nursery) as client:
        await send(client, transfer(2, 0))
        rig.l1.alarm(2)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(SequencerError, match="exit mode") as refusal:
            await client.call("poe_sendRawTransactions", transfer(3, 0).slot.hex())
        assert refusal.value.code == EXIT_MODE
        await trio.sleep(4 * UNTIL_SEALED)
        status = await client.call("poe_status")
        assert (status["exit_mode"], status["finalized"], status["agrees_with_l1"]) == (True, 1, True)
    assert rig.l1.posted == [1, 2]
    told = [line for line in caplog.messages if line.startswith(("alarm_raised", "exit_mode_"))]
    assert [line.split()[0] for line in told] == ["alarm_raised", "exit_mode_entered"]
    assert told[0].startswith("alarm_raised code=POE-L1-091 first_cancelled_batch=2 ")
    assert [line for line in caplog.messages if line.startswith("l1_contradicts_us")] == []


async def test_a_start_that_an_alarm_overtakes_comes_to_its_end(autojump_clock: Clock) -> None:
    """L1 said that batch 2 is final; what we then read in one step ends with its cancellation."""
    first = await two_final_batches()
    first.l1.alarm(1)
    second = Rig(l1=first.l1)
    steps = list(iter(second.follower.step, None))
    events = tuple(event for step in steps for event in step.events)
    await second.reconciler.follow(replace(steps[-1], events=events))
    with trio.fail_after(60):
        await second.reconciler.wait_until_finalized(BatchNumber(2))
    assert (second.ledger.finalized_number, second.chain.height) == (0, 2)

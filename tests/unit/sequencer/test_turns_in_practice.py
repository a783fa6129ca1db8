"""Two sequencers on one L1: each posts in its turn, takes over from a silent one, and pushes back while it cannot."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import trio

from poe.errors import L1Unreachable, Reverted, SequencerError
from poe.l1.terms import offer_for
from poe.rollup.types import Address, Wei
from poe.sequencer.hindrance import Hindrance, Obstacle
from poe.sequencer.publisher import RETRY_SECONDS
from poe.sequencer.stream import ACCEPTED
from tests.unit.sequencer.rig import Rig, transfer

Clock = trio.testing.MockClock
OTHER = Address(b"\x0f" * 20)
WINDOW = 10


async def two(store: Path | None = None) -> tuple[Rig, Rig]:
    """Seats 0 and 1, both followed up to a first batch with four users."""
    first = await Rig(store=store).with_users(4)
    first.l1.join(OTHER)
    second = Rig(l1=first.l1, poster=OTHER)
    await first.sync()
    await second.sync()
    return first, second


def mine_until(rig: Rig, block: int) -> None:
    """The next block to be mined has this number within a round of both turns."""
    while (rig.l1.head.number + 1) % (2 * WINDOW) != block:
        rig.l1.mine()


async def follow(rig: Rig) -> None:
    async for update in rig.follower.updates():
        await rig.reconciler.follow(update)


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


async def test_batches_are_cut_and_posted_in_our_turn_only(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    first, second = await two()
    mine_until(first, 0)
    for rig in (first, second):
        nursery.start_soon(follow, rig)
        nursery.start_soon(rig.publisher.run)
        nursery.start_soon(rig.batcher.run)
    await settle()
    await second.send(transfer(1, 0))
    await trio.sleep(5)
    assert first.l1.posted == [1]
    assert second.chain.height == 1, "sealed what it could not post"
    await first.send(transfer(2, 0))
    await trio.sleep(5)
    assert first.l1.posted == [1, 2]
    mine_until(first, WINDOW)
    await trio.sleep(5)
    assert first.l1.posted == [1, 2, 3]
    assert second.ledger.head() == first.ledger.head() == (3, second.chain.head_hash)
    assert first.chain.root == second.chain.root


async def test_a_silent_one_is_replaced_after_half_its_window(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    """The first is dead; the second has something to post."""
    first, second = await two()
    mine_until(first, 0)
    nursery.start_soon(follow, second)
    nursery.start_soon(second.publisher.run)
    nursery.start_soon(second.batcher.run)
    await settle()
    await second.send(transfer(1, 0))
    for _ in range(WINDOW // 2 - 1):
        second.l1.mine()
        await trio.sleep(3)
        assert second.l1.posted == [1]
    second.l1.mine()
    await trio.sleep(3)
    assert second.l1.posted == [1, 2]


async def test_batches_that_another_overtakes_are_cut_anew_and_nothing_is_lost(
    nursery: trio.Nursery, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = await two()
    mine_until(first, 0)
    await first.sync()
    await second.sync()
    await first.send(transfer(1, 0), transfer(2, 0))
    assert await first.batcher.seal() is not None
    await second.send(transfer(3, 0))
    mine_until(first, WINDOW)
    await second.sync()
    assert await second.batcher.seal() is not None
    await second.post()
    await first.sync()
    assert (first.chain.height, first.chain.root) == (2, second.chain.root)
    assert len(first.work) == 2
    assert [record.levelname for record in caplog.records if "batches_undone" in record.message] == ["INFO"]
    mine_until(first, 0)
    await first.sync()
    assert await first.batcher.seal() is not None
    await first.post()
    assert (first.account(1).nonce, first.account(2).nonce, first.account(3).nonce) == (1, 1, 1)


@pytest.mark.parametrize("name", ["NotInTurn", "WrongParent", "WrongNumber", "WrongReward"])
async def test_losing_a_race_on_l1_is_no_news(
    name: str, nursery: trio.Nursery, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    rig = await Rig().with_users(2)
    rig.l1.failures = [Reverted("refused", name=name)]
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    nursery.start_soon(follow, rig)
    nursery.start_soon(rig.publisher.run)
    await trio.sleep(2 * RETRY_SECONDS)
    assert rig.l1.posted == [1, 2]
    assert rig.obstacle.now is None
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("name", "code"),
    [("PostingHalted", "POE-SEQ-060"), ("BacklogFull", "POE-SEQ-061"), ("BondTooSmall", "POE-SEQ-062")],
)
async def test_while_posting_is_hindered_transactions_are_pushed_back_and_it_is_tried_again(
    name: str, code: str, tmp_path: Path, nursery: trio.Nursery, autojump_clock: Clock
) -> None:
    rig = await Rig(store=tmp_path / "store").with_users(3)
    rig.rpc.open_intake()
    rig.intake.open()
    rig.l1.failures = [Reverted("refused", name=name)] * 3
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    nursery.start_soon(follow, rig)
    nursery.start_soon(rig.publisher.run)
    await settle()
    with pytest.raises(SequencerError) as refused:
        await rig.rpc._admit([transfer(2, 0)])
    assert refused.value.code == code
    assert await rig.intake.admit_frame(transfer(2, 0).slot) == bytes([int(code[-3:])])
    await trio.sleep(4 * RETRY_SECONDS)
    assert rig.l1.posted == [1, 2]
    assert rig.rpc._refusal() is None
    assert await rig.intake.admit_frame(transfer(2, 0).slot) == bytes([ACCEPTED])


async def test_a_lost_seat_pushes_transactions_back(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    _first, second = await two()
    nursery.start_soon(follow, second)
    nursery.start_soon(second.publisher.run)
    await settle()
    assert second.obstacle.now is None
    second.l1.leave_seat(OTHER)
    await settle()
    assert second.obstacle.now is Hindrance.NO_SEAT
    second.l1.join(OTHER)
    await settle()
    assert second.obstacle.now is None


async def test_a_seat_that_l1_has_not_told_of_yet_is_no_hindrance(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    rig = Rig(poster=OTHER)
    nursery.start_soon(follow, rig)
    nursery.start_soon(rig.publisher.run)
    await settle()
    assert rig.obstacle.now is None
    rig.l1.join(OTHER)
    await settle()
    assert rig.turn.has_seat


async def test_l1_being_away_when_asked_for_an_open_window_is_waited_for(
    nursery: trio.Nursery, autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await two()
    mine_until(first, WINDOW // 2)
    await second.sync()
    await second.send(transfer(1, 0))
    assert await second.batcher.seal() is not None
    answers: list[bool | Exception] = [L1Unreachable("down"), False, True]

    async def may_post(account: Address) -> bool:
        await trio.lowlevel.checkpoint()
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(second.l1, "may_post", may_post)
    nursery.start_soon(second.publisher.run)
    await settle()
    assert second.l1.posted == [1]
    await trio.sleep(3 * RETRY_SECONDS)
    assert (second.l1.posted, answers) == ([1, 2], [])


def test_only_a_change_of_the_hindrance_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    obstacle = Obstacle()
    for hindrance in (None, Hindrance.BOND, Hindrance.BOND, None, None):
        obstacle.set(hindrance)
    assert [record.message.split()[0] for record in caplog.records] == ["posting_hindered", "posting_resumed"]


@pytest.mark.parametrize(
    ("least", "most", "offered"),
    [
        (0, 0, 0),
        (10**15, 10**15, 10**15),  # a fixed reward needs no headroom
        (32 * 10**9, 10**15, 34 * 10**9),
        (10**9, 10**15, 2 * 10**9),  # whole gwei, rounded up
        (10**15 - 10**9, 10**15, 10**15),
    ],
)
def test_an_offer_has_headroom_in_whole_gwei_up_to_the_ceiling(least: int, most: int, offered: int) -> None:
    assert offer_for(Wei(least), Wei(most)) == offered

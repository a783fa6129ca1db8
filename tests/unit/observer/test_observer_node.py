"""The observer: standings exported as metrics and as a status file, from L1 events alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from poe.l1.interface import ChainUpdate
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.metrics import Metrics
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.rollup.batch import batch_hash
from poe.status import read_status
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    REWARD,
    a_batch,
    accepted,
    batch_refunded,
    exit_mode_entered,
    finalized,
    forced_transaction,
    left,
    sequenced,
)
from tests.fakes_prover import FakeFollower, History


async def observe(data_dir: Path, updates: Iterable[ChainUpdate]) -> Metrics:
    """Run an observer over these updates."""
    follower, metrics = FakeFollower(), Metrics(CollectorRegistry())
    observer = Observer(
        follower=follower,
        ledger=Ledger(PARAMETERS),
        standings=Standings(GENESIS_ROOT),
        metrics=metrics,
        data_dir=data_dir,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(observer.run)
        for update in updates:
            follower.tell(update)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return metrics


def a_race(history: History) -> list[ChainUpdate]:
    """Batch 1 won by BOB, batch 2 accepted, batch 3 only posted."""
    hashes = [GENESIS_HASH, *(batch_hash(a_batch(salt)) for salt in (1, 2))]
    return [
        history.step(*(sequenced(n, hashes[n - 1], salt=n) for n in (1, 2, 3))),
        history.step(accepted(1, GENESIS_ROOT, 2000, payee=BOB)),
        history.step(finalized(1, 2000, payee=BOB), accepted(2, 2000, 3000, payee=BOB)),
    ]


async def test_heights_shares_and_delays_are_exported(tmp_path: Path) -> None:
    metrics = await observe(tmp_path, a_race(History()))
    sample = metrics.registry.get_sample_value
    heights = {s: sample("poe_batch_height", {"stage": s}) for s in ("sequenced", "accepted", "finalized")}
    assert heights == {"sequenced": 3, "accepted": 2, "finalized": 1}
    assert sample("poe_market_winner_share_ratio", {"rank": "1"}) == 1
    assert sample("poe_market_finalized_batches") == 1
    assert sample("poe_market_rewards_wei") == REWARD
    assert sample("poe_batch_stage_seconds_sum", {"stage": "accepted"}) == 1
    assert sample("poe_batch_stage_seconds_sum", {"stage": "finalized"}) == 2


async def test_the_status_file_lists_wins_and_batches(tmp_path: Path) -> None:
    await observe(tmp_path, a_race(History()))
    status = read_status(tmp_path)
    assert status is not None
    assert status["wins"] == {"0x" + BOB.hex(): 1}
    assert (status["head"], status["finalized"], status["finalized_root"]) == (3, 1, hex(2000))
    first = status["batches"][0]
    assert (first["number"], first["winner"], first["reward_wei"]) == (1, "0x" + BOB.hex(), REWARD)
    assert first["l1_tx"].startswith("0x")


async def test_a_reorg_is_counted_and_takes_the_win_back(tmp_path: Path) -> None:
    history = History()
    updates = a_race(history)
    metrics = await observe(tmp_path, [*updates, history.step(back_to=history.block - 2)])
    sample = metrics.registry.get_sample_value
    assert sample("poe_l1_reorgs_total") == 1
    assert sample("poe_market_finalized_batches") == 0
    assert sample("poe_market_winner_share_ratio", {"rank": "1"}) == 0


@pytest.mark.parametrize("splits", [1, 2, 3, 4])
async def test_every_win_is_observed_once_however_the_updates_are_cut(tmp_path: Path, splits: int) -> None:
    history = History()
    whole = [*a_race(history), history.step(finalized(2, 3000, payee=BOB)), history.step()]
    joined = ChainUpdate(
        head=whole[splits - 1].head,
        rolled_back_to=None,
        events=tuple(event for update in whole[:splits] for event in update.events),
    )
    metrics = await observe(tmp_path, [joined, *whole[splits:]])
    for stage in ("accepted", "finalized"):
        assert metrics.registry.get_sample_value("poe_batch_stage_seconds_count", {"stage": stage}) == 2


async def test_exit_mode_is_told_and_counted_and_undone_with_l1(tmp_path: Path) -> None:
    history = History()
    ending = [
        *a_race(history),
        history.step(forced_transaction(0)),
        history.step(exit_mode_entered(1, 2000), left(0, ALICE, 5), left(3, BOB, 6), batch_refunded(2)),
    ]
    metrics = await observe(tmp_path, ending)
    sample, status = metrics.registry.get_sample_value, read_status(tmp_path)
    assert (sample("poe_market_exit_mode"), sample("poe_market_left_accounts")) == (1, 2)
    assert status is not None
    told = {"block": ending[-1].head.number, "left": 2, "void_batches": 1, "void_entries": 1}
    assert (status["exit_mode"], status["finalized"]) == (told, 1)

    metrics = await observe(tmp_path, [*ending, history.step(back_to=history.block - 1)])
    sample, status = metrics.registry.get_sample_value, read_status(tmp_path)
    assert (sample("poe_market_exit_mode"), sample("poe_market_left_accounts")) == (0, 0)
    assert status is not None
    assert status["exit_mode"] is None

"""What the prover makes of a worker that cannot start and of wins that a reorg takes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from poe.errors import BackendError
from poe.metrics import Metrics
from poe.prover.race import POSTING_SECONDS, Outcome
from poe.prover.record import UNDONE, Record
from poe.prover.strategy import LeastContested
from poe.rollup.batch import batch_hash
from tests.fakes_l1 import a_batch
from tests.fakes_prover import OURS, RIVAL, FakeProofs
from tests.unit.prover.test_prover_node import FakeNetwork, Running, intent, running
from tests.unit.prover.test_record import result

Clock = trio.testing.MockClock


@pytest.fixture
def record() -> Record:
    return Record(Metrics(CollectorRegistry()))


async def test_a_worker_that_cannot_load_its_key_fails_races_until_it_can(
    tmp_path: Path, autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_key(self: FakeProofs) -> None:
        await trio.lowlevel.checkpoint()
        raise BackendError("the proving process cannot use its key")

    monkeypatch.setattr(FakeProofs, "warm", no_key)
    async with running(tmp_path) as node:
        node.proofs.failures = [BackendError("the proving process cannot use its key")] * 3
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(20)
        assert len(node.arbiter.submissions) >= 1
    assert node.status()["failed"] == 3


async def test_a_win_lasts_as_long_as_l1_says_so(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        posted = node.l1.history.block
        await trio.sleep(1.5)
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(1)
        assert node.status()["won"] == 1
        node.on_l1(lambda l1: l1.follow(back_to=posted))
        assert (await settled(node))["won"] == 0, "the reorg took it"
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(20)
    assert node.status()["won"] == 0, "and a rival has it now"
    assert len(node.proofs.jobs) == 1, "our proof was sent again, not made again"


async def test_a_batch_that_is_never_posted_does_not_keep_us_from_those_that_are(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    network = FakeNetwork()
    network.bodies = {batch_hash(a_batch(6)): a_batch(6)}
    async with running(tmp_path, network, strategy=LeastContested, jitter_seconds=0.5) as node:
        network.intend.send_nowait(intent(5, RIVAL))  # says that it works on batch 1, and never proves it
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(0.1)
        network.gossip(2, 6, parent=batch_hash(a_batch(5)))
        await trio.sleep(2 * POSTING_SECONDS)
        assert [told.number for told in network.told] == [2, 1]
        assert [sent.number for sent in node.arbiter.submissions][:1] == [1]
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(60)
        assert len(network.told) == 3, "it waits for the posting of batch 2, and does not spin"
        node.on_l1(lambda l1: l1.post(2, [6]))
        await trio.sleep(1)
        assert node.arbiter.submissions[-1].number == 2
    assert len(node.proofs.jobs) == 2, "the proof made ahead was kept"


async def test_a_posting_that_takes_its_usual_time_is_waited_for(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    network.bodies = {batch_hash(a_batch(6)): a_batch(6)}
    async with running(tmp_path, network, strategy=LeastContested, jitter_seconds=0.5) as node:
        network.intend.send_nowait(intent(5, RIVAL))
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(0.1)
        network.gossip(2, 6, parent=batch_hash(a_batch(5)))
        await trio.sleep(POSTING_SECONDS / 2)
        node.on_l1(lambda l1: l1.post(2, [6]))
        await trio.sleep(0.1)
        assert [sent.number for sent in node.arbiter.submissions] == [2]


async def settled(node: Running) -> dict[str, Any]:
    await trio.sleep(0.1)
    return node.status()


def test_a_batch_won_twice_counts_once(record: Record) -> None:
    record.add(result(Outcome.WON))
    record.add(replace(result(Outcome.WON), is_resent=True))
    record.review(lambda number: True)
    status = record.as_status()
    assert (status["won"], status["finished"]) == (1, 1)
    assert [row["outcome"] for row in status["races"]] == [UNDONE, "won"]


def test_a_win_that_a_reorg_took_and_gave_back_is_a_win(record: Record) -> None:
    record.add(result(Outcome.WON))
    record.review(lambda number: False)
    assert record.as_status()["won"] == 0
    record.review(lambda number: True)
    assert record.as_status()["won"] == 1


def test_a_win_too_old_to_know_stays_what_it_was(record: Record) -> None:
    record.add(result(Outcome.WON, number=1))
    record.add(result(Outcome.WON, number=2))
    record.review(lambda number: None if number == 1 else False)
    assert [row["outcome"] for row in record.as_status()["races"]] == ["won", UNDONE]

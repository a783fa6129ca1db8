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
from poe.prover.race import Outcome
from poe.prover.record import UNDONE, Record
from tests.fakes_prover import OURS, FakeProofs
from tests.unit.prover.test_prover_node import Running, running
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

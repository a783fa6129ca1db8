"""What the prover makes of a worker that cannot start and of wins that a reorg takes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from poe.errors import BackendError
from poe.metrics import Metrics
from poe.prover.race import Outcome
from poe.prover.record import UNDONE, Record
from tests.fakes_prover import FakeProofs
from tests.unit.prover.test_prover_node import running
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


def test_a_win_that_a_reorg_undid_is_counted_once_when_the_proof_lands_again(record: Record) -> None:
    record.add(result(Outcome.WON))
    record.add(replace(result(Outcome.WON), is_resent=True))
    status = record.as_status()
    assert (status["won"], status["finished"]) == (1, 1)
    assert [row["outcome"] for row in status["races"]] == [UNDONE, "won"]


def test_a_win_that_a_reorg_gave_to_a_rival_is_no_win(record: Record) -> None:
    record.add(result(Outcome.WON))
    record.add(replace(result(Outcome.LATE), is_resent=True))
    status = record.as_status()
    assert (status["won"], status["late"]) == (0, 1)


def test_a_proof_sent_again_takes_back_no_other_batchs_win(record: Record) -> None:
    record.add(result(Outcome.WON, number=1))
    record.add(result(Outcome.FAILED, number=2))
    record.add(replace(result(Outcome.WON, number=2), is_resent=True))
    assert record.as_status()["won"] == 2

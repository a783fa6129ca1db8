"""Several races of one node: each on a worker of its own, each for another batch; and a node that drains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import trio
import trio.testing

from poe.errors import BackendError
from poe.prover import drain
from poe.prover.shelf import FinishedProof
from poe.rollup.types import BatchNumber
from poe.status import read_status
from tests.fakes_prover import OURS, PROOF, FakeProofs
from tests.unit.prover.test_prover_node import Running

Clock = trio.testing.MockClock
FAST, SLOW = 1.0, 5.0


class Lanes(Running):
    """A prover with a worker for each of `seconds`, which is how long its proofs take."""

    def __init__(self, data_dir: Path, *seconds: float, **options: Any) -> None:
        super().__init__(data_dir, None, **options)
        self.workers = (self.proofs, *(FakeProofs() for _ in seconds[1:]))
        for worker, length in zip(self.workers, seconds, strict=True):
            worker.seconds = length
        self.prover = replace(self.prover, further_proofs=self.workers[1:])
        self.is_over = trio.Event()

    async def run(self) -> None:
        await self.prover.run()
        self.is_over.set()

    @property
    def submitted(self) -> list[int]:
        return [submission.number for submission in self.arbiter.submissions]


@asynccontextmanager
async def lanes(data_dir: Path, *seconds: float) -> AsyncIterator[Lanes]:
    node = Lanes(data_dir, *seconds)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.run)
        yield node
        nursery.cancel_scope.cancel()


async def test_each_worker_races_for_a_batch_of_its_own(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, SLOW, SLOW) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6, 7]))
        await trio.sleep(SLOW - 1)
        assert node.prover.in_hand == {1, 2}
        assert [len(worker.jobs) for worker in node.workers] == [1, 1]
        assert node.workers[0].jobs != node.workers[1].jobs
        await trio.sleep(2)
        assert sorted(node.submitted) == [1, 2]


async def test_a_worker_without_an_open_batch_waits_for_the_next(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, SLOW, SLOW) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1)
        assert sum(len(worker.jobs) for worker in node.workers) == 1, "one batch, one proof"
        node.on_l1(lambda l1: l1.post(2, [6]))
        await trio.sleep(1)
        assert sum(len(worker.jobs) for worker in node.workers) == 2


async def test_a_rivals_win_cancels_the_worker_on_that_batch_and_no_other(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async with lanes(tmp_path, SLOW, SLOW) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(1)
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(SLOW)
        assert sorted(worker.killed for worker in node.workers) == [0, 1]
        assert node.submitted == [2]
        outcomes = {race["batch"]: race["outcome"] for race in node.prover.record.as_status()["races"]}
        assert outcomes[1] == "cancelled"


async def test_a_worker_that_fails_leaves_the_others_alone(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, SLOW, SLOW) as node:
        node.workers[1].failures = [BackendError("the proving process died")]
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(SLOW + 1)
        assert len(node.submitted) == 1
        await trio.sleep(4 * SLOW)
        assert {1, 2} == set(node.submitted), "the failed one was tried again"


async def test_a_finished_proof_is_sent_once_whichever_worker_is_about(tmp_path: Path, autojump_clock: Clock) -> None:
    """Both are finished at the same moment: neither lane bundles what the other is about to send."""
    async with lanes(tmp_path, FAST, FAST) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6, 7, 8]))
        await trio.sleep(FAST + 0.5)
        sent = node.submitted + [one.number for bundle in node.arbiter.bundles for one in bundle]
        assert sorted(sent) == [1, 2]


async def test_core_seconds_are_those_of_the_workers_own_race(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, FAST, SLOW) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(SLOW + 1)
        for number in (1, 2):
            node.on_l1(lambda l1, number=number: l1.accept(number, payee=OURS))  # type: ignore[misc]
        await trio.sleep(1)
        taken = {race["batch"]: race["core_seconds"] for race in node.prover.record.as_status()["races"]}
        assert sorted(taken.values()) == [FAST, SLOW]


async def test_a_node_of_which_one_worker_races_does_not_sit_out(tmp_path: Path, autojump_clock: Clock) -> None:
    class FirstAlone:
        reason = "the others are worth nothing"

        def choose(self, candidates: Any) -> Any:
            return next((one for one in candidates if one.number == 1), None)

    node = Lanes(tmp_path, SLOW, SLOW)
    node.prover = replace(node.prover, strategy=FirstAlone())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.run)
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(SLOW - 1)
        assert node.prover.record.sitting_out == ""
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(10)
        assert node.prover.record.sitting_out == FirstAlone.reason
        nursery.cancel_scope.cancel()


async def test_draining_finishes_the_races_that_run_and_begins_none(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, SLOW, SLOW) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6, 7]))
        await trio.sleep(0.5)
        drain.request(tmp_path)
        await trio.sleep(0.4)
        assert node.status()["draining"]
        await trio.sleep(SLOW)
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(1)
        assert not node.is_over.is_set(), "the second proof is sent, and not settled yet"
        node.on_l1(lambda l1: l1.accept(2, payee=OURS))
        with trio.fail_after(1):
            await node.is_over.wait()
        assert sorted(node.submitted) == [1, 2]
        assert read_status(tmp_path)["won"] == 2  # type: ignore[index]


async def test_a_node_with_nothing_to_do_drains_at_once(tmp_path: Path, autojump_clock: Clock) -> None:
    async with lanes(tmp_path, FAST) as node:
        await trio.sleep(1)
        drain.request(tmp_path)
        with trio.fail_after(1):
            await node.is_over.wait()


async def test_a_request_to_an_earlier_process_is_not_ours(tmp_path: Path, autojump_clock: Clock) -> None:
    drain.request(tmp_path)
    async with lanes(tmp_path, FAST) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(2)
        assert node.submitted == [1]
        assert not (tmp_path / drain.FILE).exists()


async def test_a_race_that_never_ends_does_not_keep_a_draining_node_for_ever(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async with lanes(tmp_path, float("inf")) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1)
        drain.request(tmp_path)
        await trio.sleep(drain.DRAIN_SECONDS - 1)
        assert not node.is_over.is_set()
        with trio.fail_after(2):
            await node.is_over.wait()


async def test_proofs_that_lie_finished_are_landed_together_by_one_worker_alone(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    node = Lanes(tmp_path, FAST, FAST)
    node.l1.post(1, [5, 6])
    for update in node.l1.updates:
        node.scene.candidates.follow(update)
    for number in (1, 2):
        candidate = node.scene.candidates.get(BatchNumber(number))
        assert candidate is not None
        await node.shelf.put(candidate, FinishedProof(proof=PROOF, at=0.0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.run)
        await trio.sleep(0.5)
        bundles = [[one.number for one in bundle] for bundle in node.arbiter.bundles]
        nursery.cancel_scope.cancel()
    sent = sorted([number for bundle in bundles for number in bundle] + node.submitted)
    assert sent == [1, 2]

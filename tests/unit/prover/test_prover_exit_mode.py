"""Provers in exit mode: races end, none begins, nothing fails; a reorg that undoes it opens the races again."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import trio
import trio.testing

from poe.errors import Reverted
from poe.prover import race as race_module
from poe.prover.race import Outcome
from poe.rollup.types import BatchNumber
from tests.fakes_l1 import GENESIS_ROOT, a_batch, alarm_raised, exit_mode_entered
from tests.fakes_prover import OURS, Scene
from tests.unit.prover.test_prover_node import FakeNetwork, running
from tests.unit.prover.test_race import Track

Clock = trio.testing.MockClock


def end(scene: Scene) -> None:
    """Nothing is final yet: the rollup ends at genesis."""
    scene.follow(exit_mode_entered(0, GENESIS_ROOT))


def test_void_batches_are_not_open_and_gossip_is_not_heard() -> None:
    scene = Scene()
    scene.post(1, [5, 6])
    candidate = scene.candidates.open()[0]
    end(scene)
    assert scene.candidates.has_ended
    assert scene.open_numbers() == []
    assert scene.candidates.is_gone(candidate)
    assert not scene.candidates.hear(BatchNumber(3), scene.hash_at(2), a_batch(7))


def test_a_reorg_that_undoes_exit_mode_opens_the_batches_again(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    scene.post(1, [5, 6])
    back_to = scene.history.block
    end(scene)
    scene.follow(back_to=back_to)
    assert scene.open_numbers() == [1, 2]
    assert scene.candidates.hear(BatchNumber(3), scene.hash_at(2), a_batch(7))
    assert [line.split()[0] for line in caplog.messages if "exit" in line] == ["exit_mode_entered", "exit_mode_undone"]


async def test_a_race_is_cancelled_and_its_worker_killed_at_once(autojump_clock: Clock) -> None:
    track = Track()
    track.proofs.seconds = math.inf
    result, seconds = await track.run_while(at=3, happens=lambda: end(track.scene))
    assert (result.outcome, seconds) == (Outcome.CANCELLED, 3)
    assert (track.proofs.killed, track.arbiter.submissions) == (1, [])


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_proof_that_the_end_overtakes_is_no_failure(autojump_clock: Clock, is_known: bool) -> None:
    """L1 refuses it with ExitModeActive, before or after our own view of L1 knows why."""
    track = Track()
    track.arbiter.failures = [Reverted("the arbiter refused: ExitModeActive()", name="ExitModeActive")]
    at = track.proofs.seconds + (1 if is_known else 2 * race_module.SETTLE_SECONDS)
    result, _ = await track.run_while(at=at, happens=lambda: end(track.scene))
    assert result.outcome is (Outcome.CANCELLED if is_known else Outcome.LATE)
    assert ("ended" in result.reason) is is_known


async def test_another_refusal_is_still_a_failure(autojump_clock: Clock) -> None:
    track = Track()
    track.arbiter.failures = [Reverted("the arbiter refused: InvalidProof()", name="InvalidProof")]
    assert (await track.run()).outcome is Outcome.FAILED


async def test_the_node_rests_in_exit_mode_and_races_again_after_a_reorg(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    async with running(tmp_path, network) as node:
        node.proofs.seconds = 100
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1)
        back_to = node.l1.history.block
        node.on_l1(end)
        await trio.sleep(1000)
        assert (node.proofs.killed, len(node.proofs.jobs)) == (1, 1), "one race, cancelled, and none after it"
        assert node.status()["exit_mode"] is True
        node.proofs.seconds = 1
        node.on_l1(lambda l1: l1.follow(back_to=back_to))
        await trio.sleep(1.5)
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(1)
        assert (node.status()["exit_mode"], node.status()["won"], node.status()["failed"]) == (False, 1, 0)


def alarm(scene: Scene) -> None:
    """Batches 1 and 2 are final; a second proof of batch 1 cancels both."""
    old, new, _ = scene.roots(5, 6)
    raised = alarm_raised(1, old, new, new + 1)
    scene.follow(raised, exit_mode_entered(0, old))


async def test_an_alarm_stops_the_races_and_is_told_and_the_node_lives_on(
    tmp_path: Path, autojump_clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6, 7]))
        for number in (1, 2):
            node.on_l1(lambda l1, number=number: l1.accept(number))  # type: ignore[misc]
            node.on_l1(lambda l1, number=number: l1.finalize(number))  # type: ignore[misc]
        node.proofs.seconds = 100
        await trio.sleep(1)
        back_to, jobs = node.l1.history.block, len(node.proofs.jobs)
        node.on_l1(alarm)
        await trio.sleep(1000)
        status = node.status()
        assert (status["exit_mode"], status["finalized"], status["agrees_with_l1"]) == (True, 0, True)
        assert status["failed"] == 0
        assert (len(node.proofs.jobs), node.arbiter.submissions) == (jobs, []), "the race for batch 3 is the last"
        node.proofs.seconds = 1
        node.on_l1(lambda l1: l1.follow(back_to=back_to))
        await trio.sleep(5)
        assert [one.number for one in node.arbiter.submissions][:1] == [3], (
            "a reorg that undoes it brings the race back"
        )
    told = [line.split()[0] for line in caplog.messages if line.startswith(("alarm_raised", "exit_mode_"))]
    once = ["alarm_raised", "exit_mode_entered"]
    assert told == [*once, *once, "exit_mode_undone", "exit_mode_undone"], "of the scene that makes L1, and of the node"

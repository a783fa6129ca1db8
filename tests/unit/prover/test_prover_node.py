"""The prover node: what it races for, how it goes on, what its status file says."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from poe.errors import BackendError, L1Unreachable, NetError
from poe.l1.ledger import GENESIS_HASH
from poe.metrics import Metrics
from poe.net.interface import BatchAnnouncement, Network, NetworkStats, ProvingIntent
from poe.prover import node as node_module
from poe.prover.backlog import Backlog
from poe.prover.intents import IntentBook
from poe.prover.node import Prover
from poe.prover.record import Record
from poe.prover.shelf import ProofShelf
from poe.prover.stop_loss import Limits
from poe.prover.strategy import LeastContested, OldestFirst, Strategy
from poe.rollup.batch import batch_hash
from poe.rollup.types import Address, Batch, BatchNumber, Hash, Wei
from poe.status import read_status
from tests.fakes_l1 import a_batch
from tests.fakes_prover import OURS, RIVAL, TERMS, FakeArbiter, FakeFollower, FakeProofs, Scene, an_experience

Clock = trio.testing.MockClock


class FakeNetwork:
    """A Network that announces what the test says and serves `bodies`."""

    def __init__(self) -> None:
        self.announce_it, self.announcements = trio.open_memory_channel[BatchAnnouncement](10)
        self.intend, self.intents = trio.open_memory_channel[ProvingIntent](10)
        self.bodies: dict[Hash, Batch] = {}
        self.told: list[ProvingIntent] = []
        self.fails_to_tell = False
        self.heads: list[int] = []
        self.due: frozenset[Address] | None = None

    def set_head(self, number: BatchNumber) -> None:
        self.heads.append(number)

    def set_sequencers(self, bonded: Iterable[Address], *, due: Iterable[Address]) -> None:
        self.due = frozenset(due)

    def gossip(self, number: int, salt: int, *, parent: Hash = GENESIS_HASH) -> None:
        batch = a_batch(salt)
        self.announce_it.send_nowait(
            BatchAnnouncement(
                number=BatchNumber(number),
                parent_hash=parent,
                batch_hash=batch_hash(batch),
                header=batch.header,
                signature=bytes(65),
            )
        )

    def stats(self) -> NetworkStats:
        return NetworkStats(peers=3, mesh_peers=2, accepted=5, ignored=1, rejected=0, bad_frames=0, dropped=4)

    async def tell_intent(self, intent: ProvingIntent) -> None:
        await trio.lowlevel.checkpoint()
        if self.fails_to_tell:
            raise NetError("nobody listens")
        self.told.append(intent)

    async def fetch_body(self, number: BatchNumber, wanted: Hash) -> Batch:
        await trio.lowlevel.checkpoint()
        if wanted not in self.bodies:
            raise NetError(f"nobody has batch {number}")
        return self.bodies[wanted]


class Running:
    """A prover and everyone around it. L1 speaks through `l1`, whose steps the follower delivers."""

    def __init__(
        self,
        data_dir: Path,
        network: FakeNetwork | None,
        *,
        strategy: Callable[[IntentBook], Strategy] | None = None,
        jitter_seconds: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        intents = IntentBook(lambda: 0.0)
        self.l1 = Scene()
        self.scene = Scene()
        self.proofs, self.arbiter, self.follower = FakeProofs(), FakeArbiter(), FakeFollower()
        self.metrics = Metrics(CollectorRegistry())
        self.data_dir = data_dir
        self.shelf = ProofShelf(TERMS)
        collaborators = self.scene.cast(self.proofs, self.arbiter)
        self.prover = Prover(
            follower=self.follower,
            candidates=self.scene.candidates,
            collaborators=collaborators,
            shelf=self.shelf,
            backlog=Backlog(shelf=self.shelf, with_=collaborators),
            strategy=OldestFirst() if strategy is None else strategy(intents),
            experience=an_experience(limits or Limits()),
            intents=intents,
            jitter_seconds=lambda: jitter_seconds,
            network=None if network is None else as_network(network),
            metrics=self.metrics,
            record=Record(self.metrics),
            data_dir=data_dir,
        )

    def on_l1(self, action: Callable[[Scene], None]) -> None:
        """Let L1 take a step and tell the prover of it."""
        before = len(self.l1.updates)
        action(self.l1)
        for update in self.l1.updates[before:]:
            self.follower.tell(update)

    def status(self) -> dict[str, Any]:
        found = read_status(self.data_dir)
        assert found is not None
        return found


def as_network(fake: Any) -> Network:
    """The part of a Network that provers use, by its type."""
    network: Network = fake
    return network


@asynccontextmanager
async def running(data_dir: Path, network: FakeNetwork | None = None, **options: Any) -> AsyncIterator[Running]:
    node = Running(data_dir, network, **options)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.prover.run)
        yield node
        nursery.cancel_scope.cancel()


async def test_batches_are_raced_for_oldest_first(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(1.5)
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(1.5)
        node.on_l1(lambda l1: l1.accept(2, payee=OURS))
        await trio.sleep(1)
    assert [submission.number for submission in node.arbiter.submissions] == [1, 2]
    assert node.status()["won"] == 2


async def test_no_race_begins_until_l1_is_read_up_to_where_it_was_at_the_start(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    node = Running(tmp_path, None)
    node.prover = replace(node.prover, resume_block=node.l1.history.block + 3)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(node.prover.run)
        node.on_l1(lambda l1: l1.post(1, [5]))
        node.on_l1(lambda l1: l1.post(2, [6]))
        await trio.sleep(5)
        assert node.proofs.jobs == []
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(5)
        assert [submission.number for submission in node.arbiter.submissions] == [2]
        nursery.cancel_scope.cancel()


async def test_a_batch_that_a_rival_won_during_the_random_wait_is_not_raced_for(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async with running(tmp_path, jitter_seconds=5) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1)
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(20)
        assert node.proofs.jobs == []
        node.on_l1(lambda l1: l1.post(2, [6]))
        await trio.sleep(10)
        assert len(node.proofs.jobs) == 1, "and the prover is still in the game"


def intent(salt: int, prover: bytes) -> ProvingIntent:
    return ProvingIntent(number=BatchNumber(1), batch_hash=batch_hash(a_batch(salt)), prover=prover, expires_at=60)


async def test_a_rivals_intent_moves_us_to_another_batch(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    async with running(tmp_path, network, strategy=LeastContested) as node:
        network.intend.send_nowait(intent(5, RIVAL))
        network.intend.send_nowait(intent(6, OURS))  # an echo of our own says nothing about others
        await trio.sleep(0.1)
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(2)
        assert [told.number for told in network.told] == [2]


async def test_after_a_failure_the_prover_pauses_and_goes_on(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.proofs.failures = [BackendError("the proving process died")]
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1.5)
        assert len(node.proofs.jobs) == 1, "it pauses after the failure"
        await trio.sleep(node_module.PAUSE_AFTER_FAILURE_SECONDS + 1)
        assert len(node.arbiter.submissions) >= 1
    status = node.status()
    assert status["failed"] == 1
    assert status["races"][0]["reason"].startswith("POE-BCK-001")


async def test_failures_in_a_row_make_the_node_sit_out_and_say_why(tmp_path: Path, autojump_clock: Clock) -> None:
    limits = Limits(failures_in_a_row=2, pause_seconds=10.0**9)
    async with running(tmp_path, limits=limits) as node:
        node.proofs.failures = [BackendError("the proving process died") for _ in range(3)]
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(60)
        assert len(node.proofs.jobs) == 2
        node.prover.write_status()
        assert node.status()["sitting_out"].startswith("2 races in a row failed")


async def test_without_money_for_gas_no_race_begins_until_it_comes(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path, limits=Limits(least_balance=Wei(6))) as node:
        await trio.sleep(1)
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(30)
        assert node.proofs.jobs == []
        node.arbiter.wei = 6
        await trio.sleep(30)
        assert node.arbiter.submissions != []


async def test_a_worker_that_was_killed_is_warmed_before_the_next_batch_comes(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    async with running(tmp_path) as node:
        node.proofs.seconds = 100
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(1)
        warmed = node.proofs.warmed
        node.on_l1(lambda l1: l1.accept(1))
        await trio.sleep(1)
        assert node.proofs.killed == 1
        assert node.proofs.warmed == warmed + 1


async def test_the_status_file_tells_height_roots_and_races(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        node.on_l1(lambda l1: l1.finalize(1, payee=OURS))
        await trio.sleep(1)
    status, root = node.status(), node.scene.roots(5)[-1]
    assert (status["role"], status["payee"]) == ("prover", "0x" + OURS.hex())
    assert (status["height"], status["finalized"]) == (1, 1)
    assert status["root"] == status["finalized_root"] == hex(root)
    assert status["agrees_with_l1"] is True
    assert status["total_balance_gwei"] == 1000


async def test_disagreeing_with_a_final_root_shows_in_the_status_file(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.proofs.seconds = 100
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(0.1)
        node.scene.state.roots[-1] = node.scene.state.roots[0]
        wrong = node.scene.candidates.replica
        wrong.rollback_to(BatchNumber(0))
        wrong.apply(BatchNumber(1), a_batch(9))
        node.on_l1(lambda l1: l1.accept(1))
        node.on_l1(lambda l1: l1.finalize(1))
        await trio.sleep(0.1)
        assert node.status()["agrees_with_l1"] is False


async def test_without_gossip_the_race_runs_from_l1_alone(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path, network=None) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(2)
        node.on_l1(lambda l1: l1.accept(1, payee=OURS))
        await trio.sleep(1)
    assert node.status()["won"] == 1


async def test_a_gossiped_batch_is_proven_before_l1_orders_it(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    network.bodies = {batch_hash(a_batch(5)): a_batch(5)}
    async with running(tmp_path, network) as node:
        network.gossip(1, 5)
        await trio.sleep(5)
        assert len(node.proofs.jobs) == 1
        assert node.arbiter.submissions == []
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(0.1)
        assert len(node.arbiter.submissions) == 1
        assert [(intent.number, intent.prover) for intent in network.told] == [(1, OURS)]


async def test_a_body_that_nobody_has_is_waited_for_from_l1(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    async with running(tmp_path, network) as node:
        network.gossip(1, 5)
        await trio.sleep(1)
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(2)
        assert len(node.arbiter.submissions) >= 1


async def test_gossip_of_batches_that_are_not_next_fetches_nothing(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    network.bodies = {batch_hash(a_batch(6)): a_batch(6)}
    async with running(tmp_path, network) as node:
        network.gossip(2, 6)
        await trio.sleep(1)
        assert node.scene.state.height == 0


async def test_a_network_that_takes_no_intents_does_not_stop_the_race(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    network.fails_to_tell = True
    async with running(tmp_path, network) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(2)
        assert len(node.arbiter.submissions) >= 1


async def test_balance_peers_and_heights_are_exported(tmp_path: Path, autojump_clock: Clock) -> None:
    network = FakeNetwork()
    async with running(tmp_path, network) as node:
        node.on_l1(lambda l1: l1.post(1, [5, 6]))
        await trio.sleep(3 * node_module.DOORS_SECONDS)
        sample = node.metrics.registry.get_sample_value
        assert sample("poe_l1_balance_wei") == 5
        assert (sample("poe_net_peers"), sample("poe_net_mesh_peers")) == (3, 2)
        assert sample("poe_net_messages_total", {"verdict": "dropped"}) == 4, "the total, however often it is read"
        assert sample("poe_batch_height", {"stage": "sequenced"}) == 2
        assert sample("poe_l1_head_number") == node.l1.history.block
        assert network.heads == [2], "the network judges gossip by L1's head"
        assert network.due == frozenset(node.scene.candidates.ledger.sequencers), "and by whose turn is near"


async def test_an_unreachable_l1_does_not_stop_watching(
    tmp_path: Path, autojump_clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_balance(self: FakeArbiter) -> int:
        await trio.lowlevel.checkpoint()
        raise L1Unreachable("no answer")

    monkeypatch.setattr(FakeArbiter, "balance", no_balance)
    async with running(tmp_path) as node:
        await trio.sleep(10)
        node.on_l1(lambda l1: l1.post(1, [5]))
        await trio.sleep(2)
        assert len(node.arbiter.submissions) >= 1


async def test_the_status_file_is_whole_json_at_every_moment(tmp_path: Path, autojump_clock: Clock) -> None:
    async with running(tmp_path) as node:
        node.on_l1(lambda l1: l1.post(1, [5]))
        for _ in range(10):
            await trio.sleep(0.3)
            json.loads((tmp_path / "status.json").read_text())
    assert not (tmp_path / "status.tmp").exists()

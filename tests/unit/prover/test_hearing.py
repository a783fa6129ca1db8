"""Who told of a batch first: gossip ahead of L1, L1 alone, and history that nobody could have gossiped to us."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from poe.l1.interface import ChainUpdate
from poe.metrics import Metrics
from poe.prover.hearing import HISTORY_SECONDS, Hearing
from poe.rollup.batch import batch_hash
from poe.rollup.types import BatchNumber
from tests.fakes_l1 import a_batch, sequenced
from tests.fakes_prover import Scene


class Ears:
    """A scene, and a hearing whose clock stands `late` seconds after the L1 block that it looks at."""

    def __init__(self, *, late: float = 1.0) -> None:
        self.scene, self.metrics, self.late, self.now = Scene(), Metrics(CollectorRegistry()), late, 0.0
        self.scene.candidates._clock = lambda: self.now
        self.hearing = Hearing(self.metrics, lambda: self.now)

    def gossip(self, number: int, *, salt: int) -> None:
        parent = self.scene.hash_at(number - 1)
        assert self.scene.candidates.hear(BatchNumber(number), parent, a_batch(salt))

    def post(self, number: int, *, salt: int) -> ChainUpdate:
        update = self.scene.history.step(sequenced(number, self.scene.hash_at(number - 1), salt=salt))
        self.now = update.head.timestamp + self.late
        self.hearing.note_l1(update, self.scene.candidates)
        self.scene.candidates.follow(update)
        return update

    def heard(self) -> tuple[float | None, float | None]:
        name = "poe_prover_batches_heard_total"
        sample = self.metrics.registry.get_sample_value
        return sample(name, {"source": "gossip"}), sample(name, {"source": "l1"})


def test_a_gossiped_batch_is_a_head_start() -> None:
    ears = Ears()
    ears.now = ears.scene.history.step().head.timestamp + 0.5
    ears.gossip(1, salt=5)
    ears.post(1, salt=5)
    assert ears.heard() == (1, 0)
    lead = ears.metrics.registry.get_sample_value("poe_prover_gossip_lead_seconds_sum")
    assert lead == pytest.approx(1.5)


def test_a_batch_that_only_l1_tells_is_none() -> None:
    ears = Ears()
    ears.post(1, salt=5)
    assert ears.heard() == (0, 1)
    assert ears.metrics.registry.get_sample_value("poe_prover_gossip_lead_seconds_count") == 0


def test_gossip_about_another_batch_did_not_help() -> None:
    ears = Ears()
    ears.gossip(1, salt=6)
    ears.post(1, salt=5)
    assert ears.heard() == (0, 1)
    assert batch_hash(a_batch(5)) != batch_hash(a_batch(6))


def test_history_says_nothing_about_gossip() -> None:
    ears = Ears(late=HISTORY_SECONDS + 1)
    ears.post(1, salt=5)
    assert ears.heard() == (0, 0)

"""Which batch a prover picks."""

from __future__ import annotations

from poe.prover.strategy import OldestFirst
from tests.fakes_prover import Scene


def test_the_oldest_open_batch_is_chosen() -> None:
    scene = Scene()
    scene.post(1, [5, 6, 7])
    scene.accept(1)
    chosen = OldestFirst().choose(scene.candidates.open())
    assert chosen is not None
    assert chosen.number == 2


def test_nothing_open_means_sitting_out() -> None:
    assert OldestFirst().choose([]) is None

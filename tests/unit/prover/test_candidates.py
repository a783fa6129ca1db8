"""Candidates: L1's order joined with gossip, in every order in which the two can arrive."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from poe.backend import replica as replica_module
from poe.errors import BadAnswer
from poe.l1.ledger import GENESIS_HASH
from poe.prover import candidates as candidates_module
from poe.rollup.batch import batch_hash
from poe.rollup.types import Batch, BatchNumber, FieldElement, Hash
from tests.fakes_l1 import GENESIS_ROOT, a_batch, accepted, finalized, sequenced
from tests.fakes_prover import OURS, REFUSED_DEPOSITS, RIVAL, Scene


@pytest.fixture
def scene() -> Scene:
    return Scene()


def hear(scene: Scene, number: int, salt: int, *, parent: int | None = None) -> bool:
    """Gossip of batch `number` = `salt` on top of the batch `parent` (None: genesis)."""
    parent_hash = GENESIS_HASH if parent is None else batch_hash(a_batch(parent))
    return scene.candidates.hear(BatchNumber(number), parent_hash, a_batch(salt))


def test_nothing_is_open_before_the_first_batch(scene: Scene) -> None:
    scene.follow()
    assert scene.open_numbers() == []


def test_l1_alone_opens_batches_oldest_first(scene: Scene) -> None:
    scene.post(1, [5, 6, 7])
    assert scene.open_numbers() == [1, 2, 3]
    assert scene.state.root == scene.roots(5, 6, 7)[-1]


def test_gossip_opens_a_batch_that_l1_has_not_ordered(scene: Scene) -> None:
    assert hear(scene, 1, 5)
    (candidate,) = scene.candidates.open()
    assert (candidate.number, candidate.is_sequenced) == (1, False)


def test_l1_confirming_gossip_executes_nothing_twice(scene: Scene) -> None:
    hear(scene, 1, 5)
    hear(scene, 2, 6, parent=5)
    scene.post(1, [5])
    first, second = scene.candidates.open()
    assert (first.is_sequenced, second.is_sequenced) == (True, False)
    assert scene.state.roots == scene.roots(5, 6)
    assert scene.candidates.disagreements == 0


def test_gossip_after_l1_is_refused(scene: Scene) -> None:
    scene.post(1, [5])
    assert not hear(scene, 1, 5)
    assert not hear(scene, 1, 6)
    assert scene.state.roots == scene.roots(5)


def test_gossip_on_another_parent_is_refused(scene: Scene) -> None:
    scene.post(1, [5])
    assert not hear(scene, 2, 6, parent=9)
    assert not hear(scene, 2, 6, parent=None)
    assert hear(scene, 2, 6, parent=5)


@pytest.mark.parametrize("number", [0, 1, 3, 60])
def test_gossip_under_another_number_than_the_next_is_refused_though_its_parent_is_our_tip(
    scene: Scene, number: int
) -> None:
    scene.post(1, [5])
    assert not hear(scene, number, 6, parent=5)
    assert scene.state.height == 1


def test_gossip_runs_at_most_a_bounded_number_of_batches_ahead(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "MAX_AHEAD", 2)
    assert hear(scene, 1, 5)
    assert hear(scene, 2, 6, parent=5)
    assert not hear(scene, 3, 7, parent=6)


def test_gossip_never_pushes_out_an_open_batch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or else, with the arbiter's ring full, nobody could prove the oldest batch any more."""
    for module in (candidates_module, replica_module):
        monkeypatch.setattr(module, "KEPT_EXECUTIONS", 3)
    scene.post(1, [5, 6])
    assert hear(scene, 3, 7, parent=6)
    assert not hear(scene, 4, 8, parent=7)
    assert [candidate.number for candidate in scene.candidates.open()] == [1, 2, 3]


def test_gossip_that_the_arbiter_could_never_order_is_refused_and_harmless(scene: Scene) -> None:
    header = replace(a_batch(5).header, deposits=REFUSED_DEPOSITS)
    impossible = Batch(header=header, data=a_batch(5).data)
    assert not scene.candidates.hear(BatchNumber(1), GENESIS_HASH, impossible)
    scene.post(1, [5])
    assert scene.state.roots == scene.roots(5)


def test_l1_contradicting_gossip_rolls_back_and_counts(scene: Scene) -> None:
    hear(scene, 1, 5)
    hear(scene, 2, 6, parent=5)
    scene.post(1, [9])
    assert scene.state.roots == scene.roots(9)
    assert scene.open_numbers() == [1]
    assert scene.candidates.disagreements == 1


def test_l1_contradicting_the_second_of_three_keeps_the_first(scene: Scene) -> None:
    hear(scene, 1, 5)
    hear(scene, 2, 6, parent=5)
    hear(scene, 3, 7, parent=6)
    scene.post(1, [5, 8])
    assert scene.state.roots == scene.roots(5, 8)


def test_a_reorg_to_a_lower_head_keeps_executions_that_may_come_back(scene: Scene) -> None:
    scene.post(1, [5])
    block = scene.history.block
    scene.post(2, [6, 7])
    scene.follow(back_to=block)
    assert scene.state.height == 3
    assert [c.is_sequenced for c in scene.candidates.open()] == [True, False, False]
    scene.post(2, [6, 7])
    assert scene.state.roots == scene.roots(5, 6, 7)
    assert scene.candidates.disagreements == 0


def test_a_reorg_to_another_batch_replaces_it_and_all_after_it(scene: Scene) -> None:
    scene.post(1, [5])
    block = scene.history.block
    scene.post(2, [6, 7])
    scene.post(2, [8], back_to=block, parent=batch_hash(a_batch(5)))
    assert scene.state.roots == scene.roots(5, 8)
    assert scene.open_numbers() == [1, 2]


def test_a_reorg_far_behind_finality_is_undone_from_its_first_batch(scene: Scene) -> None:
    start = scene.history.block
    parent = GENESIS_HASH
    for number in range(1, 81):
        scene.post(number, [number], parent=parent)
        scene.accept(number)
        scene.finalize(number)
        parent = batch_hash(a_batch(number))
    scene.post(1, [500, 501], back_to=start, parent=GENESIS_HASH)
    assert scene.state.roots == scene.roots(500, 501)


def test_going_back_further_than_can_be_undone_is_an_l1_error(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "KEPT_EXECUTIONS", 2)
    start = scene.history.block
    scene.post(1, [1, 2, 3, 4, 5])
    with pytest.raises(BadAnswer, match="further than we can undo"):
        scene.follow(back_to=start)


def test_a_batch_with_a_proof_on_our_old_root_is_not_open(scene: Scene) -> None:
    scene.post(1, [5, 6])
    scene.accept(2)
    assert scene.open_numbers() == [1], "accepted out of order: the first is still wanted"
    scene.accept(1)
    assert scene.open_numbers() == []


def test_a_proof_on_a_wrong_old_root_leaves_the_batch_open(scene: Scene) -> None:
    scene.post(1, [5, 6])
    scene.accept(2, old_root=123)
    assert scene.open_numbers() == [1, 2]
    assert scene.candidates.accepted(scene.candidates.open()[1]) is None


def test_a_proof_that_a_reorg_takes_back_opens_its_batch_again(scene: Scene) -> None:
    scene.post(1, [5])
    block = scene.history.block
    scene.accept(1)
    scene.follow(back_to=block)
    assert scene.open_numbers() == [1]


def test_final_batches_are_not_open(scene: Scene) -> None:
    scene.post(1, [5, 6])
    scene.accept(1)
    scene.finalize(1)
    assert scene.open_numbers() == [2]


def test_a_whole_history_in_one_update_leaves_only_the_open_end(scene: Scene) -> None:
    roots = scene.roots(1, 2, 3)
    events = [sequenced(1, GENESIS_HASH, salt=1)]
    events += [sequenced(n, batch_hash(a_batch(n - 1)), salt=n) for n in (2, 3)]
    scene.follow(*events, accepted(1, roots[0], roots[1], payee=RIVAL), finalized(1, roots[1], payee=RIVAL))
    assert scene.open_numbers() == [2, 3]
    assert scene.state.roots == roots


def test_only_what_the_replica_keeps_is_kept(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "KEPT_EXECUTIONS", 3)
    scene.post(1, [1, 2, 3, 4, 5])
    assert [n for n in range(1, 6) if scene.candidates.get(BatchNumber(n))] == [3, 4, 5]


def test_a_candidate_is_gone_when_final_proven_or_replaced(scene: Scene) -> None:
    scene.post(1, [5])
    block = scene.history.block
    scene.post(2, [6, 7, 8])
    first, second, third, fourth = scene.candidates.open()
    assert not any(map(scene.candidates.is_gone, (first, second, third, fourth)))
    scene.accept(1)
    scene.finalize(1)
    assert scene.candidates.is_gone(first)
    scene.accept(3, payee=OURS)
    assert scene.candidates.is_gone(third)
    scene.post(2, [6, 9], back_to=block, parent=batch_hash(a_batch(5)))
    assert not scene.candidates.is_gone(second)
    assert scene.candidates.is_gone(third)
    assert scene.candidates.is_gone(fourth)


def test_the_same_batch_on_another_predecessor_is_another_candidate(scene: Scene) -> None:
    block = scene.history.block
    scene.post(1, [5, 6])
    second = scene.candidates.open()[1]
    scene.post(1, [7, 6], back_to=block, parent=GENESIS_HASH)
    assert scene.candidates.open()[1].batch_hash == second.batch_hash
    assert scene.candidates.is_gone(second)


def test_a_final_batch_is_gone_even_when_our_own_state_is_wrong(scene: Scene) -> None:
    scene.state.roots = [FieldElement(42)]
    scene.post(1, [5])
    (candidate,) = scene.candidates.open()
    scene.follow(accepted(1, GENESIS_ROOT, 2000))
    assert not scene.candidates.is_gone(candidate)
    scene.follow(finalized(1, 2000))
    assert scene.candidates.is_gone(candidate)


async def test_waiters_wake_up_when_their_batch_is_gone_and_not_before(
    scene: Scene, autojump_clock: trio.testing.MockClock
) -> None:
    scene.post(1, [5, 6])
    first, second = scene.candidates.open()
    woken: list[int] = []

    async def wait(candidate: candidates_module.Candidate) -> None:
        await scene.candidates.wait_until_gone(candidate)
        woken.append(candidate.number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, first)
        nursery.start_soon(wait, second)
        await trio.testing.wait_all_tasks_blocked()
        scene.accept(2)
        await trio.testing.wait_all_tasks_blocked()
        assert woken == [2]
        scene.accept(1)


async def test_a_gossiped_candidate_waits_until_l1_orders_this_very_batch(
    scene: Scene, autojump_clock: trio.testing.MockClock
) -> None:
    hear(scene, 1, 5)
    (candidate,) = scene.candidates.open()
    with trio.move_on_after(1) as scope:
        await scene.candidates.wait_until_sequenced(candidate)
    assert scope.cancelled_caught
    scene.post(1, [5])
    with trio.fail_after(1):
        await scene.candidates.wait_until_sequenced(candidate)


Story = list[tuple[str, int, int]]


@given(
    st.lists(
        st.tuples(st.sampled_from(["post", "hear", "reorg"]), st.integers(0, 3), st.integers(0, 5)),
        max_size=25,
    )
)
def test_whatever_comes_in_whatever_order_the_state_is_that_of_l1s_batches_first(story: Story) -> None:
    """`post` orders one more batch on L1, `hear` gossips one on some tip, `reorg` takes some of L1's blocks back."""
    scene = Scene()
    blocks: list[tuple[int, int]] = []  # (block before the posting, salt)
    for kind, salt, depth in story:
        if kind == "post":
            blocks.append((scene.history.block, salt))
            scene.post(len(blocks), [salt])
        elif kind == "hear":
            tip = scene.candidates.get(BatchNumber(scene.state.height))
            parent = GENESIS_HASH if tip is None or depth == 0 else tip.batch_hash
            scene.candidates.hear(BatchNumber(scene.state.height + 1), Hash(parent), a_batch(salt))
        elif depth and len(blocks) >= depth:
            back_to = blocks[-depth][0]
            del blocks[-depth:]
            scene.follow(back_to=back_to)
        expected = scene.roots(*(salt for _, salt in blocks))
        assert scene.state.roots[: len(blocks) + 1] == expected
        held = [scene.candidates.get(BatchNumber(n)) for n in range(1, scene.state.height + 1)]
        assert all(candidate is not None for candidate in held)
        assert [c.is_sequenced for c in held if c][: len(blocks)] == [True] * len(blocks)

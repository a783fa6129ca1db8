"""The shelf of finished proofs: bounded, particular about what a proof is of, there again after a crash."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poe.journal import Journal, peek
from poe.prover import shelf as shelf_module
from poe.prover.candidates import Candidate
from poe.prover.shelf import KIND, FinishedProof, ProofShelf, shelved
from poe.rollup.types import Wei
from tests.fakes_prover import PROOF, RIVAL, TERMS, Scene

FINISHED = FinishedProof(proof=PROOF, at=1234.5)


def candidates(count: int, first: int = 1) -> list[Candidate]:
    scene = Scene()
    scene.post(1, list(range(first, first + count)))
    return scene.candidates.open()


def journal_in(folder: Path) -> Journal:
    return Journal.open(folder, identity=b"a test")


async def test_the_shelf_is_bounded_and_forgets_the_oldest() -> None:
    shelf, batches = ProofShelf(TERMS), candidates(shelf_module.KEPT_PROOFS + 2)
    for candidate in batches:
        await shelf.put(candidate, FINISHED)
    assert [one.number for one in batches if shelf.get(one) is None] == [1, 2]


async def test_a_proof_on_another_old_root_is_not_taken_from_the_shelf() -> None:
    ours, others = candidates(2), candidates(2, first=7)
    shelf = ProofShelf(TERMS)
    await shelf.put(ours[1], FINISHED)
    assert shelf.get(others[1]) is None


async def test_a_batch_whose_proof_waits_for_its_posting_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = candidates(2)
    shelf = ProofShelf(TERMS)
    ahead = replace(first, is_sequenced=False)
    await shelf.put(ahead, FINISHED)
    assert shelf.unfinished([ahead, second]) == [second]
    assert shelf.unfinished([first, second]) == [first, second], "on L1 now: there is a proof to send"


async def test_proofs_are_there_again_after_a_restart_to_the_bit(tmp_path: Path) -> None:
    first, second = candidates(2)
    with journal_in(tmp_path) as journal:
        await ProofShelf(TERMS, journal).put(first, FINISHED)
    with journal_in(tmp_path) as journal:
        shelf = ProofShelf(TERMS, journal)
        assert shelf.get(first) == FINISHED
        assert shelf.get(second) is None


async def test_the_bound_holds_on_disk_too(tmp_path: Path) -> None:
    batches = candidates(shelf_module.KEPT_PROOFS + 2)
    with journal_in(tmp_path) as journal:
        shelf = ProofShelf(TERMS, journal)
        for candidate in batches:
            await shelf.put(candidate, FINISHED)
        assert len(journal.items(KIND)) == shelf_module.KEPT_PROOFS
    with journal_in(tmp_path) as journal:
        shelf = ProofShelf(TERMS, journal)
        await shelf.put(batches[0], FINISHED)
        assert [one.number for one in batches if shelf.get(one) is None] == [2, 3], "the oldest made room"


@pytest.mark.parametrize("terms", [replace(TERMS, payee=RIVAL), replace(TERMS, tip=Wei(1))])
async def test_a_proof_that_pays_on_other_terms_is_no_use(tmp_path: Path, terms: shelf_module.Terms) -> None:
    (first,) = candidates(1)
    with journal_in(tmp_path) as journal:
        await ProofShelf(TERMS, journal).put(first, FINISHED)
        assert ProofShelf(terms, journal).get(first) is None
        assert ProofShelf(TERMS, journal).get(first) == FINISHED


async def test_a_record_of_another_length_is_not_taken_for_a_proof(tmp_path: Path) -> None:
    (first,) = candidates(1)
    with journal_in(tmp_path) as journal:
        await ProofShelf(TERMS, journal).put(first, FINISHED)
        ((name, body),) = journal.items(KIND)
        journal.put(KIND, name, body + b"\0")
        assert ProofShelf(TERMS, journal).get(first) is None


async def test_a_kept_proof_is_told_whole_with_what_it_is_bound_to(tmp_path: Path) -> None:
    first, second = candidates(2)
    with journal_in(tmp_path) as journal:
        await ProofShelf(TERMS, journal).put(first, FINISHED)
        await ProofShelf(TERMS, journal).put(second, FINISHED)
        (told,) = shelved(peek(tmp_path, KIND), 2)
    assert (told.number, told.batch_hash, told.finished) == (2, second.batch_hash, FINISHED)
    assert (told.domain, told.payee, told.tip) == (TERMS.domain, TERMS.payee, TERMS.tip)
    execution = second.execution
    assert (told.old_root, told.new_root, told.exits) == (execution.old_root, execution.new_root, execution.exits)


async def test_of_several_proofs_of_a_batch_the_newest_is_told_last(tmp_path: Path) -> None:
    (first,) = candidates(1)
    with journal_in(tmp_path) as journal:
        await ProofShelf(replace(TERMS, tip=Wei(1)), journal).put(first, replace(FINISHED, at=3.0))
        await ProofShelf(TERMS, journal).put(first, replace(FINISHED, at=4.0))
        await ProofShelf(replace(TERMS, tip=Wei(2)), journal).put(first, replace(FINISHED, at=2.0))
        assert [one.tip for one in shelved(journal.items(KIND), 1)] == [2, 1, 0]


async def test_a_record_of_an_older_poe_is_sent_but_not_told(tmp_path: Path) -> None:
    (first,) = candidates(1)
    with journal_in(tmp_path) as journal:
        await ProofShelf(TERMS, journal).put(first, FINISHED)
        ((name, body),) = journal.items(KIND)
        journal.put(KIND, name, body[: shelf_module._PROOF.size])
        assert ProofShelf(TERMS, journal).get(first) == FINISHED
        assert shelved(journal.items(KIND), 1) == []


async def test_proofs_of_earlier_terms_leave_the_disk_when_they_are_old(tmp_path: Path) -> None:
    batches = candidates(shelf_module.KEPT_PROOFS + 2)
    earlier = replace(TERMS, payee=RIVAL)
    with journal_in(tmp_path) as journal:
        shelf = ProofShelf(earlier, journal)
        for candidate in batches[:3]:
            await shelf.put(candidate, FINISHED)
    with journal_in(tmp_path) as journal:
        shelf = ProofShelf(TERMS, journal)
        for candidate in batches[3:]:
            await shelf.put(candidate, FINISHED)
        left = [int.from_bytes(name[:8]) for name, _ in journal.items(KIND) if RIVAL in name]
    assert left == [3], "those of the last batches can still be exported"

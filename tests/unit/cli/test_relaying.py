"""Which proofs a relayer lines up, and how many of them it sends: what becomes final at once and earns the most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import trio

from poe.cli.proof_file import decode_proof
from poe.cli.prover import export_proof
from poe.cli.relay import relay as relay_command
from poe.cli.relaying import LATE, NOT_NEXT, OUTBID, Offer, line_up, worth_sending
from poe.errors import InputError
from poe.journal import Journal
from poe.l1.bundle import MAX_TOGETHER
from poe.l1.interface import Submission
from poe.prover.shelf import FinishedProof, ProofShelf
from poe.rollup.types import BatchNumber, FieldElement, Wei
from tests.fakes_l1 import BOB, a_batch
from tests.fakes_prover import PROOF, TERMS, Scene


def offer(number: int, old_root: int, new_root: int, *, tip: int = 5, file: str = "") -> Offer:
    submission = Submission(
        number=BatchNumber(number),
        batch=a_batch(),
        old_root=FieldElement(old_root),
        new_root=FieldElement(new_root),
        payee=BOB,
        tip=Wei(tip),
        commitment=FieldElement(1),
        proof_words=PROOF.words,
        exits=(),
    )
    return Offer(Path(file or f"{number}-{tip}"), submission)


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.post(1, [5, 6, 7, 8])
    return scene


def chained(scene: Scene, *numbers: int, tip: int = 5) -> list[Offer]:
    """Offers on the true roots."""
    roots = scene.roots(5, 6, 7, 8)
    return [offer(number, roots[number - 1], roots[number], tip=tip) for number in numbers]


def codes(scene: Scene, offers: Sequence[Offer]) -> dict[str, str]:
    return {str(one.file): one.code for one in line_up(offers, scene.ledger).others}


def test_batches_in_a_row_are_lined_up_whatever_the_order_of_the_files(scene: Scene) -> None:
    offers = chained(scene, 3, 1, 2)
    line = line_up(offers, scene.ledger)
    assert [one.submission.number for one in line.offers] == [1, 2, 3]
    assert line.others == []


def test_nothing_behind_a_gap_is_lined_up(scene: Scene) -> None:
    offers = chained(scene, 1, 3, 4)
    assert [one.submission.number for one in line_up(offers, scene.ledger).offers] == [1]
    assert codes(scene, offers) == {"3-5": NOT_NEXT, "4-5": NOT_NEXT}


def test_an_accepted_proof_fills_the_gap(scene: Scene) -> None:
    scene.accept(2)
    line = line_up(chained(scene, 1, 3), scene.ledger)
    assert [one.submission.number for one in line.offers] == [1, 3]


def test_a_batch_that_has_its_proof_is_late(scene: Scene) -> None:
    scene.accept(2)
    assert codes(scene, chained(scene, 1, 2)) == {"2-5": LATE}


def test_a_valid_proof_about_another_state_would_never_pay_and_is_not_sent(scene: Scene) -> None:
    elsewhere = offer(1, 123, 124, tip=10**9)
    line = line_up([elsewhere, *chained(scene, 1)], scene.ledger)
    assert [one.submission.tip for one in line.offers] == [5]
    assert codes(scene, [elsewhere]) == {str(elsewhere.file): NOT_NEXT}


def test_of_two_offers_for_a_batch_the_better_paid_one_goes(scene: Scene) -> None:
    offers = [*chained(scene, 1), *chained(scene, 1, tip=9)]
    assert [one.submission.tip for one in line_up(offers, scene.ledger).offers] == [9]
    assert codes(scene, offers) == {"1-5": OUTBID}


def test_a_line_is_no_longer_than_one_call() -> None:
    scene, salts = Scene(), list(range(5, 5 + MAX_TOGETHER + 2))
    scene.post(1, salts)
    roots = scene.roots(*salts)
    offers = [offer(i + 1, roots[i], roots[i + 1]) for i in range(len(salts))]
    assert len(line_up(offers, scene.ledger).offers) == MAX_TOGETHER


class Prices:
    """An arbiter that takes `gas` for a bundle, at a wei a gas."""

    def __init__(self, *gas: int) -> None:
        self.gas = gas

    async def gas_price(self) -> Wei:
        await trio.lowlevel.checkpoint()
        return Wei(1)

    async def gas_of_proofs(self, submissions: Sequence[Submission]) -> int:
        await trio.lowlevel.checkpoint()
        return self.gas[len(submissions) - 1]


@pytest.mark.parametrize(
    ("tips", "gas", "sent"),
    [
        ((10, 10, 10), (6, 9, 12), 3),
        ((10, 1, 1), (6, 9, 12), 1),
        ((1, 1, 20), (6, 9, 12), 3),
        ((1, 1, 1), (6, 9, 12), 0),
        ((6,), (6,), 0),
        ((7,), (6,), 1),
        ((), (), 0),
    ],
)
async def test_the_line_is_cut_where_it_earns_most(tips: Sequence[int], gas: Sequence[int], sent: int) -> None:
    offers = [offer(i, i, i + 1, tip=tip) for i, tip in enumerate(tips, 1)]
    assert await worth_sending(offers, cast(Any, Prices(*gas))) == offers[:sent]


async def test_a_nodes_proof_goes_out_as_a_file_while_the_node_has_its_folder(tmp_path: Path, scene: Scene) -> None:
    first, second = scene.candidates.open()[:2]
    with Journal.open(tmp_path, identity=b"a test") as journal:
        await ProofShelf(TERMS, journal).put(first, FinishedProof(proof=PROOF, at=1.0))
        export_proof(1, data_dir=tmp_path, out=tmp_path / "proof.json")
    told = decode_proof((tmp_path / "proof.json").read_bytes())
    assert (told.number, told.batch_hash, told.domain) == (1, first.batch_hash, TERMS.domain)
    assert (told.finished.proof.words, told.new_root) == (PROOF.words, first.execution.new_root)
    with pytest.raises(InputError) as refused:
        export_proof(second.number, data_dir=tmp_path)
    assert refused.value.code == "POE-INP-044"


def test_a_folder_without_a_node_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        export_proof(1, data_dir=tmp_path)
    assert refused.value.code == "POE-INP-043"


async def test_without_a_file_to_write_the_proof_is_printed_and_one_that_cannot_be_written_is_told(
    tmp_path: Path, scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    with Journal.open(tmp_path, identity=b"a test") as journal:
        await ProofShelf(TERMS, journal).put(scene.candidates.open()[0], FinishedProof(proof=PROOF, at=1.0))
    export_proof(1, data_dir=tmp_path)
    assert decode_proof(capsys.readouterr().out.encode()).number == 1
    with pytest.raises(InputError) as refused:
        export_proof(1, data_dir=tmp_path, out=tmp_path)
    assert refused.value.code == "POE-INP-017"


def test_relaying_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files"):
        relay_command(l1_key=tmp_path / "key")

"""`poe prover why` and `status`: what a node's own books say, in words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from poe.cli.prover import status, why
from poe.errors import InputError
from poe.metrics import Metrics
from poe.prover.race import ACCEPTED, GONE_WHILE_PROVING, End, RaceResult
from poe.prover.record import Record
from poe.prover.shelf import FinishedProof
from poe.status import write_status
from tests.fakes_prover import PROOF, RECEIPT, RIVAL, Scene


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The data folder of a node that won batch 1 and was cancelled in batch 2."""
    scene, record = Scene(), Record(Metrics(CollectorRegistry()))
    scene.post(1, [5, 6])

    def race(number: int, end: End, finished: FinishedProof | None) -> RaceResult:
        candidate = scene.candidates.open()[number - 1]
        return RaceResult(
            candidate=candidate,
            end=end,
            winner=RIVAL if finished is None else None,
            started_at=candidate.seen_at + 0.5,
            finished=finished,
            is_resent=False,
            core_seconds=1.5,
            ended_at=candidate.seen_at + 4.25,
            receipt=None if finished is None else RECEIPT,
        )

    record.add(race(1, ACCEPTED, FinishedProof(proof=PROOF, at=scene.candidates.open()[0].seen_at + 2.5)))
    record.add(race(2, GONE_WHILE_PROVING, None))
    record.sitting_out = "3 races in a row failed"
    totals = {"role": "prover", "payee": "0x01", "height": 2, "finalized": 1, "agrees_with_l1": True}
    write_status(tmp_path, {**totals, **record.as_status()})
    return tmp_path


def test_a_win_is_told_with_its_moments_and_costs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(1, data_dir=folder)
    assert capsys.readouterr().out.splitlines() == [
        "batch 1: won, POE-RAC-001 accepted",
        "      0.00 s  seen",
        "      0.50 s  begun",
        "      2.50 s  proof finished",
        "      4.25 s  ended",
        "  proof: witness 0.25 s, prove 1.50 s, verify 0.25 s",
        f"  1.50 core seconds, {RECEIPT.gas_used} gas",
    ]


def test_a_loss_names_the_winner(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(2, data_dir=folder)
    said = capsys.readouterr().out
    assert said.startswith("batch 2: cancelled, POE-RAC-020 ")
    assert f"the reward is 0x{RIVAL.hex()}'s" in said
    assert "proof finished" not in said


def test_the_same_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(2, data_dir=folder, json=True)
    (race,) = json.loads(capsys.readouterr().out)
    assert (race["batch"], race["code"]) == (2, "POE-RAC-020")


def test_a_batch_that_was_not_raced_for_is_said_to_be_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    why(77, data_dir=folder)
    assert "no race" in capsys.readouterr().out


def test_the_status_shows_totals_the_reason_for_sitting_out_and_the_last_races(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status(data_dir=folder)
    lines = capsys.readouterr().out.splitlines()
    assert "won: 1" in lines
    assert "sitting out: 3 races in a row failed" in lines
    assert lines[-1].startswith("batch 2: cancelled, POE-RAC-020 ")
    status(data_dir=folder, json=True)
    assert json.loads(capsys.readouterr().out)["cancelled"] == 1


@pytest.mark.parametrize("role", [None, "observer"])
def test_a_folder_of_another_kind_is_refused(tmp_path: Path, role: str | None) -> None:
    if role is not None:
        write_status(tmp_path, {"role": role})
    with pytest.raises(InputError) as refused:
        why(1, data_dir=tmp_path)
    assert refused.value.code == "POE-INP-043"

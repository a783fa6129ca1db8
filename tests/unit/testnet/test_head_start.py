"""The report's head start: what an insider won beside what it would among equals, and who hears gossip then."""

from __future__ import annotations

from pathlib import Path

import pytest

from poe.rollup.types import Address
from poe.testnet.head_start import HeadStart, head_start_entry
from poe.testnet.scenario import Scenario
from tests.unit.testnet.test_report import ANN, ANN_HEX, BEN, BEN_HEX, rows_won_by, status

PROVERS = {"prover-1": status(ANN_HEX), "prover-2": status(BEN_HEX)}


@pytest.mark.parametrize(("winners", "share"), [((ANN, ANN, ANN), 1.0), ((BEN, ANN, BEN, BEN), 0.25), ((BEN,), 0.0)])
def test_the_insiders_share_is_told_beside_that_among_equals(winners: tuple[Address, ...], share: float) -> None:
    told = head_start_entry(HeadStart(seconds=5.0), rows_won_by(*winners), PROVERS)
    assert (told["share"], told["share_among_equals"]) == (share, 0.5)
    assert (told["won"], told["finalized"], told["seconds"]) == (winners.count(ANN), len(winners), 5.0)


def test_delays_are_told_apart() -> None:
    told = head_start_entry(HeadStart(seconds=5.0, insider="prover-2"), rows_won_by(BEN, BEN), PROVERS)
    assert told["posted_to_accepted_seconds"]["insider"] is not None
    assert told["posted_to_accepted_seconds"]["others"] is None


def test_without_a_final_batch_there_is_no_share() -> None:
    assert head_start_entry(HeadStart(seconds=5.0), [], PROVERS)["share"] is None


@pytest.mark.parametrize(
    ("given", "hears"),
    [
        (None, {"sequencer", "prover-1", "prover-2", "observer"}),
        (HeadStart(seconds=5.0), {"sequencer", "prover-1"}),
        (HeadStart(seconds=5.0, insider="prover-2"), {"sequencer", "prover-2"}),
    ],
)
def test_with_a_head_start_only_its_insider_hears_gossip(
    tmp_path: Path, given: HeadStart | None, hears: set[str]
) -> None:
    scenario = Scenario(data_dir=tmp_path, provers=2, head_start=given)
    roles = ("sequencer", "prover-1", "prover-2", "observer")
    assert {name for name in roles if scenario.hears_gossip(name)} == hears
    assert not any(Scenario(data_dir=tmp_path, gossip=False).hears_gossip(name) for name in roles)

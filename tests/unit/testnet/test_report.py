"""The report of a run: wins from L1 rows, everything else from status files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poe.l1.ledger import GENESIS_HASH
from poe.observer.standings import Row, Standings
from poe.rollup.batch import batch_hash
from poe.rollup.types import Address
from poe.testnet.report import (
    Evidence,
    batch_entry,
    build_report,
    concentration,
    gas_figure,
    proven_per_second,
    wasted_proof_seconds,
    winner_share,
)
from tests.fakes_l1 import GENESIS_ROOT, REWARD, SHAPE, a_batch, accepted, finalized, sequenced
from tests.fakes_prover import History

ANN, BEN = Address(b"\x0a" * 20), Address(b"\x0b" * 20)
ANN_HEX, BEN_HEX = "0x" + ANN.hex(), "0x" + BEN.hex()


def rows_won_by(*payees: Address, open_batches: int = 0) -> list[Row]:
    """Final rows, one a block triple, won by these payees in turn; then batches without a proof."""
    history, standings, parent, root = History(), Standings(GENESIS_ROOT), GENESIS_HASH, int(GENESIS_ROOT)
    for number, payee in enumerate(payees, 1):
        standings.apply(history.step(sequenced(number, parent, salt=number)))
        standings.apply(history.step(accepted(number, root, root + 1, payee=payee)))
        standings.apply(history.step(finalized(number, root + 1, payee=payee)))
        parent, root = batch_hash(a_batch(number)), root + 1
    for number in range(len(payees) + 1, len(payees) + open_batches + 1):
        standings.apply(history.step(sequenced(number, parent, salt=number)))
    return standings.rows()


def raced(
    batch: int, *, proved_at: float | None, seconds: float | None = 2.0, reason: str = "accepted"
) -> dict[str, Any]:
    finished = proved_at is not None
    return {
        "batch": batch,
        "outcome": "won",
        "reason": reason,
        "proof_seconds": seconds if finished else None,
        "core_seconds": 2.0,
        "proved_at": proved_at,
        "ended_at": 99.0,
        "gas_used": None,
    }


def status(payee: str, *races: dict[str, Any], **totals: Any) -> dict[str, Any]:
    return {"payee": payee, "races": list(races), **totals}


def evidence(**changed: Any) -> Evidence:
    given: dict[str, Any] = {
        "rows": rows_won_by(ANN, BEN, ANN),
        "finalized": 3,
        "finalized_root": GENESIS_ROOT + 3,
        "provers": {"prover-1": status(ANN_HEX), "prover-2": status(BEN_HEX)},
        "sequencer": {"executed": 30},
        "load": {"seconds": 10.0},
        "gas": {},
        "settings": {"provers": 2},
    }
    return Evidence(**{**given, **changed})


def test_the_report_is_plain_json_with_every_promised_field() -> None:
    report = json.loads(json.dumps(build_report(evidence())))
    promised = {"finalized", "batches", "provers", "rejected", "executed_tps", "proven_tps", "gas"}
    assert promised | {"winner_share", "hhi", "wasted_proof_seconds"} <= set(report)
    assert set(report["gas"]) == {"sequenceBatch", "submitProof", "lateProof"}
    assert {"number", "winner", "proof_seconds", "txs", "l1_tx"} <= set(report["batches"][0])
    assert {"payee", "finished", "won", "cancelled", "wasted_core_seconds"} <= set(report["provers"][0])


def test_only_final_batches_are_listed() -> None:
    report = build_report(evidence(rows=rows_won_by(ANN, open_batches=2)))
    assert [batch["number"] for batch in report["batches"]] == [1]


def test_a_batch_tells_l1s_facts() -> None:
    (row,) = rows_won_by(ANN)
    entry = batch_entry(row, {})
    assert (entry["winner"], entry["txs"], entry["reward_wei"]) == (ANN_HEX, SHAPE.slots, REWARD)
    assert row.accepted is not None
    assert entry["l1_tx"] == "0x" + row.accepted.tx_hash.hex()
    assert entry["posted_to_accepted_seconds"] == 1
    assert (entry["winner_name"], entry["proof_seconds"], entry["margin_seconds"]) == (None, None, None)


def test_the_margin_is_to_the_next_finished_proof() -> None:
    (row,) = rows_won_by(ANN)
    provers = {
        "prover-1": status(ANN_HEX, raced(1, proved_at=50.0, seconds=1.5)),
        "prover-2": status(BEN_HEX, raced(1, proved_at=51.25)),
        "prover-3": status("0x0c", raced(1, proved_at=53.0)),
    }
    entry = batch_entry(row, provers)
    assert (entry["winner_name"], entry["proof_seconds"], entry["margin_seconds"]) == ("prover-1", 1.5, 1.25)


def test_a_rival_that_proved_first_but_landed_later_gives_a_negative_margin() -> None:
    (row,) = rows_won_by(ANN)
    provers = {
        "prover-1": status(ANN_HEX, raced(1, proved_at=50.0)),
        "prover-2": status(BEN_HEX, raced(1, proved_at=49.5)),
    }
    assert batch_entry(row, provers)["margin_seconds"] == -0.5


def test_cancelled_races_and_races_of_other_batches_make_no_margin() -> None:
    (row,) = rows_won_by(ANN)
    provers = {
        "prover-1": status(ANN_HEX, raced(1, proved_at=50.0)),
        "prover-2": status(BEN_HEX, raced(1, proved_at=None), raced(2, proved_at=50.5)),
    }
    assert batch_entry(row, provers)["margin_seconds"] is None


def test_the_payee_on_l1_decides_who_won_whatever_a_prover_says() -> None:
    (row,) = rows_won_by(ANN)
    liar = {"prover-2": status(BEN_HEX, raced(1, proved_at=1.0))}
    entry = batch_entry(row, liar)
    assert (entry["winner"], entry["winner_name"]) == (ANN_HEX, None)


def test_a_prover_that_died_before_its_first_status_is_listed_with_nothing() -> None:
    report = build_report(evidence(provers={"prover-1": {}}))
    (prover,) = report["provers"]
    assert (prover["name"], prover["payee"], prover["finished"], prover["won"]) == ("prover-1", None, 0, 0)


def test_totals_are_the_status_files() -> None:
    totals = {"finished": 4, "late": 1, "cancelled": 7, "failed": 1, "wasted_core_seconds": 9.5}
    (prover,) = build_report(evidence(provers={"prover-1": status(ANN_HEX, **totals)}))["provers"]
    assert {key: prover[key] for key in totals} == totals


def test_what_a_prover_won_is_what_l1_paid_for() -> None:
    provers = {"prover-1": status(ANN_HEX, won=7), "prover-2": status(BEN_HEX, won=7)}
    report = build_report(evidence(rows=rows_won_by(ANN, BEN, ANN, open_batches=1), provers=provers))
    assert [prover["won"] for prover in report["provers"]] == [2, 1]


def test_proofs_that_the_arbiter_called_invalid_are_counted() -> None:
    provers = {
        "prover-1": status(ANN_HEX, raced(1, proved_at=1.0, reason="POE-L1-003: the arbiter refused: InvalidProof")),
        "prover-2": status(BEN_HEX, raced(1, proved_at=1.0), raced(2, proved_at=2.0, reason="POE-L1-005: not mined")),
    }
    assert build_report(evidence(provers=provers))["rejected"] == 1


def test_executed_throughput_is_per_second_of_load() -> None:
    assert build_report(evidence())["executed_tps"] == 3.0


@pytest.mark.parametrize("load", [{}, {"seconds": 0}, {"seconds": None}])
def test_without_load_nothing_is_executed_per_second(load: dict[str, Any]) -> None:
    assert build_report(evidence(load=load))["executed_tps"] == 0.0


def test_proven_throughput_is_per_second_of_l1_time() -> None:
    rows = rows_won_by(ANN, BEN)  # posted in block 1, final in block 6, a second a block
    assert proven_per_second(rows) == pytest.approx(2 * SHAPE.slots / 5, abs=0.001)
    assert proven_per_second([]) == 0.0


def test_gas_is_the_median_or_nothing() -> None:
    assert gas_figure([300, 100, 200]) == 200
    assert gas_figure([]) is None
    gas = build_report(evidence(gas={"submitProof": [5, 7]}))["gas"]
    assert gas == {"sequenceBatch": None, "submitProof": 6, "lateProof": None}


def test_shares_are_sorted_and_add_up() -> None:
    shares = winner_share(rows_won_by(ANN, BEN, ANN))
    assert list(shares.items()) == [(ANN_HEX, 0.6667), (BEN_HEX, 0.3333)]
    assert winner_share([]) == {}


@pytest.mark.parametrize(
    ("winners", "index"),
    [((ANN,), 1.0), ((ANN, ANN, ANN), 1.0), ((ANN, BEN), 0.5), ((ANN, BEN, ANN, ANN), 0.625), ((), None)],
)
def test_the_index_goes_from_equal_shares_to_one_who_wins_all(
    winners: tuple[Address, ...], index: float | None
) -> None:
    rows = rows_won_by(*winners, open_batches=1)
    final = [row for row in rows if row.finalized is not None]
    assert concentration(final) == index
    assert build_report(evidence(rows=rows))["hhi"] == index


def test_shares_and_index_agree() -> None:
    report = build_report(evidence(rows=rows_won_by(*[ANN] * 5, *[BEN] * 3)))
    assert report["hhi"] == pytest.approx(sum(share**2 for share in report["winner_share"].values()), abs=1e-3)


def raced_for(batch: int, core_seconds: float, *, finished: bool) -> dict[str, Any]:
    return {**raced(batch, proved_at=9.0 if finished else None), "core_seconds": core_seconds}


def test_what_the_losers_of_a_final_batch_spent_is_wasted_finished_or_not() -> None:
    provers = {
        "prover-1": status(ANN_HEX, raced_for(1, 2.0, finished=True)),
        "prover-2": status(BEN_HEX, raced_for(1, 1.5, finished=True)),
        "prover-3": status("0x0c", raced_for(1, 0.25, finished=False)),
    }
    assert wasted_proof_seconds(rows_won_by(ANN), provers) == 1.75
    assert build_report(evidence(rows=rows_won_by(ANN), provers=provers))["wasted_proof_seconds"] == 1.75


def test_of_the_winners_work_only_what_came_to_nothing_is_wasted() -> None:
    races = (raced_for(1, 4.0, finished=False), raced_for(1, 2.0, finished=True), raced_for(1, 0.0, finished=True))
    assert wasted_proof_seconds(rows_won_by(ANN), {"prover-1": status(ANN_HEX, *races)}) == 4.0


def test_nothing_is_wasted_on_a_batch_that_is_not_final_yet() -> None:
    provers = {"prover-1": status(ANN_HEX, raced_for(2, 8.0, finished=True)), "prover-2": {}}
    assert wasted_proof_seconds([row for row in rows_won_by(ANN, open_batches=1) if row.finalized], provers) == 0.0

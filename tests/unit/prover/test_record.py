"""What a prover tells about its races."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from poe.journal import Journal
from poe.metrics import Metrics
from poe.prover import record as record_module
from poe.prover.race import End, Outcome, RaceResult
from poe.prover.record import Record
from poe.prover.shelf import FinishedProof
from poe.rollup.types import Wei
from tests.fakes_prover import PROOF, RECEIPT, RIVAL, Scene

FINISHED = FinishedProof(proof=PROOF, at=1234.56789)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def result(outcome: Outcome, *, number: int = 1, core_seconds: float = 2.0) -> RaceResult:
    scene = Scene()
    scene.post(1, list(range(1, number + 1)))
    return RaceResult(
        candidate=scene.candidates.open()[number - 1],
        end=End(outcome, "POE-RAC-001", "why"),
        winner=RIVAL,
        started_at=1233.5,
        finished=None if outcome is Outcome.CANCELLED else FINISHED,
        is_resent=False,
        core_seconds=core_seconds,
        ended_at=1235.0,
        receipt=RECEIPT if outcome is Outcome.WON else None,
    )


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum over all series with these labels."""
    samples = [sample for family in metrics.registry.collect() for sample in family.samples if sample.name == name]
    found = [sample.value for sample in samples if labels.items() <= sample.labels.items()]
    assert found, name
    return sum(found)


def test_every_outcome_is_counted_once(metrics: Metrics) -> None:
    record = Record(metrics)
    for outcome, times in zip(Outcome, (4, 3, 2, 1, 6, 7, 5), strict=True):
        for _ in range(times):
            record.add(result(outcome))
    status = record.as_status()
    assert [status[o.value] for o in Outcome] == [4, 3, 2, 1, 6, 7, 5]
    assert status["finished"] == 4 + 3 + 1 + 6 + 7 + 5, "all but the cancelled ones"
    assert [value(metrics, "poe_prover_races_total", outcome=o.value) for o in Outcome] == [4, 3, 2, 1, 6, 7, 5]


def test_core_seconds_are_wasted_unless_the_race_was_won(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.WON, core_seconds=5))
    record.add(result(Outcome.LATE, core_seconds=2))
    record.add(result(Outcome.CANCELLED, core_seconds=0.5))
    assert record.as_status()["wasted_core_seconds"] == 2.5
    assert value(metrics, "poe_prover_wasted_core_seconds_total") == 2.5


def test_a_finished_proof_is_observed_by_phase(metrics: Metrics) -> None:
    Record(metrics).add(result(Outcome.WON))
    seconds = {p: value(metrics, "poe_prover_phase_seconds_sum", phase=p) for p in ("witness", "prove", "verify")}
    assert seconds == {"witness": 0.25, "prove": 1.5, "verify": 0.25}
    assert value(metrics, "poe_prover_proof_seconds_sum") == 2.0


def test_a_proof_sent_a_second_time_is_finished_only_once(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.FAILED))
    record.add(replace(result(Outcome.WON), is_resent=True))
    assert record.as_status()["finished"] == 1
    assert value(metrics, "poe_prover_proof_seconds_count") == 1


def test_a_cancelled_race_observes_no_proof(metrics: Metrics) -> None:
    Record(metrics).add(result(Outcome.CANCELLED))
    assert value(metrics, "poe_prover_proof_seconds_count") == 0


def test_gas_is_counted_when_our_transaction_was_mined(metrics: Metrics) -> None:
    Record(metrics).add(result(Outcome.WON))
    assert value(metrics, "poe_l1_gas_used_total", call="submitProof") == RECEIPT.gas_used


def test_the_gas_of_a_transaction_that_came_too_late_is_counted_too(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(replace(result(Outcome.LATE), burnt_gas=48_000))
    assert value(metrics, "poe_l1_gas_used_total", call="submitProof") == 48_000
    assert record.as_status()["races"][0]["gas_used"] == 48_000


def test_a_race_becomes_one_row_of_plain_json(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.WON))
    (row,) = json.loads(json.dumps(record.as_status()))["races"]
    assert row == {
        "race": 1,
        "batch": 1,
        "outcome": "won",
        "code": "POE-RAC-001",
        "reason": "why",
        "winner": "0x" + RIVAL.hex(),
        "seen_at": row["seen_at"],
        "started_at": 1233.5,
        "proof_seconds": 2.0,
        "phases": {"witness": 0.25, "prove": 1.5, "verify": 0.25},
        "core_seconds": 2.0,
        "proved_at": 1234.568,
        "ended_at": 1235.0,
        "gas_used": RECEIPT.gas_used,
    }


def test_only_the_last_rows_are_kept(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "KEPT_RACES", 3)
    record = Record(metrics)
    for number in range(1, 6):
        record.add(result(Outcome.LATE, number=number))
    assert [row["batch"] for row in record.as_status()["races"]] == [3, 4, 5]


def test_every_race_is_one_line_in_the_log(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="poe.prover"):
        Record(metrics).add(result(Outcome.LATE))
    (message,) = caplog.messages
    assert message == "race_ended batch=1 outcome=late code=POE-RAC-001 seconds=2.00 core_seconds=2.00 reason='why'"


def journal_in(folder: Path) -> Journal:
    return Journal.open(folder, identity=b"a test")


def test_races_of_earlier_processes_are_remembered_but_not_counted_again(metrics: Metrics, tmp_path: Path) -> None:
    with journal_in(tmp_path) as journal:
        Record(metrics, journal).add(result(Outcome.WON, number=1))
    with journal_in(tmp_path) as journal:
        record = Record(metrics, journal)
        record.add(result(Outcome.LATE, number=2))
        status = record.as_status()
    assert [(row["race"], row["batch"], row["outcome"]) for row in status["races"]] == [(1, 1, "won"), (2, 2, "late")]
    assert (status["won"], status["late"]) == (0, 1)


def test_a_win_of_an_earlier_process_that_a_reorg_undid_is_undone_in_the_books(
    metrics: Metrics, tmp_path: Path
) -> None:
    with journal_in(tmp_path) as journal:
        Record(metrics, journal).add(result(Outcome.WON))
    with journal_in(tmp_path) as journal:
        record = Record(metrics, journal)
        record.review(lambda number: False)
        assert record.as_status()["won"] == 0
        assert Record(metrics, journal).as_status()["races"][0]["outcome"] == "undone"


def test_the_bound_on_rows_holds_on_disk_too(metrics: Metrics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_module, "KEPT_RACES", 2)
    with journal_in(tmp_path) as journal:
        record = Record(metrics, journal)
        for number in range(1, 5):
            record.add(result(Outcome.LATE, number=number))
        assert [row["batch"] for row in Record(metrics, journal).as_status()["races"]] == [3, 4]


def test_a_proof_that_contends_is_won_or_outdrawn_once_the_policy_has_paid(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.CONTENDED, number=1))
    record.add(result(Outcome.CONTENDED, number=2))
    record.review(lambda _: None)
    assert (record.as_status()["contended"], record.as_status()["wasted_core_seconds"]) == (2, 0)
    record.review(lambda number: number == 1)
    status = record.as_status()
    assert (status["contended"], status["won"], status["outdrawn"]) == (0, 1, 1)
    assert status["wasted_core_seconds"] == 2.0, "only what nobody was paid for"
    assert [row["outcome"] for row in status["races"]] == ["won", "outdrawn"]
    assert value(metrics, "poe_prover_races_total", code="POE-RAC-053") == 1
    assert value(metrics, "poe_prover_races_total", code="POE-RAC-054") == 1


def test_an_award_that_a_reorg_gave_to_another_is_undone(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.CONTENDED))
    record.review(lambda _: True)
    record.review(lambda _: False)
    assert record.as_status()["won"] == 0
    assert record.as_status()["races"][0]["outcome"] == "undone"


def margins(metrics: Metrics, side: str) -> tuple[float | None, float | None]:
    """How many margins of a side there are, and their sum."""
    sample = metrics.registry.get_sample_value
    name = "poe_prover_margin_seconds"
    return sample(f"{name}_count", {"side": side}), sample(f"{name}_sum", {"side": side})


def test_a_late_proof_lay_ready_until_its_race_was_lost(metrics: Metrics) -> None:
    late = replace(result(Outcome.LATE), finished=FinishedProof(proof=PROOF, at=1234.25), blocks_behind=2)
    Record(metrics).add(late)
    assert margins(metrics, "ready") == (1, 0.75)
    assert margins(metrics, "behind") == (None, None)
    assert value(metrics, "poe_prover_margin_blocks_sum") == 2


def test_a_proof_that_was_cut_off_still_needed_the_rest_of_our_median(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.CANCELLED))
    assert margins(metrics, "behind") == (None, None), "nobody knows before our first proof"
    record.add(result(Outcome.WON))
    cut = replace(result(Outcome.CANCELLED), started_at=1234.5)
    record.add(cut)
    assert margins(metrics, "behind") == (1, pytest.approx(PROOF.seconds - 0.5))


@pytest.mark.parametrize("outcome", [Outcome.WON, Outcome.FAILED])
def test_a_race_that_no_rival_won_has_no_margin(metrics: Metrics, outcome: Outcome) -> None:
    Record(metrics).add(result(outcome))
    Record(Metrics(CollectorRegistry())).add(replace(result(Outcome.CANCELLED), winner=None))
    assert margins(metrics, "ready") == (None, None)


def test_gas_is_told_by_what_the_arbiter_said(metrics: Metrics) -> None:
    record = Record(metrics)
    record.gas_price = Wei(3)
    record.add(result(Outcome.WON))
    record.add(replace(result(Outcome.LATE), burnt_gas=40_000))
    for outcome, gas, price in (("accepted", RECEIPT.gas_used, 1), ("refused", 40_000, 3)):
        assert value(metrics, "poe_l1_gas_used_total", call="submitProof", outcome=outcome) == gas
        assert value(metrics, "poe_l1_gas_cost_wei_total", call="submitProof", outcome=outcome) == gas * price


def test_a_race_s_time_is_told_by_stage_but_not_of_a_proof_made_before(metrics: Metrics) -> None:
    record, won = Record(metrics), result(Outcome.WON)
    seen = replace(
        won, candidate=replace(won.candidate, seen_at=1230.0), finished=FinishedProof(proof=PROOF, at=1234.0)
    )
    record.add(seen)
    record.add(replace(seen, is_resent=True))
    sums = {stage: value(metrics, "poe_prover_stage_seconds_sum", stage=stage) for stage in ("wait", "prove", "land")}
    assert sums == {"wait": 3.5, "prove": 0.5, "land": 1.0}
    assert value(metrics, "poe_prover_stage_seconds_count", stage="land") == 1


def test_wasted_seconds_are_those_of_races_not_won(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.WON))
    assert value(metrics, "poe_prover_wasted_proof_seconds_total") == 0
    record.add(result(Outcome.CANCELLED))
    record.add(replace(result(Outcome.LATE), finished=FinishedProof(proof=PROOF, at=1233.75)))
    record.add(replace(result(Outcome.LATE), is_resent=True))
    assert value(metrics, "poe_prover_wasted_proof_seconds_total") == 1.5 + 0.25


def test_what_an_alert_looks_at_starts_from_zero(metrics: Metrics) -> None:
    """A series that begins at 1 is no rise to Prometheus."""
    Record(metrics)
    for code in ("POE-BCK-001", "POE-BCK-030", "POE-L1-003"):
        assert value(metrics, "poe_prover_races_total", outcome="failed", code=code) == 0
    assert value(metrics, "poe_l1_gas_used_total", outcome="refused") == 0

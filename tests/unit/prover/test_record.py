"""What a prover tells about its races."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from poe.metrics import Metrics
from poe.prover import record as record_module
from poe.prover.race import Outcome, RaceResult
from poe.prover.record import Record
from poe.prover.shelf import FinishedProof
from tests.fakes_prover import PROOF, RECEIPT, Scene

FINISHED = FinishedProof(proof=PROOF, at=1234.56789)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def result(outcome: Outcome, *, number: int = 1, core_seconds: float = 2.0) -> RaceResult:
    scene = Scene()
    scene.post(1, list(range(1, number + 1)))
    return RaceResult(
        candidate=scene.candidates.open()[number - 1],
        outcome=outcome,
        reason="why",
        finished=None if outcome is Outcome.CANCELLED else FINISHED,
        is_resent=False,
        core_seconds=core_seconds,
        ended_at=1235.0,
        receipt=RECEIPT if outcome is Outcome.WON else None,
    )


def value(metrics: Metrics, name: str, **labels: str) -> float:
    found = metrics.registry.get_sample_value(name, labels)
    assert found is not None, name
    return found


def test_every_outcome_is_counted_once(metrics: Metrics) -> None:
    record = Record(metrics)
    for outcome, times in zip(Outcome, (4, 3, 2, 1), strict=True):
        for _ in range(times):
            record.add(result(outcome))
    status = record.as_status()
    assert [status[o.value] for o in Outcome] == [4, 3, 2, 1]
    assert status["finished"] == 4 + 3 + 1, "all but the cancelled ones"
    assert [value(metrics, "poe_prover_races_total", outcome=o.value) for o in Outcome] == [4, 3, 2, 1]


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


def test_a_race_becomes_one_row_of_plain_json(metrics: Metrics) -> None:
    record = Record(metrics)
    record.add(result(Outcome.WON))
    (row,) = json.loads(json.dumps(record.as_status()))["races"]
    assert row == {
        "batch": 1,
        "outcome": "won",
        "reason": "why",
        "proof_seconds": 2.0,
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
    assert message == "race_ended batch=1 outcome=late seconds=2.00 core_seconds=2.00 reason='why'"

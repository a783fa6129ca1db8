"""What a prover tells about itself: one log line a race, metrics, and the totals of its status file."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from poe.backend.interface import Proof
from poe.metrics import Metrics
from poe.prover.race import Outcome, RaceResult
from poe.rollup.types import BatchNumber

log = logging.getLogger("poe.prover")

KEPT_RACES = 1000
UNDONE = "undone"
"""What a row says of a win that did not last; the batch's next row tells how it ended."""


class Record:
    """Counts races by outcome and keeps the last ones for the status file."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._outcomes: Counter[Outcome] = Counter()
        self._finished = 0
        self._wasted_core_seconds = 0.0
        self._races: list[dict[str, Any]] = []

    def add(self, result: RaceResult) -> None:
        """Take in the end of a race."""
        if result.is_resent:
            self._take_back_win(result.candidate.number)
        self._outcomes[result.outcome] += 1
        self._metrics.races.labels(outcome=result.outcome.value).inc()
        if result.finished is not None and not result.is_resent:
            self._add_finished(result.finished.proof)
        if result.outcome is not Outcome.WON:
            self._wasted_core_seconds += result.core_seconds
            self._metrics.wasted_core_seconds.inc(result.core_seconds)
        if result.receipt is not None:
            self._metrics.gas_used.labels(call="submitProof").inc(result.receipt.gas_used)
        self._races = [*self._races[1 - KEPT_RACES :], _as_row(result)]
        log.info(
            "race_ended batch=%d outcome=%s seconds=%.2f core_seconds=%.2f reason=%r",
            result.candidate.number,
            result.outcome.value,
            result.finished.proof.seconds if result.finished else 0.0,
            result.core_seconds,
            result.reason,
        )

    def _take_back_win(self, number: BatchNumber) -> None:
        """Its proof is sent again: the win was undone by a reorg, or L1 was too slow to tell us of it."""
        for row in self._races:
            if row["batch"] == number and row["outcome"] == Outcome.WON.value:
                row["outcome"] = UNDONE
                self._outcomes[Outcome.WON] -= 1

    def _add_finished(self, proof: Proof) -> None:
        self._finished += 1
        phases = {"witness": proof.witness_seconds, "prove": proof.prove_seconds, "verify": proof.verify_seconds}
        for phase, seconds in phases.items():
            self._metrics.proof_phase_seconds.labels(phase=phase).observe(seconds)
        self._metrics.proof_seconds.observe(proof.seconds)

    def as_status(self) -> dict[str, Any]:
        """Totals and recent races, ready for JSON."""
        return {
            "finished": self._finished,
            "won": self._outcomes[Outcome.WON],
            "late": self._outcomes[Outcome.LATE],
            "cancelled": self._outcomes[Outcome.CANCELLED],
            "failed": self._outcomes[Outcome.FAILED],
            "wasted_core_seconds": round(self._wasted_core_seconds, 3),
            "races": self._races,
        }


def _as_row(result: RaceResult) -> dict[str, Any]:
    finished = result.finished
    return {
        "batch": result.candidate.number,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "proof_seconds": None if finished is None else round(finished.proof.seconds, 3),
        "core_seconds": round(result.core_seconds, 3),
        "proved_at": None if finished is None else round(finished.at, 3),
        "ended_at": round(result.ended_at, 3),
        "gas_used": None if result.receipt is None else result.receipt.gas_used,
    }

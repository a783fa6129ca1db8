"""What a prover tells about itself: one log line a race, metrics, and the totals of its status file."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from poe.metrics import Metrics
from poe.prover.race import Outcome, RaceResult

log = logging.getLogger("poe.prover")

KEPT_RACES = 1000


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
        self._outcomes[result.outcome] += 1
        self._metrics.races.labels(outcome=result.outcome.value).inc()
        if result.proof is not None:
            self._add_finished(result)
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
            result.proof.seconds if result.proof else 0.0,
            result.core_seconds,
            result.reason,
        )

    def _add_finished(self, result: RaceResult) -> None:
        assert result.proof is not None
        self._finished += 1
        phases = {
            "witness": result.proof.witness_seconds,
            "prove": result.proof.prove_seconds,
            "verify": result.proof.verify_seconds,
        }
        for phase, seconds in phases.items():
            self._metrics.proof_phase_seconds.labels(phase=phase).observe(seconds)
        self._metrics.proof_seconds.observe(result.proof.seconds)

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
    return {
        "batch": result.candidate.number,
        "outcome": result.outcome.value,
        "reason": result.reason,
        "proof_seconds": None if result.proof is None else round(result.proof.seconds, 3),
        "core_seconds": round(result.core_seconds, 3),
        "proved_at": None if result.proved_at is None else round(result.proved_at, 3),
        "ended_at": round(result.ended_at, 3),
        "gas_used": None if result.receipt is None else result.receipt.gas_used,
    }

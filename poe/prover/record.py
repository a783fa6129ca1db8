"""What a prover tells about itself: one log line a race, metrics, and the totals of its status file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from poe.backend.interface import Proof
from poe.metrics import Metrics
from poe.prover.race import Outcome, RaceResult
from poe.rollup.types import BatchNumber

log = logging.getLogger("poe.prover")

KEPT_RACES = 1000
UNDONE = "undone"
"""What a row says of a win that did not last."""


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

    def review(self, is_ours: Callable[[BatchNumber], bool | None]) -> None:
        """A win lasts as long as L1 says so: a reorg undoes it, or brings it back; a batch is won once.

        `is_ours` tells whether the proof L1 accepted of a batch pays us, None if it is too old to know.
        """
        rows = [row for row in self._races if row["outcome"] in (Outcome.WON.value, UNDONE)]
        newest = {row["batch"]: row for row in rows}
        for row in rows:
            verdict = is_ours(row["batch"]) if row is newest[row["batch"]] else False
            if verdict is not None and verdict != (row["outcome"] == Outcome.WON.value):
                row["outcome"] = Outcome.WON.value if verdict else UNDONE
                self._outcomes[Outcome.WON] += 1 if verdict else -1

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

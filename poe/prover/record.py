"""What a prover tells about itself: one log line a race, metrics, and the totals of its status file."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from poe.backend.interface import Proof
from poe.journal import Journal
from poe.metrics import GAS_OUTCOMES, Metrics
from poe.prover.odds import Times
from poe.prover.race import AWARDED, ENDS, OUTDRAWN, Outcome, RaceResult
from poe.rollup.types import BatchNumber, Wei

log = logging.getLogger("poe.prover")

KIND = "race"
KEPT_RACES = 1000
ALARMING = ("POE-BCK-001", "POE-BCK-030", "POE-L1-003")
"""Failures that an alert looks at: counted from 0, so that already the first one is a rise."""
UNDONE = "undone"
"""What a row says of a win that did not last."""
_REVIEWED = (Outcome.WON.value, Outcome.CONTENDED.value, Outcome.OUTDRAWN.value, UNDONE)


class Record:
    """Counts this process's races by outcome; keeps the last ones, of earlier processes too, for the status file."""

    def __init__(self, metrics: Metrics, journal: Journal | None = None) -> None:
        self._metrics = metrics
        self._journal = journal
        self._outcomes: Counter[str] = Counter()
        self._finished = 0
        self._times = Times()
        self._wasted_core_seconds = 0.0
        self._races: list[dict[str, Any]] = [] if journal is None else _read(journal)
        self._first = self._next = 1 + max((row["race"] for row in self._races), default=0)
        self.sitting_out = ""
        """Why no race is run at the moment; empty while we race."""
        self.gas_price = Wei(0)
        """What a gas cost when we last looked, in Wei."""
        for end in ENDS:
            metrics.races.labels(outcome=end.outcome.value, code=end.code)
        for outcome in GAS_OUTCOMES:
            metrics.note_gas("submitProof", outcome=outcome, gas=0, price=0)
        for code in ALARMING:
            metrics.races.labels(outcome=Outcome.FAILED.value, code=code)

    def add(self, result: RaceResult) -> None:
        """Take in the end of a race."""
        self._outcomes[result.outcome] += 1
        self._metrics.races.labels(outcome=result.outcome.value, code=result.end.code).inc()
        self._note_margin(result)
        self._note_gas(result)
        if result.finished is not None and not result.is_resent:
            self._add_finished(result.finished.proof)
        if result.outcome not in (Outcome.WON, Outcome.CONTENDED):
            self._wasted_core_seconds += result.core_seconds
            self._metrics.wasted_core_seconds.inc(result.core_seconds)
            self._metrics.wasted_proof_seconds.inc(_proving_seconds(result))
        self._note_stages(result)
        self._keep({"race": self._next, **_as_row(result)})
        log.info(
            "race_ended batch=%d outcome=%s code=%s seconds=%.2f core_seconds=%.2f reason=%r",
            result.candidate.number,
            result.outcome.value,
            result.end.code,
            result.finished.proof.seconds if result.finished else 0.0,
            result.core_seconds,
            result.reason,
        )

    def _note_margin(self, result: RaceResult) -> None:
        """How close a race was that a rival won, as far as our own clock and L1 tell."""
        if result.outcome not in (Outcome.LATE, Outcome.CANCELLED, Outcome.SHADOW) or result.winner is None:
            return
        median = self._times.median()
        if result.finished is not None:
            ready = max(0.0, result.ended_at - result.finished.at)
            self._metrics.margin_seconds.labels(side="ready").observe(ready)
        elif median is not None:
            behind = max(0.0, median - _proving_seconds(result))
            self._metrics.margin_seconds.labels(side="behind").observe(behind)
        if result.blocks_behind is not None:
            self._metrics.margin_blocks.observe(result.blocks_behind)

    def _note_gas(self, result: RaceResult) -> None:
        receipt = result.receipt
        if receipt is not None:
            price = receipt.effective_gas_price
            self._metrics.note_gas("submitProof", outcome="accepted", gas=receipt.gas_used, price=price)
        elif result.burnt_gas:
            self._metrics.note_gas("submitProof", outcome="refused", gas=result.burnt_gas, price=self.gas_price)

    def _note_stages(self, result: RaceResult) -> None:
        """Where a race's time went; nothing of one that only sent a proof made before."""
        if result.is_resent:
            return
        stages = {"wait": result.started_at - result.candidate.seen_at}
        if result.finished is not None:
            stages["prove"] = result.finished.at - result.started_at
            if result.outcome is Outcome.WON:
                stages["land"] = result.ended_at - result.finished.at
        for stage, seconds in stages.items():
            self._metrics.race_stage_seconds.labels(stage=stage).observe(max(0.0, seconds))

    def _keep(self, row: dict[str, Any]) -> None:
        """Add a race, on disk as well; the oldest makes room."""
        self._next += 1
        forgotten = self._races[: max(0, len(self._races) + 1 - KEPT_RACES)]
        self._races = [*self._races[len(forgotten) :], row]
        if self._journal is not None:
            with self._journal.together():
                self._write(row)
                for old in forgotten:
                    self._journal.delete(KIND, _key(old))

    def _write(self, row: dict[str, Any]) -> None:
        if self._journal is not None:
            self._journal.put(KIND, _key(row), json.dumps(row).encode())

    def review(self, is_ours: Callable[[BatchNumber], bool | None]) -> None:
        """A win lasts as long as L1 says so: a reorg undoes it, or brings it back; a batch is won once.

        `is_ours` tells whether we are paid for a batch, None if it is too old to know, or not decided.
        """
        rows = [row for row in self._races if row["outcome"] in _REVIEWED]
        newest = {row["batch"]: row for row in rows}
        for row in rows:
            verdict = is_ours(row["batch"]) if row is newest[row["batch"]] else False
            if verdict is not None and row["outcome"] != (outcome := _after(row["outcome"], verdict)):
                self._change(row, outcome)

    def _change(self, row: dict[str, Any], outcome: str) -> None:
        before, row["outcome"] = row["outcome"], outcome
        self._write(row)
        if row["race"] < self._first:
            return
        self._outcomes[before] -= 1
        self._outcomes[outcome] += 1
        if before == Outcome.CONTENDED:
            end = AWARDED if outcome == Outcome.WON else OUTDRAWN
            self._metrics.races.labels(outcome=outcome, code=end.code).inc()
        if outcome == Outcome.OUTDRAWN:
            self._wasted_core_seconds += row["core_seconds"]
            self._metrics.wasted_core_seconds.inc(row["core_seconds"])
            self._metrics.wasted_proof_seconds.inc(row["proof_seconds"] or 0.0)

    def _add_finished(self, proof: Proof) -> None:
        self._finished += 1
        for phase, seconds in _phases(proof).items():
            self._metrics.proof_phase_seconds.labels(phase=phase).observe(seconds)
        self._metrics.proof_seconds.observe(proof.seconds)
        self._times.add(proof.seconds)

    def as_status(self) -> dict[str, Any]:
        """Totals and recent races, ready for JSON."""
        return {
            "finished": self._finished,
            "won": self._outcomes[Outcome.WON],
            "late": self._outcomes[Outcome.LATE],
            "cancelled": self._outcomes[Outcome.CANCELLED],
            "failed": self._outcomes[Outcome.FAILED],
            "contended": self._outcomes[Outcome.CONTENDED],
            "outdrawn": self._outcomes[Outcome.OUTDRAWN],
            "shadow": self._outcomes[Outcome.SHADOW],
            "wasted_core_seconds": round(self._wasted_core_seconds, 3),
            "sitting_out": self.sitting_out,
            "races": self._races,
        }


def _after(outcome: str, is_ours: bool) -> str:
    """What becomes of a race whose proof was taken, once L1 says whom it pays."""
    if is_ours:
        return Outcome.WON.value
    return Outcome.OUTDRAWN.value if outcome in (Outcome.CONTENDED, Outcome.OUTDRAWN) else UNDONE


def _phases(proof: Proof) -> dict[str, float]:
    return {"witness": proof.witness_seconds, "prove": proof.prove_seconds, "verify": proof.verify_seconds}


def _proving_seconds(result: RaceResult) -> float:
    """By the clock, from the race's start to its proof, or to its end without one; 0 if the proof was made before."""
    if result.is_resent:
        return 0.0
    until = result.ended_at if result.finished is None else result.finished.at
    return max(0.0, until - result.started_at)


def _as_row(result: RaceResult) -> dict[str, Any]:
    finished = result.finished
    return {
        "batch": result.candidate.number,
        "outcome": result.outcome.value,
        "code": result.end.code,
        "reason": result.reason,
        "winner": None if result.winner is None else "0x" + result.winner.hex(),
        "seen_at": round(result.candidate.seen_at, 3),
        "started_at": round(result.started_at, 3),
        "proof_seconds": None if finished is None else round(finished.proof.seconds, 3),
        "phases": None if finished is None else _phases(finished.proof),
        "core_seconds": round(result.core_seconds, 3),
        "proved_at": None if finished is None else round(finished.at, 3),
        "ended_at": round(result.ended_at, 3),
        "gas_used": _gas_of(result),
    }


def _gas_of(result: RaceResult) -> int | None:
    """What our transaction took, accepted or refused; None if none was mined."""
    return result.burnt_gas or None if result.receipt is None else result.receipt.gas_used


def _key(row: dict[str, Any]) -> bytes:
    number: int = row["race"]
    return number.to_bytes(8)


def _read(journal: Journal) -> list[dict[str, Any]]:
    """The races of this node's earlier lives, oldest first."""
    return [json.loads(body) for _, body in journal.items(KIND)]

"""What a prover learns while it races, for its strategy: times, gas, and when to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from poe.errors import EndpointBusy, EndpointsDisagree, FeesTooHigh, L1Unreachable
from poe.l1.interface import ChainUpdate, ProofAccepted
from poe.prover.candidates import Candidates
from poe.prover.odds import Odds, Prices
from poe.prover.race import Outcome, RaceResult
from poe.prover.stop_loss import StopLoss
from poe.rollup.types import Address

WEIGHT = 0.1
"""Of a new observation in a running average."""

WEATHER = frozenset(kind.code for kind in (L1Unreachable, EndpointBusy, EndpointsDisagree, FeesTooHigh))
"""Failures that cost nothing and pass by themselves: no reason to pause beyond their end."""


@dataclass(slots=True, kw_only=True)
class Experience:
    """The odds and prices that an ExpectedValue strategy looks at, and the stop-loss; `us` is our payee."""

    us: Address
    prices: Prices
    stop_loss: StopLoss
    clock: Callable[[], float]
    odds: Odds = field(default_factory=Odds)

    def note_race(self, result: RaceResult) -> None:
        """Take in the end of a race of ours."""
        if result.end.code not in WEATHER:
            self.stop_loss.note(result.outcome)
        if result.finished is not None and not result.is_resent:
            self.odds.ours.add(result.finished.proof.seconds)
        if result.receipt is not None:
            # One that made others' batches final too is dear: taken alone it could keep us from ever racing again.
            self.prices.win_gas += round(WEIGHT * (result.receipt.gas_used - self.prices.win_gas))
        if result.outcome in (Outcome.LATE, Outcome.CANCELLED):
            self.prices.late_share += WEIGHT * (bool(result.burnt_gas) - self.prices.late_share)
            self.prices.late_gas = result.burnt_gas or self.prices.late_gas

    def note_l1(self, update: ChainUpdate, candidates: Candidates) -> None:
        """Take in others' wins: how long their batches had been open when L1 told us."""
        now = self.clock()
        for event in update.events:
            if isinstance(event, ProofAccepted) and event.payee != self.us:
                candidate = candidates.get(event.number)
                if candidate is not None and candidate.execution.old_root == event.old_root:
                    self.odds.theirs.add(max(0.0, now - candidate.seen_at))

"""When not to race at all: after failures in a row, without money for gas, or while hardly anything is won."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from poe.prover.race import Outcome
from poe.rollup.types import Wei

LOOKED_AT = 20
"""So many of the last races decide about the share of wins; before as many, nothing does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an operator puts up with; zero turns a limit off."""

    failures_in_a_row: int = 5
    pause_seconds: float = 300.0
    least_balance: Wei = Wei(0)
    least_win_share: float = 0.0


class StopLoss:
    """Watches the ends of races and our balance."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._failures = 0
        self._wins: deque[bool] = deque(maxlen=LOOKED_AT)
        self._paused_until = float("-inf")
        self._paused_for = ""
        self.balance: Wei | None = None

    def note(self, outcome: Outcome) -> None:
        """Take in the end of a race."""
        self._failures = self._failures + 1 if outcome is Outcome.FAILED else 0
        if outcome in (Outcome.WON, Outcome.LATE, Outcome.CANCELLED):
            self._wins.append(outcome is Outcome.WON)
        if self._limits.failures_in_a_row and self._failures >= self._limits.failures_in_a_row:
            self._pause(f"{self._failures} races in a row failed")
        elif self._wins_too_little():
            self._pause(f"{sum(self._wins)} of the last {len(self._wins)} races were won")

    def set_limits(self, limits: Limits) -> None:
        """Other limits from now on; a pause that runs goes on."""
        self._limits = limits

    def why_not(self) -> str:
        """Why no race should begin now; empty when one may."""
        if self.balance is not None and self.balance < self._limits.least_balance:
            return f"the balance is {self.balance} wei, wanted {self._limits.least_balance}"
        remaining = self._paused_until - self._clock()
        return f"{self._paused_for}; racing again in {remaining:.0f} s" if remaining > 0 else ""

    def _wins_too_little(self) -> bool:
        full = len(self._wins) == LOOKED_AT
        return full and sum(self._wins) < self._limits.least_win_share * LOOKED_AT

    def _pause(self, reason: str) -> None:
        """Sit out for a while, then begin to count anew."""
        self._paused_until = self._clock() + self._limits.pause_seconds
        self._paused_for = reason
        self._failures = 0
        self._wins.clear()

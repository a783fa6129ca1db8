"""What a prover gains that hears of batches before they are posted, as a sequencer could let one of its own.

No seed in the statement stops it: whoever orders a batch knows it first. So the gain is measured (docs/market.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from poe.observer.standings import Row

INSIDER = "prover-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadStart:
    """The sequencer announces each batch so long before it posts it, and only this prover hears it."""

    seconds: float
    insider: str = INSIDER


def head_start_entry(
    given: HeadStart, final: Sequence[Row], provers: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The report's section: what the insider won, beside what it would among equals."""
    payee = provers[given.insider].get("payee")
    won = [row for row in final if row.payee is not None and "0x" + row.payee.hex() == payee]
    others = [row for row in final if row.payee is not None and row not in won]
    return {
        "seconds": given.seconds,
        "insider": given.insider,
        "won": len(won),
        "finalized": len(final),
        "share": round(len(won) / len(final), 4) if final else None,
        "share_among_equals": round(1 / len(provers), 4),
        "posted_to_accepted_seconds": {"insider": _median_delay(won), "others": _median_delay(others)},
    }


def _median_delay(rows: Sequence[Row]) -> float | None:
    delays = [row.proof_delay_seconds for row in rows if row.proof_delay_seconds is not None]
    return float(median(delays)) if delays else None

"""What a run came to, as one JSON object: wins from L1 events, everything else from the roles' own status."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from poe.observer.concentration import herfindahl
from poe.observer.node import row_as_json
from poe.observer.standings import Row
from poe.testnet.head_start import HeadStart, head_start_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a report is made of. `provers` are the status files by name, `gas` gas used by call."""

    rows: Sequence[Row]
    finalized: int
    finalized_root: int
    provers: Mapping[str, Mapping[str, Any]]
    sequencer: Mapping[str, Any]
    load: Mapping[str, Any]
    gas: Mapping[str, Sequence[int]]
    settings: Mapping[str, Any]
    head_start: HeadStart | None = None


def build_report(evidence: Evidence) -> dict[str, Any]:
    """The JSON report of a run; its fields are described in docs/running-a-testnet.md."""
    final = [row for row in evidence.rows if row.finalized is not None]
    return {
        "finalized": evidence.finalized,
        "finalized_root": hex(evidence.finalized_root),
        "batches": [batch_entry(row, evidence.provers) for row in final],
        "provers": [prover_entry(name, status, final) for name, status in evidence.provers.items()],
        "rejected": sum(rejected_proofs(status) for status in evidence.provers.values()),
        "executed_tps": executed_per_second(evidence),
        "proven_tps": proven_per_second(final),
        "gas": {call: gas_figure(evidence.gas.get(call, ())) for call in ("sequenceBatch", "submitProof", "lateProof")},
        "winner_share": winner_share(final),
        "hhi": concentration(final),
        "wasted_proof_seconds": wasted_proof_seconds(final, evidence.provers),
        "head_start": evidence.head_start and head_start_entry(evidence.head_start, final, evidence.provers),
        "sequencer": dict(evidence.sequencer),
        "load": dict(evidence.load),
        "settings": dict(evidence.settings),
    }


def batch_entry(row: Row, provers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One batch: L1's facts, the winner's own proof time, and its margin over the next finished proof."""
    finished = finished_proofs(row.number, provers)
    winner = "" if row.payee is None else "0x" + row.payee.hex()
    won = [race for race in finished if race["payee"] == winner]
    rivals = [race["proved_at"] for race in finished if race["payee"] != winner]
    proof_seconds = won[0]["proof_seconds"] if won else None
    margin = min(rivals) - won[0]["proved_at"] if won and rivals else None
    return {
        **row_as_json(row),
        "winner_name": won[0]["name"] if won else None,
        "proof_seconds": proof_seconds,
        "margin_seconds": None if margin is None else round(margin, 3),
        "posted_to_accepted_seconds": row.proof_delay_seconds,
    }


def finished_proofs(number: int, provers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The finished proofs of a batch, by whoever made them."""
    return [
        {**race, "name": name, "payee": status["payee"]}
        for name, status in provers.items()
        for race in status.get("races", ())
        if race["batch"] == number and race["proof_seconds"] is not None
    ]


def prover_entry(name: str, status: Mapping[str, Any], final: Sequence[Row]) -> dict[str, Any]:
    """One prover's totals; what it won is what L1 paid its payee for, whatever it says itself."""
    counted = ("finished", "late", "cancelled", "failed", "outdrawn", "wasted_core_seconds")
    seen = ("height", "root", "finalized", "agrees_with_l1")
    return {
        "name": name,
        "payee": status.get("payee"),
        "won": sum(row.payee is not None and "0x" + row.payee.hex() == status.get("payee") for row in final),
        **{key: status.get(key, 0) for key in counted},
        **{key: status.get(key) for key in seen},
    }


def rejected_proofs(status: Mapping[str, Any]) -> int:
    """Proofs of ours that the arbiter called invalid; anything but 0 is a bug or an attack on the key."""
    return sum("InvalidProof" in race["reason"] for race in status.get("races", ()))


def executed_per_second(evidence: Evidence) -> float:
    """L2 transactions executed by the sequencer ÷ seconds of load."""
    seconds = evidence.load.get("seconds") or 0
    executed = evidence.sequencer.get("executed", 0)
    return round(executed / seconds, 3) if seconds else 0.0


def proven_per_second(final: Sequence[Row]) -> float:
    """Transactions in final batches ÷ L1 seconds from the first posting to the last finality."""
    if not final:
        return 0.0
    ends = [row.finalized.block.timestamp for row in final if row.finalized is not None]
    seconds = max(ends) - min(row.posted.block.timestamp for row in final)
    return round(sum(row.transactions for row in final) / max(seconds, 1), 3)


def gas_figure(used: Sequence[int]) -> int | None:
    """The median gas of a call; None when nobody made it."""
    return int(median(used)) if used else None


def winner_share(final: Sequence[Row]) -> dict[str, float]:
    """Payee to share of the final batches that are paid: all, but for awards that wait."""
    wins = Counter(row.payee for row in final if row.payee is not None)
    return {"0x" + payee.hex(): round(count / wins.total(), 4) for payee, count in wins.most_common()}


def concentration(final: Sequence[Row]) -> float | None:
    """Herfindahl-Hirschman index of the wins: the sum of squared shares, 1/n for n equals, 1 for one who wins all.

    None while nothing is paid.
    """
    wins = Counter(row.payee for row in final if row.payee is not None)
    return round(herfindahl(wins), 4) if wins else None


def wasted_proof_seconds(final: Sequence[Row], provers: Mapping[str, Mapping[str, Any]]) -> float:
    """Core seconds of proving that nobody was paid for, over the races for final batches.

    L1 says who was paid; of the paid prover's own work only what finished no proof counts as wasted.
    """
    paid = {row.number: "" if row.payee is None else "0x" + row.payee.hex() for row in final}
    wasted = [
        race["core_seconds"]
        for status in provers.values()
        for race in status.get("races", ())
        if race["batch"] in paid and (race["proof_seconds"] is None or status.get("payee") != paid[race["batch"]])
    ]
    return round(math.fsum(wasted), 3)

"""A batch as L1 tells it and as it executes, in words for people and programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from poe.backend.interface import Execution
from poe.cli.market import read_standings
from poe.cli.rollup import Facts
from poe.cli.wallet import Rollup, execute
from poe.errors import InputError
from poe.l1 import answers
from poe.l1.interface import BatchSequenced, LogOrigin, ProofAccepted
from poe.observer.standings import Row
from poe.rollup.transaction import Word0, slot_words
from poe.rollup.types import Address, BatchNumber, Hash, SlotKind, SlotOutcome

NAMES = {int(kind): kind.name.lower() for kind in SlotKind}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBatch:
    """A batch that L1 has ordered, executed on the state before it; `accepted` is the proof on its own old root."""

    ordered: BatchSequenced
    execution: Execution
    row: Row
    accepted: ProofAccepted | None
    is_final: bool

    async def facts(self, of: Rollup) -> Facts:
        """Everything about it, ready for JSON."""
        ordered, execution, accepted = self.ordered, self.execution, self.accepted
        header = ordered.batch.header
        return {
            "number": ordered.number,
            "state": "finalized" if self.is_final else "accepted" if accepted else "sequenced",
            "batch_hash": _hex(ordered.batch_hash),
            "parent_hash": _hex(ordered.parent_hash),
            "header": {
                "shape": str(header.shape),
                "deposits": header.deposits,
                "forced": header.forced,
                "fee_account": header.fee_account,
            },
            "queue_end": ordered.queue_end,
            "reward_wei": ordered.reward,
            "transactions": self._transactions(),
            "statement": {
                "old_root": f"{execution.old_root:#066x}",
                "new_root": f"{execution.new_root:#066x}",
                "exits": [
                    {"slot": one.slot, "address": _hex(one.address), "amount_gwei": one.amount}
                    for one in execution.exits
                ],
                "fees_gwei": execution.fees,
                "burnt_gwei": execution.burnt,
            },
            "winner": None if accepted is None or self.row.payee is None else _winner(self.row.payee, accepted),
            "timeline": {
                "posted": await _moment(of, self.row.posted),
                "accepted": await _moment(of, None if accepted is None else accepted.origin),
                "finalized": await _moment(of, self.row.finalized),
            },
        }

    def _transactions(self) -> list[Facts]:
        """The slots that hold anything, with what became of them."""
        slots = zip(self.ordered.batch.slots, self.execution.outcomes, strict=True)
        return [
            {"slot": place, **_slot(slot), "outcome": outcome.name.lower()}
            for place, (slot, outcome) in enumerate(slots)
            if outcome is not SlotOutcome.EMPTY
        ]


async def read_batch(of: Rollup, number: int) -> KnownBatch:
    """A batch, and all before it executed; InputError when L1 has ordered no such batch."""
    ledger, standings = await read_standings(of)
    ordered, row = ledger.batch(BatchNumber(number)), standings.row(BatchNumber(number))
    if ordered is None or row is None:
        raise InputError(
            f"L1 has ordered no batch {number}", fix=f"they go from 1 to {ledger.head()[0]}", code="POE-INP-092"
        )
    state, _ = execute(of, ledger, BatchNumber(number - 1))
    execution = state.execute(ordered.batch, of.domain)
    return KnownBatch(
        ordered=ordered,
        execution=execution,
        row=row,
        accepted=ledger.accepted(ordered.number).get(execution.old_root),
        is_final=number <= ledger.finalized_number,
    )


def lines_of(facts: Facts) -> list[str]:
    """The same for people."""
    winner, header = facts["winner"], facts["header"]
    lines = [
        f"batch {facts['number']}  {facts['state']}  {facts['batch_hash']}",
        f"  shape {header['shape']}, {header['deposits']} deposits, {header['forced']} forced exits,"
        f" fees to account {header['fee_account']}, reward {facts['reward_wei']} wei",
    ]
    for stage, moment in facts["timeline"].items():
        if moment is not None:
            lines.append(f"  {stage:9}  block {moment['block']}, {moment['gas_used']} gas, {moment['tx']}")
    if winner is not None:
        lines.append(f"  won by {winner['payee']}")
        if winner["submitter"] is not None:
            lines[-1] += f", landed by {winner['submitter']} for a tip of {winner['tip_wei']} wei"
    lines += [f"  root {facts['statement'][name]}  {name.partition('_')[0]}" for name in ("old_root", "new_root")]
    return lines + [_line_of(one) for one in facts["transactions"]]


def _line_of(one: Facts) -> str:
    numbers = ", ".join(f"{name} {one[name]}" for name in ("from", "to", "amount_gwei", "fee_gwei", "nonce"))
    return f"  slot {one['slot']:3}  {one['kind']}: {numbers}; {one['outcome']}"


def _slot(slot: bytes) -> Facts:
    fields = Word0.unpack(slot_words(slot)[0])
    return {
        "kind": NAMES.get(fields.kind, f"unknown kind {fields.kind}"),
        "from": fields.sender,
        "to": fields.recipient,
        "amount_gwei": fields.amount,
        "fee_gwei": fields.fee,
        "nonce": fields.nonce,
    }


def _winner(payee: Address, accepted: ProofAccepted) -> Facts:
    """Who is paid. Who landed its proof is told of the first proof alone: an award may go to a later one."""
    told = (_hex(accepted.submitter), accepted.tip) if payee == accepted.payee else (None, None)
    return {"payee": _hex(payee), "submitter": told[0], "tip_wei": told[1]}


async def _moment(of: Rollup, origin: LogOrigin | None) -> Facts | None:
    """Where on L1, when by its clock, and what the transaction took; a bundle's gas is that of the whole."""
    if origin is None:
        return None
    found: Any = await of.rpc.call("eth_getTransactionReceipt", _hex(origin.tx_hash))
    gas = None if found is None else answers.raw_receipt(found).gas_used
    return {
        "block": origin.block.number,
        "timestamp": origin.block.timestamp,
        "tx": _hex(origin.tx_hash),
        "gas_used": gas,
    }


def _hex(value: bytes | Hash) -> str:
    return "0x" + value.hex()

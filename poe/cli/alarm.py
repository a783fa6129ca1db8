"""`poe arbiter raise-alarm`: two valid proofs of one batch that disagree, shown to the arbiter, end the rollup in time.

It needs L1, a proof's file and nobody else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup
    from poe.l1.interface import ProofAccepted, Submission
    from poe.l1.ledger import Ledger

NOT_FINAL, NO_CONTRADICTION = "POE-RLY-071", "POE-RLY-072"


def raise_alarm(*, proof: Path, rollup: RollupFlags = RollupFlags(), l1_key: Path) -> None:
    """Show the arbiter a second valid proof of a final batch that says something else than the first.

    Only within the alarm delay after the batch became final. It cancels that batch and all after it and ends the
    rollup in the state before; the bounty goes to the payee whom the proof names.

    Parameters
    ----------
    proof
        The proof's file, as `poe prover export-proof` writes it.
    l1_key
        Key file of the L1 account that pays the gas; any account will do.
    """
    from poe.cli.relaying import read_submission
    from poe.cli.wallet import read_ledger

    async def work(of: Rollup) -> tuple[str, Facts]:
        ledger = await read_ledger(of)
        second = read_submission(proof, of, ledger)
        first = contradicted(second, ledger)
        receipt = await (await of.client(l1_key)).raise_alarm(second, new_root=first.new_root)
        facts = {
            "number": second.number,
            "old_root": hex(second.old_root),
            "cancelled": list(range(second.number, ledger.finalized_number + 1)),
            "bounty_wei": 0 if ledger.is_alarmed else of.parameters.bounty * ledger.finalized_number,
            "payee": "0x" + second.payee.hex(),
            "tx": "0x" + receipt.tx_hash.hex(),
        }
        return f"batch {second.number} is cancelled: the rollup has ended in the state before it", facts

    rollup.run(work)


def contradicted(second: Submission, ledger: Ledger) -> ProofAccepted:
    """The proof that made the batch final on the same old root; InputError when there is none to contradict.

    Equal roots are left to the arbiter, which knows the exits.
    """
    from poe.errors import InputError

    if second.number > ledger.finalized_number:
        raise InputError(f"batch {second.number} is not final", fix="wait until it is", code=NOT_FINAL)
    first = ledger.final_proof(second.number)
    if first.old_root != second.old_root:
        raise InputError(
            f"batch {second.number} starts from root {first.old_root:#066x}, the proof from {second.old_root:#066x}",
            fix="a proof about a state that the chain was never in shows nothing",
            code=NO_CONTRADICTION,
        )
    return first

"""Two results of one batch, told to the operator: ours and the one that L1 has accepted, or two proofs in an alarm.

One of the two is wrong, and time is short: a proof of the other result cancels the batch: docs/protocol.md, section 10.
"""

from __future__ import annotations

import logging

from poe.l1.interface import AlarmRaised, ArbiterParameters, ChainUpdate
from poe.rollup.types import BatchNumber, FieldElement

log = logging.getLogger("poe.l1.contradiction")

CODE, ALARM_CODE = "POE-L1-090", "POE-L1-091"


def tell_contradiction(
    number: BatchNumber, *, on_l1: FieldElement, ours: FieldElement, parameters: ArbiterParameters
) -> None:
    """Say that L1's new root of a batch is not ours, and how to raise the alarm while it can still be cancelled."""
    log.error(
        "l1_contradicts_us code=%s batch=%d l1_root=%#x our_root=%#x cancellable_blocks_after_finality=%d do=%r",
        CODE,
        number,
        on_l1,
        ours,
        parameters.alarm_delay_blocks,
        how_to_raise_the_alarm(number, parameters),
    )


def tell_alarms(update: ChainUpdate) -> None:
    """Say that somebody has shown L1 a second proof: the batch and all after it are cancelled, the rollup ends."""
    for event in update.events:
        if isinstance(event, AlarmRaised):
            log.error(
                "alarm_raised code=%s first_cancelled_batch=%d l1_block=%d l1_root=%#x other_root=%#x tx=0x%s",
                ALARM_CODE,
                event.number,
                event.origin.block.number,
                event.new_root,
                event.other_root,
                event.origin.tx_hash.hex(),
            )


def how_to_raise_the_alarm(number: BatchNumber, parameters: ArbiterParameters) -> str:
    """The commands, but for whose key pays the gas."""
    return (
        f"check with `poe batch verify {number}`; write the proof with `poe prover export-proof {number} --out PROOF`,"
        f" then `poe arbiter raise-alarm --proof PROOF --arbiter 0x{parameters.address.hex()}"
        f" --chain-id {parameters.chain_id} --l1-key FILE`"
    )

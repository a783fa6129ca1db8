"""Several proofs in one `submitProofs`: how much gas it needs to take each that holds, and which it took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from poe.errors import AlreadyAccepted, BadAnswer, Reverted
from poe.l1.abi import decode_exactly
from poe.l1.interface import ArbiterEvent, ProofAccepted, Submission
from poe.l1.send_log import Message
from poe.l1.transactor import Transactor

MAX_TOGETHER = 8
"""Proofs in one call: as many batches as one call makes final, and far from any limit of a transaction's gas."""

_RAISES = 8


async def sized(message: Message, transactor: Transactor) -> Message:
    """The call with a gas limit at which it takes as many proofs as with gas to spare.

    An endpoint's estimate is the least gas at which a call does not revert. Where one proof is bad each is verified
    alone, and a call that runs short at the last one still succeeds, without it (a little more gas makes it revert, yet
    more takes all). So what it takes is looked at, too.
    AlreadyAccepted when every one is late.
    """
    try:
        wanted = await _taken(message, transactor)
    except Reverted as refusal:
        if refusal.name != "NothingToAccept":
            raise
        raise AlreadyAccepted(refusal.message, name=refusal.name) from None
    gas = await transactor.gas_for(message)
    for _ in range(_RAISES):
        limited = replace(message, gas=gas)
        if await _taken_or_none(limited, transactor) >= wanted:
            return limited
        gas += gas // 4
    raise BadAnswer(f"a call takes {wanted} proofs, but not with {gas} gas")


def which_accepted(submissions: Sequence[Submission], events: Iterable[ArbiterEvent]) -> tuple[bool, ...]:
    """For each submission, whether one of a transaction's events says that it was accepted; twins count once."""
    found = [_name(event) for event in events if isinstance(event, ProofAccepted)]
    accepted = []
    for submission in submissions:
        name = _name(submission)
        accepted.append(name in found)
        if name in found:
            found.remove(name)
    return tuple(accepted)


def _name(of: Submission | ProofAccepted) -> tuple[object, ...]:
    return (of.number, of.old_root, of.new_root, of.payee, of.tip)


async def _taken_or_none(message: Message, transactor: Transactor) -> int:
    try:
        return await _taken(message, transactor)
    except Reverted:
        return 0


async def _taken(message: Message, transactor: Transactor) -> int:
    """How many proofs the arbiter would accept now: what `submitProofs` returns."""
    answer = await transactor.call(message)
    try:
        (taken,) = decode_exactly(("uint256",), answer)
    except ValueError:
        raise BadAnswer(f"submitProofs answered {len(answer)} bytes that are no number") from None
    return int(taken)

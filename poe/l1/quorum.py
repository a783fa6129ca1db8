"""What endpoints are asked together, and how their answers are compared: logs and receipts, which do not change."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from poe.errors import BadAnswer
from poe.l1 import answers

RECEIPT_PATIENCE_SECONDS = 30.0
"""One endpoint knows of a block, and of a transaction in it, a little before the others."""
_NOT_MINED = "not mined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballot:
    """How the answers to one question are compared.

    `read` gives the vote that an answer is, BadAnswer if it is malformed. Whoever does not hold `block` has no vote.
    `decides`: it does not change, so whoever is outvoted lies. For `patience_seconds` a tie means: no answer yet.
    """

    about: str
    read: Callable[[object], Hashable]
    block: str | None = None
    decides: bool = True
    patience_seconds: float = 0.0


def logs_ballot(params: Sequence[object]) -> Ballot:
    """Of `eth_getLogs`: all logs, in order."""
    query = params[0] if params and isinstance(params[0], Mapping) else {}
    block = query.get("blockHash")
    return Ballot(about="logs", read=_read_logs, block=block if isinstance(block, str) else None)


def receipt_ballot(params: Sequence[object]) -> Ballot:
    """Of `eth_getTransactionReceipt`: the receipt or none; a reorg may change it, and each hears of it in its time."""
    about = f"receipt {params[0] if params else ''}"
    return Ballot(about=about, read=_read_receipt, decides=False, patience_seconds=RECEIPT_PATIENCE_SECONDS)


def shown_vote(vote: Hashable) -> str:
    """A vote in a few words."""
    if isinstance(vote, tuple):
        return f"{len(vote)} logs"
    if isinstance(vote, answers.RawReceipt):
        outcome = "succeeded" if vote.succeeded else "failed"
        return f"{outcome} in block {vote.block_number} 0x{vote.block_hash.hex()[:8]}…"
    return str(vote)


def _read_logs(answer: object) -> Hashable:
    logs = [answers.raw_log(entry) for entry in answers.array(answer, "eth_getLogs")]
    return tuple(sorted(logs, key=lambda log: (log.block_number, log.log_index)))


def _read_receipt(answer: object) -> Hashable:
    return _NOT_MINED if answer is None else answers.raw_receipt(answer)


def read_votes(answers_by_place: Mapping[int, object], ballot: Ballot) -> tuple[dict[int, Hashable], dict[int, str]]:
    """The votes, and what is wrong with those answers that are none."""
    votes: dict[int, Hashable] = {}
    malformed: dict[int, str] = {}
    for place, answer in answers_by_place.items():
        try:
            votes[place] = ballot.read(answer)
        except BadAnswer as error:
            malformed[place] = str(error)
    return votes, malformed

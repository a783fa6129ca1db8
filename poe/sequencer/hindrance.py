"""What keeps us from posting although we have something to post: transactions are pushed back with its code."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import IntEnum

from poe.errors import SequencerError

log = logging.getLogger("poe.sequencer.hindrance")


class Hindrance(IntEnum):
    """The value is the binary intake's code, n for POE-SEQ-0nn."""

    HALTED = 60
    BACKLOG = 61
    BOND = 62
    NO_SEAT = 63


REFUSALS: Mapping[Hindrance, tuple[str, str, str]] = {
    Hindrance.HALTED: ("POE-SEQ-060", "L1 takes no batches until a proof comes: posting is halted", "try again later"),
    Hindrance.BACKLOG: ("POE-SEQ-061", "L1 holds as many batches without a proof as it may", "try again later"),
    Hindrance.BOND: ("POE-SEQ-062", "this sequencer's bond is too small for the backlog", "try another sequencer"),
    Hindrance.NO_SEAT: ("POE-SEQ-063", "this sequencer holds no seat any more", "try another sequencer"),
}

HINDRANCES: Mapping[str, Hindrance] = {
    "PostingHalted": Hindrance.HALTED,
    "BacklogFull": Hindrance.BACKLOG,
    "BondTooSmall": Hindrance.BOND,
}
"""By the name of the arbiter's error."""


def refusal_of(hindrance: Hindrance) -> SequencerError:
    """What a sender is told."""
    code, what, fix = REFUSALS[hindrance]
    return SequencerError(what, fix=fix, code=code)


class Obstacle:
    """The present hindrance; the publisher sets it, both intakes look at it."""

    def __init__(self) -> None:
        self.now: Hindrance | None = None

    def set(self, hindrance: Hindrance | None, reason: str = "") -> None:
        """Note a hindrance, or that there is none any more; only a change is logged."""
        if hindrance == self.now:
            return
        self.now = hindrance
        if hindrance is None:
            log.info("posting_resumed")
        else:
            log.warning("posting_hindered code=%s reason=%r", REFUSALS[hindrance][0], reason or REFUSALS[hindrance][1])

    @property
    def refusal(self) -> SequencerError | None:
        """Why no transactions are taken; None if they are."""
        return None if self.now is None else refusal_of(self.now)

"""Which of several endpoints to believe: their heads and hashes as votes. Pure; a place is an endpoint's number.

Endpoints differ for honest reasons in the last few blocks, so those are never compared. Beyond them one chain has one
hash at a height, and one block one list of logs. More than half of those that answer decide; without a majority nobody
is believed. An endpoint that stands still is told by its own head's time: it is left out, not outvoted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from statistics import median_high, median_low
from typing import TypeVar

from poe.l1.interface import BlockRef

SETTLED_BLOCKS = 3
"""So many blocks below the middle head endpoints may differ: a block is on its way, a short reorg runs its course."""
STALE_BLOCKS = 8
"""An endpoint further behind (or ahead) than this does not merely hear of blocks a little later."""
STALE_SECONDS = 60.0
"""A head that is older by our clock, and behind, is that of an endpoint which stands still."""
LAGGING_BLOCKS = 2
"""An endpoint so far behind the others is not the one to ask first: a race is lost by less."""

Value = TypeVar("Value", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one look at all endpoints came to, by place; `trusted` is empty when no majority agrees."""

    trusted: frozenset[int]
    dissenting: frozenset[int]

    @property
    def is_agreed(self) -> bool:
        """Is there anybody to believe?"""
        return bool(self.trusted)


def standing_still(heads: Mapping[int, BlockRef], now: float) -> frozenset[int]:
    """Those behind the middle head (of two the higher) whose own head is old by our clock `now`, Unix seconds.

    Not behind the highest: while L1 makes no blocks, one alone that claims a block more would have all others left out.
    """
    middle = median_high(head.number for head in heads.values()) if heads else 0
    return frozenset(
        place for place, head in heads.items() if head.number < middle and now - head.timestamp > STALE_SECONDS
    )


def compared_height(heads: Mapping[int, BlockRef]) -> tuple[int, frozenset[int]]:
    """The height at which hashes are to be compared, and who is near enough to the middle to have a block there.

    Whoever is far from the middle head dissents by that alone: a head that nobody comes near cannot move the height.
    """
    middle = median_low(head.number for head in heads.values())
    near = {place: head.number for place, head in heads.items() if abs(head.number - middle) <= STALE_BLOCKS}
    return max(0, min(min(near.values()), median_high(near.values()) - SETTLED_BLOCKS)), frozenset(near)


def majority(votes: Mapping[int, Value], of: int) -> Value | None:
    """What more than half of `of` voters say; None if nothing is."""
    for value, count in Counter(votes.values()).most_common(1):
        if 2 * count > of:
            return value
    return None


def judge(hashes: Mapping[int, Hashable], voters: frozenset[int]) -> Verdict:
    """The verdict on hashes at one height; a voter without one there dissents."""
    winner = majority(hashes, len(voters))
    if winner is None:
        return Verdict(trusted=frozenset(), dissenting=voters)
    trusted = frozenset(place for place, value in hashes.items() if value == winner)
    return Verdict(trusted=trusted, dissenting=voters - trusted)

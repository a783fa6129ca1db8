"""Whose announcements count: L1 says who holds a sequencer's seat, and who of them could post about now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from poe.net.interface import Verdict
from poe.rollup.types import Address

MAX_FORMER = 1024


class Seats:
    """The bonded sequencers, as the role last told.

    Peers do not read L1 in the same second. So nobody is held to account for an account that had a seat once, nor
    before we know of any; but one that never had is a stranger's key, whoever passes its announcement on.
    """

    def __init__(self) -> None:
        self._known = False
        self._due: frozenset[Address] = frozenset()
        self._ever: OrderedDict[Address, None] = OrderedDict()

    def set(self, bonded: Iterable[Address], due: Iterable[Address]) -> None:
        """These hold a seat, and these of them may post in the next few blocks."""
        self._known, self._due = True, frozenset(due)
        for sequencer in bonded:
            self._ever.pop(sequencer, None)
            self._ever[sequencer] = None
        while len(self._ever) > MAX_FORMER:
            self._ever.popitem(last=False)

    def judge(self, signer: Address) -> Verdict:
        """ACCEPT who may post about now, IGNORE who has or had a seat, REJECT everybody else."""
        if signer in self._due:
            return Verdict.ACCEPT
        return Verdict.IGNORE if signer in self._ever or not self._known else Verdict.REJECT

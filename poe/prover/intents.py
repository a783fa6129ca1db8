"""What other provers say they work on. Hints, never locks: a liar can move our order of preference, nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from poe.net.interface import ProvingIntent
from poe.rollup.types import Hash

MAX_INTENTS = 1024
LONGEST_SECONDS = 120
"""An intent counts no longer than this, whatever it says."""
PATIENCE_SECONDS = 45
"""A batch that is still open this long after the first intent for it was heard is open to all again: nobody can keep
the others off a batch, and finality waiting, by claiming to work on it."""
REMEMBERED_SECONDS = 600
"""So long it is remembered when a batch was first claimed: a flood of claims on others must not begin its time anew."""


class IntentBook:
    """The live intents of others, one a prover and batch; the oldest makes room."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expires: OrderedDict[tuple[Hash, bytes], float] = OrderedDict()
        self._first_heard: OrderedDict[Hash, float] = OrderedDict()

    def note(self, intent: ProvingIntent) -> None:
        """Take in an intent; a newer one of the same prover for the same batch replaces it."""
        if not self._has_room_for(intent.batch_hash):
            return
        key = (intent.batch_hash, intent.prover)
        self._expires.pop(key, None)
        self._expires[key] = min(intent.expires_at, self._clock() + LONGEST_SECONDS)
        self._first_heard.setdefault(intent.batch_hash, self._clock())
        while len(self._expires) > MAX_INTENTS:
            self._expires.popitem(last=False)

    def _has_room_for(self, batch_hash: Hash) -> bool:
        """Is the batch known, or can it be? While all that are known are young, further ones are not heard of."""
        if batch_hash in self._first_heard or len(self._first_heard) < MAX_INTENTS:
            return True
        oldest, heard = next(iter(self._first_heard.items()))
        if self._clock() - heard <= REMEMBERED_SECONDS:
            return False
        del self._first_heard[oldest]
        return True

    def count(self, batch_hash: Hash) -> int:
        """How many provers say they work on the batch now; 0 once patience with them has run out."""
        now = self._clock()
        if now - self._first_heard.get(batch_hash, now) > PATIENCE_SECONDS:
            return 0
        return sum(expires > now and told == batch_hash for (told, _), expires in self._expires.items())

"""What other provers say they work on. Hints, never locks: a liar can move our order of preference, nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from poe.net.interface import ProvingIntent
from poe.rollup.types import Hash

MAX_INTENTS = 1024
LONGEST_SECONDS = 120
"""An intent counts no longer than this, whatever it says."""


class IntentBook:
    """The live intents of others, one a prover and batch; the oldest makes room."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._expires: OrderedDict[tuple[Hash, bytes], float] = OrderedDict()

    def note(self, intent: ProvingIntent) -> None:
        """Take in an intent; a newer one of the same prover for the same batch replaces it."""
        key = (intent.batch_hash, intent.prover)
        self._expires.pop(key, None)
        self._expires[key] = min(intent.expires_at, self._clock() + LONGEST_SECONDS)
        while len(self._expires) > MAX_INTENTS:
            self._expires.popitem(last=False)

    def count(self, batch_hash: Hash) -> int:
        """How many provers say they work on the batch now."""
        now = self._clock()
        return sum(expires > now and told == batch_hash for (told, _), expires in self._expires.items())

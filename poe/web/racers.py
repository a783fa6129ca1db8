"""Who says, by gossip, that they work on which batch: hints that anybody can send, bounded and shown as hints."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from poe.net.interface import ProvingIntent
from poe.rollup.types import BatchNumber, Hash

MAX_BATCHES = 512
MAX_RACERS = 32
"""Racers told of a batch; the first to say so."""
LONGEST_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Racer:
    """A prover that says it works on a batch, since when by our clock and until when it says (Unix seconds)."""

    prover: bytes
    since: float
    until: float


class Racers:
    """Racers by batch. Claims about batches that L1 knows never make room for claims about others."""

    def __init__(self, is_sequenced: Callable[[BatchNumber, Hash], bool]) -> None:
        self._is_sequenced = is_sequenced
        self._batches: OrderedDict[tuple[BatchNumber, Hash], dict[bytes, Racer]] = OrderedDict()

    def note(self, intent: ProvingIntent, now: float) -> bool:
        """Take in an intent; whether it told anything new."""
        key = (intent.number, intent.batch_hash)
        racers = self._batches.setdefault(key, {})
        known = racers.get(intent.prover)
        if known is None and len(racers) >= MAX_RACERS:
            return False
        until = min(float(intent.expires_at), now + LONGEST_SECONDS)
        racer = Racer(prover=intent.prover, since=now if known is None else known.since, until=until)
        racers[intent.prover] = racer
        self._make_room()
        return racer != known

    def of(self, number: BatchNumber, batch_hash: Hash) -> list[Racer]:
        """Everybody who ever said so, the first first."""
        return list(self._batches.get((number, batch_hash), {}).values())

    def _make_room(self) -> None:
        if len(self._batches) <= MAX_BATCHES:
            return
        invented = (key for key in self._batches if not self._is_sequenced(*key))
        del self._batches[next(invented, next(iter(self._batches)))]

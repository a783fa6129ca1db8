"""Who told of a batch first, gossip or L1, and by how much: whether gossip gives a prover a head start."""

from __future__ import annotations

from collections.abc import Callable

from poe.l1.interface import BatchSequenced, ChainUpdate
from poe.metrics import Metrics
from poe.prover.candidates import Candidates

HISTORY_SECONDS = 30.0
"""What L1 tells of longer ago is history that we read, not news that gossip missed."""


class Hearing:
    """Compares L1's postings with what gossip told before."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        for source in ("gossip", "l1"):
            metrics.batches_heard.labels(source=source)

    def note_l1(self, update: ChainUpdate, candidates: Candidates) -> None:
        """Look at a step of L1 that the candidates have not taken in yet."""
        now = self._clock()
        for event in update.events:
            if not isinstance(event, BatchSequenced) or now - event.origin.block.timestamp > HISTORY_SECONDS:
                continue
            heard = candidates.get(event.number)
            if heard is None or heard.batch_hash != event.batch_hash:
                self._metrics.batches_heard.labels(source="l1").inc()
            elif not heard.is_sequenced:
                self._metrics.batches_heard.labels(source="gossip").inc()
                self._metrics.gossip_lead_seconds.observe(max(0.0, now - heard.seen_at))

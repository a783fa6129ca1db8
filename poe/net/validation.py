"""What becomes of a gossiped message: pure judgements, and the gate that keeps what must be remembered.

REJECT only what can be proved against whoever sent it, whatever that peer knows: wrong encoding, wrong shape,
a bad signature. IGNORE what is only old, early, repeated or too much. Cheap checks come before signatures.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from poe.errors import NetError
from poe.net.interface import BatchAnnouncement, ProvingIntent, Verdict
from poe.net.messages import (
    MAX_MESSAGE_BYTES,
    MalformedMessage,
    announcement_digest,
    decode_announcement,
    decode_intent,
    topic,
)
from poe.net.seats import Seats
from poe.rollup.types import Address, BatchNumber, FieldElement, Hash, Shape

Recover = Callable[[Hash, bytes], bytes | None]
"""Twenty-byte address that made a 65-byte signature over a digest, None if it is not one."""

WINDOW_BEHIND = 64
WINDOW_AHEAD = 8
HASHES_PER_NUMBER = 2
"""A sequencer's first batch of a number, and one that contradicts it: the second is forwarded as evidence, no third."""
MAX_INTENT_SECONDS = 600
MESSAGES_PER_SECOND = 20.0
MESSAGE_BURST = 64.0
MAX_ORIGINS = 1024
MAX_INTENTS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What every node of one rollup agrees on."""

    domain: FieldElement
    shape: Shape
    recover: Recover


def judge_form(announcement: BatchAnnouncement, rules: Rules, *, head: BatchNumber) -> Verdict:
    """REJECT another shape, IGNORE a number outside the window; no signature is looked at."""
    if announcement.header.shape != rules.shape:
        return Verdict.REJECT
    return Verdict.ACCEPT if is_near(announcement.number, head) else Verdict.IGNORE


def signer_of(announcement: BatchAnnouncement, rules: Rules) -> Address | None:
    """Who signed it; None when nobody can have."""
    digest = announcement_digest(
        domain=rules.domain,
        number=announcement.number,
        parent_hash=announcement.parent_hash,
        batch_hash=announcement.batch_hash,
        header=announcement.header,
    )
    signer = rules.recover(digest, announcement.signature)
    return None if signer is None else Address(signer)


def judge_intent(intent: ProvingIntent, *, head: BatchNumber, now: float) -> Verdict:
    """An intent proves nothing and so is never rejected: IGNORE it expired, far ahead, or outside the window."""
    fresh = now < intent.expires_at <= now + MAX_INTENT_SECONDS
    return Verdict.ACCEPT if fresh and is_near(intent.number, head) else Verdict.IGNORE


def is_near(number: BatchNumber, head: BatchNumber) -> bool:
    """Whether a batch number is worth hearing of."""
    return head - WINDOW_BEHIND <= number <= head + WINDOW_AHEAD


class TokenBuckets:
    """A token bucket a key, of which the least recently used are forgotten."""

    def __init__(self, *, rate: float, burst: float, keys: int) -> None:
        self._rate, self._burst, self._keys = rate, burst, keys
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def take(self, key: bytes, now: float) -> bool:
        """Take one token of `key` at `now` seconds; False when there is none."""
        tokens, since = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + max(0.0, now - since) * self._rate)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > self._keys:
            self._buckets.popitem(last=False)
        return allowed


class Gate:
    """Decodes and judges gossip, and delivers what it accepts, each content once.

    Synchronous from end to end: between "is it new" and "it is seen" no other task can run.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        clock: Callable[[], float],
        on_announcement: Callable[[BatchAnnouncement], None],
        on_intent: Callable[[ProvingIntent], None],
    ) -> None:
        self.rules = rules
        self.seats = Seats()
        self.head = BatchNumber(0)
        self.equivocations = 0
        self._clock = clock
        self._on_announcement = on_announcement
        self._on_intent = on_intent
        self._heard: dict[BatchNumber, list[tuple[Address, BatchAnnouncement]]] = {}
        self._intents: OrderedDict[ProvingIntent, None] = OrderedDict()
        self._buckets = TokenBuckets(rate=MESSAGES_PER_SECOND, burst=MESSAGE_BURST, keys=MAX_ORIGINS)
        self.batch_topic = topic(rules.domain, "batch")
        self.intent_topic = topic(rules.domain, "intent")

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic this gate judges."""
        return (self.batch_topic, self.intent_topic)

    def set_head(self, number: BatchNumber) -> None:
        """Move the window of batch numbers that are worth hearing of."""
        self.head = number
        for known in [known for known in self._heard if not is_near(known, number)]:
            del self._heard[known]

    def check_own(self, announcement: BatchAnnouncement) -> None:
        """NetError if every peer would reject this announcement of ours, and us with it."""
        signer = signer_of(announcement, self.rules)
        is_ours = signer is not None and self.seats.judge(signer) is not Verdict.REJECT
        if judge_form(announcement, self.rules, head=announcement.number) is Verdict.REJECT or not is_ours:
            raise NetError(
                f"our announcement of batch {announcement.number} has the wrong shape or signer",
                fix="check that the account of l1.key_file holds a sequencer's seat",
                code="POE-NET-008",
            )

    def judge(self, topic: str, origin: bytes, raw: bytes) -> Verdict:
        """Verdict on a message that `origin` wrote; an accepted one is delivered before this returns."""
        if len(raw) > MAX_MESSAGE_BYTES:
            return Verdict.REJECT
        if not self._buckets.take(origin, self._clock()):
            return Verdict.IGNORE
        try:
            if topic == self.batch_topic:
                return self._judge_announcement(decode_announcement(raw))
            return self._judge_intent(decode_intent(raw))
        except MalformedMessage:
            return Verdict.REJECT

    def _judge_announcement(self, announcement: BatchAnnouncement) -> Verdict:
        """A content is delivered once, whoever signs it again; each sequencer has room for one contradiction."""
        heard = self._heard.get(announcement.number, [])
        content = _content(announcement)
        if any(_content(known) == content for _, known in heard):
            return Verdict.IGNORE
        verdict = judge_form(announcement, self.rules, head=self.head)
        if verdict is not Verdict.ACCEPT:
            return verdict
        signer = signer_of(announcement, self.rules)
        if signer is None:
            return Verdict.REJECT
        own = [known for author, known in heard if author == signer]
        verdict = self.seats.judge(signer)
        if verdict is not Verdict.ACCEPT or len(own) >= HASHES_PER_NUMBER:
            return verdict if verdict is Verdict.REJECT else Verdict.IGNORE
        self._heard[announcement.number] = [*heard, (signer, announcement)]
        self.equivocations += any(known.parent_hash == announcement.parent_hash for known in own)
        self._on_announcement(announcement)
        return Verdict.ACCEPT

    def _judge_intent(self, intent: ProvingIntent) -> Verdict:
        if intent in self._intents:
            return Verdict.IGNORE
        verdict = judge_intent(intent, head=self.head, now=self._clock())
        if verdict is Verdict.ACCEPT:
            self._intents[intent] = None
            if len(self._intents) > MAX_INTENTS:
                self._intents.popitem(last=False)
            self._on_intent(intent)
        return verdict


def _content(announcement: BatchAnnouncement) -> tuple[Hash, Hash]:
    return announcement.parent_hash, announcement.batch_hash

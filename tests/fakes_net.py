"""An in-memory network that keeps the promises of poe.net.interface, and a sequencer's key to speak on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import coincurve
import trio

from poe.crypto.keccak import keccak256
from poe.errors import NetError
from poe.net.inbox import INBOX_MESSAGES, Inbox
from poe.net.interface import BatchAnnouncement, BodySource, NetworkStats, ProvingIntent, Verdict
from poe.net.messages import announcement_digest, encode_announcement, encode_intent
from poe.net.validation import Gate, Rules
from poe.rollup.batch import batch_hash as hash_of
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Hash, Header, Shape

SHAPE = Shape(slots=4, depth=5)
DOMAIN = FieldElement(0xD0)
NO_PARENT = Hash(bytes(32))


def recover(digest: Hash, signature: bytes) -> bytes | None:
    """Address that signed, by secp256k1 public key recovery; None for what is not a signature."""
    try:
        key = coincurve.PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception:  # noqa: BLE001 (coincurve raises plain Exception)
        return None
    return keccak256(key.format(compressed=False)[1:])[12:]


class SequencerKey:
    """Signs announcements as the sequencer of DOMAIN does."""

    def __init__(self, secret: int = 1) -> None:
        self._key = coincurve.PrivateKey.from_int(secret)
        self.address = Address(keccak256(self._key.public_key.format(compressed=False)[1:])[12:])

    def announce(
        self, number: int, batch: Batch, *, parent_hash: Hash = NO_PARENT, domain: FieldElement = DOMAIN
    ) -> BatchAnnouncement:
        """A signed announcement of `batch`."""
        digest = announcement_digest(
            domain=domain,
            number=BatchNumber(number),
            parent_hash=parent_hash,
            batch_hash=hash_of(batch),
            header=batch.header,
        )
        return BatchAnnouncement(
            number=BatchNumber(number),
            parent_hash=parent_hash,
            batch_hash=hash_of(batch),
            header=batch.header,
            signature=self._key.sign_recoverable(digest, hasher=None),
        )


def make_batch(seed: int, shape: Shape = SHAPE) -> Batch:
    """A batch whose data repeats the byte `seed`; no transaction in it means anything."""
    header = Header(shape=shape, deposits=0, forced=0, fee_account=AccountIndex(0))
    return Batch(header=header, data=bytes([seed % 256]) * (shape.slots * 128))


def make_intent(number: int, *, prover: int = 7, seconds: int = 60) -> ProvingIntent:
    """An intent that expires `seconds` from now."""
    return ProvingIntent(
        number=BatchNumber(number),
        batch_hash=hash_of(make_batch(number)),
        prover=bytes([prover]) * 20,
        expires_at=int(time.time()) + seconds,
    )


def serve(*numbers: int) -> BodySource:
    """A body source that has `make_batch(n)` for each of these numbers."""

    async def source(number: BatchNumber) -> Batch | None:
        return make_batch(number) if number in numbers else None

    return source


async def until(condition: Callable[[], bool], *, seconds: float = 15) -> None:
    """Wait for what no event tells of; trio.TooSlowError when it does not come."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 (libp2p gives no event to await)
            await trio.sleep(0.01)


class FakeHub:
    """Where fake nodes of one rollup meet; delivers at once, through the same gate as the real node."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.nodes: list[FakeNetwork] = []

    def join(self, body_source: BodySource, *, inbox_messages: int = INBOX_MESSAGES) -> FakeNetwork:
        """A new node, connected to all others."""
        node = FakeNetwork(self, f"/fake/{len(self.nodes)}", body_source, inbox_messages)
        self.nodes.append(node)
        return node


class FakeNetwork:
    """A poe.net.interface.Network without sockets."""

    def __init__(self, hub: FakeHub, address: str, body_source: BodySource, inbox_messages: int) -> None:
        self._hub = hub
        self._address = address
        self._body_source = body_source
        self._announcements = Inbox[BatchAnnouncement](inbox_messages)
        self._intents = Inbox[ProvingIntent](inbox_messages)
        self._counts = dict.fromkeys(Verdict, 0)
        self._gate = Gate(
            hub.rules, clock=time.time, on_announcement=self._announcements.put, on_intent=self._intents.put
        )

    @property
    def listen_address(self) -> str:
        return self._address

    @property
    def announcements(self) -> trio.MemoryReceiveChannel[BatchAnnouncement]:
        return self._announcements.channel

    @property
    def intents(self) -> trio.MemoryReceiveChannel[ProvingIntent]:
        return self._intents.channel

    def set_head(self, number: BatchNumber) -> None:
        self._gate.set_head(number)

    def set_sequencers(self, bonded: Iterable[Address], *, due: Iterable[Address]) -> None:
        self._gate.seats.set(bonded, due)

    def stats(self) -> NetworkStats:
        peers = len(self._hub.nodes) - 1
        return NetworkStats(
            peers=peers,
            mesh_peers=peers,
            accepted=self._counts[Verdict.ACCEPT],
            ignored=self._counts[Verdict.IGNORE],
            rejected=self._counts[Verdict.REJECT],
            bad_frames=0,
            equivocations=self._gate.equivocations,
            dropped=self._announcements.dropped + self._intents.dropped,
        )

    async def announce(self, announcement: BatchAnnouncement) -> None:
        self._gate.check_own(announcement)
        await self._publish(lambda gate: gate.batch_topic, encode_announcement(announcement))

    async def tell_intent(self, intent: ProvingIntent) -> None:
        await self._publish(lambda gate: gate.intent_topic, encode_intent(intent))

    async def fetch_body(self, number: BatchNumber, batch_hash: Hash) -> Batch:
        await trio.lowlevel.checkpoint()
        for node in self._others():
            batch = await node._body_source(number)
            if batch is not None and hash_of(batch) == batch_hash:
                return batch
        raise NetError(f"no peer has the body of batch {number}")

    async def _publish(self, topic_of: Callable[[Gate], str], raw: bytes) -> None:
        await trio.lowlevel.checkpoint()
        for node in self._others():
            node._counts[node._gate.judge(topic_of(node._gate), self._address.encode(), raw)] += 1

    def _others(self) -> list[FakeNetwork]:
        return [node for node in self._hub.nodes if node is not self]

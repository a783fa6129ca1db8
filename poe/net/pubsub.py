"""Hardened pubsub: no frame and no exception of one peer ends the node, and verdicts have three values.

An exception that leaves a stream handler or a task of py-libp2p's pubsub ends the whole host, so each way
in has its own boundary here.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import trio

from poe.net.bans import BanList, Fault
from poe.net.interface import Verdict
from poe.net.library import (
    CONNECTION_ENDED,
    ID,
    IHost,
    INetStream,
    Pubsub,
    Yamux,
    close_connections,
    rpc_pb2,
    signature_validator,
)
from poe.net.router import Router

Judge = Callable[[str, bytes, bytes], Verdict]
"""(topic, origin's peer id, data) to a verdict, without waiting; delivers what it accepts."""

MAX_RPC_BYTES = 256 * 2**10
SEEN_SECONDS = 300
START_SECONDS = 10.0
SEQUENCE_BYTES = 8
MAX_PEER_ID_BYTES = 64

log = logging.getLogger(__name__)


@dataclass(slots=True)
class GossipCounters:
    """What became of messages since start; copies of a seen message are not counted."""

    accepted: int = 0
    ignored: int = 0
    rejected: int = 0
    bad_frames: int = 0


class HardenedPubsub(Pubsub):
    """Strictly signed pubsub over our router, with bans."""

    def __init__(self, host: IHost, router: Router, *, topics: frozenset[str], judge: Judge, bans: BanList) -> None:
        self._service_started = trio.Event()
        self._topics = topics
        self._judge = judge
        self._bans = bans
        self.counters = GossipCounters()
        super().__init__(
            host,
            router,
            strict_signing=True,
            seen_ttl=SEEN_SECONDS,
            max_inbound_rpc_size=MAX_RPC_BYTES,
            allowed_topics=topics,
        )
        # Whole seconds, the library's choice, repeat after a restart, and peers drop the repeats as seen.
        self.counter = time.time_ns()

    async def run(self) -> None:
        """Run the service; streams that came earlier have waited for this."""
        self._service_started.set()
        try:
            await super().run()
        finally:
            self.seen_messages.stop()

    def is_peer_blacklisted(self, peer_id: ID) -> bool:
        """The library's question, answered by our list of bans."""
        return self._bans.is_peer_banned(peer_id.to_bytes())

    def punish(self, peer_id: ID, fault: Fault, ip: str | None = None) -> None:
        """Hold a fault against a peer; a ban closes its connections at once."""
        if fault is Fault.BAD_FRAME:
            self.counters.bad_frames += 1
        else:
            self.counters.rejected += 1
        if self._bans.strike(peer_id.to_bytes(), fault, ip or self._ip_of(peer_id)):
            log.warning("peer_banned peer=%s fault=%s", peer_id, fault.name)
            if self.manager.is_running:
                self.manager.run_task(close_connections, self.host.get_network(), peer_id)

    async def stream_handler(self, stream: INetStream) -> None:
        """Read frames from a peer until its stream ends; whatever goes wrong ends this stream alone."""
        peer_id = stream.muxed_conn.peer_id
        try:
            with trio.fail_after(START_SECONDS):
                await self._service_started.wait()
            if self.is_peer_blacklisted(peer_id):
                await stream.reset()
            else:
                await super().stream_handler(stream)
        except CONNECTION_ENDED as error:
            log.debug("gossip_stream_ended peer=%s error=%s", peer_id, type(error).__name__)
            await self._drop_stream(stream, peer_id)
        except Exception as error:  # noqa: BLE001 (boundary to the library: a frame it could not digest)
            log.info("bad_frame peer=%s error=%s", peer_id, type(error).__name__)
            self.punish(peer_id, Fault.BAD_FRAME)
            await self._drop_stream(stream, peer_id)

    async def push_msg(self, msg_forwarder: ID, msg: rpc_pb2.Message) -> None:
        """Judge a message, remember it, and relay it if it is accepted.

        There is no checkpoint between the question whether it was seen and the answer that it now is, so
        copies that arrive together are judged and delivered once.
        """
        try:
            verdict = self._admit(msg_forwarder, msg)
            if verdict is Verdict.ACCEPT:
                await self.router.publish(msg_forwarder, msg)
        except Exception:
            log.exception("message_failed peer=%s", msg_forwarder)

    def _admit(self, forwarder: ID, message: rpc_pb2.Message) -> Verdict:
        own = forwarder == self.my_id
        if not own and self.is_peer_blacklisted(forwarder):
            return Verdict.IGNORE
        if not _is_well_formed(message, self._topics):
            self.punish(forwarder, Fault.BAD_FRAME)
            return Verdict.IGNORE
        if self._is_msg_seen(message):
            return Verdict.IGNORE
        if own:
            self._mark_msg_seen(message)
            return Verdict.ACCEPT
        if message.from_id == self.my_id.to_bytes() or self._bans.is_peer_banned(message.from_id):
            return Verdict.IGNORE
        if not _is_signed(message):  # not marked as seen: the true message may have the same id
            self.punish(forwarder, Fault.BAD_FRAME)
            return Verdict.IGNORE
        self._mark_msg_seen(message)
        verdict = self._judge(message.topicIDs[0], message.from_id, message.data)
        self._count(verdict, forwarder)
        return verdict

    def _count(self, verdict: Verdict, forwarder: ID) -> None:
        if verdict is Verdict.ACCEPT:
            self.counters.accepted += 1
        elif verdict is Verdict.IGNORE:
            self.counters.ignored += 1
        else:
            self.punish(forwarder, Fault.REJECTED)

    def notify_subscriptions(self, publish_message: rpc_pb2.Message) -> None:
        """Nothing to do: the judge has delivered, and nobody reads the library's small channels."""

    def _ip_of(self, peer_id: ID) -> str | None:
        for connection in self.host.get_network().get_connections(peer_id):
            if isinstance(connection.muxed_conn, Yamux):
                address = connection.muxed_conn.get_remote_address()
                return None if address is None else address[0]
        return None

    async def _drop_stream(self, stream: INetStream, peer_id: ID) -> None:
        try:
            await stream.reset()
            self._handle_dead_peer(peer_id)
        except Exception as error:  # noqa: BLE001 (boundary to the library)
            log.info("stream_reset_failed peer=%s error=%s", peer_id, type(error).__name__)


def _is_well_formed(message: rpc_pb2.Message, topics: frozenset[str]) -> bool:
    """One topic of ours and ids of fixed length, so that origin ‖ sequence number has one reading."""
    return (
        len(message.topicIDs) == 1
        and message.topicIDs[0] in topics
        and len(message.seqno) == SEQUENCE_BYTES
        and 0 < len(message.from_id) <= MAX_PEER_ID_BYTES
    )


def _is_signed(message: rpc_pb2.Message) -> bool:
    """The library's check, which raises on a malformed key instead of refusing it."""
    try:
        return signature_validator(message)
    except Exception:  # noqa: BLE001 (boundary to the library)
        return False

"""Our gossipsub router: fixed parameters, own messages to everyone, and nothing a peer can make grow."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable
from typing import Any

import trio

from poe.net.library import ID, MESHSUB_10, MESHSUB_11, GossipSub, rpc_pb2
from poe.net.messages import MalformedMessage

FLOOD_PEERS = 32
MAX_BACK_OFF_SECONDS = 600
MAX_CONTROL_ENTRIES = 256
MAX_MESSAGE_IDS = 5000
SWEEP_SECONDS = 60.0

log = logging.getLogger(__name__)


class Router(GossipSub):
    """Gossipsub 1.1 with a mesh of 3 to 1000 peers, 4 wanted, and a heartbeat of one second.

    The upper bound is out of reach on purpose: pruning down to the wanted degree happens on all sides at
    once and can leave a node with nobody for a whole back-off; connection limits bound the degree instead.
    """

    def __init__(self, topics: Iterable[str], rng: random.Random) -> None:
        super().__init__(
            protocols=[MESHSUB_11, MESHSUB_10],
            degree=4,
            degree_low=3,
            degree_high=1000,
            heartbeat_initial_delay=0.1,
            heartbeat_interval=1,
            gossip_window=3,
            gossip_history=5,
            prune_back_off=10,
            do_px=False,
            adaptive_gossip_enabled=False,  # on, it stretches the heartbeat to half a minute
            spam_protection_enabled=False,  # on, it stops forwarding above ten messages a second, ours too
            eclipse_protection_enabled=False,
        )
        self._topics = frozenset(topics)
        self._rng = rng

    async def handle_rpc(self, rpc: rpc_pb2.RPC, sender_peer_id: ID) -> None:
        """Handle the control messages that are about our topics.

        The library keeps state for every topic a peer cares to name (back-offs for ever), so names that
        are not ours are dropped here; a peer that sends hundreds in one frame is misbehaving.
        """
        _trim_control(rpc.control, self._topics)
        await super().handle_rpc(rpc, sender_peer_id)

    async def heartbeat(self) -> None:
        """The library's heartbeat, started again should it ever fail: without it the mesh starves."""
        while True:
            try:
                await super().heartbeat()
            except Exception:
                log.exception("heartbeat_failed")
            await trio.sleep(self.heartbeat_interval)

    def _get_peers_to_send(
        self, topic_ids: Iterable[str], msg_forwarder: ID, origin: ID, msg_id: bytes | None = None
    ) -> Iterable[ID]:
        """Our own messages go to every peer of the topic, not to the mesh alone, which may be empty."""
        topics = list(topic_ids)
        peers = set(super()._get_peers_to_send(topics, msg_forwarder, origin, msg_id))
        if self.pubsub is not None and msg_forwarder == self.pubsub.my_id:
            known = {peer for name in topics for peer in self.pubsub.peer_topics.get(name, ())} - peers
            peers.update(self._rng.sample(sorted(known, key=ID.to_bytes), min(FLOOD_PEERS, len(known))))
        return peers

    async def sweep(self) -> None:
        """Forget, once a minute, what the library never forgets by itself."""
        while True:
            await trio.sleep(SWEEP_SECONDS)
            self.recent_message_deliveries.clear()
            now = time.time()
            for name, peers in list(self.back_off.items()):
                self.back_off[name] = {peer: until for peer, until in peers.items() if until > now}


def _trim_control(control: rpc_pb2.ControlMessage, topics: frozenset[str]) -> None:
    """Keep what names one of `topics`, bounded; MalformedMessage when a frame holds absurdly much."""
    parts: tuple[Any, ...] = (control.ihave, control.graft, control.prune)
    entries = sum(len(part) for part in (*parts, control.iwant, control.idontwant))
    id_lists: tuple[Any, ...] = (*control.ihave, *control.iwant)
    ids = sum(len(entry.messageIDs) for entry in id_lists)
    if entries > MAX_CONTROL_ENTRIES or ids > MAX_MESSAGE_IDS:
        raise MalformedMessage(f"{entries} control entries with {ids} message ids in one frame")
    for part in parts:
        kept = [entry for entry in part if entry.topicID in topics]
        del part[:]
        part.extend(kept)
    for prune in control.prune:
        prune.backoff = min(prune.backoff, MAX_BACK_OFF_SECONDS)
        del prune.peers[:]
    del control.idontwant[:]

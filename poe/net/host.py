"""Starts and stops a node of the peer-to-peer network: libp2p over TCP, Noise and Yamux, nothing else."""

from __future__ import annotations

import errno
import random
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from poe.errors import NetError, PoeError, ToolError
from poe.net.bans import BanList
from poe.net.dialer import STATUS_PROTOCOL, Dialer
from poe.net.identity import load_or_create_identity
from poe.net.inbox import INBOX_MESSAGES, Inbox
from poe.net.interface import BatchAnnouncement, BodySource, NetworkStats, ProvingIntent
from poe.net.library import (
    ID,
    NOISE_ID,
    YAMUX_ID,
    AutoConnector,
    ConnectionConfig,
    ConnectionGate,
    IHost,
    INetStream,
    KeyPair,
    Multiaddr,
    NoiseTransport,
    Swarm,
    TProtocol,
    Yamux,
    background_trio_service,
    close_connections,
    create_x25519_key_pair,
    library_failures,
    new_host,
    silence_library_logs,
)
from poe.net.messages import encode_announcement, encode_intent
from poe.net.pubsub import HardenedPubsub
from poe.net.router import Router
from poe.net.sync import SYNC_PROTOCOL, SyncClient, SyncServer, guarded
from poe.net.validation import Gate, Recover, Rules
from poe.rollup.types import Address, Batch, BatchNumber, FieldElement, Hash, Shape

START_SECONDS = 20.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """How a node takes part. It listens on loopback unless told otherwise."""

    identity_path: Path
    listen_host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    announce_host: str = ""
    """What others dial, if it is not `listen_host` (a public address, a host behind a port forward)."""
    bootstrap: tuple[str, ...] = ()
    """Multiaddresses with peer ids: `/ip4/…/tcp/…/p2p/…`."""
    fetch_seconds: float = 30.0
    redial_seconds: float = 2.0
    max_connections: int = 64
    inbox_messages: int = INBOX_MESSAGES


class Libp2pNetwork:
    """The Network of poe.net.interface; made by `open_network`."""

    def __init__(
        self, config: NetworkConfig, key_pair: KeyPair, rules: Rules, body_source: BodySource, *, rng: random.Random
    ) -> None:
        self._config = config
        self._rng = rng
        self._bans = BanList(time.monotonic)
        self._announcements = Inbox[BatchAnnouncement](config.inbox_messages)
        self._intents = Inbox[ProvingIntent](config.inbox_messages)
        self._gate = Gate(rules, clock=time.time, on_announcement=self._announcements.put, on_intent=self._intents.put)
        self.host = _new_host(config, key_pair)
        self._swarm = _swarm_of(self.host)
        self._swarm.connection_gate = _BanGate(self._bans)
        self._swarm.auto_connector = _NoAutoConnector(self._swarm)
        self.router = Router(self._gate.topics, rng)
        self.pubsub = HardenedPubsub(
            self.host, self.router, topics=frozenset(self._gate.topics), judge=self._gate.judge, bans=self._bans
        )
        self._dialer = Dialer(
            self.host,
            self._swarm,
            domain=rules.domain,
            bootstrap=config.bootstrap,
            bans=self._bans,
            rng=rng,
            retry_seconds=config.redial_seconds,
        )
        self._client = SyncClient(
            self.host,
            rules.shape,
            peers=self._shuffled_peers,
            punish=self.pubsub.punish,
            give_up_seconds=config.fetch_seconds,
        )
        self._server = SyncServer(body_source)

    @property
    def listen_address(self) -> str:
        """Our multiaddr with peer id: what others put in their bootstrap list."""
        return self._dialer.our_address

    @property
    def announcements(self) -> trio.MemoryReceiveChannel[BatchAnnouncement]:
        """Validated announcements of others, each content once, oldest dropped when nobody reads."""
        return self._announcements.channel

    @property
    def intents(self) -> trio.MemoryReceiveChannel[ProvingIntent]:
        """Intents of others, each once, oldest dropped when nobody reads."""
        return self._intents.channel

    def set_head(self, number: BatchNumber) -> None:
        """Tell the highest batch number on L1: gossip far from it is ignored."""
        self._gate.set_head(number)

    def set_sequencers(self, bonded: Iterable[Address], *, due: Iterable[Address]) -> None:
        """Tell who holds a seat on L1 and who of them may post about now: only theirs is delivered."""
        self._gate.seats.set(bonded, due)

    def stats(self) -> NetworkStats:
        """Counters since start."""
        counters = self.pubsub.counters
        return NetworkStats(
            peers=len(self._swarm.get_connections_map()),
            mesh_peers=len(self.router.mesh.get(self._gate.batch_topic, ())),
            accepted=counters.accepted,
            ignored=counters.ignored,
            rejected=counters.rejected,
            bad_frames=counters.bad_frames,
            equivocations=self._gate.equivocations,
            dropped=self._announcements.dropped + self._intents.dropped,
        )

    async def announce(self, announcement: BatchAnnouncement) -> None:
        """Gossip our own batch header; NetError if every peer would reject it, and us with it."""
        self._gate.check_own(announcement)
        await self.pubsub.publish(self._gate.batch_topic, encode_announcement(announcement))

    async def tell_intent(self, intent: ProvingIntent) -> None:
        """Gossip that we work on a batch."""
        await self.pubsub.publish(self._gate.intent_topic, encode_intent(intent))

    async def fetch_body(self, number: BatchNumber, batch_hash: Hash) -> Batch:
        """Ask peers for a body and check it against its hash; NetError when nobody has it in time."""
        return await self._client.fetch_body(number, batch_hash)

    async def run(self, stop: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
        """Run until `stop`, then close everything in order within STOP_SECONDS.

        Shielded, because libp2p leaves its sockets open when it is cancelled.
        """
        failure: Exception | None = None
        with trio.CancelScope(shield=True) as scope:
            async with AsyncExitStack() as stack:
                try:
                    await self._start(stack)
                    task_status.started()
                    await self._live(stop)
                except (PoeError, trio.TooSlowError) as error:
                    failure = error
                scope.deadline = trio.current_time() + STOP_SECONDS
        if failure is not None:
            raise failure

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start everything in the order that lets no peer in before its handlers run."""
        await stack.enter_async_context(self.host.run(listen_addrs=[]))
        stack.push_async_callback(self._close_connections)
        await stack.enter_async_context(background_trio_service(self.pubsub))
        await stack.enter_async_context(background_trio_service(self.router))
        with trio.fail_after(START_SECONDS):
            await self.pubsub.wait_until_ready()
            for topic in self._gate.topics:
                await self.pubsub.subscribe(topic)
            self._answer(SYNC_PROTOCOL, self._server.serve)
            self._answer(STATUS_PROTOCOL, self._dialer.serve_status)
            self._dialer.our_address = await self._listen()

    async def _live(self, stop: trio.Event) -> None:
        """What a node does by itself."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._dialer.run)
            nursery.start_soon(self.router.sweep)
            await stop.wait()
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        """End the channels."""
        self._announcements.close()
        self._intents.close()

    async def _close_connections(self) -> None:
        """Close sockets ourselves: the library leaves those that it dialled to the garbage collector."""
        for listener in list(self._swarm.listeners.values()):
            await listener.close()
        async with trio.open_nursery() as nursery:
            for peer in list(self._swarm.get_connections_map()):
                nursery.start_soon(close_connections, self._swarm, peer)

    def _answer(self, protocol: TProtocol, handler: Callable[[INetStream], Awaitable[None]]) -> None:
        guard = guarded(handler, is_banned=self.pubsub.is_peer_blacklisted, punish=self.pubsub.punish)
        self.host.set_stream_handler(protocol, guard)

    async def _listen(self) -> str:
        config = self._config
        _refuse_taken_port(config.listen_host, config.port)
        family = "ip6" if ":" in config.listen_host else "ip4"
        wanted = Multiaddr(f"/{family}/{config.listen_host}/tcp/{config.port}")
        with library_failures(f"listening on {wanted}"):
            listening = await self._swarm.listen(wanted)
        if not listening:
            raise NetError(f"cannot listen on {wanted}", code="POE-NET-004")
        addresses = [address for listener in self._swarm.listeners.values() for address in listener.get_addrs()]
        port = addresses[0].value_for_protocol("tcp")
        host = config.announce_host or config.listen_host
        return f"/{_address_kind(host)}/{host}/tcp/{port}/p2p/{self.host.get_id()}"

    def _shuffled_peers(self) -> list[ID]:
        peers = list(self._swarm.get_connections_map())
        self._rng.shuffle(peers)
        return peers


@asynccontextmanager
async def open_network(
    config: NetworkConfig,
    *,
    domain: FieldElement,
    shape: Shape,
    recover: Recover,
    body_source: BodySource,
    rng: random.Random | None = None,
) -> AsyncIterator[Libp2pNetwork]:
    """A running node; leaving the block stops it. An exception of the block leaves as it is, in no group.

    Raises NetError when the identity or an address is no good, ToolError when the port is taken.
    """
    silence_library_logs()
    rules = Rules(domain=domain, shape=shape, recover=recover)
    network = Libp2pNetwork(
        config, load_or_create_identity(config.identity_path), rules, body_source, rng=rng or random.Random()
    )
    failure: Exception | None = None
    stop = trio.Event()
    try:
        async with trio.open_nursery() as nursery:
            try:
                await nursery.start(network.run, stop)
                yield network
            except Exception as error:  # noqa: BLE001 (raised again below, outside the nursery)
                failure = error
            finally:
                stop.set()
    finally:
        network.close()
    if failure is not None:
        raise failure


class _BanGate(ConnectionGate):
    """Refuses connections from and to addresses that are banned."""

    def __init__(self, bans: BanList) -> None:
        super().__init__()
        self._bans = bans

    async def is_allowed(self, remote_addr: Multiaddr) -> bool:
        """Whether the address of a connection is welcome."""
        return not self._bans.is_ip_banned(str(remote_addr).split("/")[2])


class _NoAutoConnector(AutoConnector):
    """Dials nobody: the library's own dials everyone it knows, also while we stop."""

    async def run_background_task(self, nursery: trio.Nursery) -> None:
        """Start nothing."""

    async def maybe_connect(self, *args: Any, **options: Any) -> None:
        """Connect to nobody."""


def _new_host(config: NetworkConfig, key_pair: KeyPair) -> IHost:
    noise = NoiseTransport(key_pair, noise_privkey=create_x25519_key_pair().private_key)
    return new_host(
        key_pair=key_pair,
        sec_opt={NOISE_ID: noise},  # the library's default list accepts plaintext
        muxer_opt={TProtocol(YAMUX_ID): Yamux},
        connection_config=ConnectionConfig(
            min_connections=0,
            low_watermark=0,
            high_watermark=config.max_connections,
            max_connections=config.max_connections,
            max_connections_per_peer=2,
            dial_timeout=4,
            inbound_upgrade_timeout=4,
            enable_health_monitoring=True,
            health_initial_delay=2,
            health_warmup_window=1,
            health_check_interval=3,
            ping_timeout=3,
            abort_connection_on_ping_failure=True,
        ),
    )


def _swarm_of(host: IHost) -> Swarm:
    network = host.get_network()
    if not isinstance(network, Swarm):
        raise TypeError(f"libp2p made a {type(network).__name__}, not a Swarm")
    return network


def _address_kind(host: str) -> str:
    for family, kind in ((socket.AF_INET, "ip4"), (socket.AF_INET6, "ip6")):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return kind
    return "dns"


def _refuse_taken_port(host: str, port: int) -> None:
    """The library binds with SO_REUSEPORT: two nodes would silently share one port and lose connections."""
    if port == 0:
        return
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ToolError(f"port {port} on {host} is taken", fix="choose another net.port") from error
            raise NetError(f"cannot listen on {host}:{port}: {error.strerror}", code="POE-NET-004") from error

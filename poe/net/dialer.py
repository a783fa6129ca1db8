"""Keeps us connected: dials the bootstrap nodes and the peers that `/poe/status/1` tells of."""

from __future__ import annotations

import ipaddress
import logging
import random
from dataclasses import dataclass

import trio

from poe.errors import NetError
from poe.net.bans import BanList
from poe.net.framing import ByteStream, FrameType, read_frame, write_frame
from poe.net.library import (
    ID,
    INetStream,
    Multiaddr,
    PeerInfo,
    Swarm,
    TProtocol,
    close_connections,
    info_from_p2p_addr,
    library_failures,
)
from poe.net.library import IHost as Host
from poe.net.messages import (
    MAX_ADDRESS_CHARACTERS,
    MAX_ADDRESSES,
    MAX_MESSAGE_BYTES,
    MalformedMessage,
    Status,
    decode_status,
    encode_status,
)
from poe.net.sync import EndsAsEmpty, open_stream
from poe.rollup.types import FieldElement

STATUS_PROTOCOL = TProtocol("/poe/status/1")
OUTBOUND_PEERS = 8
KNOWN_PEERS = 256
FAILURES_TO_FORGET = 10
DIAL_SECONDS = 8.0
STATUS_SECONDS = 5.0
MAX_BACK_OFF_SECONDS = 60.0
ROUND_SECONDS = 0.5

log = logging.getLogger(__name__)


class OtherNetwork(NetError):
    """A peer follows another rollup."""

    code = "POE-NET-007"


@dataclass(slots=True)
class _Known:
    """A peer that we could dial; `next_try` in trio's time."""

    info: PeerInfo
    address: str
    is_bootstrap: bool
    failures: int = 0
    next_try: float = 0.0


class Dialer:
    """Knows addresses and keeps up to eight connections of our own making."""

    def __init__(
        self,
        host: Host,
        swarm: Swarm,
        *,
        domain: FieldElement,
        bootstrap: tuple[str, ...],
        bans: BanList,
        rng: random.Random,
        retry_seconds: float,
    ) -> None:
        self._host = host
        self._swarm = swarm
        self._domain = domain
        self._bans = bans
        self._rng = rng
        self._retry_seconds = retry_seconds
        self._known: dict[ID, _Known] = {}
        self._dialled: set[ID] = set()
        self._told: set[ID] = set()
        self.our_address = ""
        for address in bootstrap:
            self._learn(parse_address(address), address, is_bootstrap=True)

    async def run(self) -> None:
        """Dial and exchange statuses for ever; no peer's failure ends it."""
        async with trio.open_nursery() as nursery:
            while True:
                connected = set(self._swarm.get_connections_map())
                self._dialled &= connected
                self._told &= connected
                for peer in connected - self._told:
                    self._told.add(peer)
                    nursery.start_soon(self._exchange_status, peer)
                for peer in connected:  # a banned peer's id shows only after its handshake
                    if self._bans.is_peer_banned(peer.to_bytes()):
                        nursery.start_soon(close_connections, self._swarm, peer)
                for known in self._due(connected):
                    known.next_try = trio.current_time() + DIAL_SECONDS  # until its outcome is known
                    nursery.start_soon(self._dial, known)
                await trio.sleep(ROUND_SECONDS * self._rng.uniform(0.5, 1.0))

    async def serve_status(self, stream: INetStream) -> None:
        """Answer a peer's status with ours."""
        wire = EndsAsEmpty(stream)
        with trio.fail_after(STATUS_SECONDS):
            status = await _read_status(wire)
            await write_frame(wire, FrameType.MESSAGE, encode_status(self._status()))
        await self._take_in(status, stream.muxed_conn.peer_id)

    def _due(self, connected: set[ID]) -> list[_Known]:
        """Whom to dial now, in random order: bootstrap nodes always, others up to the wanted number."""
        now = trio.current_time()
        candidates = [
            known
            for peer, known in self._known.items()
            if peer not in connected and known.next_try <= now and not self._bans.is_peer_banned(peer.to_bytes())
        ]
        self._rng.shuffle(candidates)
        candidates.sort(key=lambda known: not known.is_bootstrap)
        return candidates[: max(0, OUTBOUND_PEERS - len(self._dialled))]

    async def _dial(self, known: _Known) -> None:
        peer = known.info.peer_id
        # The library refuses for a minute to dial again whom it once failed to reach.
        self._swarm.unblock_peer(peer)
        try:
            with library_failures(f"dialling {known.address}"), trio.fail_after(DIAL_SECONDS):
                await self._host.connect(known.info)
        except NetError as error:
            log.debug("dial_failed peer=%s error=%s", peer, error)
            self._put_off(known)
            return
        known.failures = 0
        known.next_try = trio.current_time() + self._jittered(self._retry_seconds)
        self._dialled.add(peer)

    def _put_off(self, known: _Known) -> None:
        """Wait longer after each ten failures; forget a peer that is neither reachable nor bootstrap."""
        known.failures += 1
        if known.failures >= FAILURES_TO_FORGET and not known.is_bootstrap:
            self._known.pop(known.info.peer_id, None)
            return
        doublings = max(0, known.failures - FAILURES_TO_FORGET)
        delay = min(MAX_BACK_OFF_SECONDS, self._retry_seconds * 2 ** min(doublings, 16))
        known.next_try = trio.current_time() + self._jittered(delay)

    def _jittered(self, seconds: float) -> float:
        return seconds * self._rng.uniform(0.75, 1.25)

    async def _exchange_status(self, peer: ID) -> None:
        try:
            async with open_stream(self._host, peer, STATUS_PROTOCOL) as stream:
                with trio.fail_after(STATUS_SECONDS):
                    await write_frame(stream, FrameType.MESSAGE, encode_status(self._status()))
                    status = await _read_status(stream)
            await self._take_in(status, peer)
        except NetError as error:
            log.debug("status_failed peer=%s error=%s", peer, error)

    def _status(self) -> Status:
        """Ours: our own address first, then a sample of those we know."""
        others = [known.address for known in self._known.values() if known.failures == 0]
        sample = self._rng.sample(others, min(len(others), MAX_ADDRESSES - 1))
        own = [self.our_address] if self.our_address else []
        return Status(domain=self._domain, addresses=(*own, *sample))

    async def _take_in(self, status: Status, teller: ID) -> None:
        """Learn a peer's addresses; leave a peer that follows another rollup."""
        if status.domain != self._domain:
            self._known.pop(teller, None)
            await close_connections(self._swarm, teller)
            raise OtherNetwork(f"peer {teller} follows another rollup")
        for address in status.addresses:
            info = parse_address(address)
            if _is_believable(info, self._is_loopback(teller)):
                self._learn(info, address, is_bootstrap=False)

    def _learn(self, info: PeerInfo, address: str, *, is_bootstrap: bool) -> None:
        """Remember a peer; a full memory forgets a random one that is not bootstrap."""
        if info.peer_id == self._host.get_id() or info.peer_id in self._known:
            return
        if len(self._known) >= KNOWN_PEERS:
            droppable = [peer for peer, known in self._known.items() if not known.is_bootstrap]
            if not droppable:
                return
            del self._known[self._rng.choice(droppable)]
        self._known[info.peer_id] = _Known(info, address, is_bootstrap)

    def _is_loopback(self, peer: ID) -> bool:
        return any(
            address is not None and _is_loopback(address[0])
            for address in (
                connection.muxed_conn.get_remote_address()  # type: ignore[attr-defined]
                for connection in self._swarm.get_connections(peer)
            )
        )


async def _read_status(stream: ByteStream) -> Status:
    _, raw = await read_frame(stream, limit=MAX_MESSAGE_BYTES)
    return decode_status(raw)


def parse_address(text: str) -> PeerInfo:
    """Peer id and address of `/ip4/…/tcp/…/p2p/…` (ip4, ip6 or dns); MalformedMessage for anything else."""
    if len(text) > MAX_ADDRESS_CHARACTERS:
        raise MalformedMessage("address is too long")
    try:
        address = Multiaddr(text)
        names = [protocol.name for protocol in address.protocols()]
        info = info_from_p2p_addr(address)
    except Exception as error:
        raise MalformedMessage(f"not a peer's address: {text!r}") from error
    if len(names) != 3 or names[0] not in ("ip4", "ip6", "dns", "dns4", "dns6") or names[1:] != ["tcp", "p2p"]:
        raise MalformedMessage(f"not a TCP address with a peer id: {text!r}")
    return info


def _is_believable(info: PeerInfo, teller_is_local: bool) -> bool:
    """Only a peer on this machine may send us to an address on this machine."""
    return teller_is_local or not any(_is_loopback(_host_of(address)) for address in info.addrs)


def _host_of(address: Multiaddr) -> str:
    return str(address).split("/")[2]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

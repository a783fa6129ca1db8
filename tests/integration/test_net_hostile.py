"""What an attacker who completes the handshake can send: the node lives, and the attacker pays."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import trio

from poe.errors import NetError
from poe.net.bans import BanList
from poe.net.host import Libp2pNetwork, NetworkConfig, _new_host
from poe.net.interface import Verdict
from poe.net.library import (
    ID,
    MESHSUB_11,
    IHost,
    INetStream,
    Multiaddr,
    background_trio_service,
    create_ed25519_key_pair,
    info_from_p2p_addr,
    library_failures,
    new_host,
    rpc_pb2,
)
from poe.net.messages import encode_announcement, topic
from poe.net.pubsub import HardenedPubsub
from poe.net.router import Router
from poe.net.sync import SYNC_PROTOCOL
from tests.fakes_net import DOMAIN, SequencerKey, make_batch, serve, until
from tests.nodes_net import KEY, open_mesh, open_node

TOPIC = topic(DOMAIN, "batch")
SIGNING_PREFIX = b"libp2p-pubsub:"


def encode_uvarint(number: int) -> bytes:
    """Seven bits a byte, least significant first."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


def frame(raw: bytes) -> bytes:
    return encode_uvarint(len(raw)) + raw


def signed(key_pair, data: bytes, /, *, sequence: int = 1, **changes: object) -> rpc_pb2.Message:
    """A pubsub message that the attacker signs; `changes` replace fields after that."""
    message = rpc_pb2.Message(
        data=data,
        topicIDs=[TOPIC],
        from_id=_peer_id(key_pair),
        seqno=sequence.to_bytes(8, "big"),
    )
    message.signature = key_pair.private_key.sign(SIGNING_PREFIX + message.SerializeToString())
    message.key = key_pair.public_key.serialize()
    for name, value in changes.items():
        if name == "topicIDs":
            del message.topicIDs[:]
            message.topicIDs.extend(value)
        else:
            setattr(message, name, value)
    return message


def _peer_id(key_pair) -> bytes:
    return ID.from_pubkey(key_pair.public_key).to_bytes()


def publish(*messages: rpc_pb2.Message) -> bytes:
    return frame(rpc_pb2.RPC(publish=messages).SerializeToString())


@asynccontextmanager
async def attacker(key_pair=None) -> AsyncIterator[IHost]:
    """A bare libp2p host that speaks Noise and Yamux and nothing of ours."""
    config = NetworkConfig(identity_path=Path("unused"))
    host = _new_host(config, key_pair or create_ed25519_key_pair())
    async with host.run(listen_addrs=[]):
        try:
            yield host
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + 3):
                for peer in list(host.get_network().get_connections_map()):
                    await host.get_network().close_peer(peer)


async def connect(host: IHost, victim: Libp2pNetwork) -> None:
    with trio.fail_after(5):
        await host.connect(info_from_p2p_addr(Multiaddr(victim.listen_address)))


async def open_gossip(host: IHost, victim: Libp2pNetwork) -> INetStream:
    await connect(host, victim)
    with trio.fail_after(5):
        return await host.new_stream(victim.host.get_id(), [MESHSUB_11])


async def still_relays(victim: Libp2pNetwork, honest: Libp2pNetwork, number: int = 1) -> None:
    """The victim hears an honest peer and is heard by it."""
    await honest.announce(KEY.announce(number, make_batch(number)))
    await victim.announce(KEY.announce(number + 1, make_batch(number + 1)))
    with trio.fail_after(5):
        assert (await victim.announcements.receive()).number == number
        assert (await honest.announcements.receive()).number == number + 1


MALLORY = create_ed25519_key_pair()
ANNOUNCED = encode_announcement(KEY.announce(1, make_batch(1)))
HASHED_ID = b"\x12\x20" + bytes(32)
PRUNES = [rpc_pb2.ControlPrune(topicID=f"novel {index}", backoff=2**40) for index in range(2000)]
FRAMES = {
    "random_bytes": frame(b"\xff" * 200),
    "malformed_key": publish(signed(MALLORY, ANNOUNCED, from_id=HASHED_ID, key=b"\xff" * 40)),
    "empty_key": publish(signed(MALLORY, ANNOUNCED, from_id=HASHED_ID, key=b"")),
    "origin_is_garbage": publish(signed(MALLORY, ANNOUNCED, from_id=b"\xff" * 20)),
    "origin_is_missing": publish(signed(MALLORY, ANNOUNCED, from_id=b"")),
    "origin_is_long": publish(signed(MALLORY, ANNOUNCED, from_id=bytes(500))),
    "origin_is_another": publish(signed(MALLORY, ANNOUNCED, from_id=_peer_id(create_ed25519_key_pair()))),
    "signature_is_missing": publish(signed(MALLORY, ANNOUNCED, signature=b"")),
    "signature_is_garbage": publish(signed(MALLORY, ANNOUNCED, signature=b"\xff" * 64)),
    "data_is_changed": publish(signed(MALLORY, ANNOUNCED, data=ANNOUNCED + b"x")),
    "sequence_is_missing": publish(signed(MALLORY, ANNOUNCED, seqno=b"")),
    "two_topics": publish(signed(MALLORY, ANNOUNCED, topicIDs=[TOPIC, TOPIC])),
    "length_of_two_megabytes": encode_uvarint(2 * 2**20) + bytes(1000),
    "endless_length": b"\xff" * 12,
    "thousands_of_prunes": frame(rpc_pb2.RPC(control=rpc_pb2.ControlMessage(prune=PRUNES)).SerializeToString()),
}
QUIET = {"length_of_two_megabytes", "endless_length"}
"""The library refuses these itself and resets the stream without telling us."""


@pytest.mark.parametrize("raw", FRAMES.values(), ids=FRAMES.keys())
async def test_no_frame_ends_the_node(tmp_path: Path, raw: bytes, request: pytest.FixtureRequest) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        await stream.write(raw)
        if request.node.callspec.id not in QUIET:
            await until(lambda: victim.stats().bad_frames == 1)
        await still_relays(victim, honest)
        assert victim.router.back_off.keys() <= {TOPIC, topic(DOMAIN, "intent")}


async def test_a_frame_cut_short_ends_the_node_no_more(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker() as mallory:
        stream = await open_gossip(mallory, victim)
        await stream.write(publish(signed(MALLORY, ANNOUNCED))[:-10])
        await mallory.disconnect(victim.host.get_id())
        await until(lambda: victim.stats().peers == 1)
        await still_relays(victim, honest)


async def test_raw_bytes_on_the_port_leave_the_node_alive(tmp_path: Path) -> None:
    greetings = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff" * 65536,
        b"\x13/multistream/1.0.0\n" + b"\xff" * 1000,
        b"\x13/multistream/1.0.0\n\x07/noise\n" + b"\xff" * 1000,
    ]
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest):
        port = int(victim.listen_address.split("/")[4])
        for greeting in greetings:
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(greeting)
        await still_relays(victim, honest)


async def test_a_peer_without_noise_is_refused(tmp_path: Path) -> None:
    from libp2p.security.insecure.transport import PLAINTEXT_PROTOCOL_ID, InsecureTransport

    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest):
        plain = new_host(key_pair=MALLORY, sec_opt={PLAINTEXT_PROTOCOL_ID: InsecureTransport(MALLORY)})
        async with plain.run(listen_addrs=[]):
            with pytest.raises(NetError), library_failures("dialling"):
                await connect(plain, victim)
        await still_relays(victim, honest)


async def test_garbage_on_every_request_stream_costs_that_stream(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker() as mallory:
        await connect(mallory, victim)
        for protocol in (SYNC_PROTOCOL, "/poe/status/1"):
            stream = await mallory.new_stream(victim.host.get_id(), [protocol])
            await stream.write(b"\xff" * 100)
        await until(lambda: victim.stats().bad_frames == 2)
        await still_relays(victim, honest)


async def test_forged_announcements_are_rejected_and_the_third_is_a_ban(tmp_path: Path) -> None:
    forger = SequencerKey(666)
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        for number in (1, 2, 3):
            assert victim.stats().peers == 2
            data = encode_announcement(forger.announce(number, make_batch(number)))
            await stream.write(publish(signed(MALLORY, data, sequence=number)))
            await until(lambda number=number: victim.stats().rejected == number)
        await until(lambda: victim.stats().peers == 1)
        assert honest.stats().accepted == honest.stats().rejected == 0  # nothing was relayed
        await still_relays(victim, honest)


async def test_a_banned_peer_that_comes_back_is_not_heard_and_is_put_out(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        junk = [signed(MALLORY, b"\xc1", sequence=number) for number in range(3)]
        await stream.write(publish(*junk))
        await until(lambda: victim.stats().peers == 1)
        await until(lambda: not mallory.get_network().get_connections_map())
        await connect(mallory, victim)
        with suppress(NetError), library_failures("speaking again"):
            again = await mallory.new_stream(victim.host.get_id(), [MESHSUB_11])
            await again.write(publish(signed(MALLORY, ANNOUNCED, sequence=9)))
        await until(lambda: victim.stats().peers == 1)
        assert victim.stats().accepted == 0
        await still_relays(victim, honest)


async def test_twenty_bad_signatures_are_a_ban(tmp_path: Path) -> None:
    bad = [signed(MALLORY, ANNOUNCED, sequence=number, signature=b"\xff" * 64) for number in range(20)]
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        await stream.write(publish(*bad[:19]))
        await until(lambda: victim.stats().bad_frames == 19)
        assert victim.stats().peers == 2
        await stream.write(publish(bad[19]))
        await until(lambda: victim.stats().peers == 1)
        await still_relays(victim, honest)


async def test_copies_that_arrive_together_are_judged_and_delivered_once(tmp_path: Path) -> None:
    copies = [signed(MALLORY, ANNOUNCED)] * 50
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        await stream.write(publish(*copies))
        await until(lambda: victim.stats().accepted == 1)
        with trio.fail_after(5):
            assert (await victim.announcements.receive()).number == 1
            assert (await honest.announcements.receive()).number == 1
        await still_relays(victim, honest, 2)
        assert (victim.stats().accepted, victim.stats().ignored) == (2, 0)


async def test_a_forged_copy_does_not_shadow_the_true_message(tmp_path: Path) -> None:
    true, forged = signed(MALLORY, ANNOUNCED), signed(MALLORY, ANNOUNCED, data=b"other")
    async with open_mesh(tmp_path, serve(), serve()) as (victim, _), attacker(MALLORY) as mallory:
        stream = await open_gossip(mallory, victim)
        await stream.write(publish(forged, true))
        with trio.fail_after(5):
            assert (await victim.announcements.receive()).number == 1


async def test_a_judge_that_raises_costs_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest), attacker(MALLORY) as mallory:
        judge = victim.pubsub._judge

        def raise_once(*arguments: object) -> Verdict:
            monkeypatch.setattr(victim.pubsub, "_judge", judge)
            raise ZeroDivisionError

        monkeypatch.setattr(victim.pubsub, "_judge", raise_once)
        stream = await open_gossip(mallory, victim)
        await stream.write(publish(signed(MALLORY, ANNOUNCED)))
        await until(lambda: victim.pubsub._judge is judge)
        await still_relays(victim, honest)


async def test_a_stream_that_comes_before_the_service_waits_for_it() -> None:
    heard: list[bytes] = []

    def judge(name: str, origin: bytes, data: bytes) -> Verdict:
        heard.append(data)
        return Verdict.ACCEPT

    victim = _new_host(NetworkConfig(identity_path=Path("unused")), create_ed25519_key_pair())
    router = Router([TOPIC], random.Random(1))
    pubsub = HardenedPubsub(victim, router, topics=frozenset([TOPIC]), judge=judge, bans=BanList(trio.current_time))
    async with (
        victim.run(listen_addrs=[Multiaddr("/ip4/127.0.0.1/tcp/0")]),
        attacker(MALLORY) as mallory,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(mallory.connect, info_from_p2p_addr(victim.get_addrs()[0]))
        await until(lambda: bool(mallory.get_network().get_connections_map()))
        stream = await mallory.new_stream(victim.get_id(), [MESHSUB_11])
        await stream.write(publish(signed(MALLORY, b"early")))
        async with background_trio_service(pubsub), background_trio_service(router):
            await pubsub.subscribe(TOPIC)
            await stream.write(publish(signed(MALLORY, b"late", sequence=2)))
            await until(lambda: b"late" in heard)
            await mallory.disconnect(victim.get_id())
        nursery.cancel_scope.cancel()
    assert pubsub.counters.bad_frames == 0


async def test_half_open_connections_do_not_disturb_those_that_are_there(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest):
        port = int(victim.listen_address.split("/")[4])
        streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(100)]
        try:
            await still_relays(victim, honest)
        finally:
            for stream in streams:
                await stream.aclose()


async def test_a_flood_of_random_frames_from_fresh_peers_leaves_the_node_alive(tmp_path: Path) -> None:
    seed = os.urandom(8)
    print(f"seed {seed.hex()}")
    async with open_mesh(tmp_path, serve(), serve()) as (victim, honest):
        random_source = random.Random(seed)
        for _ in range(3):
            async with attacker() as mallory:
                await connect(mallory, victim)
                for _ in range(10):
                    with suppress(NetError), library_failures("flooding"):
                        stream = await mallory.new_stream(victim.host.get_id(), [MESHSUB_11])
                        await stream.write(frame(random_source.randbytes(random_source.randrange(1, 2000))))
        await still_relays(victim, honest)


async def test_a_closed_node_refuses_its_old_streams(tmp_path: Path) -> None:
    async with attacker(MALLORY) as mallory:
        async with open_node(tmp_path / "victim") as victim:
            stream = await open_gossip(mallory, victim)
        with pytest.raises(NetError), library_failures("writing"):
            await stream.write(publish(signed(MALLORY, ANNOUNCED)))

"""What a peer may make our router remember, and where our own messages go; addresses that we believe."""

from __future__ import annotations

import random

import pytest
import trio
from trio.testing import MockClock

from poe.net.dialer import _is_believable, parse_address
from poe.net.library import ID, GossipSub, rpc_pb2
from poe.net.messages import MalformedMessage
from poe.net.router import MAX_BACK_OFF_SECONDS, SWEEP_SECONDS, Router

TOPIC = "/poe/ours/batch/1"
PEER = ID(b"\x12\x20" + bytes(32))
PEER_TEXT = "12D3KooWAVunAVEHfU12dxUsmM8E7DkhD5AKgBZPB9tweANGMWwj"


class FakePubsub:
    """As much of a pubsub as the router asks for while it picks peers."""

    my_id = ID(b"\x12\x20" + b"\x01" * 32)

    def __init__(self, peers: list[ID]) -> None:
        self.peer_topics = {TOPIC: set(peers)}


def peer(number: int) -> ID:
    return ID(b"\x12\x20" + bytes([number]) * 32)


@pytest.fixture
def router() -> Router:
    return Router([TOPIC], random.Random(1))


def control(**parts: list[object]) -> rpc_pb2.RPC:
    return rpc_pb2.RPC(control=rpc_pb2.ControlMessage(**parts))


async def test_prunes_of_unknown_topics_leave_nothing_behind(router: Router) -> None:
    for frame in range(40):
        names = [f"novel {frame} {index}" for index in range(200)]
        await router.handle_rpc(control(prune=[rpc_pb2.ControlPrune(topicID=name) for name in names]), PEER)
    assert router.back_off == {}
    assert len(router.graft_flood_tracking) == 0


async def test_ihaves_of_unknown_topics_leave_nothing_behind(router: Router) -> None:
    names = [f"novel {index}" for index in range(200)]
    await router.handle_rpc(control(ihave=[rpc_pb2.ControlIHave(topicID=name) for name in names]), PEER)
    assert len(router.ihave_message_limits) == 0


async def test_a_back_off_of_a_million_years_becomes_ten_minutes(router: Router) -> None:
    prune = rpc_pb2.ControlPrune(topicID=TOPIC, backoff=2**40)
    await router.handle_rpc(control(prune=[prune]), PEER)
    [until] = router.back_off[TOPIC].values()
    later = rpc_pb2.ControlPrune(topicID=TOPIC, backoff=MAX_BACK_OFF_SECONDS)
    await router.handle_rpc(control(prune=[later]), peer(9))
    assert abs(router.back_off[TOPIC][peer(9)] - until) <= 2


@pytest.mark.parametrize(
    "rpc",
    [
        control(prune=[rpc_pb2.ControlPrune(topicID=str(index)) for index in range(257)]),
        control(ihave=[rpc_pb2.ControlIHave(topicID=TOPIC, messageIDs=[b"00"] * 5001)]),
        control(iwant=[rpc_pb2.ControlIWant(messageIDs=[b"00"] * 5001)]),
    ],
)
async def test_absurd_amounts_in_one_frame_are_malformed(router: Router, rpc: rpc_pb2.RPC) -> None:
    with pytest.raises(MalformedMessage):
        await router.handle_rpc(rpc, PEER)


async def test_the_sweep_forgets_deliveries_and_expired_back_offs(router: Router, autojump_clock: MockClock) -> None:
    router.recent_message_deliveries[TOPIC].append(1.0)
    router.back_off[TOPIC] = {peer(1): 1, peer(2): 2**40}
    with trio.move_on_after(SWEEP_SECONDS + 1):
        await router.sweep()
    assert not router.recent_message_deliveries
    assert router.back_off == {TOPIC: {peer(2): 2**40}}


async def test_a_heartbeat_that_fails_is_started_again(
    router: Router, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats: list[float] = []

    async def fail(self: GossipSub) -> None:
        beats.append(trio.current_time())
        raise ZeroDivisionError

    monkeypatch.setattr(GossipSub, "heartbeat", fail)
    with trio.move_on_after(3.5):
        await router.heartbeat()
    assert beats == pytest.approx([0, 1, 2, 3])


def test_our_own_message_goes_to_every_peer_of_the_topic_without_a_mesh(router: Router) -> None:
    peers = [peer(number) for number in range(2, 12)]
    router.pubsub = FakePubsub(peers)  # type: ignore[assignment]
    router.mesh[TOPIC] = set()
    ours = FakePubsub.my_id
    assert set(router._get_peers_to_send([TOPIC], ours, ours)) == set(peers)


def test_another_nodes_message_goes_to_the_mesh_alone(router: Router) -> None:
    peers = [peer(number) for number in range(2, 12)]
    router.pubsub = FakePubsub(peers)  # type: ignore[assignment]
    router.mesh[TOPIC] = set(peers[:3])
    assert set(router._get_peers_to_send([TOPIC], peers[0], peers[9])) == set(peers[1:3])


def test_our_own_flood_is_bounded(router: Router) -> None:
    peers = [peer(number) for number in range(2, 102)]
    router.pubsub = FakePubsub(peers)  # type: ignore[assignment]
    router.mesh[TOPIC] = set()
    ours = FakePubsub.my_id
    assert len(list(router._get_peers_to_send([TOPIC], ours, ours))) == 32


@pytest.mark.parametrize("host", ["/ip4/192.0.2.1", "/ip6/2001:db8::1", "/dns4/node.example", "/dns/node.example"])
def test_tcp_addresses_with_a_peer_id_are_parsed(host: str) -> None:
    info = parse_address(f"{host}/tcp/4001/p2p/{PEER_TEXT}")
    assert str(info.peer_id) == PEER_TEXT
    assert [str(address) for address in info.addrs] == [f"{host}/tcp/4001"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "/ip4/192.0.2.1/tcp/4001",
        f"/ip4/192.0.2.1/udp/4001/p2p/{PEER_TEXT}",
        f"/ip4/192.0.2.1/tcp/4001/ws/p2p/{PEER_TEXT}",
        f"/ip4/192.0.2.999/tcp/4001/p2p/{PEER_TEXT}",
        f"/ip4/192.0.2.1/tcp/70000/p2p/{PEER_TEXT}",
        f"/ip4/192.0.2.1/tcp/1/p2p/{PEER_TEXT}/p2p-circuit/p2p/{PEER_TEXT}",
        "/ip4/192.0.2.1/tcp/4001/p2p/notapeer",
        "/unix/socket",
        "/ip4/192.0.2.1/tcp/4001/p2p/" + "1" * 200,
        "\x00" * 50,
    ],
)
def test_other_addresses_are_malformed(text: str) -> None:
    with pytest.raises(MalformedMessage):
        parse_address(text)


@pytest.mark.parametrize("host", ["/ip4/127.0.0.1", "/ip6/::1", "/dns4/localhost"])
def test_only_a_local_peer_may_send_us_to_this_machine(host: str) -> None:
    info = parse_address(f"{host}/tcp/22/p2p/{PEER_TEXT}")
    assert _is_believable(info, True)
    assert not _is_believable(info, False)


def test_a_distant_peer_may_tell_of_distant_ones() -> None:
    assert _is_believable(parse_address(f"/ip4/192.0.2.1/tcp/4001/p2p/{PEER_TEXT}"), False)

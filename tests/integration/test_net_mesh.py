"""Real nodes together: finding each other, dying, coming back, fetching from liars, and stopping clean."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from poe.errors import NetError, ToolError
from poe.net.bans import Fault
from poe.net.dialer import STATUS_PROTOCOL
from poe.net.framing import FrameType, write_frame
from poe.net.host import Libp2pNetwork
from poe.net.library import ID, INetStream, library_failures
from poe.net.messages import BodyRequest, encode_body, encode_status
from poe.net.messages import Status as StatusMessage
from poe.net.sync import SYNC_PROTOCOL, SyncClient, open_stream, request_bodies
from poe.rollup.batch import batch_hash
from poe.rollup.types import Batch, BatchNumber, FieldElement, Shape
from tests.fakes_net import DOMAIN, SHAPE, make_batch, serve, until
from tests.nodes_net import KEY, open_mesh, open_node

ROOT = Path(__file__).parents[2]
LIE_SECONDS = 0.3


async def hear(node: Libp2pNetwork, count: int, *, seconds: float = 15) -> list[int]:
    """Numbers of the next announcements."""
    with trio.fail_after(seconds):
        return [(await node.announcements.receive()).number for _ in range(count)]


async def test_six_nodes_that_know_one_find_each_other_and_all_hear_each(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, *[serve()] * 6, mesh_peers=3) as nodes:
        for number, sender in enumerate(nodes, start=1):
            await sender.announce(KEY.announce(number, make_batch(number)))
            for reader in nodes:
                if reader is not sender:
                    assert await hear(reader, 1, seconds=5) == [number]
        await until(lambda: all(node.stats().peers >= 4 for node in nodes))


async def test_nodes_stay_connected_when_the_bootstrap_node_leaves(tmp_path: Path) -> None:
    leave = trio.Event()

    async def bootstrap(task_status: trio.TaskStatus[str]) -> None:
        async with open_node(tmp_path / "boot") as node:
            task_status.started(node.listen_address)
            await leave.wait()

    async with trio.open_nursery() as nursery:
        address = await nursery.start(bootstrap)
        async with open_node(tmp_path / "a", address) as a, open_node(tmp_path / "b", address) as b:
            await until(lambda: a.stats().mesh_peers == b.stats().mesh_peers == 2)
            leave.set()
            await until(lambda: a.stats().peers == b.stats().peers == 1)
            await a.announce(KEY.announce(1, make_batch(1)))
            assert await hear(b, 1) == [1]


async def test_a_killed_node_that_restarts_is_heard_again_at_once(tmp_path: Path) -> None:
    async with open_node(tmp_path / "hub") as hub:
        with free_port() as port:
            pass
        async with (
            child(tmp_path / "child", port, 1) as (address, kill),
            open_node(tmp_path / "peer", address, hub.listen_address) as peer,
        ):
            assert sorted(await hear(peer, 3)) == [1, 2, 3]
            kill()
            await until(lambda: peer.stats().peers == 1)
            async with child(tmp_path / "child", port, 4) as (again, _):
                assert again == address
                assert sorted(await hear(peer, 3)) == [4, 5, 6]
                assert sorted(await hear(hub, 6)) == [1, 2, 3, 4, 5, 6]
        assert hub.stats().bad_frames == peer.stats().bad_frames == 0  # dying is no fault


class free_port:
    """A port that was free a moment ago."""

    def __enter__(self) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def __exit__(self, *details: object) -> None: ...


@asynccontextmanager
async def child(identity: Path, port: int, first: int) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A node in a process of its own: its address, and what kills it."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.nodes_net", str(identity), str(port), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: ASYNC220
        try:
            assert process.stdout is not None
            line = await trio.to_thread.run_sync(process.stdout.readline)
            yield line.strip(), partial(os.kill, process.pid, signal.SIGKILL)
        finally:
            process.kill()


async def test_a_peer_of_another_rollup_is_left(tmp_path: Path) -> None:
    async with open_node(tmp_path / "ours") as ours:
        other = FieldElement(DOMAIN + 1)
        async with open_node(tmp_path / "theirs", ours.listen_address, domain=other) as theirs:
            await until(lambda: theirs.stats().peers == 1)
            await until(lambda: theirs.stats().peers == ours.stats().peers == 0)


async def test_two_nodes_cannot_share_a_port(tmp_path: Path) -> None:
    async with open_node(tmp_path / "first") as first:
        port = int(first.listen_address.split("/")[4])
        with pytest.raises(ToolError, match="is taken"):
            async with open_node(tmp_path / "second", port=port):
                pytest.fail("started on a taken port")


@pytest.mark.parametrize("address", ["nonsense", "/ip4/127.0.0.1/tcp/1"])
async def test_a_bootstrap_address_that_is_none_is_one_clear_error(tmp_path: Path, address: str) -> None:
    with pytest.raises(NetError, match="address"):
        async with open_node(tmp_path / "node", address):
            pytest.fail("started")


async def test_an_error_of_the_block_leaves_in_no_group(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with open_node(tmp_path / "node"):
            raise ZeroDivisionError


async def test_a_cancelled_node_stops_soon_and_frees_its_port(tmp_path: Path) -> None:
    async with open_node(tmp_path / "peer") as peer:
        with trio.fail_after(10), trio.CancelScope() as scope:
            async with open_node(tmp_path / "node", peer.listen_address) as node:
                await until(lambda: node.stats().mesh_peers == 1)
                port = int(node.listen_address.split("/")[4])
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        await until(lambda: peer.stats().peers == 0)
        async with open_node(tmp_path / "again", port=port):
            pass


async def test_readers_end_when_the_node_stops(tmp_path: Path) -> None:
    async with open_node(tmp_path / "node") as node:
        pass
    assert [message async for message in node.announcements] == []
    assert [message async for message in node.intents] == []


async def send_other_body(stream: INetStream) -> None:
    await write_frame(stream, FrameType.MESSAGE, encode_body(BatchNumber(7), make_batch(8)))
    await write_frame(stream, FrameType.END)


async def send_half_a_body(stream: INetStream) -> None:
    await stream.write(encode_body(BatchNumber(7), make_batch(7))[:100])
    await stream.close()


async def send_without_end(stream: INetStream) -> None:
    with library_failures("lying"):
        while True:
            await write_frame(stream, FrameType.MESSAGE, encode_body(BatchNumber(7), make_batch(7)))


async def send_a_huge_frame(stream: INetStream) -> None:
    await stream.write(b"\xff\xff\xff\xff\x01" + bytes(1000))


async def send_nothing(stream: INetStream) -> None:
    await trio.sleep(2 * LIE_SECONDS)


async def reset_at_once(stream: INetStream) -> None:
    await stream.reset()


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (send_other_body, Fault.REJECTED),
        (send_without_end, Fault.REJECTED),
        (send_half_a_body, Fault.BAD_FRAME),
        (send_a_huge_frame, Fault.BAD_FRAME),
        (send_nothing, None),
        (reset_at_once, None),
    ],
)
async def test_a_lying_server_leads_to_the_next_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: Callable[[INetStream], Awaitable[None]], fault: Fault | None
) -> None:
    monkeypatch.setattr("poe.net.framing.STALL_SECONDS", LIE_SECONDS)
    async with open_mesh(tmp_path, serve(), serve(), serve(7)) as (asker, liar, honest):
        liar.host.set_stream_handler(SYNC_PROTOCOL, forgiving(lie))
        order = [liar.host.get_id(), honest.host.get_id()]
        faults: list[tuple[ID, Fault]] = []
        client = SyncClient(
            asker.host,
            SHAPE,
            peers=lambda: order,
            punish=lambda peer, what: faults.append((peer, what)),
            give_up_seconds=10,
        )
        batch = make_batch(7)
        assert await client.fetch_body(BatchNumber(7), batch_hash(batch)) == batch
        assert faults == ([] if fault is None else [(order[0], fault)])


def forgiving(handler: Callable[[INetStream], Awaitable[None]]) -> Callable[[INetStream], Awaitable[None]]:
    """The handler of a liar whose victim hangs up."""

    async def handle(stream: INetStream) -> None:
        with suppress(NetError):
            await handler(stream)

    return handle


async def test_a_megabyte_of_bodies_crosses_one_stream(tmp_path: Path) -> None:
    shape = Shape(slots=255, depth=5)

    async def source(number: BatchNumber) -> Batch:
        return make_batch(number, shape)

    async with open_mesh(tmp_path, serve(), source) as (asker, server):
        request = BodyRequest(first=BatchNumber(1), count=33, batch_hash=None)
        with trio.fail_after(10):
            async with open_stream(asker.host, server.host.get_id(), SYNC_PROTOCOL) as stream:
                batches = await request_bodies(stream, request, shape)
    assert batches == [make_batch(number, shape) for number in range(1, 34)]
    assert sum(len(batch.data) for batch in batches) > 2**20


async def test_a_third_stream_of_one_peer_is_refused_and_the_others_are_served(tmp_path: Path) -> None:
    release = trio.Event()

    async def source(number: BatchNumber) -> Batch:
        await release.wait()
        return make_batch(number)

    async with open_mesh(tmp_path, serve(), source) as (asker, server):
        request = BodyRequest(first=BatchNumber(1), count=1, batch_hash=None)
        outcomes: list[str] = []

        async def ask() -> None:
            try:
                async with open_stream(asker.host, server.host.get_id(), SYNC_PROTOCOL) as stream:
                    await request_bodies(stream, request, SHAPE)
                outcomes.append("served")
            except NetError:
                outcomes.append("refused")
                release.set()

        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(ask)
        assert sorted(outcomes) == ["refused", "served", "served"]


async def test_a_body_source_that_fails_costs_one_stream_and_not_the_node(tmp_path: Path) -> None:
    async def source(number: BatchNumber) -> Batch:
        raise ZeroDivisionError

    async with open_mesh(tmp_path, serve(), source, fetch_seconds=1) as (asker, server):
        with pytest.raises(NetError):
            await asker.fetch_body(BatchNumber(1), batch_hash(make_batch(1)))
        await asker.announce(KEY.announce(1, make_batch(1)))
        assert await hear(server, 1) == [1]


async def test_a_status_of_garbage_is_a_fault_and_not_the_end(tmp_path: Path) -> None:
    async with open_mesh(tmp_path, serve(), serve()) as (victim, attacker):
        for raw in (b"", b"\xc1", encode_status(StatusMessage(domain=DOMAIN, addresses=("x",)))):
            with suppress(NetError):
                async with open_stream(attacker.host, victim.host.get_id(), STATUS_PROTOCOL) as stream:
                    await write_frame(stream, FrameType.MESSAGE, raw)
                    await stream.read(1)
        await until(lambda: victim.stats().bad_frames == 3)
        await attacker.announce(KEY.announce(1, make_batch(1)))
        assert await hear(victim, 1) == [1]

"""The body protocol over streams in memory: honest answers, and every way of lying."""

from __future__ import annotations

import pytest
import trio

from poe.errors import NetError
from poe.net.framing import FrameType, write_frame
from poe.net.messages import (
    BodyRequest,
    MalformedMessage,
    encode_body,
    encode_body_request,
)
from poe.net.sync import WrongBody, answer_body_request, request_bodies
from poe.rollup.batch import batch_hash
from poe.rollup.types import Batch, BatchNumber, Hash, Shape
from tests.fakes_net import SHAPE, make_batch, serve


class End:
    """One end of a two-way stream in memory."""

    def __init__(self, send: trio.MemorySendChannel[bytes], receive: trio.MemoryReceiveChannel[bytes]) -> None:
        self._send, self._receive = send, receive
        self._left = b""

    async def read(self, n: int | None = None) -> bytes:
        if not self._left:
            try:
                self._left = await self._receive.receive()
            except trio.EndOfChannel:
                return b""
        piece, self._left = self._left[:n], self._left[n:] if n is not None else b""
        return piece

    async def write(self, data: bytes) -> None:
        await self._send.send(data)

    def close(self) -> None:
        self._send.close()


def stream_pair() -> tuple[End, End]:
    to_server, from_client = trio.open_memory_channel[bytes](1000)
    to_client, from_server = trio.open_memory_channel[bytes](1000)
    return End(to_server, from_server), End(to_client, from_client)


def by_hash(number: int, batch: Batch) -> BodyRequest:
    return BodyRequest(first=BatchNumber(number), count=1, batch_hash=batch_hash(batch))


def by_range(first: int, count: int) -> BodyRequest:
    return BodyRequest(first=BatchNumber(first), count=count, batch_hash=None)


async def ask(request: BodyRequest, source, shape: Shape = SHAPE) -> list[Batch]:
    client, server = stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer_body_request, server, source)
        return await request_bodies(client, request, shape)


async def answer_with(request: BodyRequest, *frames: tuple[FrameType, bytes]) -> list[Batch]:
    """What a client makes of a server that sends these frames and closes."""
    client, server = stream_pair()
    for kind, body in frames:
        await write_frame(server, kind, body)
    server.close()
    return await request_bodies(client, request, SHAPE)


def body(number: int, batch: Batch) -> tuple[FrameType, bytes]:
    return FrameType.MESSAGE, encode_body(BatchNumber(number), batch)


END = (FrameType.END, b"")


async def test_a_batch_is_found_by_its_hash() -> None:
    assert await ask(by_hash(7, make_batch(7)), serve(6, 7, 8)) == [make_batch(7)]


async def test_nothing_is_sent_for_a_batch_that_the_server_lacks_or_has_otherwise() -> None:
    assert await ask(by_hash(9, make_batch(9)), serve(7)) == []
    assert await ask(by_hash(7, make_batch(8)), serve(7)) == []


async def test_a_range_ends_at_the_first_gap() -> None:
    assert await ask(by_range(2, 10), serve(2, 3, 5)) == [make_batch(2), make_batch(3)]


async def test_a_megabyte_of_bodies_in_one_request() -> None:
    shape = Shape(slots=255, depth=5)

    async def source(number: BatchNumber) -> Batch:
        return make_batch(number, shape)

    batches = await ask(by_range(1, 33), source, shape)
    assert sum(len(batch.data) for batch in batches) > 2**20
    assert batches == [make_batch(number, shape) for number in range(1, 34)]


async def test_a_body_of_another_hash_is_a_lie() -> None:
    with pytest.raises(WrongBody):
        await answer_with(by_hash(7, make_batch(7)), body(7, make_batch(8)), END)


async def test_a_body_of_another_number_is_a_lie() -> None:
    with pytest.raises(WrongBody):
        await answer_with(by_hash(7, make_batch(7)), body(8, make_batch(7)), END)


async def test_an_endless_answer_ends_at_the_first_batch_too_many() -> None:
    with pytest.raises(WrongBody):
        await answer_with(by_hash(7, make_batch(7)), *[body(7 + n, make_batch(7)) for n in range(9)])


async def test_a_body_of_another_shape_is_malformed() -> None:
    other = make_batch(7, Shape(slots=3, depth=5))
    with pytest.raises(MalformedMessage):
        await answer_with(by_hash(7, other), body(7, other), END)


async def test_an_answer_that_stops_short_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        await answer_with(by_hash(7, make_batch(7)), body(7, make_batch(7)))


async def test_an_oversize_frame_is_refused_by_its_length_alone() -> None:
    with pytest.raises(MalformedMessage, match="limit"):
        await answer_with(by_hash(7, make_batch(7)), (FrameType.MESSAGE, bytes(2**20)), END)


@pytest.mark.parametrize("raw", [b"", b"\xff", encode_body_request(by_range(1, 64))[:-1], bytes(4000)])
async def test_a_garbled_request_is_refused(raw: bytes) -> None:
    client, server = stream_pair()
    await write_frame(client, FrameType.MESSAGE, raw)
    with pytest.raises(MalformedMessage):
        await answer_body_request(server, serve(1))


async def test_lies_are_expected_errors_with_codes() -> None:
    assert issubclass(WrongBody, NetError)
    assert len({NetError.code, WrongBody.code, MalformedMessage.code}) == 3
    with pytest.raises(WrongBody, match="not asked for"):
        await answer_with(
            BodyRequest(first=BatchNumber(1), count=1, batch_hash=Hash(bytes(32))), body(2, make_batch(2))
        )

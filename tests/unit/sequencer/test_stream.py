"""The binary intake: frames in pieces, answers in order, everything else ends the connection."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from poe.errors import ToolError
from poe.rollup.types import SLOT_BYTES
from poe.sequencer.stream import FrameError, StreamLimits, receive_exactly, send_frame, serve_stream

LIMITS = StreamLimits(connections=2, frame_transactions=4, idle_seconds=50.0, frame_seconds=5.0, answer_seconds=5.0)
SLOT = bytes(range(128))


async def first_bytes(frame: bytes) -> bytes:
    """Code of a slot: its first byte."""
    return frame[::SLOT_BYTES]


@asynccontextmanager
async def server(limits: StreamLimits = LIMITS) -> AsyncIterator[int]:
    async with trio.open_nursery() as nursery:
        yield await nursery.start(partial(serve_stream, first_bytes, host="127.0.0.1", port=0, limits=limits))
        nursery.cancel_scope.cancel()


async def connect(port: int) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", port)


async def test_each_transaction_of_a_frame_has_a_code_in_order() -> None:
    async with server() as port, await connect(port) as stream:
        frame = b"".join(bytes([first]) + SLOT[1:] for first in (3, 0, 12))
        assert await send_frame(stream, frame) == bytes([3, 0, 12])
        assert await send_frame(stream, SLOT) == b"\0"


async def test_a_frame_may_come_in_any_pieces_and_several_at_once() -> None:
    async with server() as port, await connect(port) as stream:
        whole = struct.pack(">I", 128) + SLOT
        for piece in (whole[:2], whole[2:5], whole[5:100], whole[100:] + whole + whole[:1], whole[1:]):
            await stream.send_all(piece)
        assert await receive_exactly(stream, 15) == (struct.pack(">I", 1) + b"\0") * 3


@pytest.mark.parametrize("length", [0, 1, 127, 129, 5 * 128, 2**32 - 128, 2**32 - 1])
async def test_a_length_that_no_frame_has_ends_the_connection(length: int) -> None:
    async with server() as port, await connect(port) as stream:
        await stream.send_all(struct.pack(">I", length))
        with pytest.raises((FrameError, trio.BrokenResourceError)), trio.fail_after(10):
            await receive_exactly(stream, 1)
        async with await connect(port) as other:
            assert await send_frame(other, SLOT) == b"\0"


async def test_a_peer_that_leaves_in_the_middle_of_a_frame_ends_only_its_own_connection() -> None:
    async with server() as port:
        async with await connect(port) as stream:
            await stream.send_all(struct.pack(">I", 256) + SLOT)
        async with await connect(port) as other:
            assert await send_frame(other, SLOT) == b"\0"


async def test_connections_beyond_the_bound_are_closed_at_once() -> None:
    async with server() as port, await connect(port) as first, await connect(port) as second:
        assert await send_frame(first, SLOT) + await send_frame(second, SLOT) == b"\0\0"
        async with await connect(port) as third:
            with pytest.raises((FrameError, trio.BrokenResourceError)), trio.fail_after(10):
                await send_frame(third, SLOT)
        assert await send_frame(first, SLOT) == b"\0"


@pytest.mark.parametrize(
    ("limits", "sent"),
    [
        (StreamLimits(frame_seconds=0.05, idle_seconds=60.0), struct.pack(">I", 128) + SLOT[:50]),
        (StreamLimits(idle_seconds=0.05), b""),
    ],
)
async def test_a_peer_that_stalls_is_let_go(limits: StreamLimits, sent: bytes) -> None:
    async with server(limits) as port, await connect(port) as stream:
        await stream.send_all(sent)
        with pytest.raises((FrameError, trio.BrokenResourceError)), trio.fail_after(10):
            await receive_exactly(stream, 1)


async def test_a_taken_port_says_which_setting_chooses_another() -> None:
    async with server() as port:
        with pytest.raises(ToolError, match=r"sequencer\.stream_port"):
            await serve_stream(first_bytes, host="127.0.0.1", port=port, limits=LIMITS)

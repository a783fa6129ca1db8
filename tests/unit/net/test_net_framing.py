"""Frames: what is written is read, and a hostile length, type or silence ends the reading."""

from __future__ import annotations

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from poe.net.framing import CHUNK_BYTES, MAX_FRAME_BYTES, FrameType, read_frame, write_frame
from poe.net.messages import MalformedMessage


class Pipe:
    """One direction of a stream in memory; reads at most `piece` bytes, an empty read at its end."""

    def __init__(self, content: bytes = b"", piece: int = 2**20) -> None:
        self.content = content
        self.piece = piece
        self.largest_write = 0

    async def read(self, n: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        size = min(self.piece, self.piece if n is None else n)
        piece, self.content = self.content[:size], self.content[size:]
        return piece

    async def write(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.largest_write = max(self.largest_write, len(data))
        self.content += data


class Silent:
    """A stream that neither sends nor takes anything."""

    async def read(self, n: int | None = None) -> bytes:
        await trio.sleep_forever()

    async def write(self, data: bytes) -> None:
        await trio.sleep_forever()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 5, CHUNK_BYTES, 2**20])
@pytest.mark.parametrize("piece", [999, 2**20])
async def test_a_frame_comes_back_whole_however_it_is_cut(size: int, piece: int) -> None:
    pipe = Pipe(piece=piece)
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)
    await write_frame(pipe, FrameType.MESSAGE, body)
    await write_frame(pipe, FrameType.END)
    assert pipe.largest_write <= CHUNK_BYTES
    assert await read_frame(pipe, limit=size) == (FrameType.MESSAGE, body)
    assert await read_frame(pipe, limit=0) == (FrameType.END, b"")
    assert pipe.content == b""


@given(st.binary(max_size=64))
def test_random_bytes_are_a_frame_or_malformed(raw: bytes) -> None:
    async def read() -> None:
        try:
            kind, body = await read_frame(Pipe(raw), limit=64)
        except MalformedMessage:
            return
        assert raw.startswith(len(body).to_bytes(4, "big") + bytes([kind]) + body)

    trio.run(read)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\x00",
        b"\x00\x00\x00\x01\x01",
        b"\x00\x00\x00\x0b\x01" + bytes(11),
        b"\xff\xff\xff\xff\x01",
        b"\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x00\x03",
    ],
)
async def test_a_short_long_or_unknown_frame_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedMessage):
        await read_frame(Pipe(raw), limit=10)


async def test_no_limit_raises_the_cap_of_a_frame() -> None:
    head = (MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"\x01"
    with pytest.raises(MalformedMessage):
        await read_frame(Pipe(head), limit=2 * MAX_FRAME_BYTES)
    with pytest.raises(ValueError, match="limit"):
        await write_frame(Pipe(), FrameType.MESSAGE, bytes(MAX_FRAME_BYTES + 1))


async def test_silence_ends_after_ten_seconds(autojump_clock: trio.testing.MockClock) -> None:
    for wait in (read_frame(Silent(), limit=10), write_frame(Silent(), FrameType.END)):
        began = trio.current_time()
        with pytest.raises(trio.TooSlowError):
            await wait
        assert trio.current_time() - began == pytest.approx(10)

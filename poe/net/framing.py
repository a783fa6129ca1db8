"""Frames on a stream: length u32 big-endian, type u8, body; every wait has an end."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

import trio

from poe.net.messages import MalformedMessage

MAX_FRAME_BYTES = 4 * 2**20
CHUNK_BYTES = 64 * 2**10
STALL_SECONDS = 10.0
"""A stream that moves nothing for this long is given up."""


class FrameType(IntEnum):
    """Second field of a frame."""

    MESSAGE = 1
    """One message of the protocol spoken."""
    END = 2
    """Nothing more follows; the body is empty."""


class ByteStream(Protocol):
    """What a frame needs of a stream; an empty read means its end."""

    async def read(self, n: int | None = None) -> bytes: ...

    async def write(self, data: bytes) -> None: ...


async def write_frame(stream: ByteStream, kind: FrameType, body: bytes = b"") -> None:
    """Write one frame in pieces of 64 KiB; trio.TooSlowError when the peer stops reading."""
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"frame body is {len(body)} bytes, the limit is {MAX_FRAME_BYTES}")
    frame = len(body).to_bytes(4, "big") + bytes([kind]) + body
    for start in range(0, len(frame), CHUNK_BYTES):
        with trio.fail_after(STALL_SECONDS):
            await stream.write(frame[start : start + CHUNK_BYTES])


async def read_frame(stream: ByteStream, *, limit: int) -> tuple[FrameType, bytes]:
    """The next frame, its body at most `limit` bytes; MalformedMessage or trio.TooSlowError.

    Nothing is reserved for a length that a peer only claims.
    """
    head = await _read_exactly(stream, 5)
    length = int.from_bytes(head[:4], "big")
    if length > min(limit, MAX_FRAME_BYTES):
        raise MalformedMessage(f"frame of {length} bytes, the limit is {limit}")
    try:
        kind = FrameType(head[4])
    except ValueError as error:
        raise MalformedMessage(f"unknown frame type {head[4]}") from error
    return kind, await _read_exactly(stream, length)


async def _read_exactly(stream: ByteStream, length: int) -> bytes:
    buffer = bytearray()
    while len(buffer) < length:
        with trio.fail_after(STALL_SECONDS):
            piece = await stream.read(min(CHUNK_BYTES, length - len(buffer)))
        if not piece:
            raise MalformedMessage(f"stream ended after {len(buffer)} of {length} bytes")
        buffer += piece
    return bytes(buffer)

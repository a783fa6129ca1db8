"""The binary intake: frames of signed transactions over TCP, an answer of one code a transaction.

A frame is its payload's length as four bytes, big-endian, then the payload: one or more slots of 128 bytes, the bytes
that would stand in a batch. The answer is the number of its codes as four bytes and then the codes, in order: 0 means
accepted and on disk, n the error POE-SEQ-0nn (`poe_core::sequencing::Code`). Frames of one connection are answered one
after the other, so a peer that does not read, or sends faster than we take, is slowed down by TCP. Anything else than
a frame ends the connection.
"""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from poe.http.listening import serve_connections
from poe.rollup.types import SLOT_BYTES

LENGTH = struct.Struct(">I")
ACCEPTED = 0
FULL = 1
BEHIND = 8
"""Codes of a pool that is full, the second because sealed batches wait for their posting or proofs: try again later."""
NOT_READY = 7
"""Still catching up with L1."""
ENDED = 9
"""The rollup is in exit mode."""

AdmitFrame = Callable[[bytes], Awaitable[bytes]]
"""Slots in, one code each out, once what was accepted is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What one peer may cost us. `frame_seconds` runs from a frame's first byte to its last."""

    connections: int = 32
    frame_transactions: int = 4096
    idle_seconds: float = 300.0
    frame_seconds: float = 15.0
    answer_seconds: float = 15.0


class FrameError(Exception):
    """What came is no frame."""


async def serve_stream(
    admit: AdmitFrame,
    *,
    host: str,
    port: int,
    limits: StreamLimits,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve for ever; reports the port it got (0 asks for a free one). ToolError when the port is taken."""
    server = _Server(admit, limits)
    await serve_connections(
        server.serve_connection, host=host, port=port, setting="sequencer.stream_port", task_status=task_status
    )


class _Server:
    """Counts its connections; a peer that breaks the rules, stalls or leaves ends only its own."""

    def __init__(self, admit: AdmitFrame, limits: StreamLimits) -> None:
        self._admit = admit
        self._limits = limits
        self._connections = 0

    async def serve_connection(self, stream: trio.SocketStream) -> None:
        """Answer frames until the peer closes or errs."""
        self._connections += 1
        try:
            async with stream:
                if self._connections <= self._limits.connections:
                    await self._serve(stream)
        except (trio.BrokenResourceError, trio.TooSlowError, FrameError):
            pass  # the peer is gone, does not read, or speaks another language: nothing is left to tell it
        finally:
            self._connections -= 1

    async def _serve(self, stream: trio.SocketStream) -> None:
        while (payload := await self._receive_frame(stream)) is not None:
            codes = await self._admit(payload)
            with trio.fail_after(self._limits.answer_seconds):
                await stream.send_all(LENGTH.pack(len(codes)) + codes)

    async def _receive_frame(self, stream: trio.SocketStream) -> bytes | None:
        """The next frame's payload; None when the peer has closed between two frames."""
        with trio.fail_after(self._limits.idle_seconds):
            head = await stream.receive_some(LENGTH.size)
        if not head:
            return None
        with trio.fail_after(self._limits.frame_seconds):
            head += await receive_exactly(stream, LENGTH.size - len(head))
            (length,) = LENGTH.unpack(head)
            if length == 0 or length % SLOT_BYTES or length > self._limits.frame_transactions * SLOT_BYTES:
                raise FrameError(f"a frame of {length} bytes")
            return await receive_exactly(stream, length)


async def receive_exactly(stream: trio.SocketStream, size: int) -> bytes:
    """The next `size` bytes; FrameError when the peer closes before."""
    received = bytearray()
    while len(received) < size:
        chunk = await stream.receive_some(size - len(received))
        if not chunk:
            raise FrameError(f"closed {size - len(received)} bytes before a frame's end")
        received += chunk
    return bytes(received)


async def send_frame(stream: trio.SocketStream, slots: bytes) -> bytes:
    """Send whole slots as one frame and return their codes; FrameError for a wrong answer. The caller bounds it."""
    await stream.send_all(LENGTH.pack(len(slots)) + slots)
    (count,) = LENGTH.unpack(await receive_exactly(stream, LENGTH.size))
    if count * SLOT_BYTES != len(slots):
        raise FrameError(f"{count} codes for {len(slots) // SLOT_BYTES} transactions")
    return await receive_exactly(stream, count)

"""Bodies by stream, `/poe/sync/1`: a request, then frames of batches, then an end."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from poe.errors import NetError, PoeError
from poe.net.bans import Fault
from poe.net.framing import ByteStream, FrameType, read_frame, write_frame
from poe.net.interface import BodySource
from poe.net.library import CONNECTION_ENDED, ID, IHost, INetStream, StreamEOF, TProtocol, library_failures
from poe.net.messages import (
    MAX_MESSAGE_BYTES,
    BodyRequest,
    MalformedMessage,
    decode_body,
    decode_body_request,
    encode_body,
    encode_body_request,
    max_body_bytes,
)
from poe.rollup.batch import batch_hash
from poe.rollup.types import Batch, BatchNumber, Hash, Shape

SYNC_PROTOCOL = TProtocol("/poe/sync/1")
STREAMS_PER_PEER = 2
STREAMS = 16
EXCHANGE_SECONDS = 120.0
OPEN_SECONDS = 10.0
ANSWER_SECONDS = 5.0
"""One peer's time for one body, which is tens of kilobytes: then the next is asked."""

log = logging.getLogger(__name__)

Punish = Callable[[ID, Fault], None]


class WrongBody(NetError):
    """A peer answered a request for one batch with something that is provably not it."""

    code = "POE-NET-006"


class EndsAsEmpty:
    """A library stream whose end reads as empty bytes, as frames expect."""

    def __init__(self, stream: INetStream) -> None:
        self._stream = stream

    async def read(self, n: int | None = None) -> bytes:
        try:
            return await self._stream.read(n)
        except StreamEOF:
            return b""

    async def write(self, data: bytes) -> None:
        await self._stream.write(data)


class SyncServer:
    """Answers peers from `body_source`, two streams a peer and sixteen in all; one more is reset."""

    def __init__(self, body_source: BodySource) -> None:
        self._body_source = body_source
        self._streams: Counter[ID] = Counter()

    async def serve(self, stream: INetStream) -> None:
        """Handle one inbound stream; NetError, trio.TooSlowError or a library error end it."""
        peer = stream.muxed_conn.peer_id
        if self._streams[peer] >= STREAMS_PER_PEER or self._streams.total() >= STREAMS:
            raise NetError("too many sync streams", code="POE-NET-003")
        self._streams[peer] += 1
        try:
            with trio.fail_after(EXCHANGE_SECONDS):
                await answer_body_request(EndsAsEmpty(stream), self._body_source)
        finally:
            self._streams[peer] -= 1
            if not self._streams[peer]:
                del self._streams[peer]


async def answer_body_request(stream: ByteStream, body_source: BodySource) -> None:
    """Read one request and send what we have of it, in order, up to the first batch that we lack."""
    _, raw = await read_frame(stream, limit=MAX_MESSAGE_BYTES)
    request = decode_body_request(raw)
    for number in range(request.first, request.first + request.count):
        batch = await body_source(BatchNumber(number))
        if batch is None or request.batch_hash not in (None, batch_hash(batch)):
            break
        await write_frame(stream, FrameType.MESSAGE, encode_body(BatchNumber(number), batch))
    await write_frame(stream, FrameType.END)


async def request_bodies(stream: ByteStream, request: BodyRequest, shape: Shape) -> list[Batch]:
    """The batches a peer sends for a request: consecutive from its first on, none to all of them.

    WrongBody if one is not what was asked for; MalformedMessage, trio.TooSlowError.
    """
    await write_frame(stream, FrameType.MESSAGE, encode_body_request(request))
    batches: list[Batch] = []
    while True:
        kind, raw = await read_frame(stream, limit=max_body_bytes(shape))
        if kind is FrameType.END:
            return batches
        number, batch = decode_body(raw, shape)
        if len(batches) == request.count or number != request.first + len(batches):
            raise WrongBody(f"batch {number} was not asked for")
        if request.batch_hash is not None and batch_hash(batch) != request.batch_hash:
            raise WrongBody(f"the body of batch {number} does not have the hash that was asked for")
        batches.append(batch)


class SyncClient:
    """Fetches bodies from whoever is connected, one peer after the other."""

    def __init__(
        self,
        host: IHost,
        shape: Shape,
        *,
        peers: Callable[[], list[ID]],
        punish: Punish,
        give_up_seconds: float,
        retry_seconds: float = 0.5,
    ) -> None:
        self._host = host
        self._shape = shape
        self._peers = peers
        self._punish = punish
        self._give_up_seconds = give_up_seconds
        self._retry_seconds = retry_seconds

    async def fetch_body(self, number: BatchNumber, wanted: Hash) -> Batch:
        """Ask peers in random order, round after round; NetError when nobody has it in time."""
        with trio.move_on_after(self._give_up_seconds):
            while True:
                for peer in self._peers():
                    batch = await self._ask(peer, number, wanted)
                    if batch is not None:
                        return batch
                await trio.sleep(self._retry_seconds)
        raise NetError(
            f"no peer sent the body of batch {number} within {self._give_up_seconds:g} s",
            fix="it can still be read from L1",
        )

    async def _ask(self, peer: ID, number: BatchNumber, wanted: Hash) -> Batch | None:
        """One peer's answer; None when it has none, or failed, or lied (which counts against it)."""
        request = BodyRequest(first=number, count=1, batch_hash=wanted)
        try:
            async with open_stream(self._host, peer, SYNC_PROTOCOL, seconds=ANSWER_SECONDS) as stream:
                batches = await request_bodies(stream, request, self._shape)
        except WrongBody as error:
            log.warning("wrong_body peer=%s error=%s", peer, error)
            self._punish(peer, Fault.REJECTED)
            return None
        except MalformedMessage as error:
            log.info("bad_sync_frame peer=%s error=%s", peer, error)
            self._punish(peer, Fault.BAD_FRAME)
            return None
        except NetError as error:
            log.debug("sync_failed peer=%s error=%s", peer, error)
            return None
        return batches[0] if batches else None


@asynccontextmanager
async def open_stream(
    host: IHost, peer: ID, protocol: TProtocol, *, seconds: float = EXCHANGE_SECONDS
) -> AsyncIterator[ByteStream]:
    """A stream to a connected peer, reset if its use fails; any failure but our own is a NetError.

    The whole exchange has `seconds`, its opening OPEN_SECONDS.
    """
    with library_failures(f"{protocol} with {peer}"), trio.fail_after(seconds):
        with trio.fail_after(OPEN_SECONDS):
            stream = await host.new_stream(peer, [protocol])
        done = False
        try:
            yield EndsAsEmpty(stream)
            await stream.close()
            done = True
        finally:
            if not done:
                with trio.move_on_after(1) as scope:
                    scope.shield = True
                    await stream.reset()


def guarded(
    handler: Callable[[INetStream], Awaitable[None]], *, is_banned: Callable[[ID], bool], punish: Punish
) -> Callable[[INetStream], Awaitable[None]]:
    """A stream handler that cannot end the host: it resets its own stream and counts malformed input."""

    async def handle(stream: INetStream) -> None:
        peer = stream.muxed_conn.peer_id
        try:
            if is_banned(peer):
                await stream.reset()
            else:
                await handler(stream)
                await stream.close()
        except MalformedMessage:
            punish(peer, Fault.BAD_FRAME)
            await _reset(stream)
        except (PoeError, *CONNECTION_ENDED) as error:
            log.info("stream_failed peer=%s error=%s", peer, error)
            await _reset(stream)
        except Exception:
            log.exception("handler_failed peer=%s", peer)
            await _reset(stream)

    return handle


async def _reset(stream: INetStream) -> None:
    try:
        await stream.reset()
    except Exception as error:  # noqa: BLE001 (boundary to the library)
        log.info("stream_reset_failed error=%s", type(error).__name__)

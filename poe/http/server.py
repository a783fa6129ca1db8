"""A small strict HTTP/1.1 server: bounded headers, bodies, connections and time; h11 knows the grammar."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import h11
import trio

from poe.http.listening import serve_connections

RECEIVE_BYTES = 65536
LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one peer may cost us. `request_seconds` runs from the end of one request to the end of the next."""

    connections: int = 64
    header_bytes: int = 8192
    body_bytes: int = 4 * 2**20
    request_seconds: float = 15.0
    response_seconds: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request, whole; the names of `headers` are in lower case."""

    method: str
    path: str
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """One response, whole."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpStream:
    """A response without an end of its own: `chunks` are sent as they come, until the peer leaves or stops reading.

    The connection is not used again.
    """

    chunks: AsyncGenerator[bytes, None]
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[HttpRequest], Awaitable[HttpResponse | HttpStream]]


class _Refused(Exception):
    """The request cannot be read; answer with `status` and close."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.response = HttpResponse(status=status, body=reason.encode() + b"\n")


async def serve_http(
    handler: Handler,
    *,
    host: str,
    port: int,
    limits: HttpLimits,
    setting: str = "sequencer.port",
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve for ever; reports the port it got (0 asks for a free one). ToolError names `setting` when it is taken."""
    server = _Server(handler, limits)
    await serve_connections(server.serve_connection, host=host, port=port, setting=setting, task_status=task_status)


class _Server:
    """Counts its connections; a peer that breaks the rules, stalls or leaves ends only its own."""

    def __init__(self, handler: Handler, limits: HttpLimits) -> None:
        self._handler = handler
        self._limits = limits
        self._connections = 0

    async def serve_connection(self, stream: trio.SocketStream) -> None:
        """One connection from its first byte to its last."""
        conversation = _Conversation(stream, self._limits)
        self._connections += 1
        try:
            async with stream:
                if self._connections > self._limits.connections:
                    await conversation.refuse(_Refused(503, "too many connections"))
                else:
                    await conversation.run(self._handler)
        except* (trio.BrokenResourceError, trio.TooSlowError):
            pass  # the peer is gone or does not read: nothing is left to tell it
        finally:
            self._connections -= 1


class _Conversation:
    """Requests and responses on one connection."""

    def __init__(self, stream: trio.SocketStream, limits: HttpLimits) -> None:
        self._stream = stream
        self._limits = limits
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.header_bytes)

    async def run(self, handler: Handler) -> None:
        """Answer requests until the peer closes, asks to close, or errs."""
        while True:
            try:
                with trio.fail_after(self._limits.request_seconds):
                    request = await self._receive_request()
            except _Refused as refused:
                await self.refuse(refused)
                return
            except h11.RemoteProtocolError as error:
                await self.refuse(_Refused(error.error_status_hint, "malformed HTTP request"))
                return
            if request is None:
                return
            response = await handler(request)
            if isinstance(response, HttpStream):
                await self._send_stream(response)
                return
            await self._send(response, close=False, with_body=request.method != "HEAD")
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    async def refuse(self, refused: _Refused) -> None:
        """Answer with an error where the protocol still allows an answer; the caller then closes."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            await self._send(refused.response, close=True)
            await self._stream.send_eof()
            with trio.move_on_after(LINGER_SECONDS):  # closing with unread input would reset what we just sent
                while await self._stream.receive_some(RECEIVE_BYTES):
                    pass

    async def _receive_request(self) -> HttpRequest | None:
        """The next request, or None when the peer closed."""
        head = await self._next_event()
        if isinstance(head, h11.ConnectionClosed):
            return None
        if not isinstance(head, h11.Request):
            raise _Refused(400, "malformed HTTP request")
        if head.method == b"CONNECT":  # answered with success, it would turn the connection into a tunnel
            raise _Refused(405, "this is no proxy")
        headers = dict(head.headers)
        declared = headers.get(b"content-length", b"0")
        if len(declared) > 9 or int(declared) > self._limits.body_bytes:
            raise _Refused(413, f"a body may have at most {self._limits.body_bytes} bytes")
        return HttpRequest(
            method=head.method.decode("ascii"),
            path=head.target.decode("ascii").partition("?")[0],
            content_type=headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower(),
            body=await self._receive_body(),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers},
        )

    async def _receive_body(self) -> bytes:
        body = bytearray()
        while True:
            event = await self._next_event()
            if isinstance(event, h11.EndOfMessage):
                return bytes(body)
            if not isinstance(event, h11.Data):
                raise _Refused(400, "the request ended early")
            body += event.data
            if len(body) > self._limits.body_bytes:
                raise _Refused(413, f"a body may have at most {self._limits.body_bytes} bytes")

    async def _next_event(self) -> h11.Event:
        while not isinstance(event := self._http.next_event(), h11.Event):
            if event is h11.PAUSED:
                raise _Refused(400, "malformed HTTP request")
            if self._http.they_are_waiting_for_100_continue:
                await self._write(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(await self._stream.receive_some(RECEIVE_BYTES))
        return event

    async def _send(self, response: HttpResponse, *, close: bool, with_body: bool = True) -> None:
        headers = [("content-type", response.content_type), ("content-length", str(len(response.body)))]
        headers += response.headers.items()
        if close:
            headers.append(("connection", "close"))
        with trio.fail_after(self._limits.response_seconds):
            await self._write(h11.Response(status_code=response.status, headers=headers))
            await self._write(h11.Data(data=response.body if with_body else b""))
            await self._write(h11.EndOfMessage())

    async def _send_stream(self, stream: HttpStream) -> None:
        """Send chunks until the peer hangs up; TooSlowError when it does not read."""
        headers = [("content-type", stream.content_type), ("connection", "close"), *stream.headers.items()]
        async with aclosing(stream.chunks) as chunks, trio.open_nursery() as nursery:
            nursery.start_soon(self._cancel_at_hangup, nursery.cancel_scope)
            await self._write_in_time(h11.Response(status_code=200, headers=headers))
            async for chunk in chunks:
                await self._write_in_time(h11.Data(data=chunk))
            await self._write_in_time(h11.EndOfMessage())
            nursery.cancel_scope.cancel()

    async def _cancel_at_hangup(self, scope: trio.CancelScope) -> None:
        """A peer that listens has nothing more to say: whatever it sends is dropped."""
        while await self._stream.receive_some(RECEIVE_BYTES):
            pass
        scope.cancel()

    async def _write_in_time(self, event: h11.Event) -> None:
        with trio.fail_after(self._limits.response_seconds):
            await self._write(event)

    async def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            await self._stream.send_all(data)

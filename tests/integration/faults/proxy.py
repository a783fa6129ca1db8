"""A JSON-RPC proxy that injects faults: dead, slow, busy, truncated, stale, lying, dropping what it is to send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import h11
import trio

from poe.crypto.keccak import keccak256

Change = Callable[[list[Any], Any], Any]
"""Gets a call's parameters and its honest result, gives the result that is told."""

_MOST_BYTES = 64 * 2**20


class FaultyEndpoint:
    """Stands before `upstream`; every fault can be planted and taken away while it runs.

    `asked` counts calls by method.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.url = ""
        self.is_dead = False
        self.delay_seconds = 0.0
        self.retry_after: int | None = None
        self.truncates = False
        self.stands_at: int | None = None
        self.drops_sends = False
        self.changes: dict[str, Change] = {}
        self.asked: dict[str, int] = {}

    def heal(self) -> None:
        """Take all faults away."""
        upstream, url, asked = self.upstream, self.url, self.asked
        self.__init__(upstream)  # type: ignore[misc]
        self.url, self.asked = url, asked

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection, request after request."""
        connection = h11.Connection(h11.SERVER)
        try:
            async with stream:
                while (body := await _read_message(connection, stream)) is not None:
                    if self.is_dead:
                        return
                    status, headers, answer = await self._answer(body)
                    head = [("Content-Type", "application/json"), ("Content-Length", str(len(answer))), *headers]
                    await stream.send_all(connection.send(h11.Response(status_code=status, headers=head)) or b"")
                    await stream.send_all(connection.send(h11.Data(data=answer)) or b"")
                    await stream.send_all(connection.send(h11.EndOfMessage()) or b"")
                    if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                        return
                    connection.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError, OSError):
            return

    async def _answer(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        request = json.loads(body)
        method, params = request["method"], request["params"]
        self.asked[method] = self.asked.get(method, 0) + 1
        await trio.sleep(self.delay_seconds)
        if self.retry_after is not None:
            return 429, [("Retry-After", str(self.retry_after))], b"{}"
        if method == "eth_sendRawTransaction" and self.drops_sends:
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": _hash_of(params[0])}
        else:
            answer = json.loads(await _forward(self.upstream, body))
            if "result" in answer:
                answer["result"] = await self._told(method, params, answer["result"])
        text = json.dumps(answer).encode()
        return 200, [], text[: len(text) // 2] if self.truncates else text

    async def _told(self, method: str, params: list[Any], honest: Any) -> Any:
        if self.stands_at is not None:
            honest = await self._as_of(self.stands_at, method, params, honest)
        change = self.changes.get(method)
        return honest if change is None else change(params, honest)

    async def _as_of(self, height: int, method: str, params: list[Any], honest: Any) -> Any:
        """What a node that stands still at a height would say."""
        if method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            if params[0] == "latest":
                query = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [hex(height), *params[1:]]}
                return json.loads(await _forward(self.upstream, json.dumps(query).encode()))["result"]
            return None if honest is None or int(honest["number"], 16) > height else honest
        if method == "eth_getLogs":
            return [log for log in honest if int(log["blockNumber"], 16) <= height]
        if method == "eth_getTransactionReceipt":
            return None if honest is None or int(honest["blockNumber"], 16) > height else honest
        return honest


@asynccontextmanager
async def faulty_endpoint(upstream: str) -> AsyncIterator[FaultyEndpoint]:
    """A proxy on a loopback port while the context lasts."""
    endpoint = FaultyEndpoint(upstream)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, endpoint.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        endpoint.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        yield endpoint
        nursery.cancel_scope.cancel()


async def _read_message(connection: h11.Connection, stream: trio.SocketStream) -> bytes | None:
    """The body of the next message; None when the other side is done."""
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            received = await stream.receive_some()
            if not received and connection.their_state is h11.IDLE:
                return None
            connection.receive_data(received)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
            assert len(body) <= _MOST_BYTES
        elif isinstance(event, h11.EndOfMessage):
            return body
        elif isinstance(event, h11.ConnectionClosed):
            return None


async def _forward(upstream: str, body: bytes) -> bytes:
    """Ask the real node."""
    parts = urlsplit(upstream)
    connection = h11.Connection(h11.CLIENT)
    head = [("Host", parts.netloc), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    async with await trio.open_tcp_stream(parts.hostname or "", parts.port or 80) as stream:
        request = h11.Request(method="POST", target="/", headers=[*head, ("Connection", "close")])
        data = (connection.send(request) or b"") + (connection.send(h11.Data(data=body)) or b"")
        await stream.send_all(data + (connection.send(h11.EndOfMessage()) or b""))
        answer = await _read_message(connection, stream)
        assert answer is not None
        return answer


def _hash_of(raw: str) -> str:
    return "0x" + keccak256(bytes.fromhex(raw[2:])).hex()

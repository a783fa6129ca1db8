"""A small JSON-RPC client of the sequencer: one connection, a deadline a call, bounded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import h11
import trio

from poe.errors import InputError, SequencerError

RECEIVE_BYTES = 65536
MAX_ANSWER_BYTES = 8 * 2**20

UNREACHABLE = "POE-SEQ-030"
BAD_ANSWER = "POE-SEQ-031"
REFUSED = "POE-SEQ-032"


class RpcClient:
    """Calls methods one at a time; opens its connection when it needs one and again after a failure."""

    def __init__(self, url: str, *, deadline_seconds: float = 20.0) -> None:
        """`url` is that of the endpoint, `http://host:port`."""
        self._host, self._port = _split(url)
        self._deadline_seconds = deadline_seconds
        self._lock = trio.Lock()
        self._stream: trio.abc.HalfCloseableStream | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._calls = 0

    async def __aenter__(self) -> RpcClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def call(self, method: str, *params: Any) -> Any:
        """The method's result. SequencerError: no answer in time, no JSON-RPC answer, or a refusal with its code."""
        async with self._lock:
            self._calls += 1
            request = {"jsonrpc": "2.0", "id": self._calls, "method": method, "params": params}
            try:
                with trio.fail_after(self._deadline_seconds):
                    status, body = await self._exchange(json.dumps(request).encode())
            except (OSError, trio.BrokenResourceError, trio.TooSlowError, h11.ProtocolError) as error:
                raise SequencerError(
                    f"the sequencer at {self._host}:{self._port} does not answer: {type(error).__name__} {error}",
                    code=UNREACHABLE,
                ) from error
            return _result(status, body, call=self._calls)

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        """One request and its response; whatever goes wrong closes the connection."""
        is_done = False
        try:
            stream = await self._connect()
            for event in self._request(body):
                await stream.send_all(self._http.send(event) or b"")
            answer = await self._receive(stream)
            is_done = True
        finally:
            if not is_done or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                await self._close()
            else:
                self._http.start_next_cycle()
        return answer

    async def _connect(self) -> trio.abc.HalfCloseableStream:
        if self._stream is None:
            self._stream = await trio.open_tcp_stream(self._host, self._port)
            self._http = h11.Connection(h11.CLIENT)
        return self._stream

    def _request(self, body: bytes) -> list[h11.Event]:
        headers = [
            ("host", f"{self._host}:{self._port}"),
            ("content-type", "application/json"),
            ("content-length", str(len(body))),
        ]
        return [h11.Request(method="POST", target="/", headers=headers), h11.Data(data=body), h11.EndOfMessage()]

    async def _receive(self, stream: trio.abc.HalfCloseableStream) -> tuple[int, bytes]:
        status, body = 0, bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(bytes(await stream.receive_some(RECEIVE_BYTES)))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_ANSWER_BYTES:
                    raise h11.RemoteProtocolError("the answer is too long")
            elif isinstance(event, h11.EndOfMessage):
                return status, bytes(body)
            else:
                raise h11.RemoteProtocolError("the connection ended in the middle of an answer")

    async def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await trio.aclose_forcefully(stream)


def _split(url: str) -> tuple[str, int]:
    """Host and port of an `http://host:port`; InputError when it is not one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not url.startswith("http://") or not host or not port:
        raise InputError(f"the sequencer's URL is {url!r}, wanted http://host:port", field="url")
    return host, port


def _result(status: int, body: bytes, *, call: int) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if status != 200 or not isinstance(answer, dict) or answer.get("id") not in (call, None):
        raise SequencerError(f"no JSON-RPC answer: HTTP {status}, {body[:80]!r}", code=BAD_ANSWER)
    error = answer.get("error")
    if isinstance(error, dict):
        code = _code_of(error)
        raise SequencerError(str(error.get("message")).removeprefix(f"{code}: "), code=code)
    if "result" not in answer:
        raise SequencerError(f"a JSON-RPC answer without a result: {body[:80]!r}", code=BAD_ANSWER)
    return answer["result"]


def _code_of(error: Mapping[str, Any]) -> str:
    data = error.get("data")
    code = data.get("code") if isinstance(data, dict) else None
    return code if isinstance(code, str) else REFUSED

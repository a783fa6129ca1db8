"""The HTTP server against peers that stall, flood, lie and talk nonsense."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from functools import partial

import pytest
import trio

from poe.errors import ToolError
from poe.http.server import HttpLimits, HttpRequest, HttpResponse, HttpStream, serve_http

Clock = trio.testing.MockClock
LIMITS = HttpLimits(connections=3, header_bytes=1024, body_bytes=2000, request_seconds=5, response_seconds=5)


class Echo:
    """Answers with method, path and body, and keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        return HttpResponse(status=200, body=f"{request.method} {request.path} ".encode() + request.body)


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def port(echo: Echo, nursery: trio.Nursery, autojump_clock: Clock) -> int:
    bound: int = await nursery.start(partial(serve_http, echo, host="127.0.0.1", port=0, limits=LIMITS))
    return bound


async def everything(stream: trio.SocketStream) -> bytes:
    """All that comes until the peer closes; a reset counts as closing."""
    received = b""
    try:
        while chunk := await stream.receive_some(4096):
            received += chunk
    except trio.BrokenResourceError:
        pass
    return received


async def exchange(port: int, raw: bytes) -> bytes:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(raw)
        with trio.fail_after(30):
            return await everything(stream)


async def drip(stream: trio.SocketStream, raw: bytes) -> None:
    """A byte every half second."""
    for byte in raw:
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.5)


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def post(body: bytes, *, headers: str = "Connection: close\r\n") -> bytes:
    return f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def test_a_request_is_answered(port: int, echo: Echo) -> None:
    answer = await exchange(port, post(b"hello"))
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\nPOST / hello")
    assert echo.requests[0].content_type == ""


async def test_content_type_comes_without_parameters_and_in_lower_case(port: int, echo: Echo) -> None:
    await exchange(port, post(b"", headers="Content-Type: Application/JSON; charset=utf-8\r\nConnection: close\r\n"))
    assert echo.requests[0].content_type == "application/json"


async def test_a_query_is_not_part_of_the_path(port: int, echo: Echo) -> None:
    await exchange(port, b"GET /livez?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert echo.requests[0].path == "/livez"


async def test_a_connection_serves_request_after_request(port: int, echo: Echo) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        for body in (b"one", b"two", b"three"):
            await stream.send_all(post(body, headers=""))
            answer = b""
            while not answer.endswith(body):
                answer += await stream.receive_some(4096)
            assert status_of(answer) == 200
    assert len(echo.requests) == 3


async def test_pipelined_requests_are_answered_in_order(port: int, echo: Echo) -> None:
    answer = await exchange(port, post(b"one", headers="") + post(b"two"))
    assert answer.count(b"200 OK") + answer.count(b"HTTP/1.1 200") >= 2
    assert answer.index(b"POST / one") < answer.index(b"POST / two")


async def test_a_chunked_body_is_put_together(port: int, echo: Echo) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert (await exchange(port, head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).endswith(b"POST / abcde")


async def test_a_client_that_waits_for_100_continue_is_told_to(port: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert (await stream.receive_some(4096)).startswith(b"HTTP/1.1 100")
        await stream.send_all(b"hi")
        assert (await everything(stream)).endswith(b"POST / hi")


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_refused_and_the_server_goes_on(raw: bytes, port: int, echo: Echo) -> None:
    answer = await exchange(port, raw)
    assert 400 <= status_of(answer) < 600
    assert b"Traceback" not in answer
    assert echo.requests == []
    assert status_of(await exchange(port, post(b"still here"))) == 200


@pytest.mark.parametrize(
    ("request_line", "has_body"),
    [
        (b"HEAD / HTTP/1.1", False),
        (b"GET / HTTP/1.0", True),
        (b"CONNECT x:1 HTTP/1.1", True),
        (b"FOO * HTTP/1.1", True),
    ],
)
async def test_unusual_requests_do_not_upset_the_server(request_line: bytes, has_body: bool, port: int) -> None:
    answer = await exchange(port, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n") is not has_body
    assert status_of(await exchange(port, post(b"still here"))) == 200


async def test_an_upgrade_that_is_not_offered_is_ignored(port: int) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    assert status_of(await exchange(port, head)) == 200


async def test_long_headers_are_refused(port: int, echo: Echo) -> None:
    answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 3000)
    assert status_of(answer) == 431
    assert echo.requests == []


async def test_a_body_declared_too_long_is_refused_before_it_is_read(port: int, echo: Echo) -> None:
    answer = await exchange(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2001\r\n\r\n")
    assert status_of(answer) == 413
    assert b"2000 bytes" in answer
    assert echo.requests == []


async def test_a_chunked_body_that_grows_too_long_is_refused(port: int, echo: Echo) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = await exchange(port, head + (b"3e8\r\n" + b"a" * 1000 + b"\r\n") * 3)
    assert status_of(answer) == 413
    assert echo.requests == []


async def test_a_body_of_the_greatest_length_is_taken(port: int, echo: Echo) -> None:
    assert status_of(await exchange(port, post(b"a" * 2000))) == 200


async def test_a_slow_loris_is_cut_off_at_the_deadline_however_busy_it_looks(
    port: int, echo: Echo, autojump_clock: Clock
) -> None:
    started = trio.current_time()
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        with pytest.raises(trio.BrokenResourceError):
            await drip(stream, post(b"a" * 500))
    assert trio.current_time() - started < LIMITS.request_seconds + 2
    assert echo.requests == []


async def test_an_idle_connection_is_closed(port: int, autojump_clock: Clock) -> None:
    started = trio.current_time()
    assert await exchange(port, b"") == b""
    assert trio.current_time() - started == pytest.approx(LIMITS.request_seconds, abs=1)


async def test_connections_beyond_the_cap_are_turned_away_and_room_comes_back(port: int, autojump_clock: Clock) -> None:
    held = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(LIMITS.connections)]
    await trio.testing.wait_all_tasks_blocked()
    assert status_of(await exchange(port, post(b""))) == 503
    for stream in held:
        await stream.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert status_of(await exchange(port, post(b""))) == 200


async def test_a_peer_that_leaves_in_the_middle_harms_nobody(port: int, echo: Echo) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(post(b"a" * 100)[:-50])
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(post(b"never read the answer", headers=""))
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert status_of(await exchange(port, post(b"still here"))) == 200


async def test_a_reader_that_stalls_is_cut_off(nursery: trio.Nursery, autojump_clock: Clock) -> None:
    async def flood(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=200, body=bytes(64 * 2**20))

    port = await nursery.start(partial(serve_http, flood, host="127.0.0.1", port=0, limits=LIMITS))
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(post(b""))
        await trio.sleep(LIMITS.response_seconds + 1)
        assert len(await everything(stream)) < 64 * 2**20


async def test_a_port_that_is_taken_is_one_clear_error(port: int) -> None:
    with pytest.raises(ToolError) as refused:
        await serve_http(Echo(), host="127.0.0.1", port=port, limits=LIMITS)
    assert refused.value.code == "POE-TOL-002"
    assert str(port) in str(refused.value)
    assert "sequencer.port" in refused.value.fix


class Ticker:
    """Streams what the test puts in; notes when the stream was ended."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[bytes](100)
        self.has_ended = trio.Event()

    async def __call__(self, request: HttpRequest) -> HttpStream:
        return HttpStream(chunks=self._chunks(), content_type="text/event-stream", headers={"x-told": request.path})

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in self._receive:
                yield chunk
        finally:
            self.has_ended.set()


@pytest.fixture
async def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
async def ticking(ticker: Ticker, nursery: trio.Nursery, autojump_clock: Clock) -> int:
    bound: int = await nursery.start(partial(serve_http, ticker, host="127.0.0.1", port=0, limits=LIMITS))
    return bound


async def receive_until(stream: trio.SocketStream, wanted: bytes) -> bytes:
    received = b""
    with trio.fail_after(60):
        while wanted not in received:
            received += await stream.receive_some(4096)
    return received


async def test_a_stream_is_sent_as_it_comes(ticker: Ticker, ticking: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", ticking) as stream:
        await stream.send_all(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n")
        ticker.send.send_nowait(b"one")
        head = await receive_until(stream, b"one")
        assert b"x-told: /x" in head
        ticker.send.send_nowait(b"two")
        assert b"two" in await receive_until(stream, b"two")


async def test_a_stream_ends_when_its_source_does(ticker: Ticker, ticking: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", ticking) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        ticker.send.send_nowait(b"last")
        await ticker.send.aclose()
        assert (await everything(stream)).endswith(b"4\r\nlast\r\n0\r\n\r\n")


async def test_a_peer_that_hangs_up_ends_its_stream_at_once(ticker: Ticker, ticking: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", ticking) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        ticker.send.send_nowait(b"one")
        await receive_until(stream, b"one")
    with trio.fail_after(1):
        await ticker.has_ended.wait()


async def test_a_peer_that_does_not_read_loses_its_stream(ticker: Ticker, ticking: int) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", ticking) as stream:
        await stream.send_all(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        for _ in range(90):
            ticker.send.send_nowait(bytes(200_000))
        with trio.fail_after(10 * LIMITS.response_seconds):
            await ticker.has_ended.wait()

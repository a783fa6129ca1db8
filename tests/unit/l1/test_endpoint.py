"""The connection against a hostile endpoint on a real socket: whatever it answers is an L1Error, and in time."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import AsyncIterator

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from poe.errors import BadAnswer, ConfigError, EndpointBusy, L1Error, L1Unreachable, RpcRefused, WrongChain
from poe.l1 import answers
from poe.l1.rpc import Rpc


class Endpoint:
    """Answers every request with the same bytes, then closes, or goes on as told."""

    def __init__(self) -> None:
        self.raw = b""
        self.drips = False
        self.requests: list[bytes] = []
        self.port = 0

    def body(self, content: bytes, *headers: str, status: str = "200 OK") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
        self.raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + content

    def result(self, result: object) -> None:
        self.body(json.dumps({"jsonrpc": "2.0", "id": 0, "result": result}).encode())

    async def serve(self, stream: trio.SocketStream) -> None:
        request = b""
        while b"}" not in request:
            received = await stream.receive_some()
            if not received:
                return
            request += received
        self.requests.append(request)
        try:
            await stream.send_all(self.raw)
            while self.drips:
                await stream.send_all(b" ")
                await trio.sleep(0.05)
        except trio.BrokenResourceError:
            return
        await stream.aclose()


@pytest.fixture
async def endpoint(nursery: trio.Nursery) -> AsyncIterator[Endpoint]:
    made = Endpoint()
    serve = functools.partial(trio.serve_tcp, made.serve, 0, host="127.0.0.1")
    listeners = await nursery.start(serve)
    made.port = listeners[0].socket.getsockname()[1]
    yield made
    nursery.cancel_scope.cancel()


def rpc_of(endpoint: Endpoint, *, deadline: float = 5.0, path: str = "", max_bytes: int = 2**20) -> Rpc:
    url = f"http://user:hunter2@127.0.0.1:{endpoint.port}/{path}"
    return Rpc(url, deadline_seconds=deadline, max_answer_bytes=max_bytes)


async def test_a_plain_answer_is_the_result(endpoint: Endpoint) -> None:
    endpoint.result({"a": [1, None]})
    assert await rpc_of(endpoint).call("any_method", 1, "x") == {"a": [1, None]}
    assert b'"method": "any_method"' in endpoint.requests[0]
    assert b'"params": [1, "x"]' in endpoint.requests[0]


GARBAGE = {
    "empty": b"",
    "no json": b"<html>busy</html>",
    "truncated json": b'{"jsonrpc": "2.0", "result": {"numb',
    "no utf-8": b'{"result": "\xff\xfe"}',
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no result": b'{"jsonrpc": "2.0", "id": 1}',
    "error of a wrong type": b'{"error": 5}',
    "deep nesting": b"[" * 200_000,
    "a huge number": b'{"result": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_a_bad_answer_and_counted(endpoint: Endpoint, name: str) -> None:
    endpoint.body(GARBAGE[name])
    rpc = rpc_of(endpoint)
    with pytest.raises(BadAnswer):
        await rpc.call("eth_chainId")
    assert rpc.errors == 1


@pytest.mark.parametrize("status", ["500 Oops", "429 Slow down", "404 Gone", "302 Found"])
async def test_http_failures_are_unreachable(endpoint: Endpoint, status: str) -> None:
    endpoint.body(b"{}", "Location: http://127.0.0.1:1/elsewhere", status=status)
    with pytest.raises(L1Unreachable):
        await rpc_of(endpoint).call("eth_chainId")


@pytest.mark.parametrize("status", ["429 Slow down", "503 Busy"])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 1.0),
        ("3600", 120.0),
        ("99999999999999999999", 5.0),
        ("-1", 5.0),
        ("Wed, 21 Oct 2037 07:28:00 GMT", 5.0),
        ("", 5.0),
    ],
)
async def test_an_endpoint_that_asks_for_rest_says_for_how_long_within_bounds(
    endpoint: Endpoint, status: str, header: str, seconds: float
) -> None:
    endpoint.body(b"{}", f"Retry-After: {header}", status=status)
    with pytest.raises(EndpointBusy, match="asked again in") as told:
        await rpc_of(endpoint).call("eth_chainId")
    assert told.value.retry_seconds == seconds


async def test_a_connection_cut_in_the_body_is_an_l1_error(endpoint: Endpoint) -> None:
    endpoint.raw = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"result"'
    with pytest.raises(L1Error):
        await rpc_of(endpoint).call("eth_chainId")


async def test_what_is_no_http_is_an_l1_error(endpoint: Endpoint) -> None:
    endpoint.raw = b"SSH-2.0-OpenSSH_9.2\r\n"
    with pytest.raises(L1Error):
        await rpc_of(endpoint).call("eth_chainId")


async def test_an_answer_that_drips_ends_at_the_deadline(endpoint: Endpoint) -> None:
    endpoint.raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    endpoint.drips = True
    with trio.fail_after(3), pytest.raises(L1Unreachable, match=r"no answer in 0\.3 s"):
        await rpc_of(endpoint, deadline=0.3).call("eth_chainId")


async def test_too_long_an_answer_is_refused(endpoint: Endpoint) -> None:
    endpoint.result("x" * 2_000_000)
    with pytest.raises(BadAnswer, match="too many bytes"):
        await rpc_of(endpoint).call("eth_chainId")


async def test_a_compression_bomb_is_refused(endpoint: Endpoint) -> None:
    endpoint.body(gzip.compress(b" " * 100_000_000), "Content-Encoding: gzip")
    with pytest.raises(BadAnswer, match="too many bytes"):
        await rpc_of(endpoint).call("eth_chainId")


async def test_an_error_answer_carries_code_text_and_data(endpoint: Endpoint) -> None:
    error = {"code": 3, "message": "execution reverted", "data": "0x01020304"}
    endpoint.body(json.dumps({"error": error}).encode())
    with pytest.raises(RpcRefused, match="execution reverted") as refusal:
        await rpc_of(endpoint).call("eth_call")
    assert (refusal.value.rpc_code, refusal.value.data) == (3, b"\x01\x02\x03\x04")


@pytest.mark.parametrize("error", [{}, {"code": "x", "message": 5}, {"data": {"data": 7}}, {"code": True}])
async def test_a_strange_error_answer_is_still_a_refusal(endpoint: Endpoint, error: object) -> None:
    endpoint.body(json.dumps({"error": error}).encode())
    with pytest.raises(RpcRefused) as refusal:
        await rpc_of(endpoint).call("eth_call")
    assert refusal.value.data is None


async def test_control_characters_in_an_error_never_reach_the_terminal(endpoint: Endpoint) -> None:
    endpoint.body(json.dumps({"error": {"code": 1, "message": "\x1b[2J\nfake log line"}}).encode())
    with pytest.raises(RpcRefused) as refusal:
        await rpc_of(endpoint).call("eth_call")
    assert "\x1b" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_no_message_shows_password_or_path(endpoint: Endpoint) -> None:
    texts = []
    for raw in (b"", b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"):
        endpoint.raw = raw
        rpc = rpc_of(endpoint, path="v3/SECRETKEY?token=SECRETKEY")
        with pytest.raises(L1Error) as failure:
            await rpc.call("eth_chainId")
        texts += [str(failure.value), repr(failure.value), repr(rpc), rpc.endpoint]
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__
    assert all("hunter2" not in text and "SECRETKEY" not in text for text in texts)


async def test_a_cancelled_call_returns_at_once(endpoint: Endpoint) -> None:
    endpoint.drips = True
    with trio.fail_after(3), trio.move_on_after(0.2) as scope:
        await rpc_of(endpoint, deadline=30).call("eth_chainId")
    assert scope.cancelled_caught
    endpoint.drips = False


async def test_another_chain_is_told_with_both_ids(endpoint: Endpoint) -> None:
    endpoint.result("0x5")
    with pytest.raises(WrongChain, match="serves chain 5, wanted chain 31337"):
        await rpc_of(endpoint).require_chain(31337)


@pytest.mark.parametrize("result", [None, 5, "5", "0x", "0x05", "0x" + "f" * 65, [], {}, True, "0x1" + "0" * 16])
async def test_a_chain_id_that_is_no_quantity_is_a_bad_answer(endpoint: Endpoint, result: object) -> None:
    endpoint.result(result)
    with pytest.raises(BadAnswer):
        await rpc_of(endpoint).chain_id()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8545",
        "ws://127.0.0.1:8545",
        "ftp://host",
        "http://",
        "http://:8545",
        "http://host:99999",
        "http://host:port",
        "http://[::1",
        "http://ho st",
        "file:///etc/passwd",
        "/tmp/geth.ipc",
    ],
)
def test_a_malformed_url_is_a_config_error_up_front(url: str) -> None:
    with pytest.raises(ConfigError, match="L1 RPC URL"):
        Rpc(url)


def test_a_malformed_url_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refusal:
        Rpc("wss://user:hunter2@host/SECRETKEY")
    assert "hunter2" not in str(refusal.value)
    assert "SECRETKEY" not in str(refusal.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("0x00") | st.just("0x" + "11" * 32),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
block_fields = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("number", "hash", "parentHash", "timestamp"), json_values)
)
log_fields = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex", "removed"),
        json_values,
    ),
)
receipt_fields = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "effectiveGasPrice"), json_values
    ),
)


@given(json_values | block_fields | log_fields | receipt_fields)
def test_parsers_raise_nothing_but_bad_answers(value: object) -> None:
    for parse in (answers.block_ref, answers.raw_log, answers.raw_receipt):
        try:
            parse(value)
        except BadAnswer as refusal:
            assert len(str(refusal)) < 300  # noqa: PT017 -- the failure itself is what is looked at

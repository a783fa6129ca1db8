"""Ethereum's JSON-RPC, and one endpoint of it: sync web3 HTTP calls in threads, each under a deadline.

Foreign failures are mapped here.

Only scheme, host and port of the URL ever reach a message: user, password, path and query may hold secrets.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
import trio
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ReadTimeoutError
from web3 import HTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from poe.errors import BadAnswer, ConfigError, EndpointBusy, L1Error, L1Unreachable, RpcRefused, WrongChain
from poe.l1 import answers
from poe.l1.interface import BlockRef

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_READ_BYTES = 65536
_MAX_NESTING = 32
_BUSY_STATUSES = (429, 503)
_BUSY_SECONDS = 5.0
"""How long we leave an endpoint alone that asks for it and names no time."""
_LONGEST_BUSY_SECONDS = 120.0
_REVERTED = 3
"""The JSON-RPC error code of a call that the contract refused."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class _TooSlow(requests.RequestException):
    """The answer dripped in past the deadline."""


class _TooBig(requests.RequestException):
    """The answer is longer than we take."""


class _BoundedAdapter(HTTPAdapter):
    """Reads each answer whole, under one deadline and one size: a socket timeout alone bounds neither."""

    def __init__(self, *, deadline_seconds: float, max_bytes: int, pool_size: int) -> None:
        super().__init__(pool_maxsize=pool_size, max_retries=0)
        self._deadline_seconds = deadline_seconds
        self._max_bytes = max_bytes

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        ends = time.monotonic() + self._deadline_seconds
        response = super().send(request, True, self._deadline_seconds, verify, cert, proxies)
        body = bytearray()
        try:
            while chunk := response.raw.read1(_READ_BYTES, decode_content=True):
                body += chunk
                if len(body) > self._max_bytes:
                    raise _TooBig
                if time.monotonic() > ends:
                    raise _TooSlow
        except ReadTimeoutError:
            response.close()
            raise _TooSlow from None
        except HTTPError:
            response.close()
            raise requests.ConnectionError from None
        except requests.RequestException:
            response.close()
            raise
        response.raw.release_conn()
        response._content = bytes(body)
        return response


class _Provider(HTTPProvider):
    """Refuses deep nesting before decoding: with the recursion limit as high as py_ecc sets it, json overflows the
    thread's C stack, and the process dies."""

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        depth = 0
        for bracket in _STRING.sub(b"", raw_response).translate(None, delete=_NO_BRACKETS):
            depth += 1 if bracket in b"[{" else -1
            if depth > _MAX_NESTING:
                raise ValueError(f"nested deeper than {_MAX_NESTING}")
        return HTTPProvider.decode_rpc_response(raw_response)


def _is_revert(error: L1Error) -> bool:
    """Did the endpoint do its work, and the contract refuse?"""
    return isinstance(error, RpcRefused) and (error.data is not None or error.rpc_code == _REVERTED)


class JsonRpc(ABC):
    """What we ask of Ethereum, whoever answers; every method raises L1Unreachable, RpcRefused or BadAnswer."""

    deadline_seconds: float

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Who answers, for messages; holds no secret."""

    @property
    @abstractmethod
    def errors(self) -> int:
        """Failed calls since start."""

    @property
    @abstractmethod
    def answered_at(self) -> float:
        """When a call last did not fail (time.monotonic)."""

    @abstractmethod
    async def call(self, method: str, *params: object) -> object:
        """One JSON-RPC call; returns `result` as plain JSON (None for null)."""

    @abstractmethod
    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""

    async def chain_id(self) -> int:
        """The endpoint's chain id."""
        return answers.quantity(await self.call("eth_chainId"), "eth_chainId")

    async def require_chain(self, chain_id: int) -> None:
        """WrongChain unless the endpoint serves `chain_id`."""
        served = await self.chain_id()
        if served != chain_id:
            raise WrongChain(
                f"{self.endpoint} serves chain {served}, wanted chain {chain_id}",
                fix="point l1.rpc_url at the right network",
            )

    async def block(self, which: int | str) -> BlockRef | None:
        """A block by number or tag (`latest`, `pending`…); None when the endpoint has none."""
        tag = hex(which) if isinstance(which, int) else which
        found = await self.call("eth_getBlockByNumber", tag, False)
        if found is None:
            return None
        block = answers.block_ref(found)
        if isinstance(which, int) and block.number != which:
            raise BadAnswer(f"asked {self.endpoint} for block {which}, got block {block.number}")
        return block

    async def latest(self) -> BlockRef:
        """The endpoint's head."""
        block = await self.block("latest")
        if block is None:
            raise BadAnswer(f"{self.endpoint} has no latest block")
        return block


class Rpc(JsonRpc):
    """A connection to one endpoint; safe to share between tasks."""

    def __init__(
        self,
        url: str,
        *,
        deadline_seconds: float = 10.0,
        parallel_calls: int = 8,
        max_answer_bytes: int = 64 * 2**20,
    ) -> None:
        self._endpoint = _public_part(url)
        self.deadline_seconds = deadline_seconds
        self._errors = 0
        self._answered_at = time.monotonic()
        self._limiter = trio.CapacityLimiter(parallel_calls)
        self._session = requests.Session()
        self._session.max_redirects = 0
        # Proxies from the environment make sense for a remote endpoint, never for one on this machine.
        self._session.trust_env = urlsplit(url).hostname not in _LOOPBACK
        adapter = _BoundedAdapter(
            deadline_seconds=deadline_seconds, max_bytes=max_answer_bytes, pool_size=parallel_calls
        )
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._provider = _Provider(url, session=self._session, exception_retry_configuration=None)

    def __repr__(self) -> str:
        return f"Rpc({self.endpoint})"

    @property
    def endpoint(self) -> str:
        """Scheme, host and port."""
        return self._endpoint

    @property
    def errors(self) -> int:
        """Failed calls since start; a reverted simulation is an answer."""
        return self._errors

    @property
    def answered_at(self) -> float:
        """When a call last did not fail (time.monotonic)."""
        return self._answered_at

    def close(self) -> None:
        """Close idle connections; a later call opens new ones."""
        self._session.close()

    async def call(self, method: str, *params: object) -> object:
        """One JSON-RPC call; EndpointBusy when it asks us to come back later."""
        try:
            answer = await self._answer(method, list(params))
            result = self._result(method, answer)
        except (L1Unreachable, RpcRefused, BadAnswer) as error:
            self._errors += not _is_revert(error)
            raise
        self._answered_at = time.monotonic()
        return result

    async def _answer(self, method: str, params: list[object]) -> object:
        def request() -> object:
            return self._provider.make_request(RPCEndpoint(method), params)

        try:
            with trio.fail_after(self.deadline_seconds):
                # The stubs that trio-typing (a dependency of libp2p) puts over trio's own types are older.
                return await trio.to_thread.run_sync(  # type: ignore[call-arg,unused-ignore]
                    request, abandon_on_cancel=True, limiter=self._limiter
                )
        except (trio.TooSlowError, requests.Timeout, _TooSlow):
            raise self._unreachable(method, f"no answer in {self.deadline_seconds:g} s") from None
        except _TooBig:
            raise BadAnswer(f"{method}: {self.endpoint} answered with too many bytes") from None
        except requests.HTTPError as error:
            raise self._http_failure(method, error.response) from None
        except requests.TooManyRedirects:
            raise self._unreachable(method, "it redirects elsewhere") from None
        except requests.ConnectionError:
            raise self._unreachable(method, "the connection failed") from None
        except OSError as error:  # RequestException is one: its text may hold the URL, its type does not
            raise self._unreachable(method, type(error).__name__) from None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadAnswer(f"{method}: {self.endpoint} did not answer JSON-RPC ({type(error).__name__})") from None

    def _http_failure(self, method: str, response: requests.Response) -> L1Unreachable:
        status = response.status_code
        if status not in _BUSY_STATUSES:
            return self._unreachable(method, f"HTTP status {status}")
        seconds = _retry_seconds(response.headers.get("Retry-After", ""))
        told = f"{method}: {self.endpoint}: HTTP status {status}, to be asked again in {seconds:g} s"
        return EndpointBusy(told, retry_seconds=seconds, fix="name a second endpoint in l1.rpc_url, or poll less often")

    def _unreachable(self, method: str, what: str) -> L1Unreachable:
        return L1Unreachable(f"{method}: {self.endpoint}: {what}", fix="is the L1 node up?")

    def _result(self, method: str, answer: object) -> object:
        fields = answers.record(answer, f"{method} answer")
        error = fields.get("error")
        if error is not None:
            raise _refused(method, error)
        if "result" not in fields:
            raise BadAnswer(f"{method}: the answer has neither result nor error: {answers.shown(answer)}")
        return fields["result"]


def _refused(method: str, error: object) -> RpcRefused:
    fields = answers.record(error, f"{method} error")
    code, text = fields.get("code"), fields.get("message")
    rpc_code = code if isinstance(code, int) and not isinstance(code, bool) else 0
    rpc_message = text if isinstance(text, str) else ""
    return RpcRefused(
        f"{method}: the endpoint refused with {rpc_code}: {answers.shown(rpc_message)}",
        rpc_code=rpc_code,
        rpc_message=rpc_message[:500],
        data=_revert_data(fields.get("data")),
    )


def _revert_data(value: object) -> bytes | None:
    """Revert bytes: geth and anvil give hex, some clients nest them in an object."""
    if isinstance(value, dict):
        value = value.get("data")
    try:
        return answers.data(value, "error.data")
    except BadAnswer:
        return None


def _retry_seconds(header: str) -> float:
    """`Retry-After` in seconds, ours where it names none or a date, and never for long: the header is foreign."""
    wanted = float(header) if re.fullmatch("[0-9]{1,9}", header) else _BUSY_SECONDS
    return max(1.0, min(wanted, _LONGEST_BUSY_SECONDS))


def _public_part(url: str) -> str:
    """`scheme://host:port`, or ConfigError: what may be shown of an endpoint."""
    fix = "use http://host:port or https://host"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigError("the L1 RPC URL is malformed", fix=fix) from None
    if parts.scheme not in ("http", "https"):
        scheme = parts.scheme if parts.scheme in ("ws", "wss", "ipc", "file") else "another scheme"
        raise ConfigError(f"the L1 RPC URL must be http or https, got {scheme}", fix=fix)
    if not host or any(ord(character) <= 32 for character in url):
        raise ConfigError("the L1 RPC URL names no host", fix=fix)
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}" + (f":{port}" if port else "")

"""The sequencer's JSON-RPC 2.0 methods over HTTP, and its health checks."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from poe.errors import InputError, PoeError, SequencerError
from poe.http.server import HttpRequest, HttpResponse
from poe.l1.ledger import Ledger
from poe.rollup.transaction import SignedTransaction, decode_transaction
from poe.rollup.types import AccountIndex, BatchNumber
from poe.sequencer import decoding
from poe.sequencer.chain import Chain, EngineChain
from poe.sequencer.hindrance import Obstacle
from poe.sequencer.intake import Admission
from poe.sequencer.work import Work

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
REFUSED = -32000

NOT_READY = "POE-SEQ-007"
EXIT_MODE = "POE-SEQ-009"
MAX_ID_CHARACTERS = 100

Method = Callable[[Sequence[Any]], Awaitable[Any]]


class _RpcError(Exception):
    """A JSON-RPC error to answer with."""

    def __init__(self, number: int, error: PoeError) -> None:
        super().__init__(str(error))
        self.number = number
        self.error = error


class Rpc:
    """Answers HTTP requests; refuses to take transactions until `open_intake` says that we have caught up with L1."""

    def __init__(
        self, *, intake: Admission, chain: Chain | EngineChain, work: Work, ledger: Ledger, obstacle: Obstacle
    ) -> None:
        self._intake = intake
        self._chain = chain
        self._work = work
        self._ledger = ledger
        self._obstacle = obstacle
        self._is_ready = False
        self._methods: Mapping[str, Method] = {
            "poe_sendTransaction": self._send_transaction,
            "poe_sendTransactions": self._send_transactions,
            "poe_sendRawTransactions": self._send_raw_transactions,
            "poe_getAccount": self._get_account,
            "poe_getBatch": self._get_batch,
            "poe_status": self._status,
        }

    def open_intake(self) -> None:
        """From now on transactions are taken."""
        self._is_ready = True

    async def handle(self, request: HttpRequest) -> HttpResponse:
        """GET /livez, GET /readyz, POST / with a JSON-RPC request."""
        match request.method, request.path:
            case "GET", "/livez":
                return HttpResponse(status=200, body=b"ok\n")
            case "GET", "/readyz":
                refusal = self._refusal()
                body = b"ok\n" if refusal is None else refusal.message.encode() + b"\n"
                return HttpResponse(status=200 if refusal is None else 503, body=body)
            case "POST", "/":
                return await self._handle_post(request)
            case _, "/" | "/livez" | "/readyz":
                return HttpResponse(status=405, body=b"wanted POST /, GET /livez or GET /readyz\n")
        return HttpResponse(status=404, body=b"wanted POST /, GET /livez or GET /readyz\n")

    async def _handle_post(self, request: HttpRequest) -> HttpResponse:
        if request.content_type != "application/json":  # what a foreign web page can send without asking is refused
            return HttpResponse(status=415, body=b"wanted content-type application/json\n")
        answer = await self._answer(request.body)
        return HttpResponse(status=200, body=json.dumps(answer).encode(), content_type="application/json")

    async def _answer(self, body: bytes) -> Mapping[str, Any]:
        request_id: str | int | None = None
        try:
            request = _parse(body)
            request_id, name, params = _read_request(request)
            result = await self._method(name)(params)
        except _RpcError as error:
            return _error_answer(request_id, error.number, error.error)
        except InputError as error:
            return _error_answer(request_id, INVALID_PARAMS, error)
        except SequencerError as error:
            return _error_answer(request_id, REFUSED, error)
        return {"jsonrpc": "2.0", "id": request_id, "result": result}

    def _method(self, name: str) -> Method:
        method = self._methods.get(name)
        if method is None:
            known = ", ".join(self._methods)
            raise _RpcError(METHOD_NOT_FOUND, InputError(f"no method {name[:40]!r}", fix=f"known: {known}"))
        return method

    async def _send_transaction(self, params: Sequence[Any]) -> Any:
        """[tx] → {accepted: true}, or an error."""
        (value,) = _positional(params, "transaction")
        verdicts = await self._admit([decoding.decode_transaction(value)])
        if verdicts[0] is not None:
            raise verdicts[0]
        return {"accepted": True}

    async def _send_transactions(self, params: Sequence[Any]) -> Any:
        """[[tx, …]] → one {accepted} or {accepted, error} each, in order."""
        (value,) = _positional(params, "transactions")
        entries = decoding.decode_list(value, field="transactions")
        return await self._admit_each([_decode_entry(entry, i) for i, entry in enumerate(entries)])

    async def _send_raw_transactions(self, params: Sequence[Any]) -> Any:
        """[hex of 128-byte slots] → one {accepted} or {accepted, error} each, in order."""
        (value,) = _positional(params, "slots")
        slots = decoding.decode_slots(value, field="slots")
        return await self._admit_each([_decode_slot(slot, i) for i, slot in enumerate(slots)])

    async def _admit_each(self, decoded: Sequence[SignedTransaction | InputError]) -> Any:
        verdicts = iter(await self._admit([entry for entry in decoded if isinstance(entry, SignedTransaction)]))
        refusals = [entry if isinstance(entry, InputError) else next(verdicts) for entry in decoded]
        return [
            {"accepted": True} if refusal is None else {"accepted": False, "error": _describe(refusal)}
            for refusal in refusals
        ]

    async def _admit(self, transactions: Sequence[SignedTransaction]) -> Sequence[PoeError | None]:
        refusal = self._refusal()
        if refusal is not None:
            raise refusal
        return await self._intake.admit(transactions)

    def _refusal(self) -> SequencerError | None:
        """Why we take no transactions now; None if we do."""
        if self._ledger.exit_mode is not None:
            return SequencerError(
                "the rollup has ended by exit mode", fix="leave on L1 with `poe tx leave`", code=EXIT_MODE
            )
        if not self._is_ready:
            return SequencerError("catching up with L1", fix="try again when /readyz says ok", code=NOT_READY)
        return self._obstacle.refusal

    async def _get_account(self, params: Sequence[Any]) -> Any:
        """[index] → the account after the last sealed batch with its next free nonce, or null."""
        (value,) = _positional(params, "account")
        index = AccountIndex(decoding.decode_integer(value, field="account", limit=2**48))
        async with self._chain.lock:
            account = self._chain.account(index)
        if account is None:
            return None
        return {
            "index": index,
            "publicKey": [str(account.public_key_x), str(account.public_key_y)],
            "balance": str(account.balance),
            "nonce": account.nonce,
            "nextNonce": self._work.next_nonce(index, account.nonce),
            "exitAddress": f"0x{account.exit_address:040x}",
        }

    async def _get_batch(self, params: Sequence[Any]) -> Any:
        """[number] → header, hash, stage and data of a batch that we still hold, or null."""
        (value,) = _positional(params, "number")
        number = BatchNumber(decoding.decode_integer(value, field="number", limit=2**64))
        held = self._chain.get(number) or self._ledger.batch(number)
        if held is None:
            return None
        header = held.batch.header
        return {
            "number": number,
            "stage": self._stage(number),
            "hash": "0x" + held.batch_hash.hex(),
            "parentHash": "0x" + held.parent_hash.hex(),
            "shape": str(header.shape),
            "deposits": header.deposits,
            "forced": header.forced,
            "feeAccount": header.fee_account,
            "data": "0x" + held.batch.data.hex(),
        }

    def _stage(self, number: BatchNumber) -> str:
        if number <= self._ledger.finalized_number:
            return "finalized"
        if number > self._ledger.head()[0]:
            return "sealed"
        return "accepted" if self._ledger.accepted(number) else "sequenced"

    def _accepted_height(self) -> int:
        """The last batch up to which every one is final or has an accepted proof on its canonical old root."""
        still_open = self._ledger.open_batches()
        return still_open[0] - 1 if still_open else self._ledger.head()[0]

    async def _status(self, params: Sequence[Any]) -> Any:
        """[] → how far each stage is."""
        _positional(params)
        return await self.status()

    async def status(self) -> Mapping[str, Any]:
        """How far each stage is, ready for JSON."""
        async with self._chain.lock:
            total_balance = self._chain.total_balance()
        final = self._chain.get(self._ledger.finalized_number)
        return {
            "ready": self._refusal() is None,
            "exit_mode": self._ledger.exit_mode is not None,
            "heights": {
                "sealed": self._chain.height,
                "sequenced": self._ledger.head()[0],
                "accepted": self._accepted_height(),
                "finalized": self._ledger.finalized_number,
            },
            "height": self._chain.height,
            "root": f"0x{self._chain.root:064x}",
            "finalized": self._ledger.finalized_number,
            "finalized_root": f"0x{self._ledger.finalized_root:064x}",
            "agrees_with_l1": final is None or final.root in (None, self._ledger.finalized_root),
            "total_balance_gwei": total_balance,
            "mempool": len(self._work),
            "executed": self._chain.transactions,
        }


def _parse(body: bytes) -> Any:
    try:
        return decoding.parse_json(body)
    except InputError as error:
        raise _RpcError(PARSE_ERROR, error) from None


def _read_request(request: Any) -> tuple[str | int, str, Sequence[Any]]:
    """The id, the method and the parameters of a JSON-RPC 2.0 request."""
    if not isinstance(request, dict):
        raise _invalid("wanted one request object; to send many transactions use poe_sendTransactions")
    if unknown := set(request) - {"jsonrpc", "id", "method", "params"}:
        raise _invalid(f"unknown member {min(unknown)[:40]!r}")
    request_id, name, params = request.get("id"), request.get("method"), request.get("params", [])
    if request.get("jsonrpc") != "2.0":
        raise _invalid('jsonrpc must be "2.0"')
    if (
        not isinstance(request_id, str | int)
        or isinstance(request_id, bool)
        or len(str(request_id)) > MAX_ID_CHARACTERS
    ):
        raise _invalid("id must be a short string or an integer")
    if not isinstance(name, str):
        raise _invalid("method must be a string")
    if not isinstance(params, list):
        raise _invalid("params must be a list")
    return request_id, name, params


def _invalid(message: str) -> _RpcError:
    return _RpcError(INVALID_REQUEST, InputError(message))


def _positional(params: Sequence[Any], *names: str) -> Sequence[Any]:
    if len(params) != len(names):
        wanted = f"[{', '.join(names)}]"
        raise InputError(f"params has {len(params)} entries, wanted {wanted}", field="params", code=decoding.MISSING)
    return params


def _decode_entry(entry: Any, position: int) -> SignedTransaction | InputError:
    try:
        return decoding.decode_transaction(entry, field=f"transactions[{position}]")
    except InputError as error:
        return error


def _decode_slot(slot: bytes, position: int) -> SignedTransaction | InputError:
    try:
        return decode_transaction(slot)
    except InputError as error:
        field = f"slots[{position}]"
        return InputError(f"{field}: {error.message}", field=field, code=decoding.OUT_OF_RANGE)


def _describe(error: PoeError) -> Mapping[str, Any]:
    data = {"code": error.code}
    if isinstance(error, InputError) and error.field:
        data["field"] = error.field
    return {"code": INVALID_PARAMS if isinstance(error, InputError) else REFUSED, "message": str(error), "data": data}


def _error_answer(request_id: str | int | None, number: int, error: PoeError) -> Mapping[str, Any]:
    return {"jsonrpc": "2.0", "id": request_id, "error": {**_describe(error), "code": number}}

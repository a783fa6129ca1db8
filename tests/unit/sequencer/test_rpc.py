"""JSON-RPC as callers see it: every method, and every refusal with its code and field, never a traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from poe.http.server import HttpRequest, HttpResponse
from poe.rollup.transaction import SignedExit, SignedTransaction, SignedTransfer
from tests.unit.sequencer.rig import BALANCE, KEYS, Rig, exit_of, transfer


def as_json(signed: SignedTransaction) -> dict[str, Any]:
    """The transaction as a wallet writes it."""
    fields = signed.transaction
    kind = {"kind": "exit"} if isinstance(signed, SignedExit) else {"to": fields.recipient}
    return {
        **kind,
        "from": fields.sender,
        "amount": str(fields.amount),
        "fee": fields.fee,
        "nonce": fields.nonce,
        "signature": {"r8x": str(signed.r8[0]), "r8y": str(signed.r8[1]), "s": str(signed.s)},
    }


async def http(
    rig: Rig, method: str, path: str, body: bytes = b"", content_type: str = "application/json"
) -> HttpResponse:
    return await rig.rpc.handle(HttpRequest(method=method, path=path, content_type=content_type, body=body))


async def answer(rig: Rig, body: bytes) -> dict[str, Any]:
    response = await http(rig, "POST", "/", body)
    assert (response.status, response.content_type) == (200, "application/json")
    assert b"Traceback" not in response.body
    value: dict[str, Any] = json.loads(response.body)
    assert value["jsonrpc"] == "2.0"
    return value


async def call(rig: Rig, method: str, *params: Any) -> Any:
    value = await answer(rig, json.dumps({"jsonrpc": "2.0", "id": "a", "method": method, "params": params}).encode())
    assert value["id"] == "a"
    return value.get("result", value.get("error"))


async def ready_rig(users: int = 4, **options: Any) -> Rig:
    rig = await Rig(**options).with_users(users)
    rig.rpc.open_intake()
    return rig


async def test_one_transaction_is_taken() -> None:
    rig = await ready_rig()
    assert await call(rig, "poe_sendTransaction", as_json(transfer(1, 0))) == {"accepted": True}
    assert transfer(1, 0) in rig.mempool


async def test_many_transactions_get_a_verdict_each_in_order() -> None:
    rig = await ready_rig()
    entries = [as_json(transfer(1, 0)), {**as_json(transfer(1, 1)), "fee": None}, as_json(transfer(1, 1)), 17]
    verdicts = await call(rig, "poe_sendTransactions", entries)
    assert [verdict["accepted"] for verdict in verdicts] == [True, False, True, False]
    assert verdicts[1]["error"]["data"] == {"code": "POE-INP-013", "field": "transactions[1].fee"}
    assert verdicts[3]["error"]["data"]["field"] == "transactions[3]"
    assert rig.mempool.select(9) == [transfer(1, 0), transfer(1, 1)]


async def test_raw_slots_get_a_verdict_each_in_order() -> None:
    rig = await ready_rig()
    slots = [transfer(1, 0).slot, bytes(128), b"\xff" * 128, transfer(2, 0).slot]
    verdicts = await call(rig, "poe_sendRawTransactions", b"".join(slots).hex())
    assert [verdict["accepted"] for verdict in verdicts] == [True, False, False, True]
    assert verdicts[1]["error"]["data"]["field"] == "slots[1]"


async def test_an_exit_is_taken_and_executed_in_nonce_order_with_transfers() -> None:
    rig = await ready_rig()
    entries = [as_json(transfer(1, 0)), as_json(exit_of(1, 1, amount=500, fee=3)), as_json(transfer(1, 2))]
    assert await call(rig, "poe_sendTransactions", entries) == [{"accepted": True}] * 3
    sealed = await rig.batcher.seal()
    assert sealed is not None
    assert sealed.batch.slots[1] == exit_of(1, 1, amount=500, fee=3).slot
    assert [(e.slot, e.address, e.amount) for e in sealed.exits] == [(1, (0xE1).to_bytes(20), 500)]
    assert (rig.account(1).nonce, rig.chain.transactions) == (3, 3)
    assert rig.chain.total_balance() == 4 * BALANCE - 500


async def test_raw_exits_are_taken_but_not_one_that_names_a_recipient() -> None:
    rig = await ready_rig()
    good = exit_of(1, 0).slot
    with_recipient = (int.from_bytes(good[:32]) | 5 << 128).to_bytes(32) + good[32:]
    verdicts = await call(rig, "poe_sendRawTransactions", (with_recipient + good).hex())
    assert [verdict["accepted"] for verdict in verdicts] == [False, True]
    assert verdicts[0]["error"]["data"]["field"] == "slots[0]"
    assert rig.mempool.select(9) == [exit_of(1, 0)]


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (exit_of(7, 0), "POE-SEQ-010"),
        (exit_of(1, 0, secret=b"\x55" * 32), "POE-SEQ-012"),
        (exit_of(1, 0, amount=BALANCE), "POE-SEQ-005"),
        (exit_of(1, 16), "POE-SEQ-006"),
    ],
)
async def test_an_exit_the_state_speaks_against_is_refused_with_its_code(signed: SignedExit, code: str) -> None:
    rig = await ready_rig()
    error = await call(rig, "poe_sendTransaction", as_json(signed))
    assert (error["code"], error["data"]["code"], len(rig.mempool)) == (-32000, code, 0)


async def test_a_transfers_signature_does_not_make_an_exit() -> None:
    """Kind is in the word that is signed."""
    rig = await ready_rig()
    value = as_json(transfer(1, 0, to=0))
    del value["to"]
    assert (await call(rig, "poe_sendTransaction", {**value, "kind": "exit"}))["data"]["code"] == "POE-SEQ-012"


async def test_an_exit_and_a_transfer_of_one_nonce_replace_each_other_by_fee() -> None:
    rig = await ready_rig()
    await rig.send(transfer(1, 0, fee=5))
    refused = await call(rig, "poe_sendTransaction", as_json(exit_of(1, 0, fee=5)))
    assert refused["data"]["code"] == "POE-SEQ-004"
    await rig.send(exit_of(1, 0, fee=6))
    assert rig.mempool.select(9) == [exit_of(1, 0, fee=6)]


async def test_an_undone_exit_waits_again() -> None:
    rig = await ready_rig()
    await rig.send(exit_of(1, 0), transfer(1, 1))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    await rig.reconciler.unseal(sealed.number)
    assert rig.mempool.select(9) == [exit_of(1, 0), transfer(1, 1)]
    assert rig.account(1).balance == BALANCE


async def test_a_sequence_of_nonces_may_come_in_one_call() -> None:
    rig = await ready_rig()
    slots = b"".join(transfer(1, nonce).slot for nonce in range(5))
    assert all(verdict["accepted"] for verdict in await call(rig, "poe_sendRawTransactions", slots.hex()))
    assert len(rig.mempool.select(9)) == 5


@pytest.mark.parametrize(
    ("signed", "code"),
    [
        (transfer(7, 0), "POE-SEQ-010"),
        (transfer(1, 0, to=7), "POE-SEQ-011"),
        (transfer(1, 0, to=2**47), "POE-SEQ-011"),
        (transfer(1, 0, secret=b"\x55" * 32), "POE-SEQ-012"),
        (transfer(1, 0, amount=BALANCE), "POE-SEQ-005"),
        (transfer(1, 16), "POE-SEQ-006"),
    ],
)
async def test_a_transaction_the_state_speaks_against_is_refused_with_its_code(
    signed: SignedTransfer, code: str
) -> None:
    rig = await ready_rig()
    error = await call(rig, "poe_sendTransaction", as_json(signed))
    assert (error["code"], error["data"]["code"]) == (-32000, code)
    assert error["message"].startswith(code)
    assert len(rig.mempool) == 0


async def test_a_used_nonce_is_refused() -> None:
    rig = await ready_rig()
    await rig.send(transfer(1, 0))
    await rig.batcher.seal()
    error = await call(rig, "poe_sendTransaction", as_json(transfer(1, 0, amount=11)))
    assert error["data"]["code"] == "POE-SEQ-003"


async def test_a_signature_over_another_word_is_refused() -> None:
    rig = await ready_rig()
    value = as_json(transfer(1, 0))
    value["amount"] = "11"
    assert (await call(rig, "poe_sendTransaction", value))["data"]["code"] == "POE-SEQ-012"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "-1"}, "amount"),
        ({"amount": 2**64}, "amount"),
        ({"fee": str(2**32)}, "fee"),
        ({"nonce": True}, "nonce"),
        ({"to": None}, "to"),
        ({"signature": 5}, "signature"),
        ({"memo": "hi"}, "memo"),
    ],
)
async def test_a_malformed_transaction_is_invalid_params_with_its_field(change: dict[str, Any], field: str) -> None:
    error = await call(await ready_rig(), "poe_sendTransaction", {**as_json(transfer(1, 0)), **change})
    assert error["code"] == -32602
    assert error["data"]["code"].startswith("POE-INP-")
    assert error["data"]["field"] == field
    assert field in error["message"]


async def test_nothing_is_taken_before_we_have_caught_up_with_l1() -> None:
    rig = await Rig().with_users(2)
    error = await call(rig, "poe_sendTransaction", as_json(transfer(1, 0)))
    assert error["data"]["code"] == "POE-SEQ-007"
    assert (await http(rig, "GET", "/readyz")).status == 503
    assert (await http(rig, "GET", "/livez")).status == 200
    rig.rpc.open_intake()
    assert (await http(rig, "GET", "/readyz")).status == 200


async def test_an_account_is_told_with_its_next_free_nonce() -> None:
    rig = await ready_rig()
    await rig.send(transfer(1, 0), transfer(1, 1))
    assert await call(rig, "poe_getAccount", 1) == {
        "index": 1,
        "publicKey": [str(KEYS[1][0]), str(KEYS[1][1])],
        "balance": str(BALANCE),
        "nonce": 0,
        "nextNonce": 2,
        "exitAddress": f"0x{0xE1:040x}",
    }


@pytest.mark.parametrize("index", [5, 64, 2**47, "6"])
async def test_an_account_that_does_not_exist_is_null(index: Any) -> None:
    assert await call(await ready_rig(), "poe_getAccount", index) is None


@pytest.mark.parametrize("index", [-1, 2**48, "x", None, 1.0, [1]])
async def test_an_impossible_account_index_is_invalid(index: Any) -> None:
    if isinstance(index, float):
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "poe_getAccount", "params": [1.0]}'
        assert (await answer(await ready_rig(), body))["error"]["code"] == -32700
    else:
        error = await call(await ready_rig(), "poe_getAccount", index)
        assert (error["code"], error["data"]["field"]) == (-32602, "account")


async def test_a_batch_is_told_with_its_stage() -> None:
    rig = await ready_rig()
    await rig.send(transfer(1, 0))
    sealed = await rig.batcher.seal()
    assert sealed is not None
    told = await call(rig, "poe_getBatch", 2)
    assert (told["stage"], told["hash"]) == ("sealed", "0x" + sealed.batch_hash.hex())
    assert told["parentHash"] == "0x" + sealed.parent_hash.hex()
    assert bytes.fromhex(told["data"][2:]) == sealed.batch.data
    assert (told["shape"], told["deposits"], told["forced"], told["feeAccount"]) == ("4x3", 0, 0, 0)
    await rig.post()
    assert (await call(rig, "poe_getBatch", "2"))["stage"] == "sequenced"
    first = rig.chain.get(1)
    assert first is not None
    rig.l1.finalize(root=first.root)
    await rig.sync()
    assert (await call(rig, "poe_getBatch", 1))["stage"] == "finalized"
    assert await call(rig, "poe_getBatch", 3) is None


async def test_the_status_tells_heights_root_pool_and_executed_transactions() -> None:
    rig = await ready_rig()
    await rig.send(transfer(1, 0), transfer(1, 1))
    await rig.batcher.seal()
    await rig.send(transfer(2, 0))
    first = rig.chain.get(1)
    assert first is not None
    rig.l1.finalize(root=first.root)
    await rig.sync()
    status = await call(rig, "poe_status")
    assert status["heights"] == {"sealed": 2, "sequenced": 1, "accepted": 1, "finalized": 1}
    assert (status["mempool"], status["executed"], status["ready"]) == (1, 2, True)
    assert int(status["root"], 16) == rig.chain.root
    assert int(status["finalized_root"], 16) == first.root
    assert (status["agrees_with_l1"], status["total_balance_gwei"]) == (True, 4 * BALANCE)


async def test_a_finalized_root_that_is_not_ours_is_told() -> None:
    rig = await ready_rig()
    rig.l1.finalize(root=12345)
    await rig.sync()
    assert (await call(rig, "poe_status"))["agrees_with_l1"] is False


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 1}', b"[" * 100_000, b'{"a": ' + b"9" * 999],
)
async def test_what_is_not_json_is_a_parse_error(body: bytes) -> None:
    value = await answer(await ready_rig(), body)
    assert (value["id"], value["error"]["code"]) == (None, -32700)
    assert value["error"]["data"]["code"].startswith("POE-INP-")


@pytest.mark.parametrize(
    "request_value",
    [
        [],
        [{"jsonrpc": "2.0", "id": 1, "method": "poe_status", "params": []}],
        1,
        None,
        "x",
        {},
        {"jsonrpc": "1.0", "id": 1, "method": "poe_status", "params": []},
        {"id": 1, "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "id": None, "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "id": True, "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "id": [1], "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "id": "i" * 101, "method": "poe_status", "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": 5, "params": []},
        {"jsonrpc": "2.0", "id": 1, "params": []},
        {"jsonrpc": "2.0", "id": 1, "method": "poe_status", "params": {}},
        {"jsonrpc": "2.0", "id": 1, "method": "poe_status", "params": None},
        {"jsonrpc": "2.0", "id": 1, "method": "poe_status", "extra": 1},
    ],
)
async def test_what_is_not_a_request_is_an_invalid_request(request_value: Any) -> None:
    value = await answer(await ready_rig(), json.dumps(request_value).encode())
    assert value["error"]["code"] == -32600


async def test_params_may_be_left_out() -> None:
    value = await answer(await ready_rig(), b'{"jsonrpc": "2.0", "id": 7, "method": "poe_status"}')
    assert value["id"] == 7
    assert "result" in value


async def test_an_unknown_method_is_named_with_those_known() -> None:
    error = await call(await ready_rig(), "eth_sendTransaction")
    assert error["code"] == -32601
    assert "poe_sendTransaction" in error["message"]


@pytest.mark.parametrize(
    ("method", "params"),
    [("poe_sendTransaction", []), ("poe_getAccount", [1, 2]), ("poe_status", [1]), ("poe_sendTransactions", [[], 1])],
)
async def test_a_wrong_number_of_parameters_is_invalid(method: str, params: list[Any]) -> None:
    error = await call(await ready_rig(), method, *params)
    assert (error["code"], error["data"]["field"]) == (-32602, "params")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json5"])
async def test_another_content_type_is_refused(content_type: str) -> None:
    """A web page may send these to a loopback port without asking; application/json it may not."""
    assert (await http(await ready_rig(), "POST", "/", b"{}", content_type)).status == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 405), ("PUT", "/", 405), ("POST", "/livez", 405), ("GET", "/nowhere", 404), ("POST", "/rpc", 404)],
)
async def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    assert (await http(await ready_rig(), method, path, b"{}")).status == status


async def test_refused_and_accepted_transactions_are_counted() -> None:
    rig = await ready_rig()
    await rig.intake.admit([transfer(1, 0), transfer(7, 0), transfer(2, 0)])
    assert (rig.counted("accepted"), rig.counted("refused")) == (2, 1)
    assert rig.metrics.mempool_size._value.get() == 2

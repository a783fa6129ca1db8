"""The transactor against scripted endpoints: lost answers, taken nonces, bumps, and the reasons of reverts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from eth_account.typed_transactions import TypedTransaction
from hexbytes import HexBytes
from trio.testing import MockClock

from poe.crypto.keccak import keccak256
from poe.errors import AlreadyAccepted, BadAnswer, L1Unreachable, NotMined, Reverted, RpcRefused
from poe.l1.abi import load_artifact
from poe.l1.contract import FOLLOWERS_GAS, decode_revert
from poe.l1.keys import Signer
from poe.l1.send_log import Message
from poe.l1.transactor import FeePolicy, Patience, Transactor
from poe.rollup.types import Address, Wei
from tests.fakes_l1 import FakeRpc

SIGNER = Signer(b"\x01" * 32)
MESSAGE = Message(to=Address(b"\x02" * 20), data=b"\x03")
OTHER = Message(to=Address(b"\x02" * 20), data=b"\x04")
GWEI = 10**9


class Node:
    """A mempool of one account that mines what it holds when `mines`."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.pool: dict[int, tuple[dict[str, Any], str]] = {}
        self.mined: dict[str, dict[str, Any]] = {}
        self.next_nonce = 0
        self.mines = True
        self.status = 1
        self.base_fee = GWEI
        self.estimate = 50_000
        self.on_send: Callable[[dict[str, Any]], None] = lambda tx: None
        self.on_call: Callable[[str], str] = lambda method: "0x"

    def answer(self, method: str, params: list[Any]) -> object:
        match method:
            case "eth_estimateGas":
                self.on_call(method)
                return hex(self.estimate)
            case "eth_call":
                return self.on_call(method)
            case "eth_getTransactionCount":
                count = self.next_nonce
                while params[1] == "pending" and count in self.pool:
                    count += 1
                return hex(count)
            case "eth_getBlockByNumber":
                return {"baseFeePerGas": hex(self.base_fee)}
            case "eth_sendRawTransaction":
                return self._take(params[0])
            case "eth_getTransactionReceipt":
                return self.mined.get(params[0])
        raise AssertionError(method)

    def _take(self, raw: str) -> str:
        tx = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        tx_hash = "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
        self.sent.append(tx)
        self.on_send(tx)
        if tx["nonce"] < self.next_nonce:
            raise refused("nonce too low")
        self.pool[tx["nonce"]] = (tx, tx_hash)
        if self.mines:
            self.mine()
        return tx_hash

    def mine(self) -> None:
        while self.next_nonce in self.pool:
            _, tx_hash = self.pool.pop(self.next_nonce)
            self.next_nonce += 1
            self.mined[tx_hash] = {
                "transactionHash": tx_hash,
                "blockNumber": "0x9",
                "blockHash": "0x" + "11" * 32,
                "status": hex(self.status),
                "gasUsed": hex(40_000),
                "effectiveGasPrice": hex(GWEI),
            }

    @property
    def nonces(self) -> list[int]:
        return [tx["nonce"] for tx in self.sent]


def refused(text: str, *, data: bytes | None = None, code: int = -32000) -> RpcRefused:
    return RpcRefused(text, rpc_code=code, rpc_message=text, data=data)


@pytest.fixture
def node() -> Node:
    return Node()


def transactor_of(node: Node, **options: Any) -> Transactor:
    return Transactor(FakeRpc(node.answer), SIGNER, chain_id=31337, decode_revert=decode_revert, **options)


async def test_a_send_is_estimated_signed_and_waited_for(node: Node, autojump_clock: MockClock) -> None:
    receipt = await transactor_of(node).send(MESSAGE)
    assert (receipt.block_number, receipt.gas_used) == (9, 40_000)
    tx = node.sent[0]
    assert (tx["nonce"], tx["gas"], tx["chainId"]) == (0, 60_000, 31337)
    assert (tx["maxFeePerGas"], tx["maxPriorityFeePerGas"]) == (3 * GWEI, GWEI)


async def test_gas_is_spared_for_what_others_may_make_a_transaction_do(node: Node, autojump_clock: MockClock) -> None:
    message = replace(MESSAGE, worth=Wei(60_000 * 2 * GWEI), spare_gas=FOLLOWERS_GAS)
    await transactor_of(node).send(message)
    assert node.sent[0]["gas"] == 60_000 + FOLLOWERS_GAS
    assert node.sent[0]["maxFeePerGas"] == 2 * GWEI, "what is spared is not weighed against the worth"


def test_what_a_proof_spares_is_enough_to_make_all_final_that_may_wait_behind_it() -> None:
    gas = json.loads((Path(__file__).parents[3] / "contracts/snapshots/gas.json").read_text())
    assert int(gas["submitProofFinalizingEight"]) - int(gas["submitProof"]) <= FOLLOWERS_GAS


@pytest.mark.parametrize("estimate", [0, 20_999])
async def test_an_estimate_that_no_transaction_can_have_is_a_bad_answer(node: Node, estimate: int) -> None:
    node.estimate = estimate
    with pytest.raises(BadAnswer, match=f"estimates {estimate} gas"):
        await transactor_of(node).send(replace(MESSAGE, worth=Wei(GWEI)))
    assert node.sent == []


async def test_a_nonce_after_which_there_is_none_is_a_bad_answer(node: Node) -> None:
    node.next_nonce = 2**64 - 1
    with pytest.raises(BadAnswer, match="nonce"):
        await transactor_of(node).send(MESSAGE)


async def test_an_answer_that_never_came_does_not_double_the_nonce(node: Node, autojump_clock: MockClock) -> None:
    def lose_first(tx: dict[str, Any]) -> None:
        if len(node.sent) == 1:
            node.pool[tx["nonce"]] = (tx, "0x" + "00" * 32)  # it did arrive
            raise L1Unreachable("lost")

    node.on_send, node.mines = lose_first, False
    sender = transactor_of(node)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.send, MESSAGE)
        await trio.sleep(1)
        nursery.start_soon(sender.send, MESSAGE)
        await trio.sleep(1)
        assert node.nonces == [0, 1]
        await trio.sleep(20)  # the lost one is sent again, at the same nonce
        node.mine()
    assert set(node.nonces) == {0, 1}


async def test_a_dropped_transaction_is_sent_again_with_a_higher_fee(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transactor_of(node).send, MESSAGE)
        await trio.sleep(1)
        node.pool.clear()
        node.mines = True
    assert node.nonces == [0, 0]
    assert node.sent[1]["maxFeePerGas"] > node.sent[0]["maxFeePerGas"] * 11 // 10


async def test_an_abandoned_transaction_in_the_way_is_bumped_by_the_next(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False
    sender = transactor_of(node)
    with trio.move_on_after(1):
        await sender.send(MESSAGE)
    node.pool.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sender.send, OTHER)
        await trio.sleep(5)
        assert node.nonces == [0, 1]
        await trio.sleep(20)
        node.mine()
    assert node.next_nonce == 2


@pytest.mark.parametrize("text", ["nonce too low", "replacement transaction underpriced"])
async def test_a_nonce_taken_by_another_sender_is_passed_over(node: Node, autojump_clock: MockClock, text: str) -> None:
    def refuse_zero(tx: dict[str, Any]) -> None:
        if tx["nonce"] == 0:
            node.next_nonce = 1
            raise refused(text)

    node.on_send = refuse_zero
    await transactor_of(node).send(MESSAGE)
    assert node.nonces == [0, 1]


async def test_nonces_taken_for_ever_are_told(node: Node, autojump_clock: MockClock) -> None:
    def refuse(tx: dict[str, Any]) -> None:
        raise refused("nonce too low")

    node.on_send = refuse
    with pytest.raises(NotMined, match="another sender"):
        await transactor_of(node).send(MESSAGE)


async def test_a_refused_send_gives_its_nonce_back(node: Node, autojump_clock: MockClock) -> None:
    def refuse_first(tx: dict[str, Any]) -> None:
        if len(node.sent) == 1:
            raise refused("insufficient funds for gas * price + value")

    node.on_send = refuse_first
    sender = transactor_of(node)
    with pytest.raises(RpcRefused, match="insufficient funds"):
        await sender.send(MESSAGE)
    await sender.send(MESSAGE)
    assert node.nonces == [0, 0]


async def test_already_known_is_success(node: Node, autojump_clock: MockClock) -> None:
    def known(tx: dict[str, Any]) -> None:
        node.pool[tx["nonce"]] = (tx, "")
        raise refused("already known")

    node.on_send = known
    with pytest.raises(NotMined):
        await transactor_of(node, patience=Patience(mined_seconds=5)).send(MESSAGE)
    assert set(node.nonces) == {0}


async def test_the_bump_stops_at_the_ceiling(node: Node, autojump_clock: MockClock) -> None:
    node.mines = False
    fees = FeePolicy(max_fee_wei=4 * GWEI)
    with pytest.raises(NotMined):
        await transactor_of(node, fees=fees).send(MESSAGE)
    assert len(node.sent) > 4
    assert max(tx["maxFeePerGas"] for tx in node.sent) == 4 * GWEI
    assert all(tx["maxPriorityFeePerGas"] <= tx["maxFeePerGas"] for tx in node.sent)


def revert_data(name: str, *values: int) -> bytes:
    selector = next(key for key, call in load_artifact("Arbiter").errors.items() if call.name == name)
    return selector + b"".join(value.to_bytes(32) for value in values)


async def test_a_simulated_revert_sends_nothing(node: Node, autojump_clock: MockClock) -> None:
    def revert(method: str) -> str:
        raise refused("execution reverted", code=3, data=revert_data("WrongNumber", 3, 2))

    node.on_call = revert
    with pytest.raises(Reverted, match=r"WrongNumber\(number=3, expected=2\)") as failure:
        await transactor_of(node).send(MESSAGE)
    assert (failure.value.name, failure.value.gas_used) == ("WrongNumber", 0)
    assert node.sent == []


async def test_a_mined_revert_is_explained_by_a_replay(node: Node, autojump_clock: MockClock) -> None:
    def revert_on_replay(method: str) -> str:
        if method == "eth_call":
            raise refused("execution reverted", code=3, data=revert_data("AlreadyAccepted", 3, 2))
        return "0x"

    node.on_call, node.status = revert_on_replay, 0
    with pytest.raises(AlreadyAccepted) as failure:
        await transactor_of(node).send(MESSAGE)
    assert failure.value.gas_used == 40_000


async def test_a_mined_revert_whose_replay_passes_is_still_a_revert(node: Node, autojump_clock: MockClock) -> None:
    node.status = 0
    with pytest.raises(Reverted, match="its replay does not") as failure:
        await transactor_of(node).send(MESSAGE)
    assert failure.value.name == "Unknown"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "no reason given"),
        (b"", "no reason given"),
        (b"\x12\x34\x56\x78", "unknown error 0x12345678"),
        (b"\x01", "unknown error 0x01"),
        (bytes.fromhex("08c379a0") + bytes(31) + b"\x20" + bytes(31) + b"\x03" + b"a\x1bc" + bytes(29), r"'a\\x1bc'"),
        (bytes.fromhex("4e487b71") + bytes(31) + b"\x11", r"Panic\(code=17\)"),
        (bytes.fromhex("4e487b71") + b"\x11", "malformed"),
    ],
)
def test_any_revert_reason_has_a_safe_text(data: bytes | None, said: str) -> None:
    assert re.search(said, decode_revert(data).text)

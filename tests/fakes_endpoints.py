"""Several scripted endpoints over one scripted L1: each may be down, slow, behind, on a fork, or lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import trio

from poe.errors import EndpointBusy, L1Unreachable, RpcRefused
from poe.l1.endpoints import Endpoints
from poe.l1.rpc import Rpc
from tests.fakes_l1 import FakeChain

GENESIS_TIME = 1_700_000_000
"""Of the fake chain: block n is dated n seconds later."""


class FakeEndpoint(Rpc):
    """One endpoint: `chain` is what it serves, up to `behind` blocks below its head."""

    def __init__(self, name: str, chain: FakeChain, *, chain_id: int = 31337) -> None:
        super().__init__(f"http://operator:hunter2@{name}.invalid:8545/s3cret")
        self.chain = chain
        self.served_chain_id = chain_id
        self.is_down = False
        self.busy_seconds = 0.0
        self.slow_seconds = 0.0
        self.stands_at: int | None = None
        self.lies: dict[str, Callable[[object], object]] = {}
        self.receipts: dict[str, object] = {}
        self.sent: list[str] = []
        self.refuses_sends = ""
        self.calls: list[str] = []

    async def _answer(self, method: str, params: list[object]) -> object:
        self.calls.append(method)
        await trio.sleep(self.slow_seconds)
        if self.is_down:
            raise L1Unreachable(f"{self.endpoint} is down")
        if self.busy_seconds:
            raise EndpointBusy(f"{self.endpoint} is busy", retry_seconds=self.busy_seconds)
        lie = self.lies.get(method, lambda honest: honest)
        return {"jsonrpc": "2.0", "id": 1, "result": lie(self._honest(method, params))}

    def _honest(self, method: str, params: Sequence[Any]) -> object:
        match method:
            case "eth_chainId":
                return hex(self.served_chain_id)
            case "eth_sendRawTransaction":
                self.sent.append(params[0])
                if self.refuses_sends:
                    raise RpcRefused(self.refuses_sends, rpc_code=-32000, rpc_message=self.refuses_sends)
                return "0x" + "11" * 32
            case "eth_getTransactionReceipt":
                return self.receipts.get(params[0])
            case "eth_getBlockByHash":
                numbers = [b.ref.number for b in self.chain.blocks if "0x" + b.ref.hash.hex() == params[0]]
                return self._block(numbers[0]) if numbers else None
            case "eth_getBlockByNumber":
                return self._block(self.height if params[0] == "latest" else int(params[0], 16))
        return getattr(self.chain, method)(*params)

    @property
    def height(self) -> int:
        head = len(self.chain.blocks) - 1
        return head if self.stands_at is None else min(head, self.stands_at)

    def _block(self, number: int) -> object:
        return self.chain.eth_getBlockByNumber(hex(number), False) if number <= self.height else None


def fork_of(chain: FakeChain, *, depth: int) -> FakeChain:
    """Another branch of the same chain: its last `depth` blocks are others."""
    fork = FakeChain(blocks=0)
    fork.blocks = list(chain.blocks)
    fork._salt = chain._salt + 1000
    fork.drop(depth)
    for _ in range(depth):
        fork.mine()
    return fork


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def tick(self, seconds: float = 3.0) -> None:
        self.seconds += seconds


def endpoints_over(clock: Clock, *members: Rpc) -> Endpoints:
    """Them as one; our clock says the time of block 20, which a test may change by ticking."""
    return Endpoints(members, clock=clock, now=lambda: GENESIS_TIME + 20 + clock() - 1000.0)

"""A real observer and its live page in a thread, fed through the follower's interface by the test."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio
from prometheus_client import CollectorRegistry

from poe.l1.interface import ArbiterEvent, ChainUpdate, Receipt
from poe.l1.ledger import Ledger
from poe.metrics import Metrics
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.rollup.types import Address, BatchNumber, Hash
from poe.web.detail import Details
from poe.web.feed import Feed
from poe.web.model import RaceModel
from poe.web.page import LivePage
from poe.web.reports import Reports
from poe.web.site import Site
from tests.fakes_l1 import PARAMETERS
from tests.fakes_web import Chain, a_receipt, an_intent

L1_IS_WELL = {
    "endpoint": "http://127.0.0.1:8545", "head": 10, "followed": 10, "head_age": 0, "silent": 0, "errors": 0,
    "reorgs": 0, "deepest_reorg": 0, "skipped_logs": 0,
}  # fmt: skip
START_SECONDS = 10.0


class Follower:
    """Passes on what the test tells, from any thread."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[ChainUpdate](10_000)

    @property
    def is_caught_up(self) -> bool:
        """The test is all of L1."""
        return True

    async def updates(self) -> AsyncGenerator[ChainUpdate, None]:
        async for update in self._receive:
            yield update


@dataclass
class Stage:
    """A race on L1 that the test directs, and the page that shows it."""

    data_dir: Path
    port: int
    folders: Sequence[Path] = ()
    l1: dict[str, Any] = field(default_factory=lambda: dict(L1_IS_WELL))
    chain: Chain = field(default_factory=lambda: Chain(clock=time.time))
    history: list[ChainUpdate] = field(default_factory=list)
    posted: int = 0
    is_running: bool = False

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}/"

    def post(self, count: int = 1) -> int:
        """L1 orders further batches in one block; the last one's number."""
        numbers = range(self.posted + 1, self.posted + count + 1)
        self.posted += count
        self.tell(*self.chain.posted(*numbers))
        return self.posted

    def win(self, number: int, payee: Address) -> None:
        """A batch is proven and final."""
        self.tell(*self.chain.won(number, payee))

    def race(self, numbers: Sequence[int], payees: Sequence[Address]) -> None:
        """Batches are posted in one block and all won in the next."""
        self.posted = numbers[-1]
        self.tell(*self.chain.posted(*numbers))
        self.tell(*(event for n in numbers for event in self.chain.won(n, payees[n % len(payees)])))

    def tell(self, *events: ArbiterEvent, back_to: int | None = None) -> None:
        """L1 makes a block with these events."""
        update = self.chain.step(*events, back_to=back_to)
        self.history.append(update)
        if self.is_running:
            self._in_loop(lambda: self._follower.send.send_nowait(update))

    def say(self, number: int, prover: Address) -> None:
        """A prover gossips that it works on a batch."""
        intent = an_intent(number, prover, until=time.time() + 30)
        self._in_loop(lambda: (self._model.hear_intent(intent), self._feed.touch()))

    def _in_loop(self, call: Any) -> None:
        trio.from_thread.run_sync(call, trio_token=self._token)

    @contextmanager
    def running(self) -> Iterator[None]:
        """The observer runs, on all that L1 has told so far; as after a restart, it has forgotten everything else."""
        ready = threading.Event()
        thread = threading.Thread(target=lambda: trio.run(self._run, ready), daemon=True)
        thread.start()
        assert ready.wait(START_SECONDS), "the page did not come up"
        self.is_running = True
        try:
            yield
        finally:
            self.is_running = False
            self._in_loop(lambda: self._scope.cancel())
            thread.join(START_SECONDS)

    async def _run(self, ready: threading.Event) -> None:
        self._token, self._scope = trio.lowlevel.current_trio_token(), trio.CancelScope()
        self._follower, ledger = Follower(), Ledger(PARAMETERS)
        standings = Standings(PARAMETERS.genesis_root)
        self._model = RaceModel(
            parameters=PARAMETERS, ledger=ledger, standings=standings, reports=Reports(self.folders), clock=time.time
        )
        self._feed = Feed(self._model, run=secrets.token_hex(8))
        page = LivePage(
            model=self._model,
            feed=self._feed,
            site=Site(feed=self._feed, details=Details(self._model, _read_proof)),
            network=None,
            look_at_l1=lambda: self.l1,
            read_receipt=_read_receipt,
        )
        with self._scope:
            async with page.open(host="127.0.0.1", port=self.port) as (_, follow):
                observer = Observer(
                    follower=self._follower, ledger=ledger, standings=standings,
                    metrics=Metrics(CollectorRegistry()), data_dir=self.data_dir, watchers=(follow,),
                )  # fmt: skip
                for update in self.history:
                    self._follower.send.send_nowait(update)
                ready.set()
                await observer.run()


async def _read_receipt(tx_hash: Hash) -> Receipt | None:
    return a_receipt(tx_hash)


async def _read_proof(tx_hash: Hash, number: BatchNumber) -> dict[str, Any] | None:
    return {"commitment": "0x1", "words": [hex(word) for word in range(8)]}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

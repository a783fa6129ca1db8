"""The sequencer on one page: follow L1, take transactions, seal batches, post them."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import trio

from poe.errors import L1Error
from poe.http.server import HttpLimits, serve_http
from poe.l1.interface import ArbiterClient, Follower
from poe.l1.ledger import Ledger
from poe.l1.turns import due_at
from poe.metrics import Metrics
from poe.net.interface import Network
from poe.sequencer.batcher import Batcher
from poe.sequencer.intake import EngineIntake
from poe.sequencer.publisher import Publisher
from poe.sequencer.reconciler import Reconciler
from poe.sequencer.rpc import Rpc
from poe.sequencer.stream import StreamLimits, serve_stream
from poe.status import write_status

log = logging.getLogger("poe.sequencer")

DOORS_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a running sequencer listens; `stream` is None where nothing takes frames."""

    rpc: int
    stream: int | None

    def endpoints(self, host: str) -> dict[str, str]:
        """The doors as others find them."""
        stream = {} if self.stream is None else {"stream": f"{host}:{self.stream}"}
        return {"rpc": f"http://{host}:{self.rpc}"} | stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequencer:
    """A sequencer and its collaborators; `network` is None when gossip is off, `intake` where nothing takes frames."""

    follower: Follower
    ledger: Ledger
    arbiter: ArbiterClient
    network: Network | None
    reconciler: Reconciler
    batcher: Batcher
    publisher: Publisher
    rpc: Rpc
    host: str
    port: int
    limits: HttpLimits
    intake: EngineIntake | None = None
    stream_port: int = 0
    stream_limits: StreamLimits = StreamLimits()
    metrics: Metrics
    data_dir: Path

    async def run(self, task_status: trio.TaskStatus[Ports] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled; reports the ports once both doors are open.

        A new process comes back with the batches and transactions it has on disk, reads L1, executes what L1 has
        ordered beyond them, and only then takes transactions.
        """
        async with trio.open_nursery() as nursery:
            task_status.started(await self._open_doors(nursery))
            nursery.start_soon(self._follow_l1)
            nursery.start_soon(self._watch_doors)
            await self.reconciler.wait_until_finalized(await self.arbiter.finalized_number())
            log.info("caught_up")
            nursery.start_soon(self.batcher.run)
            nursery.start_soon(self.publisher.run)
            self.rpc.open_intake()
            if self.intake is not None:
                self.intake.open()

    async def _open_doors(self, nursery: trio.Nursery) -> Ports:
        rpc = partial(serve_http, self.rpc.handle, host=self.host, port=self.port, limits=self.limits)
        port = await nursery.start(rpc)
        if self.intake is None:
            return Ports(rpc=port, stream=None)
        admit, limits = self.intake.admit_frame, self.stream_limits
        stream = partial(serve_stream, admit, host=self.host, port=self.stream_port, limits=limits)
        return Ports(rpc=port, stream=await nursery.start(stream))

    async def _follow_l1(self) -> None:
        async with aclosing(self.follower.updates()) as updates:
            async for update in updates:
                await self.reconciler.follow(update)
                if self.network is not None:
                    self.network.set_head(self.reconciler.l1_height)
                    if self.follower.is_caught_up:
                        due = due_at(self.ledger, update.head.number)
                        self.network.set_sequencers(self.ledger.sequencers, due=due)
                write_status(self.data_dir, {"role": "sequencer", **await self.rpc.status()})

    async def _watch_doors(self) -> None:
        """Refresh the gauges of L1 and the network."""
        while True:
            try:
                self.metrics.l1_balance_wei.set(await self.arbiter.balance())
                self.metrics.gas_price_wei.set(await self.arbiter.gas_price())
            except L1Error as error:
                log.warning("balance_unknown reason=%r", str(error))
            if self.network is not None:
                self.metrics.set_network(**asdict(self.network.stats()))
            await trio.sleep(DOORS_SECONDS)

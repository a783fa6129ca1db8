"""What an observer costs that follows many batches a second: cores and memory of a real observer process.

A second process plays L1: it serves blocks of encoded logs over HTTP, a block a second, each batch posted, proven and
final in its block. The observer reads them as it reads any endpoint (connection, follower, decoder, ledger, standings,
metrics, status file), and its metrics are scraped every second. Before the measurement it has read a history, so that
what it keeps is full.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import trio

from poe.assembly.chain import watching_ledger, watching_standings
from poe.l1.abi import load_artifact
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import ArbiterEvent, BatchSequenced
from poe.l1.ledger import GENESIS_HASH
from poe.l1.rpc import Rpc
from poe.metrics import new_metrics, serve_metrics
from poe.observer.node import Observer
from poe.rollup.batch import batch_hash
from poe.rollup.types import SLOT_BYTES, AccountIndex, Address, Batch, BatchNumber, Hash, Header, Shape
from tests.fakes_l1 import GENESIS_ROOT, NOWHERE, PARAMETERS, REWARD, FakeChain, accepted, finalized

SHAPE = Shape(slots=16, depth=10)
PAYEES = 50
SCRAPE_SECONDS = 1.0
FIRST_BLOCK = PARAMETERS.deployed_at_block


class Feed:
    """L1 as an endpoint shows it: the history at once, then a block a second."""

    def __init__(self, *, batches_a_block: int, history: int, seconds: int) -> None:
        self._number, self._parent, self._root = 0, GENESIS_HASH, int(GENESIS_ROOT)
        self._chain = FakeChain(blocks=FIRST_BLOCK - 1)
        for _ in range(history // batches_a_block + seconds):
            self._chain.mine(*(event for _ in range(batches_a_block) for event in self._next_batch()))
        self._logs = {block.ref.hash.hex(): json.dumps(block.logs) for block in self._chain.blocks}
        self._history_blocks = FIRST_BLOCK - 1 + history // batches_a_block
        self.started_at = float("inf")

    @property
    def head(self) -> int:
        """The newest block by now."""
        live = 0 if self.started_at > time.monotonic() else int(time.monotonic() - self.started_at)
        return min(self._history_blocks + live, len(self._chain.blocks) - 1)

    def result(self, method: str, params: list[Any]) -> str:
        """The `result` of a call, as JSON."""
        if method == "eth_getBlockByNumber":
            number = self.head if params[0] == "latest" else int(params[0], 16)
            return json.dumps(self._chain.eth_getBlockByNumber(hex(number), False) if number <= self.head else None)
        (query,) = params
        if "blockHash" in query:
            return self._logs[query["blockHash"][2:]]
        blocks = self._chain.blocks[int(query["fromBlock"], 16) : int(query["toBlock"], 16) + 1]
        return json.dumps([log for block in blocks for log in block.logs])

    def _next_batch(self) -> list[ArbiterEvent]:
        self._number += 1
        number, old, new = self._number, self._root, self._root + 1
        header = Header(shape=SHAPE, deposits=0, forced=0, fee_account=AccountIndex(0))
        batch = Batch(header=header, data=number.to_bytes(4) * (SHAPE.slots * SLOT_BYTES // 4))
        own, payee = batch_hash(batch), Address((number % PAYEES + 1).to_bytes(20))
        posted = BatchSequenced(
            origin=NOWHERE,
            number=BatchNumber(number),
            parent_hash=Hash(self._parent),
            batch_hash=own,
            batch=batch,
            reward=REWARD,
            queue_end=0,
        )
        self._parent, self._root = own, new
        return [posted, accepted(number, old, new, payee=payee), finalized(number, new, payee=payee)]


def serve_feed(ports: Connection, **plan: int) -> None:
    """Serve JSON-RPC on loopback; live blocks begin when the other side says so, and all ends when it hangs up."""
    feed = Feed(**plan)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            result = feed.result(request["method"], request["params"])
            body = f'{{"jsonrpc":"2.0","id":{json.dumps(request["id"])},"result":{result}}}'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ports.send(server.server_address[1])
    with suppress(EOFError):
        ports.recv()
        feed.started_at = time.monotonic()
        ports.recv()


async def observe(port: int, folder: Path, history: int, facts: Connection) -> None:
    """A real observer, for ever; tells its metrics' port once it has read the history."""
    parameters = replace(PARAMETERS, shape=SHAPE)
    decoder = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
    metrics = new_metrics("observer", has_network=False)
    metrics.watch_host(folder)
    ledger = watching_ledger(parameters)
    observer = Observer(
        follower=ChainFollower(Rpc(f"http://127.0.0.1:{port}"), parameters, decoder),
        ledger=ledger,
        standings=watching_standings(parameters),
        metrics=metrics,
        data_dir=folder,
    )
    with serve_metrics(metrics, host="127.0.0.1", port=0) as own_port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(observer.run)
            while ledger.finalized_number < history:  # noqa: ASYNC110 (nobody tells)
                await trio.sleep(0.1)
            facts.send(own_port)


def run_observer(port: int, folder: Path, history: int, facts: Connection) -> None:
    """The observer's process."""
    trio.run(observe, port, folder, history, facts)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def scrape(port: int) -> dict[str, float]:
    """The observer's metrics: value by series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def measure(*, batches_a_second: int, history: int, seconds: int) -> Mapping[str, Any]:
    """Cores and memory over `seconds` of live blocks."""
    spawn = multiprocessing.get_context("spawn")
    history -= history % batches_a_second
    server, server_end = spawn.Pipe()
    feed = partial(serve_feed, server_end, batches_a_block=batches_a_second, history=history, seconds=seconds)
    feeder = spawn.Process(target=feed, daemon=True)
    feeder.start()
    with tempfile.TemporaryDirectory() as folder:
        facts, facts_end = spawn.Pipe()
        target = partial(run_observer, server.recv(), Path(folder), history, facts_end)
        observer = spawn.Process(target=target, daemon=True)
        observer.start()
        port = facts.recv()
        pid = observer.pid or 0
        server.send("go")
        before, started, peak = cpu_seconds(pid), time.monotonic(), 0
        while time.monotonic() - started < seconds:
            time.sleep(SCRAPE_SECONDS)
            shown = scrape(port)
            peak = max(peak, resident_bytes(pid))
        spent, passed = cpu_seconds(pid) - before, time.monotonic() - started
        observer.terminate()
        observer.join(10)
    feeder.terminate()
    feeder.join(10)
    return {
        "batches_a_second": round((shown["poe_market_finalized_batches"] - history) / passed, 1),
        "cores": round(spent / passed, 3),
        "peak_resident_bytes": peak,
        "history_batches": history,
        "seconds": round(passed, 1),
        "shape": str(SHAPE),
    }


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--batches", type=int, default=50, help="batches a second")
    parser.add_argument("--history", type=int, default=10_000, help="batches read before")
    parser.add_argument("--seconds", type=int, default=30)
    options = parser.parse_args()
    facts = measure(batches_a_second=options.batches, history=options.history, seconds=options.seconds)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()

"""Real network nodes on loopback for tests, in this process or, run as a program, in one that can be killed."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from poe.net.host import Libp2pNetwork, NetworkConfig, open_network
from poe.net.interface import BodySource
from poe.rollup.types import FieldElement
from tests.fakes_net import DOMAIN, SHAPE, SequencerKey, make_batch, recover, serve, until

KEY = SequencerKey()


@asynccontextmanager
async def open_node(
    identity: Path,
    *bootstrap: str,
    body_source: BodySource | None = None,
    domain: FieldElement = DOMAIN,
    **settings: Any,
) -> AsyncIterator[Libp2pNetwork]:
    """A node of the test rollup that redials fast."""
    config = NetworkConfig(identity_path=identity, bootstrap=bootstrap, **{"redial_seconds": 0.2, **settings})
    source = body_source or serve()
    async with open_network(config, domain=domain, shape=SHAPE, recover=recover, body_source=source) as network:
        network.set_sequencers([KEY.address], due=[KEY.address])
        yield network


@asynccontextmanager
async def open_mesh(
    folder: Path, *sources: BodySource, mesh_peers: int | None = None, **settings: Any
) -> AsyncIterator[tuple[Libp2pNetwork, ...]]:
    """A node for each body source, told of the first alone; ready when each has `mesh_peers` (all others)."""
    wanted = len(sources) - 1 if mesh_peers is None else mesh_peers
    async with AsyncExitStack() as stack:
        nodes: list[Libp2pNetwork] = []
        for index, source in enumerate(sources):
            known = [node.listen_address for node in nodes[:1]]
            node = open_node(folder / f"peer{index}", *known, body_source=source, **settings)
            nodes.append(await stack.enter_async_context(node))
        await until(lambda: all(node.stats().mesh_peers >= wanted for node in nodes))
        yield tuple(nodes)


async def _announce_for_ever(identity: Path, port: int, first: int) -> None:
    """Print our address, wait for a peer in the mesh, announce three batches, then sleep until killed."""
    async with open_node(identity, port=port) as node:
        print(node.listen_address, flush=True)
        await until(lambda: node.stats().mesh_peers >= 1, seconds=60)
        for number in range(first, first + 3):
            await node.announce(KEY.announce(number, make_batch(number)))
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(_announce_for_ever, Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

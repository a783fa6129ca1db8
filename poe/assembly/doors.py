"""What every role opens to the outside: metrics and the network, and where they can be reached."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from poe.assembly.chain import Chain
from poe.config import Settings
from poe.l1.keys import recover_address
from poe.metrics import Metrics, new_metrics, serve_metrics
from poe.net.interface import BodySource, Network


def open_metrics(settings: Settings, stack: AsyncExitStack, chain: Chain) -> tuple[Metrics, str]:
    """Metrics and the URL they are served at until the stack unwinds."""
    metrics = new_metrics()
    metrics.l1_errors.set_function(lambda: chain.rpc.errors)
    host = settings.metrics.host
    port = stack.enter_context(serve_metrics(metrics, host=host, port=settings.metrics.port))
    return metrics, f"http://{host}:{port}/metrics"


@asynccontextmanager
async def open_network(settings: Settings, chain: Chain, bodies: BodySource) -> AsyncIterator[Network | None]:
    """The peer-to-peer node, or None when it is switched off (libp2p is then never imported)."""
    if not settings.net.enabled:
        yield None
        return
    from poe.net.host import NetworkConfig
    from poe.net.host import open_network as open_libp2p

    config = NetworkConfig(
        identity_path=Path(settings.data_dir) / "identity",
        listen_host=settings.net.listen_host,
        port=settings.net.port,
        bootstrap=settings.net.bootstrap,
    )
    async with open_libp2p(
        config,
        domain=chain.domain,
        sequencer=chain.parameters.sequencer,
        shape=chain.parameters.shape,
        recover=recover_address,
        body_source=bodies,
    ) as network:
        yield network


def endpoints_of(metrics: str, network: Network | None) -> dict[str, str]:
    """Where this process can be reached."""
    return {"metrics": metrics} if network is None else {"metrics": metrics, "net": network.listen_address}

"""What every role opens to the outside: metrics and the network, and where they can be reached."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import trio

import poe
from poe.assembly.chain import Chain
from poe.config import Settings
from poe.l1.endpoints import Endpoints
from poe.l1.keys import recover_address
from poe.l1.member import Member, Standing
from poe.metrics import Health, Metrics, new_metrics, serve_metrics
from poe.net.interface import BodySource, Network

LOOP_SECONDS = 5.0
"""A loop that does not turn in such a time hangs; blocking calls on it are a matter of milliseconds."""
SILENT_SECONDS = 30.0


def open_metrics(role: str, settings: Settings, stack: AsyncExitStack, chain: Chain) -> tuple[Metrics, str]:
    """A role's metrics and the URL they are served at until the stack unwinds."""
    metrics = new_metrics(role, has_network=settings.net.enabled)
    metrics.build.labels(version=poe.__version__, circuit=f"{chain.parameters.circuit_version:x}"[:16]).set(1)
    metrics.watch_host(Path(settings.data_dir))
    show_endpoints(metrics, chain.rpc)
    host = settings.metrics.host
    served = serve_metrics(metrics, host=host, port=settings.metrics.port, health=health_of(chain))
    port = stack.enter_context(served)
    return metrics, f"http://{host}:{port}/metrics"


def show_endpoints(metrics: Metrics, rpc: Endpoints) -> None:
    """Export how each L1 endpoint does; called from a thread of the metrics server at each scrape."""
    metrics.l1_errors.set_function(lambda: rpc.errors)
    metrics.l1_disagreement.set_function(lambda: bool(rpc.dispute))
    for member in rpc.members:
        place = str(member.place)
        metrics.l1_endpoint_good.labels(endpoint=place).set_function(partial(_is_good, member))
        metrics.l1_endpoint_errors.labels(endpoint=place).set_function(partial(_errors_of, member))
        metrics.l1_endpoint_head.labels(endpoint=place).set_function(partial(_head_of, member))


def _is_good(member: Member) -> float:
    return float(member.standing is Standing.GOOD)


def _errors_of(member: Member) -> float:
    return float(member.errors)


def _head_of(member: Member) -> float:
    return float(0 if member.head is None else member.head.number)


def health_of(chain: Chain) -> Health:
    """Alive: our event loop turns. Ready: L1 answers, with one voice, and we have read it to its head."""
    token = trio.lowlevel.current_trio_token()
    patience = max(SILENT_SECONDS, 2 * chain.rpc.deadline_seconds)

    def loop() -> str:
        turned = threading.Event()
        try:
            token.run_sync_soon(turned.set)
        except trio.RunFinishedError:
            return "it has ended"
        return "" if turned.wait(LOOP_SECONDS) else f"no turn in {LOOP_SECONDS:g} s"

    def l1() -> str:
        silent = time.monotonic() - chain.rpc.answered_at
        return chain.rpc.dispute if silent <= patience else f"no answer for {silent:.0f} s"

    def caught_up() -> str:
        return "" if chain.follower.is_caught_up else "not read to its head yet"

    return Health(alive={"loop": loop}, ready={"l1": l1, "l1_history": caught_up})


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
        shape=chain.parameters.shape,
        recover=recover_address,
        body_source=bodies,
    ) as network:
        yield network


def endpoints_of(metrics: str, network: Network | None) -> dict[str, str]:
    """Where this process can be reached."""
    return {"metrics": metrics} if network is None else {"metrics": metrics, "net": network.listen_address}

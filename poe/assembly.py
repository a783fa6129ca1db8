"""The composition root: the only place that names concrete classes. Settings in, a running role out."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import trio

from poe.backend import native
from poe.backend.interface import KeyInfo
from poe.backend.keys import ensure_dev_key
from poe.backend.replica import Replica
from poe.backend.worker import open_worker
from poe.config import Settings
from poe.errors import BackendError, ConfigError
from poe.l1.abi import load_artifact
from poe.l1.contract import Arbiter, ArbiterViews
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import ArbiterParameters
from poe.l1.keys import Signer, load_key, recover_address
from poe.l1.ledger import Ledger
from poe.l1.rpc import Rpc
from poe.metrics import Metrics, new_metrics, serve_metrics
from poe.net.interface import BodySource, Network
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.prover.candidates import Candidates
from poe.prover.node import Prover
from poe.prover.race import Collaborators, Terms
from poe.prover.record import Record
from poe.prover.strategy import OldestFirst
from poe.rollup import statement
from poe.rollup.types import Address, Batch, BatchNumber, FieldElement, Wei
from poe.status import write_endpoints

UNDO_BATCHES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Our view of one arbiter on one chain."""

    rpc: Rpc
    parameters: ArbiterParameters
    follower: ChainFollower
    ledger: Ledger
    domain: FieldElement


async def run_observer(settings: Settings) -> None:
    """Run an observer until cancelled."""
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings)
        metrics, endpoint = open_metrics(settings, stack)
        observer = Observer(
            follower=chain.follower,
            ledger=chain.ledger,
            standings=Standings(chain.parameters.genesis_root),
            metrics=metrics,
            data_dir=Path(settings.data_dir),
        )
        write_endpoints(observer.data_dir, {"metrics": endpoint})
        await observer.run()


async def run_prover(settings: Settings) -> None:
    """Run a prover until cancelled."""
    signer = load_signer(settings)
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings)
        key = await trio.to_thread.run_sync(partial(open_key, settings, chain.parameters))
        metrics, endpoint = open_metrics(settings, stack)
        candidates = Candidates(chain.ledger, Replica(new_state(chain.parameters), chain.domain))
        network = await stack.enter_async_context(open_network(settings, chain, replica_bodies(candidates)))
        worker = await stack.enter_async_context(
            open_worker(
                key.path,
                circuit_hash=key.circuit.hash,
                threads=settings.prover.threads,
                on_killed=metrics.cancel_seconds.observe,
            )
        )
        rng = random.Random()
        collaborators = Collaborators(
            candidates=candidates,
            proofs=worker,
            arbiter=await connect(settings, chain, signer),
            terms=Terms(domain=chain.domain, payee=payee_of(settings, signer), tip=Wei(settings.prover.tip_wei)),
            jitter_seconds=lambda: rng.uniform(0, settings.prover.start_jitter_seconds),
        )
        prover = Prover(
            follower=chain.follower,
            candidates=candidates,
            collaborators=collaborators,
            strategy=OldestFirst(),
            network=network,
            metrics=metrics,
            record=Record(metrics),
            data_dir=Path(settings.data_dir),
        )
        write_endpoints(prover.data_dir, endpoints_of(endpoint, network))
        await prover.run()


async def open_chain(settings: Settings) -> Chain:
    """Connect to the arbiter and check chain, circuit and genesis against ours; the PoeError names what is wrong."""
    rpc = Rpc(settings.l1.rpc_url, deadline_seconds=settings.l1.deadline_seconds)
    address = parse_address(settings.l1.arbiter, "l1.arbiter")
    await rpc.require_chain(settings.l1.chain_id)
    parameters = await ArbiterViews(rpc, address).parameters()
    require_our_circuit(parameters)
    decoder = EventDecoder(load_artifact("Arbiter"), shape=parameters.shape)
    return Chain(
        rpc=rpc,
        parameters=parameters,
        follower=ChainFollower(rpc, parameters, decoder, poll_seconds=settings.l1.poll_seconds),
        ledger=Ledger(parameters),
        domain=statement.domain(parameters.chain_id, parameters.address, parameters.circuit_version),
    )


async def connect(settings: Settings, chain: Chain, signer: Signer) -> Arbiter:
    """The arbiter's calls for our account."""
    return await Arbiter.connect(chain.rpc, chain.parameters.address, signer, chain_id=settings.l1.chain_id)


def require_our_circuit(parameters: ArbiterParameters) -> None:
    """BackendError unless the arbiter verifies the circuit that this build computes."""
    ours = native.circuit_info(parameters.shape)
    if int.from_bytes(ours.hash) != parameters.circuit_version:
        raise BackendError(
            f"the arbiter's circuit is {parameters.circuit_version:#066x}, ours of shape {parameters.shape} is"
            f" 0x{ours.hash.hex()}",
            fix="run the version of poe that the arbiter was deployed with",
            code="POE-BCK-002",
        )
    if native.empty_root(parameters.shape) != parameters.genesis_root:
        raise BackendError("the arbiter does not start from the empty state", code="POE-BCK-003")


def open_key(settings: Settings, parameters: ArbiterParameters) -> KeyInfo:
    """Our proving key, checked against the arbiter's verifying key; blocks while a missing one is made."""
    cache = Path(settings.prover.key_cache) if settings.prover.key_cache else None
    key = ensure_dev_key(parameters.shape, cache)
    if key.verifying_key_words != parameters.verifying_key_words:
        raise BackendError(
            f"our proving key {key.path} does not belong to the arbiter's verifying key",
            fix="use the proving key that the arbiter was deployed with",
            code="POE-BCK-004",
        )
    return key


def new_state(parameters: ArbiterParameters) -> native.NativeState:
    """The genesis state."""
    return native.NativeState(parameters.shape.depth, history=UNDO_BATCHES)


def load_signer(settings: Settings) -> Signer:
    """Our L1 account, from its key file."""
    if not settings.l1.key_file:
        raise ConfigError("l1.key_file is not set", fix="make a key with `poe key new FILE` and name the file")
    return Signer(load_key(Path(settings.l1.key_file)))


def payee_of(settings: Settings, signer: Signer) -> Address:
    """Who our proofs pay: the configured address or our own account."""
    return parse_address(settings.prover.payee, "prover.payee") if settings.prover.payee else signer.address


def parse_address(text: str, setting: str) -> Address:
    """Twenty bytes from 0x and 40 hex digits."""
    digits = text.removeprefix("0x")
    if len(digits) != 40 or not text.startswith("0x") or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise ConfigError(f"{setting} is {text!r}, not an address", fix="0x and 40 hex digits")
    return Address(bytes.fromhex(digits))


def open_metrics(settings: Settings, stack: AsyncExitStack) -> tuple[Metrics, str]:
    """Metrics and the URL they are served at until the stack unwinds."""
    metrics = new_metrics()
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


def replica_bodies(candidates: Candidates) -> BodySource:
    """Serves peers the batches that a prover holds."""

    async def body(number: BatchNumber) -> Batch | None:
        held = candidates.get(number)
        return None if held is None else held.batch

    return body


def endpoints_of(metrics: str, network: Network | None) -> dict[str, str]:
    """Where this process can be reached."""
    return {"metrics": metrics} if network is None else {"metrics": metrics, "net": network.listen_address}

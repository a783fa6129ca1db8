"""The composition root: the only place that names concrete classes. Settings in, a running role out."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from poe.backend import native
from poe.backend.interface import CircuitInfo, KeyInfo
from poe.backend.keys import find_key
from poe.backend.replica import Replica
from poe.backend.worker import open_worker
from poe.config import L1Settings, Settings
from poe.errors import BackendError, ConfigError
from poe.l1.abi import load_artifact
from poe.l1.contract import Arbiter, ArbiterViews
from poe.l1.deploy import INSECURE_PROVENANCE, Deployment, deploy_arbiter, require_secure_key
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import ArbiterParameters
from poe.l1.keys import Signer, load_key, recover_address
from poe.l1.ledger import Ledger
from poe.l1.rpc import Rpc
from poe.metrics import Metrics, new_metrics, serve_metrics
from poe.net.interface import BatchAnnouncement, BodySource, Network
from poe.net.messages import announcement_digest
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.prover.candidates import Candidates
from poe.prover.intents import IntentBook
from poe.prover.node import Prover
from poe.prover.race import Collaborators, Terms
from poe.prover.record import Record
from poe.prover.strategy import LeastContested, OldestFirst
from poe.rollup import statement
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Shape, Wei
from poe.sequencer.batcher import Batcher, SealingRules
from poe.sequencer.bell import Bell
from poe.sequencer.chain import Chain as SequencerChain
from poe.sequencer.http import HttpLimits
from poe.sequencer.intake import Intake
from poe.sequencer.mempool import Mempool
from poe.sequencer.node import Sequencer
from poe.sequencer.offload import OneThread
from poe.sequencer.publisher import Publisher, body_source
from poe.sequencer.reconciler import Reconciler
from poe.sequencer.rpc import Rpc as SequencerRpc
from poe.status import write_endpoints

UNDO_BATCHES = 1024
TRANSACTIONS_PER_ACCOUNT = 256


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
        metrics, endpoint = open_metrics(settings, stack, chain)
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
        require_tip_within_reward(settings, chain.parameters)
        key = await trio.to_thread.run_sync(partial(open_key, settings, chain.parameters))
        metrics, endpoint = open_metrics(settings, stack, chain)
        candidates = Candidates(chain.ledger, Replica(new_state(chain.parameters), chain.domain))
        network = await stack.enter_async_context(open_network(settings, chain, replica_bodies(candidates)))
        threads, tables = settings.prover.threads, settings.prover.tables
        observe = metrics.cancel_seconds.observe
        proving = open_worker(
            key.path, circuit_hash=key.circuit.hash, threads=threads, tables=tables, on_cancelled=observe
        )
        worker = await stack.enter_async_context(proving)
        rng = random.Random()
        collaborators = Collaborators(
            candidates=candidates,
            proofs=worker,
            arbiter=await connect(settings, chain, signer),
            terms=Terms(domain=chain.domain, payee=payee_of(settings, signer), tip=Wei(settings.prover.tip_wei)),
        )
        intents = IntentBook(time.time)
        prover = Prover(
            follower=chain.follower,
            candidates=candidates,
            collaborators=collaborators,
            strategy=OldestFirst() if settings.prover.strategy == "oldest" else LeastContested(intents),
            intents=intents,
            jitter_seconds=lambda: rng.uniform(0, settings.prover.start_jitter_seconds),
            network=network,
            metrics=metrics,
            record=Record(metrics),
            data_dir=Path(settings.data_dir),
        )
        write_endpoints(prover.data_dir, endpoints_of(endpoint, network))
        await prover.run()


async def run_sequencer(settings: Settings) -> None:
    """Run a sequencer until cancelled."""
    signer = load_signer(settings)
    async with AsyncExitStack() as stack:
        l1 = await open_chain(settings)
        require_sequencer(l1.parameters, signer)
        metrics, endpoint = open_metrics(settings, stack, l1)
        chain = SequencerChain(state=new_state(l1.parameters), domain=l1.domain, offload=OneThread())
        network = await stack.enter_async_context(open_network(settings, l1, body_source(chain, l1.ledger)))
        arbiter = await connect(settings, l1, signer)
        sequencer = assemble_sequencer(settings, l1, chain, arbiter, network, metrics, signer)
        nursery = await stack.enter_async_context(trio.open_nursery())
        port = await nursery.start(sequencer.run)
        rpc = {"rpc": f"http://{settings.sequencer.host}:{port}"}
        write_endpoints(sequencer.data_dir, endpoints_of(endpoint, network) | rpc)


def assemble_sequencer(
    settings: Settings,
    l1: Chain,
    chain: SequencerChain,
    arbiter: Arbiter,
    network: Network | None,
    metrics: Metrics,
    signer: Signer,
) -> Sequencer:
    """The sequencer's parts around one chain of batches, one mempool and one bell."""
    bell = Bell()
    mempool = Mempool(
        capacity=settings.sequencer.mempool_transactions,
        capacity_per_account=min(TRANSACTIONS_PER_ACCOUNT, settings.sequencer.mempool_transactions),
    )
    shared: dict[str, Any] = {"chain": chain, "ledger": l1.ledger, "metrics": metrics, "bell": bell}
    reconciler = Reconciler(mempool=mempool, **shared)
    rules = SealingRules(
        shape=l1.parameters.shape,
        fee_account=AccountIndex(settings.sequencer.fee_account),
        seal_seconds=settings.sequencer.seal_seconds,
        max_unposted_batches=settings.sequencer.max_unposted_batches,
        max_unproven_batches=settings.sequencer.max_unproven_batches,
    )
    intake = Intake(
        chain=chain,
        mempool=mempool,
        signatures=native.NativeSignatures(),
        hash_message=lambda word: native.poseidon([l1.domain, word]),
        offload=OneThread(),
        metrics=metrics,
        bell=bell,
    )
    return Sequencer(
        follower=l1.follower,
        arbiter=arbiter,
        network=network,
        reconciler=reconciler,
        batcher=Batcher(mempool=mempool, rules=rules, **shared),
        publisher=Publisher(
            reconciler=reconciler,
            arbiter=arbiter,
            parameters=l1.parameters,
            network=network,
            sign=partial(sign_announcement, l1.domain, signer),
            **shared,
        ),
        rpc=SequencerRpc(intake=intake, chain=chain, mempool=mempool, ledger=l1.ledger),
        host=settings.sequencer.host,
        port=settings.sequencer.port,
        limits=HttpLimits(),
        metrics=metrics,
        data_dir=Path(settings.data_dir),
    )


def sign_announcement(domain: FieldElement, signer: Signer, announcement: BatchAnnouncement) -> BatchAnnouncement:
    """The announcement with our L1 key's signature over everything else in it."""
    digest = announcement_digest(
        domain=domain,
        number=announcement.number,
        parent_hash=announcement.parent_hash,
        batch_hash=announcement.batch_hash,
        header=announcement.header,
    )
    return replace(announcement, signature=signer.sign_hash(digest))


def require_sequencer(parameters: ArbiterParameters, signer: Signer) -> None:
    """ConfigError unless our account is the one the arbiter takes batches from."""
    if signer.address != parameters.sequencer:
        raise ConfigError(
            f"our account 0x{signer.address.hex()} is not the arbiter's sequencer 0x{parameters.sequencer.hex()}",
            fix="name the sequencer's key file in l1.key_file",
            code="POE-CFG-010",
        )


async def deploy_with_key(
    rpc: Rpc,
    signer: Signer,
    key: KeyInfo,
    *,
    shape: Shape,
    sequencer: Address,
    reward: Wei,
    queue_deadline_blocks: int = 100,
    alarm_delay_blocks: int = 20,
) -> ArbiterParameters:
    """Deploy an arbiter that verifies with `key` and starts from the empty state; BackendError for a worthless key."""
    native.check_verifying_key(key.verifying_key_words, key.circuit)
    deployment = Deployment(
        verifying_key_words=key.verifying_key_words,
        key_provenance=key.provenance,
        sequencer=sequencer,
        genesis_root=empty_root(shape),
        circuit_version=int.from_bytes(key.circuit.hash),
        shape=shape,
        reward=reward,
        queue_deadline_blocks=queue_deadline_blocks,
        alarm_delay_blocks=alarm_delay_blocks,
    )
    return await deploy_arbiter(rpc, signer, deployment)


async def follow_arbiter(rpc_url: str, arbiter: Address) -> Chain:
    """A read-only view of an arbiter on a development chain."""
    settings = Settings(l1=L1Settings(rpc_url=rpc_url, arbiter="0x" + arbiter.hex()))
    return await open_chain(settings)


async def open_chain(settings: Settings) -> Chain:
    """Connect to the arbiter and check chain, circuit and genesis against ours; the PoeError names what is wrong."""
    rpc = Rpc(settings.l1.rpc_url, deadline_seconds=settings.l1.deadline_seconds)
    address = parse_address(settings.l1.arbiter, "l1.arbiter")
    await rpc.require_chain(settings.l1.chain_id)
    parameters = await ArbiterViews(rpc, address).parameters()
    require_sound_key(parameters, require_our_circuit(parameters))
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


def require_our_circuit(parameters: ArbiterParameters) -> CircuitInfo:
    """The circuit that this build computes; BackendError unless it is the one that the arbiter verifies."""
    ours = native.circuit_info(parameters.shape)
    if int.from_bytes(ours.hash) != parameters.circuit_version:
        raise BackendError(
            f"the arbiter's circuit is {parameters.circuit_version:#066x}, ours of shape {parameters.shape} is"
            f" 0x{ours.hash.hex()}",
            fix="run the version of poe that the arbiter was deployed with",
            code="POE-BCK-002",
        )
    if empty_root(parameters.shape) != parameters.genesis_root:
        raise BackendError("the arbiter does not start from the empty state", code="POE-BCK-003")
    return ours


def require_sound_key(parameters: ArbiterParameters, circuit: CircuitInfo) -> None:
    """BackendError for an arbiter whose key lets anybody forge, ConfigError for a development key off such chains."""
    if native.check_verifying_key(parameters.verifying_key_words, circuit):
        require_secure_key(INSECURE_PROVENANCE, parameters.chain_id)


def open_key(settings: Settings, parameters: ArbiterParameters) -> KeyInfo:
    """Our proving key, checked against the arbiter's verifying key; blocks while a missing one is made."""
    cache = Path(settings.prover.key_cache) if settings.prover.key_cache else None
    key = find_key(parameters.shape, parameters.verifying_key_words, cache)
    if key.verifying_key_words != parameters.verifying_key_words:
        raise BackendError(
            f"our proving key {key.path} does not belong to the arbiter's verifying key",
            fix="use the proving key that the arbiter was deployed with",
            code="POE-BCK-004",
        )
    require_secure_key(key.provenance, parameters.chain_id)
    return key


def new_state(parameters: ArbiterParameters) -> native.NativeState:
    """The genesis state."""
    return native.NativeState(parameters.shape.depth, history=UNDO_BATCHES)


def empty_root(shape: Shape) -> FieldElement:
    """Root of the state without accounts."""
    return native.NativeState(shape.depth, history=1).root


def load_signer(settings: Settings) -> Signer:
    """Our L1 account, from its key file."""
    if not settings.l1.key_file:
        raise ConfigError("l1.key_file is not set", fix="make a key with `poe key new FILE` and name the file")
    return Signer(load_key(Path(settings.l1.key_file)))


def require_tip_within_reward(settings: Settings, parameters: ArbiterParameters) -> None:
    """ConfigError when the arbiter would refuse each of our proofs for the tip they offer."""
    if settings.prover.tip_wei > parameters.reward:
        wanted = f"at most the arbiter's reward, {parameters.reward}"
        raise ConfigError(f"prover.tip_wei is {settings.prover.tip_wei}", fix=wanted, code="POE-CFG-011")


def payee_of(settings: Settings, signer: Signer) -> Address:
    """Who our proofs pay: the configured address or our own account."""
    return parse_address(settings.prover.payee, "prover.payee") if settings.prover.payee else signer.address


def parse_address(text: str, setting: str) -> Address:
    """Twenty bytes from 0x and 40 hex digits."""
    digits = text.removeprefix("0x")
    if len(digits) != 40 or not text.startswith("0x") or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise ConfigError(f"{setting} is {text!r}, not an address", fix="0x and 40 hex digits")
    return Address(bytes.fromhex(digits))


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


def replica_bodies(candidates: Candidates) -> BodySource:
    """Serves peers the batches that a prover holds."""

    async def body(number: BatchNumber) -> Batch | None:
        held = candidates.get(number)
        return None if held is None else held.batch

    return body


def endpoints_of(metrics: str, network: Network | None) -> dict[str, str]:
    """Where this process can be reached."""
    return {"metrics": metrics} if network is None else {"metrics": metrics, "net": network.listen_address}

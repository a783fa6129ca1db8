"""A running sequencer."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import trio

from poe.assembly.chain import Chain, connect, load_signer, open_chain, open_journal
from poe.assembly.doors import endpoints_of, open_metrics, open_network
from poe.assembly.seat import open_signed, take_seat
from poe.backend.engine import Engine
from poe.config import Settings
from poe.http.server import HttpLimits
from poe.l1.contract import Arbiter
from poe.l1.keys import Signer
from poe.metrics import Metrics
from poe.net.interface import BatchAnnouncement, Network
from poe.net.messages import announcement_digest
from poe.rollup.types import FieldElement
from poe.sequencer.announcer import Announcer
from poe.sequencer.batcher import Batcher
from poe.sequencer.bell import Bell
from poe.sequencer.chain import EngineChain
from poe.sequencer.hindrance import Obstacle
from poe.sequencer.intake import EngineIntake
from poe.sequencer.node import Sequencer
from poe.sequencer.offload import OneThread, Threads
from poe.sequencer.publisher import Publisher, body_source
from poe.sequencer.reconciler import Reconciler
from poe.sequencer.rpc import Rpc as SequencerRpc
from poe.sequencer.rules import engine_rules, sealing_rules
from poe.sequencer.stream import StreamLimits
from poe.sequencer.turn import OurTurn
from poe.sequencer.work import EngineWork
from poe.status import write_endpoints

INTAKE_THREADS = 4


async def run_sequencer(settings: Settings) -> None:
    """Run a sequencer until cancelled."""
    signer = load_signer(settings)
    async with AsyncExitStack() as stack:
        l1 = await open_chain(settings)
        journal = stack.enter_context(open_journal(settings, l1, "sequencer"))
        arbiter = await connect(settings, l1, signer, journal)
        signed = await open_signed(arbiter, journal)
        await take_seat(arbiter, l1.parameters, may_bond=settings.sequencer.bond)
        metrics, endpoint = open_metrics("sequencer", settings, stack, l1)
        engine = await trio.to_thread.run_sync(partial(open_engine, settings, l1))
        chain = EngineChain(engine, OneThread())
        network = await stack.enter_async_context(open_network(settings, l1, body_source(chain, l1.ledger)))
        resume_block = (await l1.rpc.latest()).number if chain.height else 0
        announcer = Announcer(
            network=network,
            signed=signed,
            sign=partial(sign_announcement, l1.domain, signer),
            head_start_seconds=settings.sequencer.head_start_seconds,
        )
        parts = SequencerParts(
            engine=engine, chain=chain, arbiter=arbiter, network=network, announcer=announcer, metrics=metrics
        )
        sequencer = assemble_sequencer(settings, l1, parts, resume_block=resume_block)
        nursery = await stack.enter_async_context(trio.open_nursery())
        ports = await nursery.start(sequencer.run)
        doors = ports.endpoints(settings.sequencer.host)
        write_endpoints(sequencer.data_dir, endpoints_of(endpoint, network) | doors)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerParts:
    """What a sequencer is assembled around; `network` is None when gossip is off."""

    engine: Engine
    chain: EngineChain
    arbiter: Arbiter
    network: Network | None
    announcer: Announcer
    metrics: Metrics


def open_engine(settings: Settings, l1: Chain) -> Engine:
    """The sequencer's pool, state and batches, as they were when it last ran. Blocks while they are read."""
    rules = engine_rules(settings.sequencer, l1.parameters, l1.domain)
    folder = Path(settings.data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    return Engine(rules, folder / "sequencer.redb", clock=time.monotonic)


def assemble_sequencer(settings: Settings, l1: Chain, parts: SequencerParts, *, resume_block: int) -> Sequencer:
    """The sequencer's parts around one engine and one bell; `resume_block` is L1's head if the engine has batches."""
    bell, obstacle = Bell(), Obstacle()
    engine, chain, metrics = parts.engine, parts.chain, parts.metrics
    work = EngineWork(engine=engine, chain=chain)
    shared: dict[str, Any] = {"chain": chain, "ledger": l1.ledger, "metrics": metrics, "bell": bell}
    reconciler = Reconciler(work=work, resume_block=resume_block, **shared)
    turn = OurTurn(ledger=l1.ledger, account=parts.arbiter.account, l1_head=lambda: reconciler.l1_head)
    intake = EngineIntake(
        engine=engine,
        work=work,
        ledger=l1.ledger,
        offload=Threads(INTAKE_THREADS),
        obstacle=obstacle,
        metrics=metrics,
        bell=bell,
    )
    return Sequencer(
        follower=l1.follower,
        ledger=l1.ledger,
        arbiter=parts.arbiter,
        network=parts.network,
        reconciler=reconciler,
        batcher=Batcher(work=work, turn=turn, rules=sealing_rules(settings.sequencer, l1.parameters), **shared),
        publisher=Publisher(
            reconciler=reconciler,
            arbiter=parts.arbiter,
            parameters=l1.parameters,
            turn=turn,
            announcer=parts.announcer,
            obstacle=obstacle,
            **shared,
        ),
        rpc=SequencerRpc(intake=intake, chain=chain, work=work, ledger=l1.ledger, obstacle=obstacle),
        intake=intake,
        host=settings.sequencer.host,
        port=settings.sequencer.port,
        stream_port=settings.sequencer.stream_port,
        limits=HttpLimits(),
        stream_limits=StreamLimits(),
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

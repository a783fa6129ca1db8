"""A running prover."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from poe.assembly.awards import open_awards
from poe.assembly.chain import connect, load_signer, new_state, open_chain, open_journal, parse_address
from poe.assembly.doors import endpoints_of, open_metrics, open_network
from poe.backend.external import ExternalProofs
from poe.backend.interface import KeyInfo, ProofBackend
from poe.backend.keys import find_key
from poe.backend.replica import Replica
from poe.backend.worker import open_workers, split_threads
from poe.config import Reloads, Settings
from poe.errors import BackendError, ConfigError
from poe.l1.deploy import require_secure_key
from poe.l1.interface import ArbiterParameters
from poe.l1.keys import Signer
from poe.l1.tally import Tally
from poe.net.interface import BodySource
from poe.prover.backlog import Backlog
from poe.prover.candidates import Candidates
from poe.prover.experience import Experience
from poe.prover.intents import IntentBook
from poe.prover.node import Prover
from poe.prover.odds import Prices
from poe.prover.race import Collaborators
from poe.prover.record import Record
from poe.prover.shelf import ProofShelf, Terms
from poe.prover.stop_loss import Limits, StopLoss
from poe.prover.strategy import ExpectedValue, LeastContested, OldestFirst, Strategy
from poe.rollup.types import Address, Batch, BatchNumber, Wei
from poe.status import write_endpoints


async def run_prover(settings: Settings, *, reloads: Reloads | None = None) -> None:
    """Run a prover until cancelled; settings that `reloads` brings change its limits."""
    signer = load_signer(settings)
    async with AsyncExitStack() as stack:
        chain = await open_chain(settings)
        journal = stack.enter_context(open_journal(settings, chain, "prover"))
        require_tip_within_reward(settings, chain.parameters)
        key = await trio.to_thread.run_sync(partial(open_key, settings, chain.parameters))
        metrics, endpoint = open_metrics("prover", settings, stack, chain)
        candidates = Candidates(chain.ledger, Replica(new_state(chain.parameters), chain.domain))
        network = await stack.enter_async_context(open_network(settings, chain, replica_bodies(candidates)))
        proofs = await stack.enter_async_context(open_proofs(settings, key, metrics.cancel_seconds.observe))
        rng = random.Random()
        terms = Terms(domain=chain.domain, payee=payee_of(settings, signer), tip=Wei(settings.prover.tip_wei))
        arbiter = await connect(settings, chain, signer, journal)
        tally = Tally(has_policy=any(chain.parameters.policy))
        collaborators = Collaborators(
            candidates=candidates,
            proofs=proofs[0],
            arbiter=arbiter,
            terms=terms,
            worth=worth_of_landing(settings, chain.parameters),
            is_shadow=settings.prover.shadow,
            awards=await open_awards(settings, chain, arbiter, candidates, payee=terms.payee, tally=tally),
        )
        intents = IntentBook(time.time)
        experience = new_experience(settings, chain.parameters, terms)
        strategy = choose_strategy(settings, intents, experience)
        if reloads is not None:
            reloads.subscribe(partial(set_limits, experience=experience, strategy=strategy))
        shelf = ProofShelf(terms, journal)
        prover = Prover(
            follower=chain.follower,
            candidates=candidates,
            collaborators=collaborators,
            shelf=shelf,
            backlog=Backlog(shelf=shelf, with_=collaborators),
            strategy=strategy,
            experience=experience,
            intents=intents,
            jitter_seconds=lambda: rng.uniform(0, settings.prover.start_jitter_seconds),
            network=network,
            metrics=metrics,
            record=Record(metrics, journal),
            tally=tally,
            data_dir=Path(settings.data_dir),
            further_proofs=proofs[1:],
            resume_block=(await chain.rpc.latest()).number,
        )
        write_endpoints(prover.data_dir, endpoints_of(endpoint, network))
        await prover.run()


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


@asynccontextmanager
async def open_proofs(
    settings: Settings, key: KeyInfo, on_cancelled: Callable[[float], None]
) -> AsyncIterator[tuple[ProofBackend, ...]]:
    """Our own proving processes, or the external program that the settings name."""
    chosen = settings.prover
    if chosen.external_command:
        external = ExternalProofs(
            chosen.external_command,
            zkey=zkey_of(settings),
            verifying_key_words=key.verifying_key_words,
            folder=Path(settings.data_dir),
            deadline_seconds=chosen.external_seconds,
            on_killed=on_cancelled,
        )
        yield (external,)
        return
    async with open_workers(
        key.path,
        circuit_hash=key.circuit.hash,
        threads=split_threads(chosen.threads, chosen.workers),
        tables=chosen.tables,
        on_cancelled=on_cancelled,
    ) as workers:
        yield workers


def zkey_of(settings: Settings) -> Path:
    """The `.zkey` for an external program; ConfigError unless it is a file."""
    path = Path(settings.prover.zkey)
    if not path.is_file():
        raise ConfigError(
            f"prover.zkey is {settings.prover.zkey!r}, no file",
            fix="name the arbiter's key as .zkey; `poe circuit export` writes a development chain's",
        )
    return path


def new_experience(settings: Settings, parameters: ArbiterParameters, terms: Terms) -> Experience:
    """What the prover will learn, with the operator's limits."""
    energy = Wei(settings.prover.energy_wei_per_core_second)
    prices = Prices(reward=parameters.reward, tip=terms.tip, energy_per_core_second=energy)
    stop_loss = StopLoss(limits_of(settings), time.time)
    return Experience(us=terms.payee, prices=prices, stop_loss=stop_loss, clock=time.time)


def limits_of(settings: Settings) -> Limits:
    """What the operator puts up with."""
    chosen = settings.prover
    return Limits(
        failures_in_a_row=chosen.max_failures,
        pause_seconds=chosen.pause_seconds,
        least_balance=Wei(chosen.min_balance_wei),
        least_win_share=chosen.min_win_share,
    )


def set_limits(settings: Settings, *, experience: Experience, strategy: Strategy) -> None:
    """Take over the limits of settings that were read again; the next choice of a race goes by them."""
    experience.stop_loss.set_limits(limits_of(settings))
    experience.prices.energy_per_core_second = Wei(settings.prover.energy_wei_per_core_second)
    if isinstance(strategy, ExpectedValue):
        strategy.least = Wei(settings.prover.min_profit_wei)


def choose_strategy(settings: Settings, intents: IntentBook, experience: Experience) -> Strategy:
    """The strategy that the settings name."""
    if settings.prover.strategy == "oldest":
        return OldestFirst()
    if settings.prover.strategy == "spread":
        return LeastContested(intents)
    return ExpectedValue(
        intents,
        experience.odds,
        experience.prices,
        least=Wei(settings.prover.min_profit_wei),
        threads=split_threads(settings.prover.threads, settings.prover.workers)[0],
        clock=time.time,
    )


def worth_of_landing(settings: Settings, parameters: ArbiterParameters) -> Wei | None:
    """The most that landing a proof may cost in gas: the configured share of what is left of the reward."""
    share = settings.prover.max_gas_share
    return Wei(int((parameters.reward - settings.prover.tip_wei) * share)) if share else None


def require_tip_within_reward(settings: Settings, parameters: ArbiterParameters) -> None:
    """ConfigError when the arbiter would refuse each of our proofs for the tip they offer."""
    if settings.prover.tip_wei > parameters.reward:
        wanted = f"at most the arbiter's reward, {parameters.reward}"
        raise ConfigError(f"prover.tip_wei is {settings.prover.tip_wei}", fix=wanted, code="POE-CFG-011")


def payee_of(settings: Settings, signer: Signer) -> Address:
    """Who our proofs pay: the configured address or our own account."""
    return parse_address(settings.prover.payee, "prover.payee") if settings.prover.payee else signer.address


def replica_bodies(candidates: Candidates) -> BodySource:
    """Serves peers the batches that a prover holds."""

    async def body(number: BatchNumber) -> Batch | None:
        held = candidates.get(number)
        return None if held is None else held.batch

    return body

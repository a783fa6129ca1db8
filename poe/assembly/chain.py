"""Our view of one arbiter on one chain, checked against what this build computes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from poe.backend import native
from poe.backend.circuits import circuits_of, require_circuits
from poe.config import L1Settings, Settings
from poe.errors import ConfigError
from poe.journal import Journal
from poe.l1.abi import load_artifact
from poe.l1.contract import Arbiter
from poe.l1.deploy import INSECURE_PROVENANCE, require_secure_key
from poe.l1.endpoints import Endpoints, connect_endpoints
from poe.l1.events import EventDecoder
from poe.l1.follower import KEPT_BLOCKS, ChainFollower
from poe.l1.interface import ArbiterParameters
from poe.l1.keys import Signer, load_key
from poe.l1.keystore import read_password
from poe.l1.ledger import Ledger
from poe.l1.views import ArbiterViews
from poe.observer.standings import Standings
from poe.rollup import statement
from poe.rollup.types import Address, FieldElement

UNDO_BATCHES = 1024
WATCHED_BATCHES = 1024
"""Batches that a watcher can tell everything of and hand on, besides those that are not final."""
WATCHED_ROWS = 2048
"""Batches that it can tell the race of; its totals are of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Our view of one arbiter on one chain."""

    rpc: Endpoints
    parameters: ArbiterParameters
    follower: ChainFollower
    ledger: Ledger
    domain: FieldElement


async def open_chain(settings: Settings, *, is_watching: bool = False) -> Chain:
    """Connect to the arbiter and check chain, circuit and genesis against ours; the PoeError names what is wrong.

    Who `is_watching` only proves and orders nothing, and keeps less.
    """
    rpc = connect_endpoints(settings.l1.rpc_urls, deadline_seconds=settings.l1.deadline_seconds)
    address = parse_address(settings.l1.arbiter, "l1.arbiter")
    await rpc.require_chain(settings.l1.chain_id)
    parameters = await ArbiterViews(rpc, address).parameters()
    require_our_circuits(parameters)
    require_sound_keys(parameters)
    decoder = EventDecoder(load_artifact("Arbiter"), shape=parameters.shape)
    return Chain(
        rpc=rpc,
        parameters=parameters,
        follower=ChainFollower(rpc, parameters, decoder, poll_seconds=settings.l1.poll_seconds),
        ledger=watching_ledger(parameters) if is_watching else Ledger(parameters),
        domain=statement.domain(parameters.chain_id, parameters.address, parameters.circuit_version),
    )


def watching_ledger(parameters: ArbiterParameters) -> Ledger:
    """A ledger for long-lived watchers of busy chains: bodies are dropped for good, undone is what a follower can."""
    return Ledger(parameters, kept_batches=WATCHED_BATCHES, kept_blocks=KEPT_BLOCKS, keeps_bodies=False)


def watching_standings(parameters: ArbiterParameters) -> Standings:
    """Standings for the same watchers."""
    return Standings(parameters.genesis_root, has_policy=any(parameters.policy), kept_rows=WATCHED_ROWS)


async def follow_arbiter(rpc_url: str, arbiter: Address) -> Chain:
    """A read-only view of an arbiter on a development chain."""
    settings = Settings(l1=L1Settings(rpc_url=rpc_url, arbiter="0x" + arbiter.hex()))
    return await open_chain(settings)


async def connect(settings: Settings, chain: Chain, signer: Signer, journal: Journal) -> Arbiter:
    """The arbiter's calls for our account."""
    return await Arbiter.connect(
        chain.rpc, chain.parameters.address, signer, chain_id=settings.l1.chain_id, journal=journal
    )


def require_our_circuits(parameters: ArbiterParameters) -> None:
    """BackendError unless the arbiter verifies the two circuits that this build computes, from the empty state on."""
    require_circuits(
        parameters.shape,
        circuit_version=parameters.circuit_version,
        membership_version=parameters.membership_version,
        genesis_root=parameters.genesis_root,
    )


def require_sound_keys(parameters: ArbiterParameters) -> None:
    """BackendError for an arbiter one of whose keys lets anybody forge, ConfigError for a development key off such
    chains."""
    keys = (parameters.verifying_key_words, parameters.membership_key_words)
    for words, circuit in zip(keys, circuits_of(parameters.shape), strict=True):
        if native.check_verifying_key(words, circuit):
            require_secure_key(INSECURE_PROVENANCE, parameters.chain_id)


def new_state(parameters: ArbiterParameters) -> native.NativeState:
    """The genesis state."""
    return native.NativeState(parameters.shape.depth, history=UNDO_BATCHES)


def load_signer(settings: Settings) -> Signer:
    """Our L1 account, from its key file; a keystore's password is in `l1.password_file`."""
    if not settings.l1.key_file:
        raise ConfigError("l1.key_file is not set", fix="make a key with `poe key new FILE` and name the file")
    named = settings.l1.password_file
    return Signer(load_key(Path(settings.l1.key_file), partial(read_password, Path(named)) if named else None))


def parse_address(text: str, setting: str) -> Address:
    """Twenty bytes from 0x and 40 hex digits."""
    digits = text.removeprefix("0x")
    if len(digits) != 40 or not text.startswith("0x") or not all(c in "0123456789abcdefABCDEF" for c in digits):
        raise ConfigError(f"{setting} is {text!r}, not an address", fix="0x and 40 hex digits")
    return Address(bytes.fromhex(digits))


def open_journal(settings: Settings, chain: Chain, role: str) -> Journal:
    """The journal in the role's data folder, which whoever runs the role holds."""
    arbiter = chain.parameters
    identity = f"{role} for arbiter 0x{arbiter.address.hex()} on chain {arbiter.chain_id}"
    return Journal.open(Path(settings.data_dir), identity=identity.encode(), is_held=True)

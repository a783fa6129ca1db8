"""The seat that a sequencer needs: looked for, or taken, before it runs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from poe.assembly.chain import connect, load_signer, open_chain, open_journal
from poe.config import Settings
from poe.errors import ConfigError, SequencerError
from poe.journal import Journal
from poe.l1.contract import Arbiter
from poe.l1.interface import ArbiterParameters
from poe.rollup.types import Wei
from poe.sequencer.announcer import Signed

log = logging.getLogger("poe.sequencer")

GAS_RESERVE = Wei(10**16)
"""What an account should keep beside its bond, for gas and the first rewards."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Arbiter, ArbiterParameters, Journal]]:
    """The arbiter's calls for our account and the sequencer's journal, which no running node may hold meanwhile."""
    signer = load_signer(settings)
    chain = await open_chain(settings)
    with open_journal(settings, chain, "sequencer") as journal:
        yield await connect(settings, chain, signer, journal), chain.parameters, journal


async def looked_at(settings: Settings) -> tuple[Arbiter, ArbiterParameters]:
    """The arbiter's views for our account; needs no journal, so a node may run beside it."""
    signer, chain = load_signer(settings), await open_chain(settings)
    parameters = chain.parameters
    arbiter = await Arbiter.connect(chain.rpc, parameters.address, signer, chain_id=settings.l1.chain_id)
    return arbiter, parameters


async def has_seat(arbiter: Arbiter) -> bool:
    """Does our account hold a seat?"""
    return arbiter.account in await arbiter.sequencers()


async def take_seat(arbiter: Arbiter, parameters: ArbiterParameters, *, may_bond: bool) -> None:
    """Return with a seat, taken for the bond if `may_bond`; after the rollup's end none is needed.

    ConfigError when we hold none and may not bond, SequencerError when the account cannot pay, L1Error when the
    arbiter refuses.
    """
    if await has_seat(arbiter) or await arbiter.exit_mode():
        return
    if not may_bond:
        raise ConfigError(
            f"the account 0x{arbiter.account.hex()} holds no sequencer's seat",
            fix="take one with `poe sequencer bond`, or set sequencer.bond = true",
            code="POE-CFG-060",
        )
    await join(arbiter, parameters)


async def join(arbiter: Arbiter, parameters: ArbiterParameters) -> None:
    """Put the bond down and take the next seat."""
    balance = await arbiter.balance()
    if balance < parameters.bond + GAS_RESERVE:
        raise SequencerError(
            f"the account 0x{arbiter.account.hex()} has {balance} Wei, the bond is {parameters.bond}",
            fix=f"send it the bond and at least {GAS_RESERVE} Wei more for gas and rewards",
            code="POE-SEQ-064",
        )
    receipt = await arbiter.join_sequencers(parameters.bond)
    log.info("seat_taken bond_wei=%d block=%d tx=0x%s", parameters.bond, receipt.block_number, receipt.tx_hash.hex())


async def open_signed(arbiter: Arbiter, journal: Journal) -> Signed:
    """What our account has announced so far, as far as the journal can tell. Call this before taking a seat."""
    return Signed(journal, head=await arbiter.sequenced_number(), has_seat=await has_seat(arbiter))

"""A live page on our view of an arbiter."""

from __future__ import annotations

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from poe.assembly.chain import Chain
from poe.config import WebSettings
from poe.errors import L1Error
from poe.l1.abi import load_artifact
from poe.l1.answers import raw_receipt
from poe.l1.interface import ChainUpdate, Receipt
from poe.l1.landed import LandedProof, read_landed
from poe.net.interface import Network
from poe.observer.standings import Standings
from poe.rollup.types import BatchNumber, Hash
from poe.web.detail import Details
from poe.web.feed import Feed
from poe.web.model import RaceModel
from poe.web.page import LivePage
from poe.web.reports import Reports
from poe.web.site import LOOPBACK_NAMES, Site

log = logging.getLogger("poe.web")

KEPT_PROOFS = 256


@asynccontextmanager
async def open_page(
    settings: WebSettings, chain: Chain, standings: Standings, network: Network | None
) -> AsyncIterator[tuple[str, Callable[[ChainUpdate], None]]]:
    """Serve the page while the context lasts; yields its URL and what to call with each step of L1 taken."""
    model = RaceModel(
        parameters=chain.parameters,
        ledger=chain.ledger,
        standings=standings,
        reports=Reports([Path(folder) for folder in settings.report_folders]),
        clock=time.time,
    )
    feed = Feed(model, run=secrets.token_hex(8))
    site = Site(
        feed=feed,
        details=Details(model, _proof_reader(chain)),
        hosts=(*LOOPBACK_NAMES, *settings.host_names),
    )
    page = LivePage(
        model=model,
        feed=feed,
        site=site,
        network=network,
        look_at_l1=lambda: l1_health(chain),
        read_receipt=receipt_reader(chain),
    )
    async with page.open(host=settings.host, port=settings.port) as opened:
        yield opened


def l1_health(chain: Chain) -> Mapping[str, Any]:
    stats = chain.follower.stats()
    return {
        "endpoint": chain.rpc.endpoint,
        "head": stats.head_number,
        "followed": stats.followed_number,
        "head_age": int(stats.head_age_seconds),
        "silent": int(time.monotonic() - chain.rpc.answered_at),
        "errors": chain.rpc.errors,
        "reorgs": stats.reorgs,
        "deepest_reorg": stats.deepest_reorg_blocks,
        "skipped_logs": stats.skipped_logs,
    }


def receipt_reader(chain: Chain) -> Callable[[Hash], Any]:
    async def read(tx_hash: Hash) -> Receipt | None:
        answer = await chain.rpc.call("eth_getTransactionReceipt", "0x" + tx_hash.hex())
        return None if answer is None else raw_receipt(answer).receipt

    return read


def _proof_reader(chain: Chain) -> Callable[[Hash, BatchNumber], Any]:
    """One call at a time and each proof read once: people who open pages must not slow down following L1."""
    artifact = load_artifact("Arbiter")
    limiter = trio.CapacityLimiter(1)
    known: OrderedDict[tuple[Hash, BatchNumber], LandedProof] = OrderedDict()

    async def landed_in(tx_hash: Hash, number: BatchNumber) -> LandedProof | None:
        async with limiter:
            if (tx_hash, number) not in known:
                landed = await read_landed(chain.rpc, artifact, tx_hash, number)
                if landed is None:
                    return None
                known[tx_hash, number] = landed
                while len(known) > KEPT_PROOFS:
                    known.popitem(last=False)
            return known[tx_hash, number]

    async def read(tx_hash: Hash, number: BatchNumber) -> dict[str, Any] | None:
        try:
            landed = await landed_in(tx_hash, number)
        except L1Error as error:
            log.debug("proof_not_read batch=%d reason=%r", number, str(error))
            return None
        if landed is None:
            return None
        return {"commitment": hex(landed.commitment), "words": [hex(word) for word in landed.words]}

    return read

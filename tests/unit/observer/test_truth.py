"""Winner share on /metrics is that of L1's canonical events, exactly: raw logs through follower, ledger, exporter."""

from __future__ import annotations

import random
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from prometheus_client import generate_latest

from poe.l1.abi import load_artifact
from poe.l1.events import EventDecoder
from poe.l1.follower import ChainFollower
from poe.l1.interface import ArbiterEvent, ChainUpdate
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.metrics import WINNER_SERIES, new_metrics, serve_metrics
from poe.observer.export import RECENT_BATCHES, Exporter
from poe.observer.node import Observer
from poe.observer.standings import Standings
from poe.rollup.batch import batch_hash
from poe.rollup.types import Address
from tests.fakes_l1 import (
    ALICE,
    BOB,
    GENESIS_ROOT,
    PARAMETERS,
    REWARD,
    SHAPE,
    FakeChain,
    FakeRpc,
    a_batch,
    accepted,
    finalized,
    sequenced,
)
from tests.fakes_prover import History

RANKS = [*(str(rank) for rank in range(1, WINNER_SERIES + 1)), "other"]
ROOTS = int(GENESIS_ROOT)


@dataclass
class Market:
    """A scripted L1 on which batches are posted and won; `winners` are the canonical ones, by block."""

    chain: FakeChain = field(default_factory=FakeChain)
    winners: list[tuple[int, Address]] = field(default_factory=list)

    def win(self, payee: Address, *, wrong_proofs: int = 0) -> None:
        """One block: the next batch is posted, proven and final."""
        number = len(self.winners) + 1
        parent = GENESIS_HASH if number == 1 else batch_hash(a_batch(number - 1))
        old, new = ROOTS + number - 1, ROOTS + number
        events: list[ArbiterEvent] = [sequenced(number, parent, salt=number)]
        events += [accepted(number, 7 + n, 8 + n, payee=Address(b"\xee" * 20)) for n in range(wrong_proofs)]
        events += [accepted(number, old, new, payee=payee), finalized(number, new, payee=payee)]
        block = self.chain.mine(*events)
        self.winners.append((block.number, payee))

    def reorg(self, depth: int) -> None:
        self.chain.reorg(depth)
        keep = self.chain.head.number - depth
        self.winners = [(block, payee) for block, payee in self.winners if block <= keep]

    @property
    def wins(self) -> Counter[Address]:
        return Counter(payee for _, payee in self.winners)


class Watching:
    """An observer of a market through the real follower and decoder, its metrics served on loopback."""

    def __init__(self, market: Market, data_dir: Path) -> None:
        decoder = EventDecoder(load_artifact("Arbiter"), shape=SHAPE)
        self.market = market
        self.metrics = new_metrics("observer", has_network=False)
        self.steps: list[ChainUpdate] = []
        self.observer = Observer(
            follower=ChainFollower(FakeRpc(market.chain.answer), PARAMETERS, decoder, poll_seconds=0.0),
            ledger=Ledger(PARAMETERS),
            standings=Standings(GENESIS_ROOT),
            metrics=self.metrics,
            data_dir=data_dir,
            watchers=[self.steps.append],
        )

    async def catch_up(self) -> None:
        """Return once the observer has shown the chain's head, of its branch."""
        with trio.fail_after(10):
            while not self.steps or self.steps[-1].head.hash != self.market.chain.head.hash:
                await trio.lowlevel.checkpoint()

    def shown(self, port: int) -> dict[str, float]:
        """A scrape: value by series."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        return {series: float(value) for series, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def shares(wins: Counter[Address]) -> dict[str, float]:
    """Winner share by rank, counted here once more."""
    total, ranked = sum(wins.values()), [won for _, won in wins.most_common()] + [0] * WINNER_SERIES
    top = {str(rank + 1): ranked[rank] / total if total else 0 for rank in range(WINNER_SERIES)}
    return top | {"other": sum(ranked[WINNER_SERIES:]) / total if total else 0}


def shares_in(scrape: dict[str, float], name: str = "poe_market_winner_share_ratio") -> dict[str, float]:
    return {rank: scrape[f'{name}{{rank="{rank}"}}'] for rank in RANKS}


@pytest.mark.parametrize("seed", range(4))
async def test_winner_share_is_exactly_that_of_the_canonical_events_through_reorgs(tmp_path: Path, seed: int) -> None:
    rng, market = random.Random(seed), Market()
    payees = [Address(bytes([n]) * 20) for n in range(1, 12)]
    watching = Watching(market, tmp_path)
    with serve_metrics(watching.metrics, host="127.0.0.1", port=0) as port:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watching.observer.run)
            for _ in range(25):
                if market.winners and rng.random() < 0.4:
                    market.reorg(rng.randint(1, min(4, len(market.winners))))
                for _ in range(rng.randint(0, 4)):
                    market.win(min(rng.choices(payees, k=2)), wrong_proofs=rng.choice([0, 0, 1, 2]))
                await watching.catch_up()
                scrape = watching.shown(port)
                assert shares_in(scrape) == shares(market.wins)
                assert scrape["poe_market_finalized_batches"] == len(market.winners)
                assert scrape["poe_market_payees"] == len(market.wins)
                assert scrape["poe_market_rewards_wei"] == len(market.winners) * REWARD
            nursery.cancel_scope.cancel()
    assert scrape["poe_l1_reorgs_total"] >= 3, "a story without reorgs shows nothing"


async def test_recent_share_and_concentration_forget_what_is_long_ago(tmp_path: Path) -> None:
    market = Market()
    watching = Watching(market, tmp_path)
    for number in range(RECENT_BATCHES + 50):
        market.win(ALICE if number < 50 else BOB)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watching.observer.run)
        await watching.catch_up()
        nursery.cancel_scope.cancel()
    sample = watching.metrics.registry.get_sample_value
    assert sample("poe_market_recent_winner_share_ratio", {"rank": "1"}) == 1
    assert (sample("poe_market_hhi_ratio"), sample("poe_market_nakamoto_payees")) == (1, 1)
    assert sample("poe_market_winner_share_ratio", {"rank": "1"}) == RECENT_BATCHES / (RECENT_BATCHES + 50)


async def test_ten_thousand_payees_stay_under_two_hundred_series(tmp_path: Path) -> None:
    history, tally = History(), Standings(GENESIS_ROOT)
    for number in range(1, 10_001):
        tally.apply(history.step(finalized(number, ROOTS + number, payee=Address(number.to_bytes(20)))))
    metrics = new_metrics("observer", has_network=False)
    metrics.watch_host(tmp_path)
    Exporter(metrics, Ledger(PARAMETERS), tally).export(history.step(finalized(10_001, 1, payee=ALICE)))
    series = [line for line in generate_latest(metrics.registry).decode().splitlines() if line[0] != "#"]
    assert metrics.registry.get_sample_value("poe_market_payees") == 10_000
    assert len(series) < 200
    assert not [line for line in series if "0x" in line], "no address is a label"

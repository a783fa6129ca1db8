"""Races for batches under each award policy, played with random proof times: no network, no proofs, no clock.

A batch is posted with L1 block 0 at second 0 and seen at once. Prover i needs a normally distributed time with mean
`seconds[i]` and standard deviation `spread * seconds[i]`. A proof ready at second t is in the first block after t; what
is in a block is seen when that block comes, and only then do the others stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

FIRST_VALID, PHOTO_FINISH, LEASE = "first-valid", "photo-finish", "lease"
POLICIES = (FIRST_VALID, PHOTO_FINISH, LEASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Who races, and on what terms.

    `cost_per_second`: what a second of proving costs, in rewards. `outage`: the chance that a prover brings nothing
    for a batch. `stakes`: weights of the draws; equal if empty.
    """

    seconds: tuple[float, ...]
    spread: float = 0.0575
    block_seconds: float = 12.0
    lease_blocks: int = 1
    outage: float = 0.0
    cost_per_second: float = 0.15
    stakes: tuple[float, ...] = ()

    @property
    def weights(self) -> tuple[float, ...]:
        """The stakes, one a prover."""
        return self.stakes or (1.0,) * len(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One batch: who was paid (None: nobody proved), in which second its block came, how long each prover worked."""

    winner: int | None
    accepted_at: float
    busy_seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many batches under one policy; per batch, but for shares and index.

    `profit`: rewards less proving costs, of each prover. `wasted_seconds`: proving that nobody was paid for.
    """

    shares: tuple[float, ...]
    hhi: float
    wasted_seconds: float
    delay_seconds: float
    profit: tuple[float, ...]


def play(policy: str, market: Market, batches: int, rng: Random) -> Summary:
    """Play so many batches."""
    rule = _RULES[policy]
    played = [rule(market, _ready(market, rng), rng) for _ in range(batches)]
    provers = range(len(market.seconds))
    wins = [sum(one.winner == i for one in played) for i in provers]
    proven = max(1, sum(wins))
    busy = [math.fsum(one.busy_seconds[i] for one in played) for i in provers]
    paid = math.fsum(one.busy_seconds[one.winner] for one in played if one.winner is not None)
    shares = tuple(won / proven for won in wins)
    return Summary(
        shares=shares,
        hhi=math.fsum(share**2 for share in shares),
        wasted_seconds=(math.fsum(busy) - paid) / batches,
        delay_seconds=math.fsum(one.accepted_at for one in played if one.winner is not None) / proven,
        profit=tuple((wins[i] - busy[i] * market.cost_per_second) / batches for i in provers),
    )


def who_stays(policy: str, market: Market, batches: int, rng: Random) -> tuple[int, ...]:
    """The provers that are left once whoever loses most has given up, again and again, until nobody loses money."""
    staying = list(range(len(market.seconds)))
    while staying:
        smaller = replace(
            market,
            seconds=tuple(market.seconds[i] for i in staying),
            stakes=tuple(market.weights[i] for i in staying),
        )
        profit = play(policy, smaller, batches, rng).profit
        worst = min(range(len(staying)), key=profit.__getitem__)
        if profit[worst] >= 0:
            break
        del staying[worst]
    return tuple(staying)


def _ready(market: Market, rng: Random) -> list[float]:
    """How long each would take; infinity for one that is out."""
    return [
        math.inf if rng.random() < market.outage else max(0.05 * mean, rng.gauss(mean, market.spread * mean))
        for mean in market.seconds
    ]


def _block_at(second: float, market: Market) -> float:
    """When the first block after a second comes."""
    return (math.floor(second / market.block_seconds) + 1) * market.block_seconds


def _race(
    market: Market, ready: Sequence[float], began: Sequence[float]
) -> tuple[int | None, float, tuple[float, ...]]:
    """Whoever is ready first; when its block comes; how long each worked until then."""
    first = min(range(len(ready)), key=ready.__getitem__)
    if math.isinf(ready[first]):
        return None, math.inf, (0.0,) * len(ready)
    ends = _block_at(ready[first], market)
    busy = (
        0.0 if math.isinf(done) else max(0.0, min(done, ends) - since) for done, since in zip(ready, began, strict=True)
    )
    return first, ends, tuple(busy)


def _first_valid(market: Market, ready: Sequence[float], rng: Random) -> Played:
    del rng
    winner, ends, busy = _race(market, ready, [0.0] * len(ready))
    return Played(winner=winner, accepted_at=ends, busy_seconds=busy)


def _photo_finish(market: Market, ready: Sequence[float], rng: Random) -> Played:
    """All that are in the first one's block are drawn among, by stake."""
    first, ends, busy = _race(market, ready, [0.0] * len(ready))
    if first is None:
        return Played(winner=None, accepted_at=ends, busy_seconds=busy)
    contenders = [i for i, done in enumerate(ready) if done < ends]
    (winner,) = rng.choices(contenders, [market.weights[i] for i in contenders])
    return Played(winner=winner, accepted_at=ends, busy_seconds=busy)


def _lease(market: Market, ready: Sequence[float], rng: Random) -> Played:
    """The holder alone; the others begin when the lease has run out without its proof."""
    (holder,) = rng.choices(range(len(ready)), market.weights)
    over = market.lease_blocks * market.block_seconds
    if ready[holder] < over:
        busy = tuple(done if i == holder else 0.0 for i, done in enumerate(ready))
        return Played(winner=holder, accepted_at=_block_at(ready[holder], market), busy_seconds=busy)
    late = [done if i == holder else over + done for i, done in enumerate(ready)]
    began = [0.0 if i == holder else over for i in range(len(ready))]
    winner, ends, busy = _race(market, late, began)
    return Played(winner=winner, accepted_at=ends, busy_seconds=busy)


_RULES: dict[str, Callable[[Market, Sequence[float], Random], Played]] = {
    FIRST_VALID: _first_valid,
    PHOTO_FINISH: _photo_finish,
    LEASE: _lease,
}

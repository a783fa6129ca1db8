"""The prover node on one page: follow L1, listen to gossip, race for a batch on each worker, tell about it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import trio

from poe.backend.interface import ProofBackend
from poe.errors import BackendError, L1Error, NetError
from poe.l1.interface import ChainUpdate, Follower
from poe.l1.tally import Tally
from poe.l1.turns import due_at
from poe.metrics import Metrics
from poe.net.interface import BatchAnnouncement, Network, ProvingIntent
from poe.prover import drain
from poe.prover.awards import Awards
from poe.prover.backlog import Backlog
from poe.prover.candidates import Candidate, Candidates
from poe.prover.experience import Experience
from poe.prover.hearing import Hearing
from poe.prover.intents import IntentBook
from poe.prover.race import Collaborators, Outcome, RaceResult, race
from poe.prover.record import Record
from poe.prover.shelf import ProofShelf
from poe.prover.strategy import Strategy
from poe.rollup.types import BatchNumber, Wei
from poe.status import write_status

log = logging.getLogger("poe.prover")

PAUSE_AFTER_FAILURE_SECONDS = 2.0
DOORS_SECONDS = 2.0
INTENT_SECONDS = 30
SITTING_OUT_SECONDS = 5.0
"""How often a node that sits out looks again whether prices, balance or patience changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """A prover and its collaborators; `network` is None when gossip is off.

    A race runs on the collaborators' worker, and one more on each of `further_proofs`, each for a batch of its own.
    """

    follower: Follower
    candidates: Candidates
    collaborators: Collaborators
    shelf: ProofShelf
    backlog: Backlog
    strategy: Strategy
    experience: Experience
    intents: IntentBook
    jitter_seconds: Callable[[], float]
    network: Network | None
    metrics: Metrics
    record: Record
    tally: Tally = field(default_factory=Tally)
    data_dir: Path
    further_proofs: tuple[ProofBackend, ...] = ()
    in_hand: set[BatchNumber] = field(default_factory=set)
    """Batches that a race of ours is on, or that we are landing."""
    resume_block: int = 0
    """L1's head when we started: until it is read up to there, what looks open may long be proven."""
    caught_up: trio.Event = field(default_factory=trio.Event)
    draining: trio.Event = field(default_factory=trio.Event)

    async def run(self) -> None:
        """Run until cancelled, or drained: asked to end, and the last race over."""
        drain.withdraw(self.data_dir)
        if not self.resume_block:
            self.caught_up.set()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_l1)
            if self.network is not None:
                nursery.start_soon(self._listen, self.network)
                nursery.start_soon(self._hear_intents, self.network)
            nursery.start_soon(self._watch_doors)
            if self.awards is not None:
                nursery.start_soon(self._keep_awards, self.awards)
            nursery.start_soon(self._drain_when_asked, nursery.cancel_scope)
            async with trio.open_nursery() as lanes:
                for proofs in (self.collaborators.proofs, *self.further_proofs):
                    lanes.start_soon(self._race_until_drained, replace(self.collaborators, proofs=proofs))
            log.info("drained")
            nursery.cancel_scope.cancel()

    async def _drain_when_asked(self, everything: trio.CancelScope) -> None:
        await drain.wait_for_request(self.data_dir)
        log.info("draining races=%d", len(self.in_hand))
        self.draining.set()
        self.write_status()
        await trio.sleep(drain.DRAIN_SECONDS)
        log.warning("drain_given_up races=%d", len(self.in_hand))
        everything.cancel()

    async def _follow_l1(self) -> None:
        hearing = Hearing(self.metrics, time.time)
        async with aclosing(self.follower.updates()) as updates:
            async for update in updates:
                self.tally.apply(update)
                if self.awards is not None:
                    self.awards.note(update)
                if self.network is not None:
                    hearing.note_l1(update, self.candidates)
                self.candidates.follow(update)
                self.experience.note_l1(update, self.candidates)
                self._show_heights(update)
                self.write_status()
                if update.head.number >= self.resume_block:
                    self.caught_up.set()

    async def _keep_awards(self, awards: Awards) -> None:
        """After each L1 block learn whose leases are new, and settle what is ours.

        Not before L1 is read up to where it was at our start: what waits there may long be paid.
        """
        await self.caught_up.wait()
        while True:
            head = awards.head
            await awards.look()
            while awards.head == head:
                await self.candidates.wait_for_change()

    async def _listen(self, network: Network) -> None:
        async for announcement in network.announcements:
            try:
                await self._take_up(network, announcement)
            except NetError as error:
                log.info("body_not_fetched batch=%d reason=%r", announcement.number, str(error))

    async def _take_up(self, network: Network, announcement: BatchAnnouncement) -> None:
        """Fetch the body of a batch that L1 has not told us yet and execute it ahead of its posting."""
        if announcement.number != self.candidates.replica.height + 1:
            return
        batch = await network.fetch_body(announcement.number, announcement.batch_hash)
        if self.candidates.hear(announcement.number, announcement.parent_hash, batch):
            log.info("batch_heard number=%d", announcement.number)

    async def _race_until_drained(self, lane: Collaborators) -> None:
        while (candidate := await self._next(lane)) is not None:
            try:
                results = await self.backlog.land(self.in_hand, mine=candidate.number)
                results = results or [await self._race(candidate, lane)]
            finally:
                self.in_hand.discard(candidate.number)
            for result in results:
                self.record.add(result)
                self.experience.note_race(result)
            self.write_status()
            if any(result.outcome is Outcome.FAILED for result in results):
                await trio.sleep(PAUSE_AFTER_FAILURE_SECONDS)

    async def _next(self, lane: Collaborators) -> Candidate | None:
        """The next race of a lane, in hand from now on; None once we drain."""
        if self.draining.is_set():
            return None
        chosen: Candidate | None = None

        async def cancel_when_draining(scope: trio.CancelScope) -> None:
            await self.draining.wait()
            scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel_when_draining, nursery.cancel_scope)
            await self._warm(lane)
            await self.caught_up.wait()
            chosen = await self._choose()
            self.in_hand.add(chosen.number)
            nursery.cancel_scope.cancel()
        return chosen

    async def _race(self, candidate: Candidate, lane: Collaborators) -> RaceResult:
        await self._tell_intent(candidate)
        with self.metrics.proving.track_inprogress():
            return await race(candidate, self.shelf, lane)

    async def _warm(self, lane: Collaborators) -> None:
        """Load the key ahead of the race; what fails here is tried again there, and counted."""
        try:
            await lane.proofs.warm()
        except BackendError as error:
            log.warning("worker_not_warm reason=%r", str(error))

    async def _choose(self) -> Candidate:
        """The next race. The random wait comes first, so that provers set free by the same win hear each other."""
        while True:
            while not self._open():
                await self.candidates.wait_for_change()
            await trio.sleep(self.jitter_seconds())
            still_open, leased = self._payable(self._open())
            sits_out = self.experience.stop_loss.why_not() or leased
            candidate = None if sits_out else self.strategy.choose(self.shelf.unfinished(still_open) or still_open)
            self._tell_sitting_out(sits_out or ("" if candidate or not still_open else self.strategy.reason))
            if candidate is not None:
                return candidate
            with trio.move_on_after(SITTING_OUT_SECONDS):
                await self.candidates.wait_for_change()

    def _payable(self, still_open: list[Candidate]) -> tuple[list[Candidate], str]:
        return (still_open, "") if self.awards is None else self.awards.payable(still_open)

    def _open(self) -> list[Candidate]:
        """The open batches that no race of ours is on: each lane has its own."""
        return [one for one in self.candidates.open() if one.number not in self.in_hand]

    def _tell_sitting_out(self, reason: str) -> None:
        """One log line when the node begins to sit out, and one when it stops; the status file says it meanwhile.

        A node of which one lane races does not sit out.
        """
        reason = "" if self.in_hand else reason
        if bool(reason) != bool(self.record.sitting_out):
            log.warning("sitting_out reason=%r", reason) if reason else log.info("racing_again")
        self.record.sitting_out = reason
        self.metrics.sitting_out.set(bool(reason))

    async def _hear_intents(self, network: Network) -> None:
        async for intent in network.intents:
            if intent.prover != self.collaborators.terms.payee:
                self.intents.note(intent)

    async def _tell_intent(self, candidate: Candidate) -> None:
        if self.network is None:
            return
        intent = ProvingIntent(
            number=candidate.number,
            batch_hash=candidate.batch_hash,
            prover=self.collaborators.terms.payee,
            expires_at=int(time.time()) + INTENT_SECONDS,
        )
        try:
            await self.network.tell_intent(intent)
        except NetError as error:
            log.debug("intent_not_told reason=%r", str(error))

    async def _watch_doors(self) -> None:
        """Refresh the gauges of L1 and the network."""
        while True:
            try:
                self.experience.stop_loss.balance = balance = await self.collaborators.arbiter.balance()
                self.experience.prices.gas_price = await self.collaborators.arbiter.gas_price()
                self._show_money(balance)
            except L1Error as error:
                log.warning("balance_unknown reason=%r", str(error))
            if self.network is not None:
                self.metrics.set_network(**asdict(self.network.stats()))
            await trio.sleep(DOORS_SECONDS)

    def _show_money(self, balance: Wei) -> None:
        prices = self.experience.prices
        self.record.gas_price = prices.gas_price
        self.metrics.l1_balance_wei.set(balance)
        self.metrics.gas_price_wei.set(prices.gas_price)
        self.metrics.proofs_left.set(balance // max(1, prices.win_gas * prices.gas_price))

    def _show_heights(self, update: ChainUpdate) -> None:
        ledger = self.candidates.ledger
        if self.network is not None:
            self.network.set_head(ledger.head()[0])
            if self.follower.is_caught_up:
                self.network.set_sequencers(ledger.sequencers, due=due_at(ledger, update.head.number))
        is_reorg = update.rolled_back_to is not None
        self.metrics.set_l1_head(number=update.head.number, timestamp=update.head.timestamp, is_reorg=is_reorg)
        us = self.collaborators.terms.payee
        self.metrics.wins.set(self.tally.wins.get(us, 0))
        self.metrics.prover_rewards_wei.set(self.tally.rewards.get(us, 0))
        self.metrics.batch_height.labels(stage="sequenced").set(ledger.head()[0])
        self.metrics.batch_height.labels(stage="finalized").set(ledger.finalized_number)

    def _is_ours(self, number: BatchNumber) -> bool | None:
        """Does the accepted proof of a batch pay us? None for one that we no longer hold, or that pays nobody yet."""
        if self.awards is not None:
            paid = self.awards.paid(number)
            return None if paid is None else paid == self.collaborators.terms.payee
        candidate = self.candidates.get(number)
        if candidate is None:
            return None
        accepted = self.candidates.accepted(candidate)
        return accepted is not None and accepted.payee == self.collaborators.terms.payee

    @property
    def awards(self) -> Awards | None:
        """Who is paid, where an award policy decides that."""
        return self.collaborators.awards

    def write_status(self) -> None:
        """Refresh the status file."""
        self.record.review(self._is_ours)
        ledger, replica = self.candidates.ledger, self.candidates.replica
        final = replica.execution(ledger.finalized_number)
        write_status(
            self.data_dir,
            {
                "role": "prover",
                "payee": "0x" + self.collaborators.terms.payee.hex(),
                "height": replica.height,
                "root": hex(replica.root),
                "total_balance_gwei": replica.total_balance(),
                "finalized": ledger.finalized_number,
                "finalized_root": hex(ledger.finalized_root),
                "agrees_with_l1": final is None or final.new_root == ledger.finalized_root,
                "exit_mode": self.candidates.has_ended,
                "disagreements": self.candidates.disagreements,
                "draining": self.draining.is_set(),
                "racing": sorted(self.in_hand),
                **self.record.as_status(),
            },
        )

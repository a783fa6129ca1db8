"""The read model of the live page: what it shows of the race, and what changed since a version a page already has.

Pure and synchronous. The observer's ledger and standings are the truth; this adds when we saw things happen, what
gossip and reports say, gas, and a version for each part. A page is a cursor into the versions, so a slow one costs
nothing but its own delay: there is no queue to grow.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import Any

from poe.l1.interface import (
    AlarmRaised,
    ArbiterEvent,
    ArbiterParameters,
    Awarded,
    BatchFinalized,
    BatchSequenced,
    ChainUpdate,
    ProofAccepted,
    ProofContends,
    Receipt,
)
from poe.l1.ledger import Ledger
from poe.net.interface import BatchAnnouncement, ProvingIntent
from poe.observer.concentration import herfindahl, nakamoto
from poe.observer.standings import Row, Standings
from poe.rollup.types import BatchNumber, Hash
from poe.web import rows
from poe.web.accounts import Accounts
from poe.web.racers import Racers
from poe.web.reports import Reports

WINDOW_BATCHES = 400
"""Batches that a page is told of; older ones have pages of their own while the ledger keeps them."""
SHOWN_ACCOUNTS = 50
KEPT_SIGHTS = 4096
KEPT_REMOVALS = 1024
MAX_SEALED = 16
LIVE_SECONDS = 6.0
"""An event whose block is older than this when it reaches us is history: nobody saw it happen. L1's blocks are stamped
when their slot begins, and come seconds later."""


class RaceModel:
    """What the page is told, part by part, each with the version it last changed in."""

    def __init__(
        self,
        *,
        parameters: ArbiterParameters,
        ledger: Ledger,
        standings: Standings,
        reports: Reports,
        clock: Callable[[], float],
    ) -> None:
        self.parameters = parameters
        self.ledger = ledger
        self.standings = standings
        self.reports = reports
        self.accounts = Accounts()
        self.racers = Racers(ledger.is_sequenced)
        self.version = 0
        self._clock = clock
        self._seen: OrderedDict[tuple[str, Hash, int], float] = OrderedDict()
        self._heard: OrderedDict[tuple[BatchNumber, Hash], float] = OrderedDict()
        self._postings: OrderedDict[Hash, Receipt] = OrderedDict()
        self._rows: OrderedDict[BatchNumber, tuple[int, dict[str, Any]]] = OrderedDict()
        self._removed: deque[tuple[int, BatchNumber]] = deque(maxlen=KEPT_REMOVALS)
        self._parts: dict[str, tuple[int, Any]] = {}
        self._pays = Awarded if any(parameters.policy) else BatchFinalized
        self._alarm: AlarmRaised | None = None
        self._doors: Mapping[str, Any] = {"l1": None, "p2p": None}
        self._oldest_version = 0
        self._refresh(set())

    def apply(self, update: ChainUpdate) -> list[Hash]:
        """Take in a step of L1 that ledger and standings have taken; transactions whose receipts would tell gas."""
        changed: set[BatchNumber] = set()
        if update.rolled_back_to is not None:
            self.accounts.roll_back(update.rolled_back_to)
            if self._alarm is not None and self._alarm.origin.block.number > update.rolled_back_to:
                self._alarm = None
            changed.update(self._rows)
        now = self._clock()
        unpriced: list[Hash] = []
        for event in update.events:
            changed |= self._take(event, now, unpriced)
        self._refresh(changed)
        return unpriced

    def hear_intent(self, intent: ProvingIntent) -> None:
        """Somebody says that it works on a batch."""
        if self.racers.note(intent, self._clock()):
            self._refresh({intent.number})

    def hear_announcement(self, announcement: BatchAnnouncement) -> None:
        """The sequencer told of a batch, perhaps before L1."""
        key = (announcement.number, announcement.batch_hash)
        self._heard.setdefault(key, self._clock())
        if len(self._heard) > WINDOW_BATCHES:
            self._heard.popitem(last=False)
        self._refresh({announcement.number})

    def price(self, receipt: Receipt) -> None:
        """A receipt came in."""
        self.accounts.price(receipt)
        self._postings[receipt.tx_hash] = receipt
        if len(self._postings) > KEPT_SIGHTS:
            self._postings.popitem(last=False)
        tx = rows.hexed(receipt.tx_hash)
        self._refresh({number for number, (_, row) in self._rows.items() if tx in _txs(row)})

    def take_reports(self, changed: set[BatchNumber]) -> None:
        """The reports told something new of these batches."""
        if changed or "names" not in self._parts or self._parts["names"][1] != self._names():
            self._refresh(changed)

    def note_doors(self, *, l1: Mapping[str, Any], p2p: Mapping[str, Any] | None) -> None:
        """How L1's endpoint and the peer-to-peer network do."""
        self._doors = {"l1": dict(l1), "p2p": None if p2p is None else dict(p2p)}
        self._refresh(set())

    def now(self) -> float:
        """Unix seconds by the clock that our sightings are told in."""
        return self._clock()

    def snapshot(self) -> dict[str, Any]:
        """Everything, for a page that has nothing."""
        parts = {name: value for name, (_, value) in self._parts.items()}
        return {**parts, "batches": [row for _, row in self._rows.values()], "removed": []}

    def changes(self, since: int) -> dict[str, Any] | None:
        """What changed after version `since`; None when that is not known any more: take a snapshot."""
        if not self._oldest_version <= since <= self.version:
            return None
        parts = {name: value for name, (version, value) in self._parts.items() if version > since}
        batches = [row for version, row in self._rows.values() if version > since]
        removed = sorted({number for version, number in self._removed if version > since})
        return {**parts, "batches": batches, "removed": [number for number in removed if number not in self._rows]}

    def row(self, number: BatchNumber) -> dict[str, Any] | None:
        """A batch's row, in the window or not."""
        row = self.standings.row(number)
        return None if row is None else self._render(row)

    def seen(self, kind: str, tx_hash: Hash, log_index: int) -> float | None:
        """When we watched an event happen; None for history."""
        return self._seen.get((kind, tx_hash, log_index))

    def posting_receipt(self, tx_hash: Hash) -> Receipt | None:
        """The receipt of a posting, once known."""
        return self._postings.get(tx_hash)

    def _take(self, event: ArbiterEvent, now: float, unpriced: list[Hash]) -> set[BatchNumber]:
        if isinstance(event, BatchSequenced | ProofAccepted | BatchFinalized):
            self._see(event, now)
        if isinstance(event, BatchSequenced | ProofAccepted | ProofContends):
            unpriced.append(event.origin.tx_hash)
        match event:
            case BatchSequenced():
                return {event.number}
            case ProofAccepted() | ProofContends():
                self.accounts.land(event)
                return {event.number}
            case BatchFinalized() | Awarded():
                if isinstance(event, self._pays):
                    self.accounts.pay(event, self._winning_proof(event))
                return {event.number, BatchNumber(event.number + 1)}
            case AlarmRaised():
                self._alarm = event
                return set(self._rows)
            case _:
                return set()

    def _see(self, event: BatchSequenced | ProofAccepted | BatchFinalized, now: float) -> None:
        if now - event.origin.block.timestamp > LIVE_SECONDS:
            return
        key = (type(event).__name__, event.origin.tx_hash, event.origin.log_index)
        self._seen.setdefault(key, now)
        if len(self._seen) > KEPT_SIGHTS:
            self._seen.popitem(last=False)

    def _winning_proof(self, paid: BatchFinalized | Awarded) -> ProofAccepted | None:
        """The accepted proof that the payment is for; an award may also go to one that only contended."""
        proofs = (proof for proof in self.ledger.accepted(paid.number).values() if proof.payee == paid.payee)
        matching = (proof for proof in proofs if isinstance(paid, Awarded) or proof.new_root == paid.new_root)
        return next(matching, None)

    def _refresh(self, changed: set[BatchNumber]) -> None:
        """Render what may have changed; a new version if anything did."""
        version = self.version + 1
        dirty = [self._refresh_row(number, version) for number in sorted(changed)]
        parts = self._render_parts()
        for name, value in parts.items():
            if name not in self._parts or self._parts[name][1] != value:
                self._parts[name] = (version, value)
                dirty.append(True)
        if any(dirty):
            self.version = version

    def _refresh_row(self, number: BatchNumber, version: int) -> bool:
        known = self.standings.row(number)
        if known is None:
            if self._rows.pop(number, None) is None:
                return False
            self._note_removal(number, version)
            return True
        if number not in self._rows and self._rows and number < next(iter(self._rows)):
            return False
        rendered = self._render(known)
        if number in self._rows and self._rows[number][1] == rendered:
            return False
        self._rows[number] = (version, rendered)
        while len(self._rows) > WINDOW_BATCHES:
            self._rows.popitem(last=False)
        return True

    def _note_removal(self, number: BatchNumber, version: int) -> None:
        if len(self._removed) == KEPT_REMOVALS:
            self._oldest_version = self._removed[0][0]
        self._removed.append((version, number))

    def _render(self, row: Row) -> dict[str, Any]:
        posting = self.ledger.batch(row.number)
        batch_hash = None if posting is None else posting.batch_hash
        racers = [] if batch_hash is None else self.racers.of(row.number, batch_hash)
        gas = self._postings.get(row.posted.tx_hash)
        return {
            **rows.posting_as_json(row, posting, self._sight("BatchSequenced", row.posted)),
            "heard": None if batch_hash is None else self._heard.get((row.number, batch_hash)),
            "proof": self._render_proof(row),
            "final": None
            if row.finalized is None
            else rows.origin_as_json(row.finalized, self._sight("BatchFinalized", row.finalized)),
            "racers": rows.racers_as_json(racers),
            **rows.race_as_json(self.reports.runs(row.number), row.payee),
            "gas": {
                "post": rows.gas_as_json(None if gas is None else (gas, 1)),
                "proof": None if row.accepted is None else rows.gas_as_json(self.accounts.gas_of(row.accepted.tx_hash)),
            },
        }

    def _render_proof(self, row: Row) -> dict[str, Any] | None:
        if row.accepted is None or row.payee is None:
            return None
        for proof in self.ledger.accepted(row.number).values():
            if proof.origin == row.accepted:
                told = rows.proof_as_json(proof, self._sight("ProofAccepted", row.accepted))
                return {**told, "first": told["payee"], "payee": rows.hexed(row.payee)}
        sight = self._sight("ProofAccepted", row.accepted)
        return {**rows.origin_as_json(row.accepted, sight), "payee": rows.hexed(row.payee)}

    def _sight(self, kind: str, origin: Any) -> float | None:
        return self.seen(kind, origin.tx_hash, origin.log_index)

    def _render_parts(self) -> dict[str, Any]:
        ledger = self.ledger
        return {
            "chain": self._chain(),
            "doors": self._doors,
            "heights": {"sequenced": ledger.head()[0], "final": ledger.finalized_number},
            "queue": len(ledger.pending_entries()),
            "ended": self._ended(),
            "alarm": None if self._alarm is None else {"batch": self._alarm.number},
            "market": {
                "rewards": str(self.standings.rewards),
                "wins": sum(self.standings.wins.values()),
                "payees": len(self.standings.wins),
                "hhi": round(herfindahl(self.standings.wins), 4),
                "nakamoto": nakamoto(self.standings.wins),
            },
            "accounts": [rows.account_as_json(*entry) for entry in self.accounts.top(SHOWN_ACCOUNTS)],
            "names": self._names(),
            "sealed": self._sealed(),
        }

    def _chain(self) -> dict[str, Any]:
        parameters = self.parameters
        return {
            "id": parameters.chain_id,
            "arbiter": rows.hexed(parameters.address),
            "shape": str(parameters.shape),
            "deployed_block": parameters.deployed_at_block,
        }

    def _names(self) -> dict[str, str]:
        return {rows.hexed(payee): name for payee, name in self.reports.names.items()}

    def _ended(self) -> dict[str, Any] | None:
        ended = self.ledger.exit_mode
        return None if ended is None else {"block": ended.origin.block.number, "batch": ended.number}

    def _sealed(self) -> list[dict[str, Any]]:
        """Batches that gossip told of and L1 has not ordered yet."""
        head = self.ledger.head()[0]
        waiting = sorted((key, at) for key, at in self._heard.items() if key[0] > head)
        return [{"n": number, "hash": rows.hexed(of), "heard": at} for (number, of), at in waiting[:MAX_SEALED]]


def _txs(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["posted"]["tx"], row["proof"]["tx"] if row["proof"] else "")

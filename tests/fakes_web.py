"""A race on L1 as the follower would tell it, and the read model that watches it; times are the test's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from poe.crypto.keccak import keccak256
from poe.l1.interface import ArbiterEvent, ArbiterParameters, BlockRef, ChainUpdate, LogOrigin, Receipt
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.net.interface import ProvingIntent
from poe.observer.standings import Standings
from poe.rollup.batch import batch_hash
from poe.rollup.types import Address, BatchNumber, Hash, Wei
from poe.web.model import RaceModel
from poe.web.reports import Reports
from tests.fakes_l1 import GENESIS_ROOT, PARAMETERS, a_batch, accepted, finalized, sequenced

START = 1_000_000.0
PAYEES = tuple(Address(bytes([0xA0 + i]) * 20) for i in range(12))


@dataclass
class Clock:
    """Unix seconds that stand still unless told."""

    now: float = START

    def __call__(self) -> float:
        return self.now


def root_after(number: int) -> int:
    """The root that batch `number` leads to in these races."""
    return GENESIS_ROOT + number


def hash_of(number: int) -> Hash:
    """The hash of batch `number` in these races."""
    return batch_hash(a_batch(number)) if number else GENESIS_HASH


@dataclass
class Chain:
    """Writes the updates of a race; every call is one block, at the clock's second."""

    clock: Callable[[], float] = field(default_factory=Clock)
    block: int = PARAMETERS.deployed_at_block
    branch: int = 0

    def step(self, *events: ArbiterEvent, back_to: int | None = None) -> ChainUpdate:
        """One more block with these events, each in a transaction of its own."""
        if back_to is not None:
            self.block, self.branch = back_to, self.branch + 1
        self.block += 1
        name = keccak256(self.branch.to_bytes(4) + self.block.to_bytes(8))
        head = BlockRef(number=self.block, hash=Hash(name), parent_hash=Hash(bytes(32)), timestamp=int(self.clock()))
        return ChainUpdate(head=head, rolled_back_to=back_to, events=tuple(_place(events, head)))

    def posted(self, *numbers: int) -> list[ArbiterEvent]:
        """The events of posting these batches."""
        return [sequenced(number, hash_of(number - 1), salt=number) for number in numbers]

    def won(self, number: int, payee: Address, *, submitter: Address | None = None, tip: int = 0) -> list[ArbiterEvent]:
        """The events of a proof that finalizes its batch at once."""
        proof = accepted(
            number, root_after(number - 1), root_after(number), payee=payee, submitter=submitter or payee, tip=tip
        )
        return [proof, finalized(number, root_after(number), payee=payee)]


def _place(events: Sequence[ArbiterEvent], head: BlockRef) -> list[ArbiterEvent]:
    return [
        replace(event, origin=LogOrigin(block=head, tx_hash=tx_of(head.number, index // 2, head.hash), log_index=index))
        for index, event in enumerate(events)
    ]


def tx_of(block: int, index: int, salt: bytes = b"") -> Hash:
    """A transaction's hash: an accepted proof and its finality, two events in a row, share one."""
    return Hash(keccak256(salt + block.to_bytes(8) + index.to_bytes(4)))


class Watched:
    """A read model with its ledger and standings, fed step by step."""

    def __init__(self, folders: Sequence[Path] = (), *, parameters: ArbiterParameters = PARAMETERS) -> None:
        self.clock = Clock()
        self.chain = Chain(self.clock)
        self.ledger = Ledger(PARAMETERS)
        self.standings = Standings(PARAMETERS.genesis_root)
        self.model = RaceModel(
            parameters=parameters,
            ledger=self.ledger,
            standings=self.standings,
            reports=Reports(folders),
            clock=self.clock,
        )

    def step(self, *events: ArbiterEvent, back_to: int | None = None) -> list[Hash]:
        """L1 makes a block; the transactions whose receipts the model would like."""
        update = self.chain.step(*events, back_to=back_to)
        self.ledger.apply(update)
        self.standings.apply(update)
        return self.model.apply(update)

    def take(self, *events: ArbiterEvent, back_to: int | None = None) -> list[Hash]:
        """The model alone hears of a block; ledger and standings have rules of their own for it."""
        return self.model.apply(self.chain.step(*events, back_to=back_to))

    def post(self, *numbers: int) -> list[Hash]:
        """These batches are posted."""
        return self.step(*self.chain.posted(*numbers))

    def win(self, number: int, payee: Address, *, submitter: Address | None = None, tip: int = 0) -> list[Hash]:
        """A batch is proven and final."""
        return self.step(*self.chain.won(number, payee, submitter=submitter, tip=tip))

    def row(self, number: int) -> dict[str, object]:
        """The row that a page has of a batch."""
        (found,) = [row for row in self.model.snapshot()["batches"] if row["n"] == number]
        return dict(found)


def an_intent(number: int, prover: Address, *, until: float = START + 30, of: Hash | None = None) -> ProvingIntent:
    """`prover` says that it works on a batch."""
    return ProvingIntent(
        number=BatchNumber(number), batch_hash=of or hash_of(number), prover=prover, expires_at=int(until)
    )


def a_receipt(tx_hash: Hash, *, gas: int = 300_000, price: int = 10**9) -> Receipt:
    """A mined transaction."""
    return Receipt(tx_hash=tx_hash, block_number=5, gas_used=gas, effective_gas_price=Wei(price))

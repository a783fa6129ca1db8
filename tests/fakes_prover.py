"""What a prover meets, in memory: a chained state, a history of L1 steps with reorgs, a worker, an arbiter, a follower.

Nothing here proves or verifies; the fakes do what they are told and note what they were asked.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import trio

from poe.backend.interface import Execution, Proof, ProofJob
from poe.backend.replica import Replica
from poe.crypto.keccak import keccak256
from poe.errors import InputError
from poe.l1.interface import ArbiterEvent, BlockRef, ChainUpdate, Landing, LogOrigin, Receipt, Submission
from poe.l1.ledger import GENESIS_HASH, Ledger
from poe.prover.candidates import Candidates
from poe.prover.experience import Experience
from poe.prover.odds import Prices
from poe.prover.race import Collaborators
from poe.prover.shelf import Terms
from poe.prover.stop_loss import Limits, StopLoss
from poe.rollup.batch import batch_hash
from poe.rollup.types import Account, AccountIndex, Address, Batch, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei
from tests.fakes_l1 import GENESIS_ROOT, PARAMETERS, a_batch, accepted, finalized, sequenced

DOMAIN = FieldElement(77)
OURS, RIVAL = Address(b"\x01" * 20), Address(b"\x02" * 20)
REFUSED_DEPOSITS = 3
"""A header with this many deposits is one that the contract, and so the state, refuses."""


def next_root(old_root: int, batch: Batch) -> FieldElement:
    """The fake transition: an empty batch changes nothing, any other one chains its hash."""
    if not any(batch.data):
        return FieldElement(old_root)
    return FieldElement(int.from_bytes(keccak256(old_root.to_bytes(32) + batch_hash(batch))) >> 8)


def exits_of(batch: Batch) -> tuple[Exit, ...]:
    """The fake transition's exits: one of slot 1, unless the batch is empty."""
    if not any(batch.data):
        return ()
    return (Exit(slot=1, address=RIVAL, amount=Gwei(batch.data[3])),)


class ChainedState:
    """A StateBackend whose root is a hash chain over the batches."""

    def __init__(self) -> None:
        self.roots = [GENESIS_ROOT]

    @property
    def root(self) -> FieldElement:
        return self.roots[-1]

    @property
    def height(self) -> int:
        return len(self.roots) - 1

    def account(self, index: AccountIndex) -> Account | None:
        return None

    def total_balance(self) -> Gwei:
        return Gwei(1000)

    def execute(self, batch: Batch, domain: FieldElement) -> Execution:
        if batch.header.deposits == REFUSED_DEPOSITS:
            raise InputError("a deposit that the contract refuses")
        old_root = self.root
        self.roots.append(next_root(old_root, batch))
        return Execution(
            old_root=old_root,
            new_root=self.root,
            outcomes=(),
            exits=exits_of(batch),
            fees=Gwei(0),
            burnt=Gwei(0),
            trace=b"trace",
        )

    def rollback(self, batches: int) -> None:
        if batches > self.height:
            raise ValueError(f"cannot roll back {batches} batches")
        del self.roots[len(self.roots) - batches :]


class History:
    """Writes L1 steps; every step is one block, `back_to` makes it a reorg."""

    def __init__(self) -> None:
        self.block = PARAMETERS.deployed_at_block
        self._branch = 0

    def step(self, *events: ArbiterEvent, back_to: int | None = None) -> ChainUpdate:
        """The follower's update for one more block with these events."""
        if back_to is not None:
            self.block, self._branch = back_to, self._branch + 1
        self.block += 1
        name = keccak256(bytes([self._branch % 256]) + self.block.to_bytes(8))
        head = BlockRef(number=self.block, hash=Hash(name), parent_hash=Hash(bytes(32)), timestamp=1000 + self.block)
        placed = tuple(
            replace(event, origin=LogOrigin(block=head, tx_hash=Hash(name), log_index=index))
            for index, event in enumerate(events)
        )
        return ChainUpdate(head=head, rolled_back_to=back_to, events=placed)


class Scene:
    """Candidates over a fake state and a history, with short words for what L1 says.

    A batch is named by its salt; salt 0 is the empty batch. `post(1, salts=[5])` says that L1 orders batch 1 = salt 5.
    """

    def __init__(self) -> None:
        self.history = History()
        self.state = ChainedState()
        self.ledger = Ledger(PARAMETERS)
        self.candidates = Candidates(self.ledger, Replica(self.state, DOMAIN))
        self.updates: list[ChainUpdate] = []

    def follow(self, *events: ArbiterEvent, back_to: int | None = None) -> None:
        """One block on L1."""
        update = self.history.step(*events, back_to=back_to)
        self.updates.append(update)
        self.candidates.follow(update)

    def post(self, first: int, salts: list[int], *, parent: Hash | None = None, back_to: int | None = None) -> None:
        """L1 orders batches `first`, `first + 1`, … in one block."""
        parent = self.hash_at(first - 1) if parent is None else parent
        events = []
        for number, salt in enumerate(salts, first):
            events.append(sequenced(number, parent, salt=salt))
            parent = batch_hash(a_batch(salt))
        self.follow(*events, back_to=back_to)

    def hash_at(self, number: int) -> Hash:
        """Hash of a batch on L1."""
        known = self.ledger.batch(BatchNumber(number))
        return GENESIS_HASH if known is None else known.batch_hash

    def roots(self, *salts: int) -> list[FieldElement]:
        """Root before the first of these batches on genesis, and after each."""
        roots = [GENESIS_ROOT]
        for salt in salts:
            roots.append(next_root(roots[-1], a_batch(salt)))
        return roots

    def accept(self, number: int, *, payee: Address = RIVAL, old_root: int | None = None) -> None:
        """L1 accepts a proof of a batch, by default on the old root that we computed."""
        execution = self.candidates.replica.execution(BatchNumber(number))
        assert execution is not None
        root = execution.old_root if old_root is None else old_root
        self.follow(accepted(number, root, execution.new_root, payee=payee, submitter=payee))

    def finalize(self, number: int, *, payee: Address = RIVAL) -> None:
        """L1 finalizes a batch whose proof it accepted."""
        execution = self.candidates.replica.execution(BatchNumber(number))
        assert execution is not None
        self.follow(finalized(number, execution.new_root, payee=payee))

    def open_numbers(self) -> list[int]:
        """Numbers of the batches a prover could race for."""
        return [candidate.number for candidate in self.candidates.open()]

    def cast(self, proofs: FakeProofs, arbiter: FakeArbiter) -> Collaborators:
        """The collaborators of a race in this scene."""
        return Collaborators(
            candidates=self.candidates,
            proofs=proofs,
            arbiter=cast(Any, arbiter),
            terms=TERMS,
        )


def an_experience(limits: Limits | None = None, clock: Callable[[], float] = lambda: 0.0) -> Experience:
    """A fresh one, at a reward of 1000 wei."""
    prices = Prices(reward=Wei(1000), tip=Wei(0), energy_per_core_second=Wei(0), win_gas=0)
    return Experience(us=OURS, prices=prices, stop_loss=StopLoss(limits or Limits(), clock), clock=clock)


TERMS = Terms(domain=DOMAIN, payee=OURS, tip=Wei(0))

PROOF = Proof(
    commitment=FieldElement(1),
    x=FieldElement(2),
    y=FieldElement(3),
    words=tuple(range(8)),
    witness_seconds=0.25,
    prove_seconds=1.5,
    verify_seconds=0.25,
)


class FakeProofs:
    """A ProofBackend that takes `seconds` a proof on the test's clock; `failures` are raised by the next proofs."""

    def __init__(self, *, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.failures: list[Exception] = []
        self.jobs: list[ProofJob] = []
        self.started = trio.Event()
        self.killed = 0
        self.warmed = 0
        self.core_seconds = 0.0

    async def warm(self) -> None:
        await trio.lowlevel.checkpoint()
        self.warmed += 1

    async def prove(self, job: ProofJob) -> Proof:
        self.jobs.append(job)
        self.started.set()
        before = trio.current_time()
        try:
            await trio.sleep(self.seconds)
        except trio.Cancelled:
            self.killed += 1
            raise
        finally:
            if not math.isinf(self.seconds):
                self.core_seconds += trio.current_time() - before
        if self.failures:
            raise self.failures.pop(0)
        return PROOF


RECEIPT = Receipt(tx_hash=Hash(bytes(32)), block_number=9, gas_used=350_000, effective_gas_price=Wei(1))


class FakeArbiter:
    """The part of ArbiterClient that provers use; `failures` are raised by the next submissions."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.submissions: list[Submission] = []
        self.bundles: list[list[Submission]] = []
        """What came together, one list a call."""
        self.left_out: set[int] = set()
        """Batches whose proofs are not taken when they come together."""
        self.on_bundle: Callable[[], None] = lambda: None
        """What happens on L1 just before a bundle is mined."""
        self.worths: list[Wei | None] = []
        self.submitted = trio.Event()
        self.account = OURS
        self.wei = 5

    async def balance(self) -> Wei:
        await trio.lowlevel.checkpoint()
        return Wei(self.wei)

    async def gas_price(self) -> Wei:
        await trio.lowlevel.checkpoint()
        return Wei(7)

    async def submit_proof(self, submission: Submission, *, worth: Wei | None = None) -> Receipt:
        await trio.lowlevel.checkpoint()
        self.submissions.append(submission)
        self.worths.append(worth)
        self.submitted.set()
        if self.failures:
            raise self.failures.pop(0)
        return RECEIPT

    async def submit_proofs(self, submissions: Sequence[Submission], *, worth: Wei | None = None) -> Landing:
        await trio.lowlevel.checkpoint()
        self.bundles.append(list(submissions))
        self.on_bundle()
        self.worths.append(worth)
        self.submitted.set()
        if self.failures:
            raise self.failures.pop(0)
        return Landing(receipt=RECEIPT, accepted=tuple(one.number not in self.left_out for one in submissions))


class FakeFollower:
    """A Follower fed by the test."""

    def __init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[ChainUpdate](100)

    @property
    def is_caught_up(self) -> bool:
        return True

    def tell(self, update: ChainUpdate) -> None:
        """The next update."""
        self._send.send_nowait(update)

    async def updates(self) -> AsyncGenerator[ChainUpdate, None]:
        async for update in self._receive:
            yield update

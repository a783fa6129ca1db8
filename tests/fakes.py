"""An arbiter in memory with a chain of blocks under it, for tests of the roles: no sockets, no waiting.

`FakeL1` plays the ArbiterClient of the sequencer and its Follower over the same blocks. It refuses a posting for the
contract's reasons, by the contract's names, and a reorg takes blocks out for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import trio

from poe.backend.reference import ReferenceState
from poe.errors import PoeError, Reverted
from poe.l1.interface import (
    AlarmRaised,
    Announced,
    ArbiterEvent,
    ArbiterParameters,
    BatchFinalized,
    BatchSequenced,
    BlockRef,
    ChainUpdate,
    Deposited,
    ExitModeEntered,
    ForcedExitQueued,
    ForcedTransactionQueued,
    Landing,
    LogOrigin,
    ProofAccepted,
    QueueEntry,
    Receipt,
    SequencerJoined,
    SequencerLeft,
    Submission,
)
from poe.l1.ledger import GENESIS_HASH
from poe.l1.turns import Turns
from poe.rollup.batch import batch_hash
from poe.rollup.types import (
    SLOT_BYTES,
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Shape,
    Wei,
)

SHAPE = Shape(slots=4, depth=3)
DOMAIN = FieldElement(77)
SEQUENCER = Address(b"\x5e" * 20)
REWARD = Wei(10**15)
DEADLINE_BLOCKS = 20
QUEUE_FEE = Wei(10**13)
NOWHERE = LogOrigin(
    block=BlockRef(number=0, hash=Hash(bytes(32)), parent_hash=Hash(bytes(32)), timestamp=0),
    tx_hash=Hash(bytes(32)),
    log_index=0,
)
"""Origin of an event that is not mined yet."""

Result = TypeVar("Result")


async def in_place(work: Callable[[], Result]) -> Result:
    """Offload to nowhere, so that the autojump clock may be used; a checkpoint as a thread would be."""
    await trio.lowlevel.checkpoint()
    return work()


@dataclass(frozen=True, slots=True)
class FakeBlock:
    ref: BlockRef
    events: tuple[ArbiterEvent, ...]


class FakeL1:
    """Blocks of arbiter events; every transaction is mined at once in a block of its own."""

    def __init__(self, *, shape: Shape = SHAPE, deadline_blocks: int = DEADLINE_BLOCKS) -> None:
        self.account = SEQUENCER
        self.failures: list[PoeError] = []
        """Raised by the next postings, one each, before anything is mined."""
        self.posted: list[int] = []
        """Numbers of all batches ever mined, in order, also those a reorg took out."""
        self._branch = 0
        self._changed = trio.Event()
        self._set_parameters(shape, deadline_blocks)
        self.blocks: list[FakeBlock] = []
        self.mine(SequencerJoined(origin=NOWHERE, sequencer=SEQUENCER, bond=self._parameters.bond))

    async def wait_for_change(self) -> None:
        """Return when a block is mined."""
        await self._changed.wait()

    def _set_parameters(self, shape: Shape, deadline_blocks: int) -> None:
        self._parameters = ArbiterParameters(
            address=Address(b"\xa7" * 20),
            chain_id=31337,
            deployed_at_block=0,
            shape=shape,
            circuit_version=7,
            genesis_root=ReferenceState(shape.depth).root,
            policy=Address(bytes(20)),
            reward=REWARD,
            reward_floor=REWARD,
            bond=Wei(30 * REWARD),
            bounty=Wei(0),
            target_delay_blocks=10,
            double_after_blocks=deadline_blocks,
            quadruple_after_blocks=2 * deadline_blocks,
            halt_after_blocks=3 * deadline_blocks,
            window_blocks=10,
            queue_deadline_blocks=deadline_blocks,
            alarm_delay_blocks=5,
            exit_deadline_blocks=3 * deadline_blocks,
            min_deposit=Gwei(1),
            verifying_key_words=(0,) * 22,
            membership_version=8,
            membership_key_words=(1,) * 22,
        )

    # The chain.

    @property
    def head(self) -> BlockRef:
        return self.blocks[-1].ref

    def mine(self, *events: ArbiterEvent) -> BlockRef:
        """A block with these events."""
        number = len(self.blocks)
        parent = self.blocks[-1].ref.hash if self.blocks else Hash(bytes(32))
        own = Hash(hashlib.sha256(parent + number.to_bytes(8) + self._branch.to_bytes(8)).digest())
        ref = BlockRef(number=number, hash=own, parent_hash=parent, timestamp=1_700_000_000 + number)
        placed = tuple(
            replace(event, origin=LogOrigin(block=ref, tx_hash=own, log_index=i)) for i, event in enumerate(events)
        )
        self.blocks.append(FakeBlock(ref, placed))
        self._changed.set()
        self._changed = trio.Event()
        return ref

    def drop(self, depth: int) -> list[FakeBlock]:
        """Take the last blocks out; what is mined next is another branch."""
        dropped = self.blocks[-depth:]
        del self.blocks[-depth:]
        self._branch += 1
        return dropped

    def reorg(self, depth: int) -> None:
        """Replace the last blocks by one empty block more."""
        self.drop(depth)
        for _ in range(depth + 1):
            self.mine()

    # What the arbiter knows.

    def _events(self, kind: type[Result]) -> list[Result]:
        return [event for block in self.blocks for event in block.events if isinstance(event, kind)]

    @property
    def sequenced(self) -> Sequence[BatchSequenced]:
        return self._events(BatchSequenced)

    @property
    def queue(self) -> Sequence[QueueEntry]:
        entries: list[QueueEntry] = []
        for kind in (Deposited, ForcedExitQueued, ForcedTransactionQueued):
            entries += self._events(kind)
        return sorted(entries, key=lambda entry: entry.queue_index)

    @property
    def deposits(self) -> Sequence[Deposited]:
        return self._events(Deposited)

    def enqueue(self, account: int, *, public_key: tuple[int, int], amount: int) -> Deposited:
        """The event of one more deposit; `mine` it."""
        return Deposited(
            origin=NOWHERE,
            queue_index=len(self.queue),
            account=AccountIndex(account),
            public_key_x=public_key[0],
            public_key_y=public_key[1],
            exit_address=0xE0 + account,
            amount=Gwei(amount),
        )

    def enqueue_exit(self, account: int, *, amount: int, asked_by: int | None = None) -> ForcedExitQueued:
        """The event of one more forced exit, asked for by the account's own exit address or another; `mine` it."""
        address = 0xE0 + account if asked_by is None else asked_by
        return ForcedExitQueued(
            origin=NOWHERE,
            queue_index=len(self.queue),
            account=AccountIndex(account),
            exit_address=Address(address.to_bytes(20)),
            amount=Gwei(amount),
        )

    def enqueue_transaction(self, slot: bytes) -> ForcedTransactionQueued:
        """The event of one more forced transaction; `mine` it."""
        return ForcedTransactionQueued(origin=NOWHERE, queue_index=len(self.queue), slot=slot)

    def finalize(self, *, root: int) -> None:
        """The next batch is proven and final, with this new root."""
        finals = self._events(BatchFinalized)
        old_root = finals[-1].new_root if finals else self._parameters.genesis_root
        number, new_root = BatchNumber(len(finals) + 1), FieldElement(root)
        origin = NOWHERE
        payee = Address(b"\x11" * 20)
        self.mine(
            ProofAccepted(
                origin=origin,
                number=number,
                old_root=old_root,
                new_root=new_root,
                payee=payee,
                submitter=payee,
                tip=Wei(0),
            ),
            BatchFinalized(origin=origin, number=number, new_root=new_root, payee=payee, reward=REWARD),
        )

    def end(self) -> None:
        """Exit mode is entered in a block of its own."""
        finals = self._events(BatchFinalized)
        self.mine(self._ended_after(BatchNumber(len(finals))))

    def alarm(self, number: int) -> None:
        """A second proof of a final batch cancels it and all after it."""
        first = next(proof for proof in self._events(ProofAccepted) if proof.number == number)
        raised = AlarmRaised(
            origin=NOWHERE,
            number=first.number,
            payee=Address(b"\x12" * 20),
            old_root=first.old_root,
            new_root=first.new_root,
            other_root=FieldElement(first.new_root + 1),
            bounty=Wei(0),
        )
        self.mine(raised, self._ended_after(BatchNumber(number - 1)))

    def _ended_after(self, number: BatchNumber) -> ExitModeEntered:
        finals = self._events(BatchFinalized)[:number]
        drained = [batch.queue_end for batch in self.sequenced if batch.number == number]
        root = finals[-1].new_root if finals else self._parameters.genesis_root
        queue_end = drained[0] if drained else 0
        return ExitModeEntered(origin=NOWHERE, number=number, state_root=root, queue_end=queue_end)

    # ArbiterClient.

    async def parameters(self) -> ArbiterParameters:
        return self._parameters

    async def balance(self) -> Wei:
        await trio.lowlevel.checkpoint()
        return Wei(10**18)

    async def gas_price(self) -> Wei:
        return Wei(10**9)

    async def credit_of(self, payee: Address) -> Wei:
        return Wei(0)

    async def state_root(self) -> FieldElement:
        finals = self._events(BatchFinalized)
        return finals[-1].new_root if finals else self._parameters.genesis_root

    async def finalized_number(self) -> BatchNumber:
        await trio.lowlevel.checkpoint()
        alarms = self._events(AlarmRaised)
        return BatchNumber(alarms[0].number - 1 if alarms else len(self._events(BatchFinalized)))

    async def is_accepted(self, number: BatchNumber, old_root: FieldElement) -> bool:
        return any((proof.number, proof.old_root) == (number, old_root) for proof in self._events(ProofAccepted))

    async def sequenced_number(self) -> BatchNumber:
        return self.sequenced[-1].number if self.sequenced else BatchNumber(0)

    async def current_reward(self) -> Wei:
        return REWARD

    async def backlog_cap(self) -> int:
        return 1023

    @property
    def seats(self) -> tuple[Address, ...]:
        seats: list[Address] = []
        for event in (event for block in self.blocks for event in block.events):
            if isinstance(event, SequencerJoined):
                seats.append(event.sequencer)
            elif isinstance(event, SequencerLeft):
                last = seats.pop()
                if last != event.sequencer:
                    seats[seats.index(event.sequencer)] = last
        return tuple(seats)

    def join(self, account: Address) -> None:
        """`account` takes the next seat."""
        self.mine(SequencerJoined(origin=NOWHERE, sequencer=account, bond=self._parameters.bond))

    def leave_seat(self, account: Address) -> None:
        """`account` gives its seat up."""
        self.mine(SequencerLeft(origin=NOWHERE, sequencer=account))

    async def sequencers(self) -> tuple[Address, ...]:
        return self.seats

    async def in_turn(self) -> Address | None:
        return SEQUENCER

    async def may_post(self, sequencer: Address) -> bool:
        await trio.lowlevel.checkpoint()
        return self._may_post(sequencer)

    def _may_post(self, sequencer: Address) -> bool:
        window = self._parameters.window_blocks
        postings = tuple(batch.origin.block.number for batch in self.sequenced)
        return Turns(seats=self.seats, window=window, postings=postings).may_post(sequencer, self.head.number + 1)

    async def bond_of(self, sequencer: Address) -> Wei:
        return self._parameters.bond

    async def join_sequencers(self, bond: Wei) -> Receipt:
        return await self._mined(SequencerJoined(origin=NOWHERE, sequencer=self.account, bond=bond))

    async def leave_sequencers(self) -> Receipt:
        raise NotImplementedError("one sequencer, for good")

    async def top_up_bond(self, amount: Wei) -> Receipt:
        raise NotImplementedError("no proof is late here")

    async def release_bond(self, sequencer: Address) -> Receipt:
        raise NotImplementedError("one sequencer, for good")

    async def slash_sequencer(
        self, number: BatchNumber, parent_hash: Hash, first: Announced, second: Announced
    ) -> Receipt:
        raise NotImplementedError("nobody is slashed here")

    async def settle_award(self, number: BatchNumber, old_root: FieldElement, *, worth: Wei | None = None) -> Receipt:
        raise NotImplementedError("no policy here")

    async def raise_alarm(self, second: Submission, *, new_root: FieldElement) -> Receipt:
        raise NotImplementedError("the rollup ends by `end`")

    def as_account(self, account: Address) -> FakeL1:
        """The calls of another account on the same chain."""
        return self if account == self.account else cast(FakeL1, FakeAccount(self, account))

    async def sequence_batch(
        self,
        number: BatchNumber,
        parent_hash: Hash,
        batch: Batch,
        *,
        queue_end: int,
        value: Wei,
        sender: Address | None = None,
    ) -> Receipt:
        await trio.lowlevel.checkpoint()
        if self.failures:
            raise self.failures.pop(0)
        if await self.exit_mode():
            raise Reverted("the arbiter refused: ExitModeActive", name="ExitModeActive")
        if not self._may_post(self.account if sender is None else sender):
            raise Reverted("the arbiter refused: NotInTurn", name="NotInTurn")
        self._refuse(number, parent_hash, batch, queue_end, value)
        block = self.mine(
            BatchSequenced(
                origin=NOWHERE,
                number=number,
                parent_hash=parent_hash,
                batch_hash=batch_hash(batch),
                batch=batch,
                reward=value,
                queue_end=queue_end,
            )
        )
        self.posted.append(number)
        return Receipt(tx_hash=block.hash, block_number=block.number, gas_used=100_000, effective_gas_price=Wei(1))

    def _refuse(self, number: int, parent_hash: Hash, batch: Batch, queue_end: int, value: Wei) -> None:
        """As Arbiter.sequenceBatch and EntryQueue._drain."""
        last = self.sequenced[-1] if self.sequenced else None
        queue, drained = self.queue, last.queue_end if last else 0
        entries = queue[drained:queue_end]
        slots = self._parameters.shape.slots
        overdue = [
            e for e in queue if e.origin.block.number + self._parameters.queue_deadline_blocks <= self.head.number
        ]
        required = min(len(overdue), drained + max(1, slots // 2))
        expected = _layout(entries)
        header = batch.header
        checks = {
            "WrongNumber": number == (last.number if last else 0) + 1,
            "WrongParent": parent_hash == (last.batch_hash if last else GENESIS_HASH),
            "WrongReward": value == REWARD,
            "WrongQueueEnd": drained <= queue_end <= len(queue),
            "TooManyEntries": queue_end - drained <= slots,
            "WrongCounts": header.deposits + header.forced <= queue_end - drained,
            "OverdueEntries": queue_end >= required,
            "EntryMismatch": (header.deposits, header.forced, batch.data[: len(entries) * SLOT_BYTES]) == expected,
        }
        for name, holds in checks.items():
            if not holds:
                raise Reverted(f"the arbiter refused: {name}", name=name)

    async def submit_proof(self, submission: Submission, *, worth: Wei | None = None) -> Receipt:
        raise NotImplementedError("proofs are final by `finalize`")

    async def submit_proofs(self, submissions: Sequence[Submission], *, worth: Wei | None = None) -> Landing:
        raise NotImplementedError("proofs are final by `finalize`")

    async def queue_fee(self) -> Wei:
        return QUEUE_FEE

    async def deposit(self, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei) -> Receipt:
        account = len({entry.account for entry in self.deposits})
        return await self._mined(self.enqueue(account, public_key=public_key, amount=amount))

    async def top_up(
        self, account: AccountIndex, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei
    ) -> Receipt:
        return await self._mined(self.enqueue(account, public_key=public_key, amount=amount))

    async def force_exit(self, account: AccountIndex, amount: Gwei) -> Receipt:
        return await self._mined(self.enqueue_exit(account, amount=amount))

    async def force_transaction(self, slot: bytes) -> Receipt:
        return await self._mined(self.enqueue_transaction(slot))

    async def _mined(self, event: ArbiterEvent) -> Receipt:
        await trio.lowlevel.checkpoint()
        block = self.mine(event)
        return Receipt(tx_hash=block.hash, block_number=block.number, gas_used=50_000, effective_gas_price=Wei(1))

    async def credit_exits(self, number: BatchNumber, exits: Sequence[Exit]) -> Receipt:
        raise NotImplementedError("nobody leaves for good here")

    async def exit_mode(self) -> bool:
        return bool(self._events(ExitModeEntered))

    async def enter_exit_mode(self) -> Receipt:
        raise NotImplementedError("the rollup ends by `end`")

    async def refund_batch(self, number: BatchNumber) -> Receipt:
        raise NotImplementedError("nobody is refunded here")

    async def refund_entry(self, queue_index: int, slot: bytes) -> Receipt:
        raise NotImplementedError("nobody is refunded here")

    async def leave(
        self, account: AccountIndex, exit_address: Address, balance: Gwei, proof_words: Sequence[int]
    ) -> Receipt:
        raise NotImplementedError("nobody leaves for good here")

    async def withdraw(self) -> Receipt:
        raise NotImplementedError("nobody earns here")


class FakeAccount:
    """A FakeL1 as another account uses it."""

    def __init__(self, l1: FakeL1, account: Address) -> None:
        self._l1 = l1
        self.account = account

    def __getattr__(self, name: str) -> Any:
        return getattr(self._l1, name)

    async def sequence_batch(
        self, number: BatchNumber, parent_hash: Hash, batch: Batch, *, queue_end: int, value: Wei
    ) -> Receipt:
        return await self._l1.sequence_batch(
            number, parent_hash, batch, queue_end=queue_end, value=value, sender=self.account
        )

    async def join_sequencers(self, bond: Wei) -> Receipt:
        return await self._l1._mined(SequencerJoined(origin=NOWHERE, sequencer=self.account, bond=bond))


class FakeFollower:
    """Tells what is new on a FakeL1 since it was last asked."""

    def __init__(self, l1: FakeL1) -> None:
        self._l1 = l1
        self._told: list[FakeBlock] = []

    @property
    def is_caught_up(self) -> bool:
        return True

    def step(self) -> ChainUpdate | None:
        """All that is new in one update, or None."""
        told, blocks = self._told, self._l1.blocks
        common = next((i for i, block in enumerate(told) if blocks[i : i + 1] != [block]), len(told))
        if common == len(told) == len(blocks):
            return None
        self._told = list(blocks)
        events = tuple(event for block in blocks[common:] for event in block.events)
        rolled_back_to = None if common == len(told) else common - 1
        return ChainUpdate(head=blocks[-1].ref, rolled_back_to=rolled_back_to, events=events)

    async def updates(self) -> AsyncIterator[ChainUpdate]:
        """Endless."""
        while True:
            update = self.step()
            if update is None:
                await self._l1.wait_for_change()
            else:
                yield update


def _layout(entries: Sequence[QueueEntry]) -> tuple[int, int, bytes]:
    """Counts of deposits and forced exits, and the first slots, as EntryQueue._checkSlots wants them."""
    kinds = (Deposited, ForcedExitQueued, ForcedTransactionQueued)
    by_kind = [[_slot(entry) for entry in entries if isinstance(entry, kind)] for kind in kinds]
    return len(by_kind[0]), len(by_kind[1]), b"".join(slot for slots in by_kind for slot in slots)


def _slot(entry: QueueEntry) -> bytes:
    """As EntryQueue packs it; spelt out a second time, so that a mistake in the product's spelling shows."""
    if isinstance(entry, ForcedTransactionQueued):
        return entry.slot
    if isinstance(entry, Deposited):
        word = 3 << 224 | entry.account << 128 | entry.amount << 64
        words = (word, entry.public_key_x, entry.public_key_y, entry.exit_address)
    else:
        word = 2 << 224 | entry.account << 176 | entry.amount << 64
        words = (word, int.from_bytes(entry.exit_address), 0, 0)
    return b"".join(value.to_bytes(32) for value in words)

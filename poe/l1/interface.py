"""What the roles ask of Ethereum: parameters, ordered events that survive reorgs, and the arbiter's calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from poe.l1.event_types import (
    AlarmRaised as AlarmRaised,
)
from poe.l1.event_types import (
    ArbiterEvent as ArbiterEvent,
)
from poe.l1.event_types import (
    Awarded as Awarded,
)
from poe.l1.event_types import (
    AwardWaits as AwardWaits,
)
from poe.l1.event_types import (
    BatchFinalized as BatchFinalized,
)
from poe.l1.event_types import (
    BatchRefunded as BatchRefunded,
)
from poe.l1.event_types import (
    BatchSequenced as BatchSequenced,
)
from poe.l1.event_types import (
    BlockRef as BlockRef,
)
from poe.l1.event_types import (
    BondChanged as BondChanged,
)
from poe.l1.event_types import (
    BondReleased as BondReleased,
)
from poe.l1.event_types import (
    Deposited as Deposited,
)
from poe.l1.event_types import (
    EntryRefunded as EntryRefunded,
)
from poe.l1.event_types import (
    ExitModeEntered as ExitModeEntered,
)
from poe.l1.event_types import (
    ExitsCredited as ExitsCredited,
)
from poe.l1.event_types import (
    ForcedExitQueued as ForcedExitQueued,
)
from poe.l1.event_types import (
    ForcedTransactionQueued as ForcedTransactionQueued,
)
from poe.l1.event_types import (
    Left as Left,
)
from poe.l1.event_types import (
    LogOrigin as LogOrigin,
)
from poe.l1.event_types import (
    ProofAccepted as ProofAccepted,
)
from poe.l1.event_types import (
    ProofContends as ProofContends,
)
from poe.l1.event_types import (
    QueueEntry as QueueEntry,
)
from poe.l1.event_types import (
    SequencerJoined as SequencerJoined,
)
from poe.l1.event_types import (
    SequencerLeft as SequencerLeft,
)
from poe.l1.event_types import (
    SequencerSlashed as SequencerSlashed,
)
from poe.l1.event_types import (
    Withdrawn as Withdrawn,
)
from poe.l1.terms import Deadlines as Deadlines
from poe.l1.terms import Market as Market
from poe.rollup.types import (
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Header,
    Shape,
    Wei,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainUpdate:
    """One step of the follower.

    If `rolled_back_to` is a block number, everything learnt from later blocks is void and must be undone first.
    Then `events` follow in chain order, up to and including block `head`.
    """

    head: BlockRef
    rolled_back_to: int | None
    events: tuple[ArbiterEvent, ...]


class Follower(Protocol):
    """Follows L1 from the arbiter's deployment block on."""

    @property
    def is_caught_up(self) -> bool:
        """Have we read L1 to its head?"""

    def updates(self) -> AsyncGenerator[ChainUpdate, None]:
        """Endless; waits while L1 is down (counting errors), never raises for a reorg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArbiterParameters:
    """The arbiter's immutables, read once at start and checked against our circuit.

    `reward` is the most that a posting offers, `policy` zero where the first valid proof is paid at once.
    """

    address: Address
    chain_id: int
    deployed_at_block: int
    shape: Shape
    circuit_version: int
    genesis_root: FieldElement
    policy: Address
    reward: Wei
    reward_floor: Wei
    bond: Wei
    bounty: Wei
    target_delay_blocks: int
    double_after_blocks: int
    quadruple_after_blocks: int
    halt_after_blocks: int
    window_blocks: int
    queue_deadline_blocks: int
    alarm_delay_blocks: int
    exit_deadline_blocks: int
    min_deposit: Gwei
    verifying_key_words: tuple[int, ...]
    membership_version: int
    membership_key_words: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Everything `submitProof` takes; `exits` are those that the batch emits, slots growing."""

    number: BatchNumber
    batch: Batch
    old_root: FieldElement
    new_root: FieldElement
    payee: Address
    tip: Wei
    commitment: FieldElement
    proof_words: tuple[int, ...]
    exits: tuple[Exit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A batch that a sequencer's signature (65 bytes: r, s, v) says comes next."""

    batch_hash: Hash
    header: Header
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A mined transaction that succeeded (one that reverted raises instead)."""

    tx_hash: Hash
    block_number: int
    gas_used: int
    effective_gas_price: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """What one transaction with several proofs came to; `accepted` says of each, in order, if it was taken."""

    receipt: Receipt
    accepted: tuple[bool, ...]


class ArbiterClient(Protocol):
    """The arbiter's calls for one account; sends are serialised, simulated first, and waited for.

    Every method has a deadline and raises L1Error (Reverted, AlreadyAccepted, NotMined, L1Unreachable).
    """

    @property
    def account(self) -> Address: ...

    async def parameters(self) -> ArbiterParameters: ...

    async def balance(self) -> Wei:
        """ETH of our account."""

    async def gas_price(self) -> Wei:
        """Base fee of the latest block and our usual tip, a gas."""

    async def credit_of(self, payee: Address) -> Wei: ...

    async def state_root(self) -> FieldElement:
        """The finalized state root."""

    async def finalized_number(self) -> BatchNumber: ...

    async def sequenced_number(self) -> BatchNumber:
        """The last batch ordered."""

    async def is_accepted(self, number: BatchNumber, old_root: FieldElement) -> bool: ...

    async def current_reward(self) -> Wei:
        """The least reward that a posting must offer now."""

    async def backlog_cap(self) -> int:
        """How many batches may wait for their proofs."""

    async def sequence_batch(
        self, number: BatchNumber, parent_hash: Hash, batch: Batch, *, queue_end: int, value: Wei
    ) -> Receipt:
        """Order the next batch; `value` is its reward, or four of them if we have no seat, and the bounty."""

    async def submit_proof(self, submission: Submission, *, worth: Wei | None = None) -> Receipt:
        """FeesTooHigh, and nothing sent, when its gas would cost more than `worth`."""

    async def submit_proofs(self, submissions: Sequence[Submission], *, worth: Wei | None = None) -> Landing:
        """Submit several proofs at once; late and bad ones are left out, whoever sends earns each tip.

        AlreadyAccepted when all are late; Reverted when none holds, or when one is not of its batch at all.
        """

    async def settle_award(self, number: BatchNumber, old_root: FieldElement, *, worth: Wei | None = None) -> Receipt:
        """Under a policy: have whoever it chose for a final batch paid, once the wait is over.

        FeesTooHigh, and nothing sent, when its gas would cost more than `worth`.
        """

    async def join_sequencers(self, bond: Wei) -> Receipt:
        """Take the next seat, for exactly the arbiter's bond."""

    async def leave_sequencers(self) -> Receipt:
        """Give our seat up."""

    async def top_up_bond(self, amount: Wei) -> Receipt:
        """Add to our bond."""

    async def release_bond(self, sequencer: Address) -> Receipt:
        """Credit the bond of a sequencer that left, once it answers for nothing any more."""

    async def slash_sequencer(
        self, number: BatchNumber, parent_hash: Hash, first: Announced, second: Announced
    ) -> Receipt:
        """Have a sequencer lose its bond, half of it to us, by two announcements of one number and parent."""

    async def sequencers(self) -> tuple[Address, ...]:
        """Who has a seat, in the order of turns."""

    async def in_turn(self) -> Address | None:
        """Whose turn it is to post; None without sequencers."""

    async def may_post(self, sequencer: Address) -> bool:
        """May this account post a batch of its own choice in the next block?"""

    async def bond_of(self, sequencer: Address) -> Wei:
        """What is left of a sequencer's bond, its seat taken or given up."""

    async def raise_alarm(self, second: Submission, *, new_root: FieldElement) -> Receipt:
        """Show a second valid proof of a batch that became final with `new_root`, and end the rollup before it."""

    async def queue_fee(self) -> Wei:
        """The least fee of a queue entry now."""

    async def deposit(self, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei) -> Receipt:
        """Queue a deposit that creates an L2 account; pays the amount and the queue's fee."""

    async def top_up(
        self, account: AccountIndex, *, public_key: tuple[int, int], exit_address: Address, amount: Gwei
    ) -> Receipt:
        """Queue a deposit into an existing L2 account, whose key and exit address these are."""

    async def force_exit(self, account: AccountIndex, amount: Gwei) -> Receipt:
        """Queue an exit from an L2 account whose exit address is ours; pays the queue's fee."""

    async def force_transaction(self, slot: bytes) -> Receipt:
        """Queue 128 bytes as a user's slot, such as a transaction that the sequencer ignores; pays the queue's fee."""

    async def credit_exits(self, number: BatchNumber, exits: Sequence[Exit]) -> Receipt:
        """Credit all exits of a batch that is final for long enough; once a batch."""

    async def enter_exit_mode(self) -> Receipt:
        """End the rollup; Reverted when it is not due yet or a batch is ready to finalize."""

    async def refund_batch(self, number: BatchNumber) -> Receipt:
        """In exit mode: credit a void batch's reward to its poster."""

    async def refund_entry(self, queue_index: int, slot: bytes) -> Receipt:
        """In exit mode: credit what a void queue entry paid; `slot` are the 128 bytes its slot had to hold."""

    async def leave(
        self, account: AccountIndex, exit_address: Address, balance: Gwei, proof_words: Sequence[int]
    ) -> Receipt:
        """In exit mode: credit an account's whole balance to its exit address, by a membership proof."""

    async def exit_mode(self) -> bool:
        """Whether the rollup has ended."""

    async def withdraw(self) -> Receipt: ...

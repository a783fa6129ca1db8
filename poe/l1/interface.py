"""What the roles ask of Ethereum: parameters, ordered events that survive reorgs, and the arbiter's calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from poe.errors import ConfigError
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, Exit, FieldElement, Gwei, Hash, Shape, Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRef:
    """One L1 block as our own chain of headers knows it; `timestamp` in Unix seconds."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOrigin:
    """Where an event comes from."""

    block: BlockRef
    tx_hash: Hash
    log_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deposited:
    """A deposit entered the arbiter's queue at `queue_index`; it reaches L2 with a later batch."""

    origin: LogOrigin
    queue_index: int
    account: AccountIndex
    public_key_x: int
    public_key_y: int
    exit_address: int
    amount: Gwei


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedExitQueued:
    """`exit_address` asked on L1 for an exit of `amount` gwei; it does nothing unless it is the account's own."""

    origin: LogOrigin
    queue_index: int
    account: AccountIndex
    exit_address: Address
    amount: Gwei


@dataclass(frozen=True, slots=True, kw_only=True)
class ForcedTransactionQueued:
    """Somebody queued these 128 bytes on L1 as a user's slot, whatever they may be."""

    origin: LogOrigin
    queue_index: int
    slot: bytes


QueueEntry = Deposited | ForcedExitQueued | ForcedTransactionQueued
"""What waits in the arbiter's one queue until a batch drains it (docs/protocol.md, section 8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSequenced:
    """A batch is ordered on L1; header and data are here whole, `queue_end` entries are drained after it."""

    origin: LogOrigin
    number: BatchNumber
    parent_hash: Hash
    batch_hash: Hash
    batch: Batch
    reward: Wei
    queue_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofAccepted:
    """The first valid proof for (batch, old root); the win is `payee`'s once the batch finalizes on that root."""

    origin: LogOrigin
    number: BatchNumber
    old_root: FieldElement
    new_root: FieldElement
    payee: Address
    submitter: Address
    tip: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinalized:
    """The batch's new root is the chain's root; `payee` was credited `reward` minus the tip."""

    origin: LogOrigin
    number: BatchNumber
    new_root: FieldElement
    payee: Address
    reward: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitsCredited:
    """The exits of a final batch can be withdrawn: each address is credited its amount."""

    origin: LogOrigin
    number: BatchNumber
    exits: tuple[Exit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """An account pulled out all of its credit."""

    origin: LogOrigin
    payee: Address
    amount: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitModeEntered:
    """The rollup has ended: the state after batch `number` is final for ever, later batches are void.

    `queue_end` is the first queue entry that no final batch drained.
    """

    origin: LogOrigin
    number: BatchNumber
    state_root: FieldElement
    queue_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRefunded:
    """A void batch's reward was credited to whoever posted it."""

    origin: LogOrigin
    number: BatchNumber
    poster: Address
    reward: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRefunded:
    """What a queue entry that no final batch drained had paid was credited."""

    origin: LogOrigin
    queue_index: int
    beneficiary: Address
    amount: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """An account's whole balance in the final state was credited to its exit address."""

    origin: LogOrigin
    account: AccountIndex
    exit_address: Address
    balance: Gwei


ArbiterEvent = (
    QueueEntry
    | BatchSequenced
    | ProofAccepted
    | BatchFinalized
    | ExitsCredited
    | Withdrawn
    | ExitModeEntered
    | BatchRefunded
    | EntryRefunded
    | Left
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

    def updates(self) -> AsyncGenerator[ChainUpdate, None]:
        """Endless; waits while L1 is down (counting errors), never raises for a reorg."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long the arbiter lets things wait, in L1 blocks (docs/protocol.md, sections 8 and 9).

    ConfigError unless each fits 32 bits and anyone may post the queue long before anyone may end the rollup.

    Parameters
    ----------
    queue_deadline_blocks
        Every posting must drain queue entries older than this; after twice as long anyone may post them.
    alarm_delay_blocks
        Exits can be credited this many blocks after their batch became final.
    exit_deadline_blocks
        Anyone may end the rollup once a batch or a queue entry waits for longer; more than twice the queue's deadline.
    """

    queue_deadline_blocks: int = 100
    alarm_delay_blocks: int = 20
    exit_deadline_blocks: int = 7200

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not 0 <= getattr(self, name) < 2**32:
                raise ConfigError(f"{name} is {getattr(self, name)}", fix="wanted: 0 to 2^32 - 1", code="POE-CFG-013")
        if self.exit_deadline_blocks <= 2 * self.queue_deadline_blocks:
            raise ConfigError(
                f"the exit deadline is {self.exit_deadline_blocks} blocks, the queue's {self.queue_deadline_blocks}",
                fix="the exit deadline must be more than twice the queue's",
                code="POE-CFG-013",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArbiterParameters:
    """The arbiter's immutables, read once at start and checked against our circuit."""

    address: Address
    chain_id: int
    deployed_at_block: int
    shape: Shape
    circuit_version: int
    genesis_root: FieldElement
    sequencer: Address
    reward: Wei
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

    async def is_accepted(self, number: BatchNumber, old_root: FieldElement) -> bool: ...

    async def sequence_batch(
        self, number: BatchNumber, parent_hash: Hash, batch: Batch, *, queue_end: int, reward: Wei
    ) -> Receipt: ...

    async def submit_proof(self, submission: Submission, *, worth: Wei | None = None) -> Receipt:
        """FeesTooHigh, and nothing sent, when its gas would cost more than `worth`."""

    async def submit_proofs(self, submissions: Sequence[Submission], *, worth: Wei | None = None) -> Landing:
        """Submit several proofs at once; late and bad ones are left out, whoever sends earns each tip.

        AlreadyAccepted when all are late; Reverted when none holds, or when one is not of its batch at all.
        """

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

"""What the arbiter tells by its events, and where in L1 each was told."""

from __future__ import annotations

from dataclasses import dataclass

from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, Exit, FieldElement, Gwei, Hash, Wei


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


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerJoined:
    """An account took the next seat and put down its bond."""

    origin: LogOrigin
    sequencer: Address
    bond: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerLeft:
    """A sequencer gave up its seat, and the last seat's owner moved into it; its bond stays until it is released."""

    origin: LogOrigin
    sequencer: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class BondChanged:
    """A sequencer's bond is now `bond`: batch `number` proved late was charged to it, or, at number 0, a top-up."""

    origin: LogOrigin
    sequencer: Address
    bond: Wei
    number: BatchNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class BondReleased:
    """The bond of a sequencer that had left was credited to it."""

    origin: LogOrigin
    sequencer: Address
    amount: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerSlashed:
    """Two batches announced for one number and parent: the seat is gone, `amount` is credited to the reporter."""

    origin: LogOrigin
    sequencer: Address
    reporter: Address
    amount: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofContends:
    """A further valid proof of a batch that is accepted already: `payee` may be paid instead of the first."""

    origin: LogOrigin
    number: BatchNumber
    old_root: FieldElement
    payee: Address
    submitter: Address
    tip: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardWaits:
    """Who is paid for a final batch is open until block `until`; `payee` brought the first valid proof."""

    origin: LogOrigin
    number: BatchNumber
    payee: Address
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Awarded:
    """The arbiter's policy paid a batch: the truth of who is paid wherever a policy is set."""

    origin: LogOrigin
    number: BatchNumber
    payee: Address
    reward: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """A second valid proof of a final batch leads elsewhere: that batch and all after it are cancelled.

    `new_root` is what had become final, `other_root` what the second proof says (the same where only exits differ);
    `bounty` was credited to `payee`.
    """

    origin: LogOrigin
    number: BatchNumber
    payee: Address
    old_root: FieldElement
    new_root: FieldElement
    other_root: FieldElement
    bounty: Wei


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
    | SequencerJoined
    | SequencerLeft
    | BondChanged
    | BondReleased
    | SequencerSlashed
    | ProofContends
    | AwardWaits
    | Awarded
    | AlarmRaised
)

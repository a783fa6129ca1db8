"""What the roles ask of heavy arithmetic: a state to execute batches on, signatures in bulk, proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from poe.rollup.types import (
    Account,
    AccountIndex,
    Address,
    Batch,
    BatchNumber,
    Exit,
    FieldElement,
    Gwei,
    Hash,
    Shape,
    SlotOutcome,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The result of executing one batch: `exits` are the applied ones, in slot order.

    `trace` is opaque: everything the circuit's witness needs.
    """

    old_root: FieldElement
    new_root: FieldElement
    outcomes: tuple[SlotOutcome, ...]
    fees: Gwei
    burnt: Gwei
    exits: tuple[Exit, ...]
    trace: bytes


class StateBackend(Protocol):
    """The accounts after a number of batches, with undo."""

    @property
    def root(self) -> FieldElement: ...

    @property
    def height(self) -> int:
        """Batches executed and not rolled back."""

    def account(self, index: AccountIndex) -> Account | None: ...

    def total_balance(self) -> Gwei:
        """Sum of all balances."""

    def execute(self, batch: Batch, domain: FieldElement) -> Execution: ...

    def rollback(self, batches: int) -> None:
        """Undo the last `batches` executions; ValueError if more than are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedMessage:
    """One signature to check: public key, R8 and S as given (unreduced words), message a field element."""

    public_key: tuple[int, int]
    r8: tuple[int, int]
    s: int
    message: int


class SignatureBackend(Protocol):
    """Checks EdDSA-Poseidon signatures in bulk."""

    def verify(self, messages: Sequence[SignedMessage]) -> list[bool]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRules:
    """What does not change while an engine lives. Sealing pauses at `max_unposted` batches ahead of posting."""

    shape: Shape
    domain: FieldElement
    fee_account: AccountIndex
    pool_transactions: int
    pool_per_account: int
    pool_seconds: float
    """A transaction that has waited for so long is forgotten."""
    kept_batches: int
    """Batches that can be undone; none that is not posted is ever let go."""
    max_unposted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSlots:
    """What the next batch drains of L1's queue: slots in the batch's order, and the queue's index after them."""

    deposits: int = 0
    forced: int = 0
    slots: tuple[bytes, ...] = ()
    end: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineBatch:
    """A batch as executed. `root` is None inside a round: only the last batch of a round has one."""

    number: BatchNumber
    parent_hash: Hash
    batch: Batch
    batch_hash: Hash
    outcomes: tuple[SlotOutcome, ...]
    exits: tuple[Exit, ...]
    fees: Gwei
    burnt: Gwei
    queue_start: int
    queue_end: int
    root: FieldElement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far an engine is: batches executed and on disk, transactions applied, waiting, dropped."""

    height: BatchNumber
    durable: BatchNumber
    base: BatchNumber
    transactions: int
    waiting: int
    ready: int
    dropped: int
    written_bytes: int
    p99_seconds: float
    """From a frame's arrival to the commit of the batch with its last transaction."""


class SequencerEngine(Protocol):
    """Pool, state and batches of a sequencer; what a call has said is durable when it returns. Blocks."""

    def admit(self, frame: bytes) -> bytes:
        """Judge slots of 128 bytes, in order; one code each: 0 accepted, n refused with POE-SEQ-0nn."""

    def seal(self, queue: QueueSlots, *, most: int, partial: bool) -> tuple[BatchNumber, BatchNumber] | None: ...

    def extend(self, batch: Batch, *, queue_end: int) -> int: ...

    def truncate(self, number: int) -> int: ...

    def set_posted(self, number: int) -> None: ...

    def expire(self) -> int: ...

    def batch(self, number: int) -> EngineBatch | None: ...

    def account(self, index: AccountIndex) -> Account | None: ...

    def next_nonce(self, account: AccountIndex, nonce: int) -> int: ...

    def total_balance(self) -> Gwei: ...

    def root(self) -> FieldElement: ...

    def base(self) -> tuple[BatchNumber, Hash, int]:
        """The batch below all that are kept: its number, its hash, the queue's index after it."""

    def standing(self) -> Standing: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofJob:
    """One proof to make: the execution's trace and the statement's words V, 32 bytes each."""

    trace: bytes
    statement: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A Groth16 proof of a statement, as the arbiter takes it, and how long its parts took."""

    commitment: FieldElement
    x: FieldElement
    y: FieldElement
    words: tuple[int, ...]
    witness_seconds: float
    prove_seconds: float
    verify_seconds: float

    @property
    def seconds(self) -> float:
        """Witness, proof and self-check together."""
        return self.witness_seconds + self.prove_seconds + self.verify_seconds


class ProofBackend(Protocol):
    """Makes proofs, one at a time; cancelling the await stops the work at once."""

    @property
    def core_seconds(self) -> float:
        """CPU seconds that proving has used so far."""

    async def warm(self) -> None:
        """Be ready to prove: start what a cancelled proof killed."""

    async def prove(self, job: ProofJob) -> Proof:
        """Prove and self-check. BackendError when the trace does not fit the statement or the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipProof:
    """A Groth16 proof that in the state with this root an account has this exit address and balance.

    `words` are the proof's eight, as the arbiter takes them.
    """

    root: FieldElement
    account: AccountIndex
    exit_address: Address
    balance: Gwei
    words: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitInfo:
    """Size and identity of a circuit."""

    constraints: int
    wires: int
    public_inputs: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MutationReport:
    """A search for second witnesses: wires and hints of the circuit, mutations tried, those that broke nothing."""

    wires: int
    hints: int
    mutations: int
    survivors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """Where a proving key lies and what it is: `provenance` is "insecure-dev" for the key of the published seed."""

    path: Path
    circuit: CircuitInfo
    provenance: str
    verifying_key_words: tuple[int, ...]

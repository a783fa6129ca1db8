"""The Rust core. Field elements cross as 32 big-endian bytes; points as (x, y) of those."""

from collections.abc import Sequence
from typing import final

__all__ = [
    "CoreError",
    "CorePanic",
    "Engine",
    "Execution",
    "MembershipKey",
    "ProofResult",
    "ProvingKey",
    "SealedBatch",
    "State",
    "StopFlag",
    "Stopped",
    "VerifyingKey",
    "_panic",
    "arithmetics",
    "check_verifying_key",
    "circuit_info",
    "derive_public_key",
    "export_circuit",
    "export_membership_circuit",
    "export_membership_phase_one",
    "export_membership_witness",
    "export_phase_one",
    "export_witness",
    "import_membership_zkey",
    "import_zkey",
    "key_file_circuit",
    "membership_circuit_info",
    "mutate",
    "mutate_membership",
    "poseidon",
    "setup_dev_key",
    "setup_dev_membership_key",
    "sign",
    "verify_signatures",
    "workload_execute",
    "workload_transfers",
]

class CoreError(Exception):
    """The core refused an input; the message is one line."""

class Stopped(Exception):
    """The work was told to end."""

class CorePanic(Exception):
    """A bug in the core: a panic, caught at the border."""

def poseidon(inputs: Sequence[bytes]) -> bytes:
    """circomlib's Poseidon of 1 to 16 field elements (each < r, else CoreError)."""

def derive_public_key(secret: bytes) -> tuple[bytes, bytes]:
    """BabyJubJub public key of a 32-byte secret, as circomlibjs prv2pub."""

def sign(secret: bytes, message: bytes) -> tuple[bytes, bytes, bytes]:
    """EdDSA-Poseidon: (R8.x, R8.y, S), as circomlibjs signPoseidon."""

def verify_signatures(items: Sequence[tuple[bytes, bytes, bytes, bytes, bytes, bytes]]) -> list[bool]:
    """For each (A.x, A.y, R8.x, R8.y, S, message), all words: does it hold by docs/protocol.md section 4, rule 10?

    In parallel, GIL released.
    """

@final
class Execution:
    old_root: bytes
    new_root: bytes
    outcomes: bytes
    """One SlotOutcome code a slot."""
    fees: int
    burnt: int
    exits: list[tuple[int, bytes, int]]
    """(slot, 20-byte address, amount in gwei) of each applied exit, in slot order."""
    trace: bytes

@final
class State:
    """Accounts in a 4-ary Poseidon tree; keeps undo data of the last `history` batches (default 1024).

    `accounts` are there from the start: (index, public_key_x, public_key_y, balance, nonce, exit_address) each.
    """

    def __new__(
        cls,
        depth: int,
        history: int = 1024,
        accounts: Sequence[tuple[int, bytes, bytes, int, int, bytes]] = ...,
    ) -> State: ...
    @property
    def root(self) -> bytes: ...
    @property
    def height(self) -> int: ...
    def account(self, index: int) -> tuple[bytes, bytes, int, int, bytes] | None:
        """(public_key_x, public_key_y, balance, nonce, exit_address) or None."""
    def total_balance(self) -> int: ...
    def membership(self, index: int) -> bytes:
        """The opaque witness that account `index` is in the present state; CoreError if it does not exist."""
    def execute(
        self, *, domain: bytes, slots: int, deposits: int, forced: int, fee_account: int, data: bytes
    ) -> Execution:
        """The state after a batch; CoreError, and nothing changed, for one that the contract refuses."""
    def rollback(self, batches: int) -> None: ...

@final
class ProofResult:
    commitment: bytes
    x: bytes
    y: bytes
    proof: bytes
    """256 bytes: eight words as docs/protocol.md section 6."""
    witness_seconds: float
    prove_seconds: float
    verify_seconds: float

def circuit_info(slots: int, depth: int) -> tuple[int, int, int, bytes]:
    """(constraints, wires, public inputs, circuit hash)."""

def mutate(slots: int, depth: int, seed: int, sample: int | None) -> tuple[int, int, int, list[str]]:
    """(wires, hints, mutations tried, survivors) of a search for second witnesses of the batch circuit."""

def setup_dev_key(slots: int, depth: int, path: str) -> None:
    """Derive the insecure development key from the published seed and write it (atomically) to `path`."""

def arithmetics() -> list[str]:
    """What this machine can prove with, the fastest first: "ifma" where it has those instructions, "scalar"."""

@final
class StopFlag:
    """Ends a proof from another thread."""

    def __new__(cls) -> StopFlag: ...
    def set(self) -> None: ...

@final
class ProvingKey:
    @staticmethod
    def load(path: str, *, tables: str | None = None, arithmetic: str = "auto", threads: int = 1) -> ProvingKey:
        """Reads a key file; CoreError if torn or not a key.

        With `tables` ("full", "small", "auto" by free memory) the key is made ready to prove fast: its tables are
        mapped from the file beside it, which is made first if it is not there or not right.
        """
    @property
    def arithmetic(self) -> str | None:
        """What proofs are made with; None without tables."""
    @property
    def tables(self) -> str | None: ...
    @property
    def table_bytes(self) -> int: ...
    @property
    def is_mapped(self) -> bool:
        """Whether the tables are a file, which all processes share, rather than memory of this one."""
    @property
    def slots(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def circuit_hash(self) -> bytes: ...
    @property
    def constraints(self) -> int: ...
    @property
    def wires(self) -> int: ...
    @property
    def provenance(self) -> str: ...
    def verifying_key_words(self) -> bytes:
        """22 words of 32 bytes, docs/protocol.md section 6."""
    def prove(self, trace: bytes, statement: bytes, threads: int, stop: StopFlag | None = None) -> ProofResult:
        """Witness, proof and self-check for statement words V; the GIL is released. Stopped once the flag is set."""

def key_file_circuit(path: str) -> tuple[int, int]:
    """Slots and depth of the circuit that a key file's header names, unchecked; 0 slots for a membership circuit."""

@final
class VerifyingKey:
    """What does not depend on the proof is computed once."""

    def __new__(cls, words: bytes, public_inputs: int) -> VerifyingKey:
        """By words of docs/protocol.md section 6, for a circuit with so many public inputs; CoreError if not sound."""
    def verify(self, public_inputs: Sequence[bytes], proof: bytes) -> None:
        """Groth16 check with strict point and range checks; CoreError if it does not hold."""

def check_verifying_key(verifying_key_words: bytes, circuit_hash: bytes, constraints: int) -> bool:
    """Whether a sound key of 22 words grew from the published seed of this circuit; CoreError names what is wrong."""

def export_circuit(slots: int, depth: int, r1cs_path: str, zkey_path: str) -> None:
    """Write a shape's circuit and its development key in snarkjs's formats."""

def export_phase_one(slots: int, depth: int, path: str) -> None:
    """Write the phase 1 of a shape's development key as a prepared `.ptau`. INSECURE."""

def export_witness(trace: bytes, statement: bytes, path: str) -> None:
    """Write the witness for statement words V as `.wtns`."""

def import_zkey(zkey_path: str, slots: int, depth: int, key_path: str) -> None:
    """Check a `.zkey` of a shape's circuit and write it as a key file; CoreError names what is wrong."""

def membership_circuit_info(depth: int) -> tuple[int, int, int, bytes]:
    """(constraints, wires, public inputs, circuit hash) of the membership circuit (docs/protocol.md, section 9)."""

def mutate_membership(depth: int, seed: int) -> tuple[int, int, int, list[str]]:
    """As `mutate`, of the membership circuit."""

def setup_dev_membership_key(depth: int, path: str) -> None:
    """As `setup_dev_key`, for the membership circuit."""

@final
class MembershipKey:
    @staticmethod
    def load(path: str) -> MembershipKey:
        """CoreError if torn, not a key, or a key of another circuit."""
    @property
    def depth(self) -> int: ...
    @property
    def circuit_hash(self) -> bytes: ...
    @property
    def constraints(self) -> int: ...
    @property
    def wires(self) -> int: ...
    @property
    def provenance(self) -> str: ...
    def verifying_key_words(self) -> bytes: ...
    def prove(self, membership: bytes, threads: int) -> tuple[list[bytes], bytes]:
        """(root, account · 2^160 + exit address, balance as words; 256 bytes of proof), self-checked."""

def export_membership_circuit(depth: int, r1cs_path: str, zkey_path: str) -> None:
    """As `export_circuit`, for the membership circuit."""

def export_membership_phase_one(depth: int, path: str) -> None:
    """As `export_phase_one`, for the membership circuit."""

def export_membership_witness(membership: bytes, path: str) -> None:
    """Write the witness of a `State.membership` as `.wtns`."""

def import_membership_zkey(zkey_path: str, depth: int, key_path: str) -> None:
    """As `import_zkey`, for the membership circuit."""

def _panic(message: str) -> None:
    """A deliberate bug in the core, for the test that panics become `CorePanic`."""

@final
class SealedBatch:
    """A batch as the engine executed it."""

    @property
    def number(self) -> int: ...
    @property
    def parent_hash(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...
    @property
    def header(self) -> tuple[int, int, int, int, int]:
        """Slots, depth, deposits, forced, fee account."""
    @property
    def data(self) -> bytes: ...
    @property
    def outcomes(self) -> bytes:
        """One SlotOutcome code a slot."""
    @property
    def exits(self) -> list[tuple[int, bytes, int]]:
        """Slot, 20-byte address and amount of each applied exit, in slot order."""
    @property
    def fees(self) -> int: ...
    @property
    def burnt(self) -> int: ...
    @property
    def queue(self) -> tuple[int, int]:
        """The queue entries it drains: first, and the one after the last."""
    @property
    def root(self) -> bytes | None:
        """The state root after it; None inside a round, where only the last batch has one."""

@final
class Engine:
    """Pool, state and batches of a sequencer, durable at `path`; every method may be called from any thread."""

    def __new__(
        cls,
        *,
        path: str | None,
        slots: int,
        depth: int,
        domain: bytes,
        fee_account: int,
        pool_transactions: int,
        pool_per_account: int,
        pool_seconds: float,
        kept_batches: int,
        max_unposted: int,
        genesis_accounts: int,
        now: float,
    ) -> Engine: ...
    def admit(self, frame: bytes, now: float) -> bytes: ...
    def seal(
        self, *, deposits: int, forced: int, queue_slots: bytes, queue_end: int, most: int, partial: bool
    ) -> tuple[int, int] | None: ...
    def extend(
        self, *, slots: int, depth: int, deposits: int, forced: int, fee_account: int, data: bytes, queue_end: int
    ) -> int: ...
    def truncate(self, number: int, now: float) -> int: ...
    def set_posted(self, number: int) -> None: ...
    def expire(self, now: float) -> int: ...
    def batch(self, number: int) -> SealedBatch | None: ...
    def account(self, index: int) -> tuple[bytes, bytes, int, int, bytes] | None: ...
    def next_nonce(self, account: int, nonce: int) -> int: ...
    def total_balance(self) -> int: ...
    @property
    def root(self) -> bytes: ...
    def base(self) -> tuple[int, bytes, int]:
        """The batch below all that are kept: number, hash, the queue's index after it."""
    def standing(self) -> tuple[int, int, int, int, int, int, int, int, float]:
        """Height, durable height, base, applied, waiting, ready, dropped, bytes written, p99 seconds."""

def workload_transfers(accounts: int, first: int, count: int, domain: bytes) -> bytes: ...
def workload_execute(accounts: int, slots: int, depth: int, seconds: float) -> tuple[int, float, float]: ...

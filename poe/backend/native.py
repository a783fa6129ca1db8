"""The backend by the Rust core: numbers in, numbers out; the core's errors become the tree of `poe.errors`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from poe import _core
from poe.backend.interface import (
    CircuitInfo,
    Execution,
    KeyInfo,
    MembershipProof,
    MutationReport,
    Proof,
    ProofJob,
    SignedMessage,
)
from poe.crypto.field import from_word, split_words, to_word
from poe.errors import BackendError, InputError
from poe.rollup.membership import split_holder
from poe.rollup.types import Account, AccountIndex, Address, Batch, Exit, FieldElement, Gwei, Shape, SlotOutcome

PUBLIC_INPUTS = 3
"""C, x, y of a batch; root, account and exit address in one, balance of a membership."""
VERIFYING_KEYS = 8
"""That are kept prepared, some 40 KB each: a node checks proofs of two circuits, tests of a few more."""


class NativeState:
    """StateBackend by the core. It starts from `accounts`; undo data of the last `history` batches is kept."""

    def __init__(
        self, depth: int, history: int = 1024, accounts: Mapping[AccountIndex, Account] = MappingProxyType({})
    ) -> None:
        with refused_as(InputError):
            self._state = _core.State(depth, history, [_account_tuple(*entry) for entry in accounts.items()])
        self._capacity = 4**depth
        self._depth = depth

    @property
    def root(self) -> FieldElement:
        return FieldElement(from_word(self._state.root))

    @property
    def height(self) -> int:
        """Batches executed and not rolled back."""
        return self._state.height

    def account(self, index: AccountIndex) -> Account | None:
        """The account at an index; None where none was made or the index is outside the tree."""
        if not 0 <= index < self._capacity:
            return None
        found = self._state.account(index)
        if found is None:
            return None
        key_x, key_y, balance, nonce, exit_address = found
        return Account(
            public_key_x=from_word(key_x),
            public_key_y=from_word(key_y),
            balance=Gwei(balance),
            nonce=nonce,
            exit_address=from_word(exit_address),
        )

    def total_balance(self) -> Gwei:
        """Sum of all balances, in gwei."""
        return Gwei(self._state.total_balance())

    def execute(self, batch: Batch, domain: FieldElement) -> Execution:
        """Apply a batch; InputError for one that the contract refuses, and then nothing has changed."""
        header = batch.header
        if header.shape.depth != self._depth:
            raise ValueError(f"batch of shape {header.shape} on a state of depth {self._depth}")
        with refused_as(InputError):
            execution = self._state.execute(
                domain=_word("domain", domain),
                slots=header.shape.slots,
                deposits=header.deposits,
                forced=header.forced,
                fee_account=header.fee_account,
                data=batch.data,
            )
        return Execution(
            old_root=FieldElement(from_word(execution.old_root)),
            new_root=FieldElement(from_word(execution.new_root)),
            outcomes=tuple(map(SlotOutcome, execution.outcomes)),
            fees=Gwei(execution.fees),
            burnt=Gwei(execution.burnt),
            exits=tuple(
                Exit(slot=slot, address=Address(address), amount=Gwei(amount))
                for slot, address, amount in execution.exits
            ),
            trace=execution.trace,
        )

    def membership(self, index: AccountIndex) -> bytes:
        """The opaque witness that an account is in the present state; InputError if it does not exist."""
        with refused_as(InputError):
            return self._state.membership(index)

    def rollback(self, batches: int) -> None:
        """Undo the last `batches` executions; ValueError if more than are kept."""
        with refused_as(ValueError):
            self._state.rollback(batches)


class NativeSignatures:
    """SignatureBackend by the core, on all its threads; the GIL is free meanwhile."""

    def verify(self, messages: Sequence[SignedMessage]) -> list[bool]:
        """One verdict a message, in order; InputError when a number is not a word."""
        return _core.verify_signatures([_signature_words(message) for message in messages])


def poseidon(inputs: Sequence[int]) -> FieldElement:
    """circomlib's Poseidon of 1 to 16 field elements; InputError otherwise."""
    with refused_as(InputError):
        return FieldElement(from_word(_core.poseidon([_word("input", value) for value in inputs])))


def derive_public_key(secret: bytes) -> tuple[int, int]:
    """BabyJubJub public key of a 32-byte secret; InputError on another length."""
    with refused_as(InputError):
        x, y = _core.derive_public_key(secret)
    return from_word(x), from_word(y)


def sign(secret: bytes, message: int) -> tuple[int, int, int]:
    """EdDSA-Poseidon (R8.x, R8.y, S) of a field element; InputError when it or the secret is not one."""
    with refused_as(InputError):
        x, y, s = _core.sign(secret, _word("message", message))
    return from_word(x), from_word(y), from_word(s)


def verify_proof(verifying_key_words: Sequence[int], public_inputs: Sequence[int], proof_words: Sequence[int]) -> None:
    """Groth16 check with every point and range checked; BackendError if it does not hold.

    Words are ordered as docs/protocol.md section 6 says.
    """
    key, proof = (
        b"".join(_word(name, value) for value in values)
        for name, values in (("verifying key word", verifying_key_words), ("proof word", proof_words))
    )
    with refused_as(BackendError):
        _verifying_key(key, len(public_inputs)).verify([_word("public input", value) for value in public_inputs], proof)


@lru_cache(maxsize=VERIFYING_KEYS)
def _verifying_key(words: bytes, public_inputs: int) -> _core.VerifyingKey:
    return _core.VerifyingKey(words, public_inputs)


def mutate_circuit(shape: Shape, *, seed: int, sample: int | None) -> MutationReport:
    """Shake the circuit's witnesses; `sample` wires and hints of each content, all if None. Minutes for all."""
    with refused_as(BackendError):
        return _mutation_report(_core.mutate(shape.slots, shape.depth, seed, sample))


def mutate_membership_circuit(depth: int, *, seed: int) -> MutationReport:
    """Shake the membership circuit's witnesses, all of them."""
    with refused_as(BackendError):
        return _mutation_report(_core.mutate_membership(depth, seed))


def _mutation_report(found: tuple[int, int, int, list[str]]) -> MutationReport:
    wires, hints, mutations, survivors = found
    return MutationReport(wires=wires, hints=hints, mutations=mutations, survivors=tuple(survivors))


def circuit_info(shape: Shape) -> CircuitInfo:
    """Size and identity of the batch circuit of a shape."""
    with refused_as(BackendError):
        return _circuit_info(_core.circuit_info(shape.slots, shape.depth))


def membership_circuit_info(depth: int) -> CircuitInfo:
    """Size and identity of the membership circuit of a tree of this depth."""
    with refused_as(BackendError):
        return _circuit_info(_core.membership_circuit_info(depth))


def _circuit_info(found: tuple[int, int, int, bytes]) -> CircuitInfo:
    constraints, wires, public_inputs, circuit_hash = found
    return CircuitInfo(constraints=constraints, wires=wires, public_inputs=public_inputs, hash=circuit_hash)


def setup_dev_key(shape: Shape, path: Path) -> None:
    """Make the insecure development key of a shape; BackendError when it cannot be written."""
    with refused_as(BackendError):
        _core.setup_dev_key(shape.slots, shape.depth, str(path))


def setup_dev_membership_key(depth: int, path: Path) -> None:
    """As `setup_dev_key`, of the membership circuit."""
    with refused_as(BackendError):
        _core.setup_dev_membership_key(depth, str(path))


def key_info(path: Path, circuit: CircuitInfo) -> KeyInfo:
    """What a batch circuit's key file holds, read whole; BackendError when it is damaged or not `circuit`'s."""
    return _require_circuit(open_key_file(path)[1], circuit)


def membership_key_info(path: Path, circuit: CircuitInfo) -> KeyInfo:
    """As `key_info`, of a membership circuit."""
    return _require_circuit(open_membership_key_file(path)[1], circuit)


def _require_circuit(key: KeyInfo, circuit: CircuitInfo) -> KeyInfo:
    if key.circuit.hash != circuit.hash:
        raise BackendError(f"{key.path} is the key of circuit {key.circuit.hash.hex()}, wanted {circuit.hash.hex()}")
    return key


def key_file_circuit(path: Path) -> tuple[int, int]:
    """Slots and depth of the circuit that a key file says it is for, 0 slots for a membership circuit; not checked."""
    with refused_as(BackendError):
        return _core.key_file_circuit(str(path))


def open_key_file(path: Path) -> tuple[Shape, KeyInfo]:
    """What a batch circuit's key file holds, and of which shape, read whole; BackendError if damaged or worthless."""
    with refused_as(BackendError):
        key = _core.ProvingKey.load(str(path))
    return Shape(slots=key.slots, depth=key.depth), _key_info(path, key)


def open_membership_key_file(path: Path) -> tuple[int, KeyInfo]:
    """What a membership circuit's key file holds, and of which depth, read whole; BackendError as `open_key_file`."""
    with refused_as(BackendError):
        key = _core.MembershipKey.load(str(path))
    return key.depth, _key_info(path, key)


def _key_info(path: Path, key: _core.ProvingKey | _core.MembershipKey) -> KeyInfo:
    circuit = CircuitInfo(
        constraints=key.constraints, wires=key.wires, public_inputs=PUBLIC_INPUTS, hash=key.circuit_hash
    )
    words = tuple(split_words(key.verifying_key_words(), name="verifying key"))
    return KeyInfo(path=path, circuit=circuit, provenance=key.provenance, verifying_key_words=words)


def check_verifying_key(words: Sequence[int], circuit: CircuitInfo) -> bool:
    """Whether the key's secrets are published, as the development key's are.

    BackendError naming what makes it worthless: a point that is none, gamma = delta, delta the generator.
    """
    key = b"".join(_word("verifying key word", word) for word in words)
    with refused_as(BackendError):
        return _core.check_verifying_key(key, circuit.hash, circuit.constraints)


def export_circuit(shape: Shape, *, r1cs: Path, zkey: Path) -> None:
    """Write a shape's circuit and its insecure development key for snarkjs."""
    with refused_as(BackendError):
        _core.export_circuit(shape.slots, shape.depth, str(r1cs), str(zkey))


def export_membership_circuit(depth: int, *, r1cs: Path, zkey: Path) -> None:
    """As `export_circuit`, of the membership circuit."""
    with refused_as(BackendError):
        _core.export_membership_circuit(depth, str(r1cs), str(zkey))


def export_phase_one(shape: Shape, path: Path) -> None:
    """Write the phase 1 (`.ptau`) of a shape's development key. INSECURE: so is whatever is set up with it."""
    with refused_as(BackendError):
        _core.export_phase_one(shape.slots, shape.depth, str(path))


def export_witness(job: ProofJob, path: Path) -> None:
    """Write the witness (`.wtns`) of a proof to make."""
    with refused_as(BackendError):
        _core.export_witness(job.trace, job.statement, str(path))


def export_membership_phase_one(depth: int, path: Path) -> None:
    """As `export_phase_one`, of the membership circuit."""
    with refused_as(BackendError):
        _core.export_membership_phase_one(depth, str(path))


def export_membership_witness(membership: bytes, path: Path) -> None:
    """Write the witness (`.wtns`) of a `NativeState.membership`."""
    with refused_as(BackendError):
        _core.export_membership_witness(membership, str(path))


def import_zkey(zkey: Path, shape: Shape, path: Path) -> None:
    """Check a `.zkey` of a shape's circuit and write it as a key file; BackendError names what is wrong with it."""
    with refused_as(BackendError):
        _core.import_zkey(str(zkey), shape.slots, shape.depth, str(path))


def import_membership_zkey(zkey: Path, depth: int, path: Path) -> None:
    """As `import_zkey`, of the membership circuit."""
    with refused_as(BackendError):
        _core.import_membership_zkey(str(zkey), depth, str(path))


def prove(key_path: Path, job: ProofJob, *, threads: int = 1) -> Proof:
    """Prove here and now, self-check included; BackendError when key, trace and statement do not fit. Blocks.

    Nothing is prepared, so it takes seconds where a worker takes a fraction of one: for a single proof.
    """
    with refused_as(BackendError):
        return proof_of(_core.ProvingKey.load(str(key_path)).prove(job.trace, job.statement, threads))


def proof_of(result: _core.ProofResult) -> Proof:
    return Proof(
        commitment=FieldElement(from_word(result.commitment)),
        x=FieldElement(from_word(result.x)),
        y=FieldElement(from_word(result.y)),
        words=tuple(split_words(result.proof, name="proof")),
        witness_seconds=result.witness_seconds,
        prove_seconds=result.prove_seconds,
        verify_seconds=result.verify_seconds,
    )


def prove_membership(key_path: Path, state: NativeState, account: AccountIndex, *, threads: int = 1) -> MembershipProof:
    """Prove that an account is in the present state, self-check included. Blocks.

    InputError if the account does not exist, BackendError when the key is not one of a membership circuit of the
    state's depth.
    """
    membership = state.membership(account)
    with refused_as(BackendError):
        public, proof = _core.MembershipKey.load(str(key_path)).prove(membership, threads)
    root, holder, balance = map(from_word, public)
    index, exit_address = split_holder(holder)
    return MembershipProof(
        root=FieldElement(root),
        account=index,
        exit_address=exit_address,
        balance=Gwei(balance),
        words=tuple(split_words(proof, name="proof")),
    )


def _account_tuple(index: AccountIndex, account: Account) -> tuple[int, bytes, bytes, int, int, bytes]:
    return (
        index,
        _word("public_key_x", account.public_key_x),
        _word("public_key_y", account.public_key_y),
        account.balance,
        account.nonce,
        _word("exit_address", account.exit_address),
    )


def _signature_words(message: SignedMessage) -> tuple[bytes, bytes, bytes, bytes, bytes, bytes]:
    return (
        _word("A.x", message.public_key[0]),
        _word("A.y", message.public_key[1]),
        _word("R8.x", message.r8[0]),
        _word("R8.y", message.r8[1]),
        _word("S", message.s),
        _word("message", message.message),
    )


def _word(name: str, value: int) -> bytes:
    """A number in [0, 2^256) as a word; InputError otherwise."""
    try:
        return to_word(value)
    except OverflowError as error:
        raise InputError(f"{name} is {value}, not in [0, 2^256)") from error


@contextmanager
def refused_as(kind: type[Exception]) -> Iterator[None]:
    """What the core refuses, or cannot even hold in its integers, as another exception."""
    try:
        yield
    except (_core.CoreError, OverflowError) as error:
        raise kind(str(error)) from error

"""Proofs by the Rust core: of the statement that the specification computes, accepted by another verifier."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from poe import _core
from poe.backend import native
from poe.backend.interface import Execution, KeyInfo
from poe.backend.native import NativeState
from poe.backend.reference import verify_groth16
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.errors import BackendError
from poe.rollup.batch import batch_hash, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.statement import challenge, commitment, context, evaluate, exit_words, statement_words
from poe.rollup.transaction import ExitRequest, Transfer
from poe.rollup.types import AccountIndex, Address, Batch, BatchNumber, FieldElement, Gwei, Shape, SlotOutcome, Wei

SHAPE = Shape(slots=1, depth=1)
DOMAIN = FieldElement(31337)
SECRET = b"\5" * 32
OWNER = AccountIndex(2)
EXIT = Address(b"\x03" * 20)
PAYEE = Address(b"\x0a" * 20)


@pytest.fixture(scope="module")
def key_info(tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    path = tmp_path_factory.mktemp("keys") / "dev.key"
    native.setup_dev_key(SHAPE, path)
    return native.key_info(path, native.circuit_info(SHAPE))


@pytest.fixture(scope="module")
def key(key_info: KeyInfo) -> _core.ProvingKey:
    return _core.ProvingKey.load(str(key_info.path))


def _deposit() -> Batch:
    slot = deposit_slot(OWNER, Gwei(1000), native.derive_public_key(SECRET), EXIT)
    return seal_batch(SHAPE, deposits=[slot], transfers=[], fee_account=OWNER)


def _aliased_transfer() -> Batch:
    """A transfer to oneself whose R8.x is posted as R8.x + r."""
    transfer = Transfer(sender=OWNER, recipient=OWNER, amount=Gwei(7), fee=Gwei(2), nonce=0)
    w0, r8_x, r8_y, s = split_words(transfer.sign(SECRET, DOMAIN).slot)
    slot = b"".join(map(to_word, (w0, r8_x + FIELD_ORDER, r8_y, s)))
    return seal_batch(SHAPE, deposits=[], transfers=[slot], fee_account=OWNER)


def _exit() -> Batch:
    """An exit whose recipient, which it does not read, is noise."""
    word = ExitRequest(sender=OWNER, amount=Gwei(998), fee=Gwei(2), nonce=0).word | 0xABCDEF << 128
    signature = native.sign(SECRET, native.poseidon([DOMAIN, word]))
    slot = b"".join(map(to_word, (word, *signature)))
    return seal_batch(SHAPE, deposits=[], transfers=[slot], fee_account=OWNER)


def _forced_exit(asked_by: Address = EXIT) -> Batch:
    slot = forced_exit_slot(OWNER, Gwei(1000), asked_by)
    return seal_batch(SHAPE, deposits=[], forced_exits=[slot], transfers=[], fee_account=OWNER)


def _noise() -> Batch:
    return seal_batch(SHAPE, deposits=[], transfers=[bytes(range(128, 256))], fee_account=OWNER)


def _run(batch: Batch) -> tuple[Execution, bytes]:
    """The batch after a deposit to its owner, and its statement V."""
    state = NativeState(SHAPE.depth)
    if not batch.header.deposits:
        state.execute(_deposit(), DOMAIN)
    execution = state.execute(batch, DOMAIN)
    words = statement_words(
        domain=DOMAIN,
        old_root=execution.old_root,
        new_root=execution.new_root,
        context=context(BatchNumber(1), batch_hash(batch), PAYEE, Wei(5)),
        batch=batch,
        exits=execution.exits,
    )
    return execution, words


@pytest.mark.parametrize(
    ("batch", "outcome"),
    [
        (_deposit(), SlotOutcome.APPLIED),
        (_aliased_transfer(), SlotOutcome.APPLIED),
        (_exit(), SlotOutcome.APPLIED),
        (_forced_exit(), SlotOutcome.APPLIED),
        (_forced_exit(PAYEE), SlotOutcome.NOT_EXIT_ADDRESS),
        (_noise(), SlotOutcome.UNKNOWN_KIND),
    ],
    ids=["deposit", "aliased transfer", "exit", "forced exit", "forced exit of another's", "noise"],
)
def test_a_proof_is_of_the_specifications_statement(
    key: _core.ProvingKey, key_info: KeyInfo, batch: Batch, outcome: SlotOutcome
) -> None:
    execution, words = _run(batch)
    assert execution.outcomes == (outcome,)
    result = key.prove(execution.trace, words, 1)
    expected = commitment(words)
    x = challenge(expected, words)
    inputs = [expected, x, evaluate(words, x)]
    assert [result.commitment, result.x, result.y] == list(map(to_word, inputs))
    native.verify_proof(key_info.verifying_key_words, inputs, split_words(result.proof))
    verify_groth16(key_info.verifying_key_words, inputs, split_words(result.proof))
    assert min(result.witness_seconds, result.prove_seconds, result.verify_seconds) > 0


def test_a_changed_proof_input_or_key_is_refused(key: _core.ProvingKey, key_info: KeyInfo) -> None:
    execution, words = _run(_deposit())
    result = key.prove(execution.trace, words, 1)
    inputs = [int.from_bytes(word) for word in (result.commitment, result.x, result.y)]
    proof, verifying_key = split_words(result.proof), list(key_info.verifying_key_words)
    native.verify_proof(verifying_key, inputs, proof)
    for values in (inputs, proof, verifying_key):
        for position in range(len(values)):
            values[position] += 1
            with pytest.raises(BackendError):
                native.verify_proof(verifying_key, inputs, proof)
            values[position] -= 1
    with pytest.raises(BackendError):
        native.verify_proof(verifying_key, inputs[:2], proof)
    with pytest.raises(BackendError):
        native.verify_proof(verifying_key, inputs, proof[:7])
    native.verify_proof(verifying_key, inputs, proof)


@pytest.mark.parametrize("position", [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
def test_a_statement_that_is_not_the_traces_is_not_proved(key: _core.ProvingKey, position: int) -> None:
    """Every word but the context, which the trace does not know."""
    execution, words = _run(_deposit())
    changed = bytearray(words)
    changed[32 * position + 31] ^= 1
    with pytest.raises(_core.CoreError, match="disagree"):
        key.prove(execution.trace, bytes(changed), 1)


@pytest.mark.parametrize("batch", [_exit(), _forced_exit()], ids=["exit", "forced exit"])
@pytest.mark.parametrize("lie", [{"address": PAYEE}, {"amount": Gwei(1001)}, None])
def test_an_exit_that_the_batch_did_not_emit_is_not_proved(
    key: _core.ProvingKey, batch: Batch, lie: dict[str, Any] | None
) -> None:
    """To another, of more, and none at all."""
    execution, words = _run(batch)
    (emitted,) = execution.exits
    claimed = [] if lie is None else [replace(emitted, **lie)]
    with pytest.raises(_core.CoreError, match="disagree about the exits"):
        key.prove(execution.trace, words[:-64] + exit_words(claimed, SHAPE), 1)


@pytest.mark.parametrize("cut", [1, 32, 200])
def test_torn_traces_and_statements_are_refused(key: _core.ProvingKey, cut: int) -> None:
    execution, words = _run(_deposit())
    with pytest.raises(_core.CoreError, match="trace ends early"):
        key.prove(execution.trace[:-cut], words, 1)
    with pytest.raises(_core.CoreError, match="statement"):
        key.prove(execution.trace, words[:-cut], 1)
    with pytest.raises(_core.CoreError, match="too many"):
        key.prove(execution.trace + bytes(cut), words, 1)


def test_a_trace_of_another_shape_is_refused(key: _core.ProvingKey) -> None:
    state = NativeState(2)
    batch = seal_batch(Shape(slots=1, depth=2), deposits=[], transfers=[], fee_account=OWNER)
    execution = state.execute(batch, DOMAIN)
    with pytest.raises(_core.CoreError, match="shape 1x2"):
        key.prove(execution.trace, bytes(14 * 32), 1)


def test_the_dev_key_is_the_same_on_every_machine_and_says_what_it_is(key_info: KeyInfo, tmp_path: Path) -> None:
    again = tmp_path / "again.key"
    native.setup_dev_key(SHAPE, again)
    assert again.read_bytes() == key_info.path.read_bytes()
    assert key_info.provenance == "insecure-dev"
    assert list(tmp_path.iterdir()) == [again]


@pytest.mark.parametrize("position", [0, 100, -1])
def test_a_damaged_key_is_a_backend_error(key_info: KeyInfo, tmp_path: Path, position: int) -> None:
    damaged = bytearray(key_info.path.read_bytes())
    damaged[position] ^= 1
    path = tmp_path / "damaged.key"
    path.write_bytes(damaged)
    with pytest.raises(BackendError, match=r"damaged\.key"):
        native.key_info(path, key_info.circuit)
    path.write_bytes(damaged[:1000])
    with pytest.raises(BackendError, match=r"damaged\.key"):
        native.key_info(path, key_info.circuit)


def test_files_that_cannot_be_read_or_written_are_backend_errors(key_info: KeyInfo, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="absent"):
        native.key_info(tmp_path / "absent.key", key_info.circuit)
    with pytest.raises(BackendError, match="nowhere"):
        native.setup_dev_key(SHAPE, tmp_path / "nowhere" / "dev.key")


def test_a_key_of_another_circuit_is_a_backend_error(key_info: KeyInfo) -> None:
    other = native.circuit_info(Shape(slots=1, depth=2))
    assert other.hash != key_info.circuit.hash
    with pytest.raises(BackendError, match="wanted"):
        native.key_info(key_info.path, other)

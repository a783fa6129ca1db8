"""The statement V of a proof, its commitment C, and its one evaluation y at x (docs/protocol.md, sections 3 and 5)."""

from __future__ import annotations

from collections.abc import Sequence

from poe.crypto.field import FIELD_ORDER, reduce, split_words, to_word
from poe.crypto.keccak import keccak256
from poe.crypto.poseidon import poseidon
from poe.errors import InputError
from poe.rollup.batch import header_bytes, require_address
from poe.rollup.transaction import AMOUNT_BITS, require_bits, require_reduced
from poe.rollup.types import WORD_BYTES, Address, Batch, BatchNumber, Exit, FieldElement, Hash, Shape, Wei

HEAD_WORDS = 8
WORDS_A_SLOT = 6
"""Four of data, two of exit address and exit amount."""
BLOCK_WORDS = 15
"""Words of V that one Poseidon16 of the commitment takes beside the chained value."""

EMPTY_PAIR = bytes(2 * WORD_BYTES)
"""Exit address and amount of a slot that emits no exit."""


def domain(chain_id: int, arbiter: Address, circuit_version: int) -> FieldElement:
    """What separates this rollup's signatures and proofs from any other's; below 2^248."""
    require_bits("chain_id", chain_id, 256)
    require_address("arbiter", arbiter)
    require_bits("circuit_version", circuit_version, 256)
    return _hash_to_field(to_word(chain_id) + _pad_address(arbiter) + to_word(circuit_version))


def context(number: BatchNumber, batch_hash: Hash, payee: Address, tip: Wei) -> FieldElement:
    """What binds a proof to its batch and to who is paid for it; below 2^248."""
    require_bits("number", number, 256)
    if len(batch_hash) != WORD_BYTES:
        raise InputError(f"batch_hash is {len(batch_hash)} bytes, wanted {WORD_BYTES}")
    require_address("payee", payee)
    require_bits("tip", tip, 256)
    return _hash_to_field(to_word(number) + batch_hash + _pad_address(payee) + to_word(tip))


def statement_length(shape: Shape) -> int:
    """Number of words of V."""
    return HEAD_WORDS + WORDS_A_SLOT * shape.slots


def statement_words(
    *,
    domain: FieldElement,
    old_root: FieldElement,
    new_root: FieldElement,
    context: FieldElement,
    batch: Batch,
    exits: Sequence[Exit] = (),
) -> bytes:
    """V as 8 + 6N words of 32 bytes: the data as posted, then a pair (address, amount) a slot, zeros without exit."""
    head = {"domain": domain, "old_root": old_root, "new_root": new_root, "context": context}
    for name, value in head.items():
        require_reduced(name, value)
    pairs = exit_words(exits, batch.header.shape)
    return b"".join(map(to_word, head.values())) + header_bytes(batch.header) + batch.data + pairs


def exit_words(exits: Sequence[Exit], shape: Shape) -> bytes:
    """The last 2N words of V; InputError unless the exits' slots grow and lie in the batch."""
    words, following = [EMPTY_PAIR] * shape.slots, 0
    for leaving in exits:
        if not following <= leaving.slot < shape.slots:
            raise InputError(f"exit of slot {leaving.slot}, wanted one in [{following}, {shape.slots})")
        require_address("exit address", leaving.address)
        require_bits("exit amount", leaving.amount, AMOUNT_BITS)
        words[leaving.slot] = _pad_address(leaving.address) + to_word(leaving.amount)
        following = leaving.slot + 1
    return b"".join(words)


def commitment(words: bytes) -> FieldElement:
    """C: a Poseidon16 chain over blocks of 15 words of V, started at V's length."""
    values = [reduce(word) for word in split_words(words, name="statement")]
    chained = len(values)
    for start in range(0, len(values), BLOCK_WORDS):
        block = values[start : start + BLOCK_WORDS]
        chained = poseidon([chained, *block, *[0] * (BLOCK_WORDS - len(block))])
    return FieldElement(chained)


def challenge(commitment: FieldElement, words: bytes) -> FieldElement:
    """x = keccak(C ‖ keccak(V)) mod r, V as posted: fixed only after C is."""
    digest = keccak256(to_word(commitment) + keccak256(words))
    return FieldElement(int.from_bytes(digest, "big") % FIELD_ORDER)


def evaluate(words: bytes, x: FieldElement) -> FieldElement:
    """y = Σ V[i]·x^i mod r, by Horner."""
    y = 0
    for value in reversed(split_words(words, name="statement")):
        y = (y * x + value) % FIELD_ORDER
    return FieldElement(y)


def _hash_to_field(encoded: bytes) -> FieldElement:
    """keccak >> 8: always below r."""
    return FieldElement(int.from_bytes(keccak256(encoded), "big") >> 8)


def _pad_address(address: Address) -> bytes:
    return address.rjust(WORD_BYTES, b"\0")

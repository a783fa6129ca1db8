"""Sealing and hashing batches, and the deposit slots the contract demands."""

from __future__ import annotations

from typing import Any

import pytest

from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.crypto.keccak import keccak256
from poe.errors import InputError
from poe.rollup.batch import (
    EMPTY_SLOT,
    batch_hash,
    deposit_slot,
    empty_data,
    forced_exit_slot,
    header_bytes,
    seal_batch,
)
from poe.rollup.types import AccountIndex, Address, Batch, Gwei, Header, Shape

SHAPE = Shape(slots=3, depth=5)
DEPOSIT: dict[str, Any] = {
    "account": AccountIndex(7),
    "amount": Gwei(9),
    "public_key": (11, 12),
    "exit_address": Address(b"\1" * 20),
}


def test_deposit_slot_is_the_contracts() -> None:
    w0, x, y, exit_address = split_words(deposit_slot(**DEPOSIT))
    assert w0 == 3 << 224 | 7 << 128 | 9 << 64
    assert (x, y, exit_address) == (11, 12, int.from_bytes(b"\1" * 20, "big"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"account": 2**48}, "account is"),
        ({"amount": 2**64}, "amount is"),
        ({"amount": -1}, "amount is"),
        ({"public_key": (FIELD_ORDER, 0)}, "public_key.x is"),
        ({"public_key": (0, FIELD_ORDER)}, "public_key.y is"),
        ({"exit_address": bytes(19)}, "exit_address is 19 bytes"),
        ({"exit_address": bytes(32)}, "exit_address is 32 bytes"),
    ],
)
def test_a_deposit_the_contract_refuses_has_no_slot(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        deposit_slot(**{**DEPOSIT, **change})


def test_forced_exit_slot_is_the_contracts() -> None:
    slot = forced_exit_slot(AccountIndex(7), Gwei(9), Address(b"\1" * 20))
    assert split_words(slot) == [2 << 224 | 7 << 176 | 9 << 64, int.from_bytes(b"\1" * 20, "big"), 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"account": 2**48}, "account is"),
        ({"amount": 2**64}, "amount is"),
        ({"amount": -1}, "amount is"),
        ({"exit_address": bytes(21)}, "exit_address is 21 bytes"),
    ],
)
def test_a_forced_exit_the_contract_refuses_has_no_slot(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"account": 7, "amount": 9, "exit_address": bytes(20)}
    with pytest.raises(InputError, match=f"^POE-INP-001: {message}"):
        forced_exit_slot(**{**good, **change})


def test_sealed_batch_has_forced_exits_between_deposits_and_users_slots() -> None:
    deposit, forced = deposit_slot(**DEPOSIT), forced_exit_slot(AccountIndex(7), Gwei(9), Address(b"\1" * 20))
    batch = seal_batch(
        SHAPE, deposits=[deposit], forced_exits=[forced], transfers=[bytes(range(128))], fee_account=AccountIndex(4)
    )
    assert batch.slots == (deposit, forced, bytes(range(128)))
    assert (batch.header.deposits, batch.header.forced) == (1, 1)


def test_forced_exits_count_among_the_slots() -> None:
    with pytest.raises(InputError, match="4 slots do not fit a batch of shape 3x5"):
        seal_batch(
            SHAPE,
            deposits=[EMPTY_SLOT],
            forced_exits=[EMPTY_SLOT] * 2,
            transfers=[EMPTY_SLOT],
            fee_account=AccountIndex(0),
        )


def test_sealed_batch_has_deposits_then_transfers_then_nothing() -> None:
    deposit, transfer = deposit_slot(**DEPOSIT), bytes(range(128))
    batch = seal_batch(SHAPE, deposits=[deposit], transfers=[transfer], fee_account=AccountIndex(4))
    assert batch.slots == (deposit, transfer, EMPTY_SLOT)
    assert batch.header == Header(shape=SHAPE, deposits=1, forced=0, fee_account=AccountIndex(4))


def test_empty_data_is_the_data_of_an_empty_batch() -> None:
    batch = seal_batch(SHAPE, deposits=[], transfers=[], fee_account=AccountIndex(0))
    assert batch.data == empty_data(SHAPE) == bytes(3 * 128)


def test_too_many_slots_are_refused() -> None:
    with pytest.raises(InputError, match="4 slots do not fit a batch of shape 3x5"):
        seal_batch(SHAPE, deposits=[EMPTY_SLOT] * 2, transfers=[EMPTY_SLOT] * 2, fee_account=AccountIndex(0))


def test_a_slot_of_another_length_is_refused() -> None:
    with pytest.raises(InputError, match="slot is 127 bytes"):
        seal_batch(SHAPE, deposits=[], transfers=[bytes(127), bytes(129)], fee_account=AccountIndex(0))


def test_a_fee_account_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="fee_account is"):
        seal_batch(SHAPE, deposits=[], transfers=[], fee_account=AccountIndex(2**48))


def test_batch_hash_is_over_header_then_posted_data() -> None:
    data = b"\xff" * (3 * 128)
    header = Header(shape=SHAPE, deposits=2, forced=0, fee_account=AccountIndex(9))
    words = [3 * 256 + 5, 2, 0, 9]
    assert header_bytes(header) == b"".join(map(to_word, words))
    assert batch_hash(Batch(header=header, data=data)) == keccak256(b"".join(map(to_word, words)) + data)


def test_batch_hash_tells_aliased_words_apart() -> None:
    """The data is hashed as posted: r and 0 are one field element but two batches."""
    header = Header(shape=Shape(slots=1, depth=2), deposits=0, forced=0, fee_account=AccountIndex(0))
    aliased = Batch(header=header, data=to_word(FIELD_ORDER) + bytes(96))
    assert batch_hash(aliased) != batch_hash(Batch(header=header, data=bytes(128)))

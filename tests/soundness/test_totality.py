"""Every byte string is a provable batch: each way to be wrong, what becomes of it, and that all three readings agree.

The specification, the Rust executor and the circuit's constraints judge every row (docs/protocol.md, section 4). A row
that is not APPLIED changes nothing: the same root, no exit, no fee.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from poe.crypto import babyjubjub
from poe.crypto.babyjubjub import BASE8, IDENTITY, SUBGROUP_ORDER, Point
from poe.crypto.field import FIELD_ORDER, to_word
from poe.rollup.batch import EMPTY_SLOT, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.transaction import MAX_NONCE, Word0
from poe.rollup.types import SLOT_BYTES, AccountIndex, FieldElement, Gwei, Shape, SlotKind, SlotOutcome
from tests.differential import judges
from tests.differential.court import disputed, hear, report
from tests.differential.grammar import (
    ALICE,
    BOB,
    DEPTH,
    FULL,
    LAST_NONCE,
    MOVED,
    NEW,
    NO_NONCE,
    OFF_CURVE,
    ORDER_8,
    OUTSIDE,
    POOR,
    SMALL,
    WORD_LIMIT,
    Case,
    address_of,
    genesis,
    key_of,
    sign,
    sign_without_nonce,
    slot_of,
)
from tests.differential.judges import Evidence, Judge
from tests.differential.r1cs import R1cs

SHAPE = Shape(slots=1, depth=DEPTH)
DOMAIN = FieldElement(4242)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judge]:
    folder = tmp_path_factory.mktemp("circuit")
    circuit = judges.circuit(R1cs.compile(SHAPE, folder), folder)
    return {"specification": judges.specification, "executor": judges.executor, "circuit": circuit}


def transfer(**changes: int) -> Word0:
    """One that Alice may make."""
    fields = Word0(kind=SlotKind.TRANSFER, sender=ALICE, recipient=BOB, amount=10, fee=1, nonce=0)
    return replace(fields, **changes)


def leave(**changes: int) -> Word0:
    """An exit that Alice may make."""
    return transfer(**{"kind": SlotKind.EXIT, "recipient": 0} | changes)


def words_of(fields: Word0, signer: int | None = None) -> list[int]:
    word = fields.pack()
    return [word, *sign(fields.sender if signer is None else signer, word, DOMAIN)]


def signed(fields: Word0, signer: int | None = None) -> bytes:
    return slot_of(*words_of(fields, signer))


def with_word(position: int, word: int) -> bytes:
    """Alice's transfer with another word of its signature."""
    words = words_of(transfer())
    return slot_of(*words[:position], word, *words[position + 1 :])


def with_r8(point: Point) -> bytes:
    words = words_of(transfer())
    return slot_of(words[0], *point, words[3])


def lifted(multiple: int) -> bytes:
    """All words plus r so many times, or as often as fits."""
    most = [(WORD_LIMIT - 1 - word) // FIELD_ORDER for word in words_of(transfer())]
    return slot_of(*(word + min(multiple, k) * FIELD_ORDER for word, k in zip(words_of(transfer()), most, strict=True)))


def torsion(order: int) -> Point:
    return babyjubjub.multiply(ORDER_8, 8 // order)


R8 = (words_of(transfer())[1], words_of(transfer())[2])
S = words_of(transfer())[3]
FORGED_DEPOSIT = deposit_slot(AccountIndex(ALICE), Gwei(10**6), key_of(ALICE), address_of(ALICE))

APPLIED: dict[str, bytes] = {
    "a transfer": signed(transfer()),
    "a transfer of nothing": signed(transfer(amount=0, fee=0)),
    "a transfer of everything": signed(transfer(amount=10**9 - 1)),
    "a transfer to oneself of everything": signed(transfer(recipient=ALICE, amount=10**9 - 1)),
    "an exit": signed(leave()),
    "an exit whose recipient is noise": signed(leave(recipient=2**48 - 1)),
    "an exit of everything": signed(leave(amount=10**9 - 1)),
    "the last nonce but one": signed(transfer(sender=LAST_NONCE, nonce=MAX_NONCE - 1)),
    "a key with a point of order 8 in it": signed(transfer(sender=MOVED, nonce=2)),
    "a recipient filled to the brim": signed(transfer(recipient=FULL, amount=999)),
    "a recipient with a key of small order": signed(transfer(recipient=SMALL)),
    "all words plus r": lifted(1),
    "all words plus as often r as fits": lifted(10),
}

NO_OPS: dict[SlotOutcome, dict[str, bytes]] = {
    SlotOutcome.EMPTY: {
        "nothing": EMPTY_SLOT,
        "r in every word": to_word(FIELD_ORDER) * 4,
        "kind 0, signed": signed(transfer(kind=0)),
        "kind 0, with reserved bits": signed(transfer(kind=0, reserved=1)),
    },
    SlotOutcome.UNKNOWN_KIND: {
        "a forged deposit": FORGED_DEPOSIT,
        "a forged deposit behind w0 + r": to_word(int.from_bytes(FORGED_DEPOSIT[:32]) + FIELD_ORDER)
        + FORGED_DEPOSIT[32:],
        "a forged deposit, signed": signed(transfer(kind=SlotKind.DEPOSIT)),
        "kind 4": signed(transfer(kind=4)),
        "kind 255": signed(transfer(kind=255)),
        "all ones": b"\xff" * SLOT_BYTES,
        "r - 1 in every word": to_word(FIELD_ORDER - 1) * 4,
    },
    SlotOutcome.RESERVED_BITS: {f"reserved bit {bit}": signed(transfer(reserved=1 << bit)) for bit in (0, 11, 20, 21)}
    | {"a reserved bit of an exit": signed(leave(reserved=1))},
    SlotOutcome.SENDER_MISSING: {f"sender {index}": signed(transfer(sender=index)) for index in (NEW, *OUTSIDE)}
    | {"an exit of nobody": signed(leave(sender=NEW))},
    SlotOutcome.RECIPIENT_MISSING: {f"recipient {to}": signed(transfer(recipient=to)) for to in (NEW, *OUTSIDE)},
    SlotOutcome.WRONG_NONCE: {
        "a nonce too high": signed(transfer(nonce=1)),
        "a nonce too low": signed(transfer(sender=BOB, nonce=6)),
        "the highest nonce": signed(transfer(nonce=MAX_NONCE)),
        "an exit's nonce too high": signed(leave(nonce=1)),
    },
    SlotOutcome.NONCE_EXHAUSTED: {
        "a transfer at the highest nonce": signed(transfer(sender=NO_NONCE, nonce=MAX_NONCE)),
        "an exit at the highest nonce": signed(leave(sender=NO_NONCE, nonce=MAX_NONCE)),
    },
    SlotOutcome.INSUFFICIENT_BALANCE: {
        "a gwei short": signed(transfer(amount=10**9)),
        "a gwei short of the fee": signed(transfer(sender=POOR, recipient=ALICE, amount=0, fee=4)),
        "all that can be asked for": signed(transfer(amount=2**64 - 1, fee=2**32 - 1)),
        "an exit a gwei short": signed(leave(amount=10**9)),
    },
    SlotOutcome.BALANCE_OVERFLOW: {
        "a gwei too much": signed(transfer(recipient=FULL, amount=1000)),
        "to oneself": signed(transfer(sender=FULL, recipient=FULL, amount=1000)),
    },
    SlotOutcome.BAD_SIGNATURE: {
        "no signature": slot_of(transfer().pack(), 0, 0, 0),
        "signed by another": signed(transfer(), BOB),
        "another's signature of an exit": signed(leave(), BOB),
        "the signature of another message": slot_of(transfer(amount=11).pack(), *words_of(transfer())[1:]),
        "a forced exit's words in a user's place": forced_exit_slot(AccountIndex(ALICE), Gwei(5), address_of(ALICE)),
        "S plus one": with_word(3, S + 1),
        "S zero": with_word(3, 0),
        "S negated": with_word(3, SUBGROUP_ORDER - S),
        "S the order": with_word(3, SUBGROUP_ORDER),
        "S all ones": with_word(3, WORD_LIMIT - 1),
        **{f"S plus {k} times the order": with_word(3, S + k * SUBGROUP_ORDER) for k in range(1, 8)},
        "R8 off the curve": with_r8((R8[0] + 1, R8[1])),
        "R8 zero": with_r8((0, 0)),
        "R8 negated": with_r8((FIELD_ORDER - R8[0], R8[1])),
        "R8's coordinates swapped": with_r8((R8[1], R8[0])),
        "R8 the identity": with_r8(IDENTITY),
        "R8 the base point": with_r8(BASE8),
        **{f"R8 of order {n}": with_r8(torsion(n)) for n in (2, 4, 8)},
        **{f"R8 plus a point of order {n}": with_r8(babyjubjub.add(R8, torsion(n))) for n in (2, 4, 8)},
        "R8 the identity, and the equation holds": slot_of(
            transfer(sender=MOVED, nonce=2).pack(), *sign_without_nonce(transfer(sender=MOVED, nonce=2).pack(), DOMAIN)
        ),
        "a key of small order, and the equation holds": signed(transfer(sender=SMALL)),
        "a key of small order, with S = 1 and R8 = B8": slot_of(transfer(sender=SMALL).pack(), *BASE8, 1),
        "a key off the curve, and the equation holds": signed(transfer(sender=OFF_CURVE)),
        "an exit by a key off the curve": signed(leave(sender=OFF_CURVE)),
    },
}

FORCED_APPLIED: dict[str, bytes] = {
    f"account {index}, all of it": forced_exit_slot(
        AccountIndex(index), Gwei(min(genesis().accounts[AccountIndex(index)].balance, 2**64 - 1)), address_of(index)
    )
    for index in genesis().accounts
} | {
    "of nothing": forced_exit_slot(AccountIndex(ALICE), Gwei(0), address_of(ALICE)),
    "its address plus r": forced_exit_slot(AccountIndex(ALICE), Gwei(1), address_of(ALICE))[:32]
    + slot_of(int.from_bytes(address_of(ALICE)) + FIELD_ORDER, 0, 0),
}

FORCED_NO_OPS: dict[SlotOutcome, dict[str, bytes]] = {
    SlotOutcome.SENDER_MISSING: {
        f"account {index}": forced_exit_slot(AccountIndex(index), Gwei(0), address_of(BOB)) for index in (NEW, *OUTSIDE)
    },
    SlotOutcome.INSUFFICIENT_BALANCE: {
        "a gwei short": forced_exit_slot(AccountIndex(POOR), Gwei(4), address_of(POOR)),
        "all that can be asked for": forced_exit_slot(AccountIndex(POOR), Gwei(2**64 - 1), address_of(POOR)),
    },
    SlotOutcome.NOT_EXIT_ADDRESS: {
        "another's": forced_exit_slot(AccountIndex(ALICE), Gwei(1), address_of(BOB)),
        "the address and a higher bit": forced_exit_slot(AccountIndex(ALICE), Gwei(1), address_of(ALICE))[:32]
        + slot_of(int.from_bytes(address_of(ALICE)) + 2**160, 0, 0),
        "signed by the owner": signed(leave()),
        "noise of a poor account": slot_of(POOR << 176, WORD_LIMIT - 1, 7, 7),
    },
}

Row = tuple[bytes, bool, SlotOutcome]
"""A slot, whether it stands in a forced exit's place, and what becomes of it."""

ROWS: dict[str, Row] = {name: (slot, False, SlotOutcome.APPLIED) for name, slot in APPLIED.items()}
ROWS |= {name: (slot, False, outcome) for outcome, rows in NO_OPS.items() for name, slot in rows.items()}
ROWS |= {f"forced: {name}": (slot, True, SlotOutcome.APPLIED) for name, slot in FORCED_APPLIED.items()}
ROWS |= {
    f"forced: {name}": (slot, True, outcome) for outcome, rows in FORCED_NO_OPS.items() for name, slot in rows.items()
}


def case_of(slot: bytes, is_forced: bool) -> Case:
    forced, users = ([slot], []) if is_forced else ([], [slot])
    batch = seal_batch(SHAPE, deposits=[], forced_exits=forced, transfers=users, fee_account=AccountIndex(POOR))
    return Case(genesis(), batch, DOMAIN)


def test_every_outcome_and_every_name_has_its_rows() -> None:
    assert {outcome for _, _, outcome in ROWS.values()} == set(SlotOutcome)
    tables = [APPLIED, *NO_OPS.values(), FORCED_APPLIED, *FORCED_NO_OPS.values()]
    assert len(ROWS) == sum(map(len, tables)), "two rows have one name"


@pytest.mark.parametrize("name", ROWS)
def test_each_row_has_its_outcome_in_specification_executor_and_circuit(name: str, three: dict[str, Judge]) -> None:
    slot, is_forced, outcome = ROWS[name]
    evidence = Evidence(case_of(slot, is_forced))
    verdicts = hear(three, evidence)
    assert not disputed(verdicts), report(evidence.case, verdicts, name)
    said = verdicts["specification"]
    assert said["outcomes"] == [outcome.name], name
    if outcome is not SlotOutcome.APPLIED:
        assert (said["new root"], said["exits"], said["fees"]) == (said["old root"], [], 0)

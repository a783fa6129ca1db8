"""Cases of transition.json: exits and forced exits, applied, and stopped by each of their rules."""

from __future__ import annotations

from dataclasses import replace

from cases import (
    DEPTH,
    MAX_BALANCE,
    MAX_NONCE,
    Case,
    O,
    account_of,
    alias,
    deposit,
    exit_address_of,
    force_out,
    leave,
    odd_word,
    paid,
    refuse,
    send,
    tamper,
    with_word0,
)

from poe.crypto import babyjubjub
from poe.crypto.field import split_words
from poe.rollup.batch import EMPTY_SLOT
from poe.rollup.transaction import Word0
from poe.rollup.types import SlotOutcome


def exit_cases() -> list[Case]:
    def applied(name: str, slot: bytes, amount: int, fees: int = 0) -> Case:
        return Case(name=name, transfers=[slot], outcomes=(O.APPLIED,), exits=(paid(0, 0, amount),), fees=fees)

    garbage = [odd_word(kind=2, recipient=to, nonce=i) for i, to in enumerate((2, 0, 4**DEPTH + 1, 2**48 - 1))]
    rich = {0: account_of(0, MAX_BALANCE), 1: account_of(1, MAX_BALANCE)}
    return [
        applied("exit", leave(0, 100, 3), 100, 3),
        applied("exit of nothing", leave(0, 0), 0),
        applied("exit of everything", leave(0, 998, 2), 998, 2),
        applied("exit by aliased words", alias(leave(0, 100, 3)), 100, 3),
        replace(applied("exit by the fee account", leave(0, 990, 3), 990, 3), fee_account=0),
        replace(applied("exit whose fee is burnt", leave(0, 990, 3), 990, 3), fee_account=2, burnt=3),
        replace(applied("exit of the largest amount", leave(0, 2**64 - 1), 2**64 - 1), accounts=rich),
        Case(
            name="an exit does not read its recipient",
            transfers=garbage,
            outcomes=(O.APPLIED,) * 4,
            exits=tuple(paid(i, 0, 5) for i in range(4)),
            fees=4,
        ),
        replace(
            applied("an exit does not overflow what its recipient names", odd_word(kind=2), 5, 1),
            accounts=rich,
            burnt=1,
        ),
        Case(
            name="exits and transfers interleaved, exits of one account twice",
            transfers=[leave(0, 100, 1), send(0, 1, 800, 1, nonce=1), leave(1, 1299, 1), leave(0, 98, nonce=2)],
            outcomes=(O.APPLIED,) * 4,
            exits=(paid(0, 0, 100), paid(2, 1, 1299), paid(3, 0, 98)),
            fees=3,
        ),
        Case(
            name="a deposit leaves in its own batch",
            accounts={},
            deposits=[deposit(5, 7)],
            transfers=[leave(5, 7)],
            outcomes=(O.APPLIED, O.APPLIED),
            exits=(paid(1, 5, 7),),
        ),
        Case(
            name="the last nonce that may leave, and then no more",
            accounts={0: account_of(0, 1000, MAX_NONCE - 1), 1: account_of(1)},
            transfers=[leave(0, 1, nonce=MAX_NONCE - 1), leave(0, 1, nonce=MAX_NONCE)],
            outcomes=(O.APPLIED, O.NONCE_EXHAUSTED),
            exits=(paid(0, 0, 1),),
        ),
    ]


def refused_exit_cases() -> list[Case]:
    good = leave(0, 10, 1)
    s = split_words(good)[3]
    changes = [(1, 0), (2, 2**256 - 1), (3, s + babyjubjub.SUBGROUP_ORDER), (3, 0)]
    as_exit = [with_word0(send(0, 1, 10, 1), split_words(good)[0]), with_word0(good, split_words(send(0, 1, 10, 1))[0])]
    missing = (odd_word(kind=2, sender=i) for i in (2, 4**DEPTH, 2**48 - 1))
    return [
        refuse("exits with reserved bits", O.RESERVED_BITS, *(odd_word(kind=2, reserved=i) for i in (1, 2**21))),
        refuse("exits of missing accounts", O.SENDER_MISSING, *missing),
        refuse("exit with a nonce too high", O.WRONG_NONCE, leave(0, 10, 1, nonce=1)),
        refuse("exit one gwei short", O.INSUFFICIENT_BALANCE, leave(0, 1000, 1), leave(0, 2**64 - 1, 2**32 - 1)),
        refuse("another's exit", O.BAD_SIGNATURE, leave(0, 10, 1, signer=1)),
        refuse("tampered exits", O.BAD_SIGNATURE, *(tamper(good, *change) for change in changes)),
        refuse("a transfer's signature is not an exit's, nor the reverse", O.BAD_SIGNATURE, *as_exit),
        Case(
            name="an exit replayed",
            transfers=[good, good],
            outcomes=(O.APPLIED, O.WRONG_NONCE),
            exits=(paid(0, 0, 10),),
            fees=1,
        ),
        Case(
            name="the first rule that an exit breaks is the outcome",
            transfers=[
                odd_word(kind=2, reserved=1, sender=60),
                odd_word(kind=2, sender=60, recipient=60),
                leave(0, 5000, 1, nonce=3, signer=1),
                leave(0, 5000, 1, signer=1),
            ],
            outcomes=(O.RESERVED_BITS, O.SENDER_MISSING, O.WRONG_NONCE, O.INSUFFICIENT_BALANCE),
        ),
    ]


def forced_exit_cases() -> list[Case]:
    def applied(name: str, slot: bytes, amount: int) -> Case:
        return Case(name=name, forced_exits=[slot], outcomes=(O.APPLIED,), exits=(paid(0, 0, amount),))

    # Whatever kind, reserved bits, fee, nonce and the last words say.
    unread = Word0(kind=9, sender=0, recipient=77, amount=6, fee=2**32 - 1, nonce=5, reserved=3).pack()
    noisy = with_word0(tamper(force_out(0, 6), 3, 2**256 - 1), unread)
    spent = {0: account_of(0, 1000, MAX_NONCE), 1: account_of(1)}
    return [
        applied("forced exit", force_out(0, 100), 100),
        applied("forced exit of nothing", force_out(0, 0), 0),
        applied("forced exit of everything", force_out(0, 1000), 1000),
        applied("forced exit by aliased words", alias(force_out(0, 100), 3), 100),
        applied("forced exit of which only account, amount and address are read", noisy, 6),
        replace(applied("forced exit with no nonce left", force_out(0, 9), 9), accounts=spent),
        replace(applied("forced exit by the fee account", force_out(0, 1000), 1000), fee_account=0),
        Case(
            name="a forced exit leaves the nonce",
            forced_exits=[force_out(0, 100)],
            transfers=[leave(0, 10, 1), send(0, 1, 10, 1, nonce=1)],
            outcomes=(O.APPLIED,) * 3,
            exits=(paid(0, 0, 100), paid(1, 0, 10)),
            fees=2,
        ),
        Case(
            name="forced exits of one account again, until it is empty",
            forced_exits=[force_out(0, 600), force_out(0, 600), force_out(0, 400), force_out(0, 1)],
            outcomes=(O.APPLIED, O.INSUFFICIENT_BALANCE, O.APPLIED, O.INSUFFICIENT_BALANCE),
            exits=(paid(0, 0, 600), paid(2, 0, 400)),
        ),
        Case(
            name="deposit, forced exit, exit and transfer",
            deposits=[deposit(2, 50)],
            forced_exits=[force_out(2, 20)],
            transfers=[leave(2, 10, 1), send(2, 0, 19)],
            outcomes=(O.APPLIED, O.APPLIED, O.APPLIED, O.WRONG_NONCE),
            exits=(paid(1, 2, 20), paid(2, 2, 10)),
            fees=1,
        ),
        Case(
            name="a forced exit to the address that a deposit's top-up did not change",
            deposits=[deposit(0, 5, owner=9)],
            forced_exits=[force_out(0, 1, owner=9), force_out(0, 1005)],
            outcomes=(O.APPLIED, O.NOT_EXIT_ADDRESS, O.APPLIED),
            exits=(paid(2, 0, 1005),),
        ),
        Case(
            name="position, not kind, makes a forced exit",
            forced_exits=[tamper(deposit(1, 7), 1, int.from_bytes(exit_address_of(0), "big")), EMPTY_SLOT],
            transfers=[force_out(0, 9)],
            outcomes=(O.APPLIED, O.NOT_EXIT_ADDRESS, O.BAD_SIGNATURE),
            exits=(paid(0, 0, 7),),
        ),
    ]


def refuse_forced(name: str, outcome: SlotOutcome, *slots: bytes) -> Case:
    return Case(name=name, forced_exits=slots, outcomes=(outcome,) * len(slots))


def refused_forced_exit_cases() -> list[Case]:
    missing = (force_out(i, 0) for i in (2, 4**DEPTH, 4**DEPTH + 1, 2**48 - 1))
    own = int.from_bytes(exit_address_of(0), "big")
    strangers = (force_out(0, 10, owner=1), *(tamper(force_out(0, 10), 1, word) for word in (0, own + 2**160, own - 1)))
    return [
        refuse_forced("forced exits of missing accounts", O.SENDER_MISSING, *missing),
        refuse_forced(
            "forced exits one gwei short", O.INSUFFICIENT_BALANCE, force_out(0, 1001), force_out(0, 2**64 - 1)
        ),
        refuse_forced("forced exits from another address", O.NOT_EXIT_ADDRESS, *strangers),
        refuse_forced("a signature forces nothing", O.NOT_EXIT_ADDRESS, leave(0, 10, 1), send(0, 1, 10, 1)),
        Case(
            name="the first rule that a forced exit breaks is the outcome",
            forced_exits=[force_out(2, 5000, owner=1), force_out(0, 5000, owner=1), force_out(0, 5, owner=1)],
            outcomes=(O.SENDER_MISSING, O.INSUFFICIENT_BALANCE, O.NOT_EXIT_ADDRESS),
        ),
    ]


def all_cases() -> list[Case]:
    return [*exit_cases(), *refused_exit_cases(), *forced_exit_cases(), *refused_forced_exit_cases()]

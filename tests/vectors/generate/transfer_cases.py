"""Cases of transition.json: deposits, transfers, fees, and bytes that mean nothing."""

from __future__ import annotations

import hashlib
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
    forge,
    odd_word,
    refuse,
    send,
    tamper,
    with_word0,
)

from poe.crypto import babyjubjub
from poe.crypto.field import FIELD_ORDER, split_words
from poe.rollup.batch import EMPTY_SLOT


def deposit_cases() -> list[Case]:
    return [
        Case(name="nothing", outcomes=()),
        Case(name="nothing on an empty tree", accounts={}, outcomes=()),
        Case(
            name="deposits make accounts at both ends of the tree",
            accounts={},
            deposits=[deposit(0, 1), deposit(4**DEPTH - 1, 2**64 - 1)],
            outcomes=(O.APPLIED, O.APPLIED),
        ),
        Case(
            name="a deposit tops up and keeps the key and exit address",
            deposits=[deposit(0, 250, owner=9)],
            outcomes=(O.APPLIED,),
        ),
        Case(
            name="two deposits of one batch to one new account, the first one's key stays",
            accounts={},
            deposits=[deposit(5, 3), deposit(5, 4, owner=9)],
            outcomes=(O.APPLIED, O.APPLIED),
        ),
        Case(
            name="a deposit is spent in its own batch",
            accounts={1: account_of(1)},
            deposits=[deposit(0, 100)],
            transfers=[send(0, 1, 99, 1)],
            outcomes=(O.APPLIED, O.APPLIED),
            fees=1,
        ),
        Case(
            name="position, not kind, makes a deposit",
            deposits=[send(0, 1, 5, 1), EMPTY_SLOT],
            transfers=[deposit(2, 7)],
            outcomes=(O.APPLIED, O.APPLIED, O.UNKNOWN_KIND),
        ),
        Case(name="a deposit by aliased words", deposits=[alias(deposit(2, 7), 3)], outcomes=(O.APPLIED,)),
        Case(
            name="a batch full of deposits",
            accounts={},
            deposits=[deposit(i, i + 1) for i in range(4)],
            outcomes=(O.APPLIED,) * 4,
        ),
    ]


def transfer_cases() -> list[Case]:
    applied = (O.APPLIED,)
    return [
        Case(name="transfer", transfers=[send(0, 1, 100, 3)], outcomes=applied, fees=3),
        Case(name="transfer of nothing", transfers=[send(0, 1, 0, 0)], outcomes=applied),
        Case(name="transfer of everything", transfers=[send(0, 1, 998, 2)], outcomes=applied, fees=2),
        Case(name="transfer by aliased words", transfers=[alias(send(0, 1, 100, 3))], outcomes=applied, fees=3),
        Case(name="transfer by doubly aliased words", transfers=[alias(send(0, 1, 9, 3), 2)], outcomes=applied, fees=3),
        Case(name="self-transfer", transfers=[send(0, 0, 100, 3)], outcomes=applied, fees=3),
        Case(name="self-transfer of everything", transfers=[send(0, 0, 997, 3)], outcomes=applied, fees=3),
        Case(name="self-transfer to the own fee account", transfers=[send(1, 1, 9, 3)], outcomes=applied, fees=3),
        Case(
            name="a chain of nonces, one replayed, one skipped",
            transfers=[send(0, 1, 10, 1), send(0, 1, 10, 1), send(0, 1, 10, 1, nonce=2), send(0, 1, 20, 1, nonce=1)],
            outcomes=(O.APPLIED, O.WRONG_NONCE, O.WRONG_NONCE, O.APPLIED),
            fees=2,
        ),
        Case(
            name="money received is spent in the same batch, fees are not",
            accounts={0: account_of(0, 100), 1: account_of(1), 2: account_of(2)},
            transfers=[send(0, 1, 90, 10), send(1, 2, 91), send(1, 2, 90)],
            outcomes=(O.APPLIED, O.INSUFFICIENT_BALANCE, O.APPLIED),
            fees=10,
        ),
        Case(
            name="the last nonce that may sign, and then no more",
            accounts={0: account_of(0, 1000, MAX_NONCE - 1), 1: account_of(1)},
            transfers=[send(0, 1, 1, nonce=MAX_NONCE - 1), send(0, 1, 1, nonce=MAX_NONCE)],
            outcomes=(O.APPLIED, O.NONCE_EXHAUSTED),
        ),
        Case(
            name="a balance of 2^96 - 1 is reached",
            accounts={0: account_of(0, 1000), 1: account_of(1, MAX_BALANCE - 10)},
            transfers=[send(0, 1, 10), send(0, 1, 1, nonce=1)],
            outcomes=(O.APPLIED, O.BALANCE_OVERFLOW),
        ),
        Case(
            name="self-transfer overflows by the balance before it",
            accounts={0: account_of(0, MAX_BALANCE - 10), 1: account_of(1)},
            transfers=[send(0, 0, 11, 11), send(0, 0, 10, 11)],
            outcomes=(O.BALANCE_OVERFLOW, O.APPLIED),
            fees=11,
        ),
    ]


def fee_cases() -> list[Case]:
    rich = {0: account_of(0, 1000), 1: account_of(1), 2: account_of(2, MAX_BALANCE - 6)}
    fits = {**rich, 2: account_of(2, MAX_BALANCE - 7)}
    paid = Case(name="", transfers=[send(0, 1, 10, 7)], outcomes=(O.APPLIED,), fees=7)
    burnt = replace(paid, burnt=7)
    return [
        replace(paid, name="the sender gets the fees", fee_account=0),
        replace(paid, name="the recipient gets the fees", fee_account=1),
        replace(burnt, name="fees are burnt for want of an account", fee_account=2),
        replace(burnt, name="fees are burnt outside the tree", fee_account=4**DEPTH),
        replace(burnt, name="fees are burnt at the largest index", fee_account=2**48 - 1),
        replace(burnt, name="an index is not cut to the tree's depth", fee_account=4**DEPTH + 1),
        replace(burnt, name="fees are burnt where they would overflow", fee_account=2, accounts=rich),
        replace(paid, name="fees fit exactly", fee_account=2, accounts=fits),
        replace(
            paid,
            name="an account made in the batch gets its fees",
            deposits=[deposit(2, 1)],
            transfers=[send(0, 1, 10, 7), send(1, 0, 10, 2**32 - 1)],
            outcomes=(O.APPLIED, O.APPLIED, O.INSUFFICIENT_BALANCE),
            fee_account=2,
        ),
    ]


def refused_cases() -> list[Case]:
    good = send(0, 1, 10, 1)
    return [
        refuse("unknown kinds", O.UNKNOWN_KIND, *(odd_word(kind=kind) for kind in (3, 4, 128, 255))),
        refuse("kind 0 whatever else is set", O.EMPTY, odd_word(kind=0), with_word0(good, 1 << 232)),
        refuse("a word 0 of r is empty", O.EMPTY, with_word0(good, FIELD_ORDER)),
        refuse("reserved bits", O.RESERVED_BITS, odd_word(reserved=1), odd_word(reserved=2**21)),
        # (2^256 - 1) mod r = 0x0e0a77c1_9a07df2f_..., so its kind is 0xc1.
        refuse("the largest word", O.UNKNOWN_KIND, with_word0(good, 2**256 - 1)),
        refuse("missing senders", O.SENDER_MISSING, *(odd_word(sender=i) for i in (2, 4**DEPTH, 2**48 - 1))),
        refuse("missing recipients", O.RECIPIENT_MISSING, *(odd_word(recipient=i) for i in (2, 4**DEPTH + 1))),
        refuse("nonce too high", O.WRONG_NONCE, send(0, 1, 10, 1, nonce=1)),
        refuse("one gwei short", O.INSUFFICIENT_BALANCE, send(0, 1, 1000, 1), send(0, 1, 2**64 - 1, 2**32 - 1)),
        Case(
            name="the first broken rule is the outcome",
            transfers=[
                odd_word(kind=9, reserved=1, sender=60),
                odd_word(reserved=1, sender=60),
                odd_word(sender=60, recipient=60),
                send(0, 1, 5000, 1, nonce=3, signer=1),
            ],
            outcomes=(O.UNKNOWN_KIND, O.RESERVED_BITS, O.SENDER_MISSING, O.WRONG_NONCE),
        ),
        *signature_cases(),
    ]


def signature_cases() -> list[Case]:
    good = send(0, 1, 10, 1)
    s = split_words(good)[3]
    changes = [(1, 0), (2, 2**256 - 1), (3, s + babyjubjub.SUBGROUP_ORDER), (3, 0)]
    order_1, order_2 = (0, 1), (0, FIELD_ORDER - 1)
    # (0, y) times n is (0, y^n), off the curve too; this y has order 16.
    off_curve = (0, pow(5, (FIELD_ORDER - 1) // 16, FIELD_ORDER))
    odd_keys = {
        0: replace(account_of(0, 1000), public_key_x=off_curve[0], public_key_y=off_curve[1]),
        1: account_of(1),
        2: replace(account_of(2, 1000), public_key_x=order_1[0], public_key_y=order_1[1]),
        3: replace(account_of(3, 1000), public_key_x=order_2[0], public_key_y=order_2[1]),
    }
    forged = (good, forge(off_curve, 0), forge(order_1, 2), forge(order_2, 3))
    odd = refuse("keys off the curve and of small order", O.BAD_SIGNATURE, *forged)
    return [
        refuse("another's signature", O.BAD_SIGNATURE, send(0, 1, 10, 1, signer=1)),
        refuse("tampered signatures", O.BAD_SIGNATURE, *(tamper(good, *change) for change in changes)),
        replace(odd, accounts=odd_keys),
    ]


def random_cases() -> list[Case]:
    """Bytes that mean nothing."""
    words = [hashlib.sha256(b"vector noise %d" % i).digest() for i in range(16)]
    slots = [b"".join(words[i : i + 4]) for i in range(0, 16, 4)]
    return [Case(name="random bytes", transfers=slots, outcomes=(O.UNKNOWN_KIND,) * 4)]


def all_cases() -> list[Case]:
    return [*deposit_cases(), *transfer_cases(), *fee_cases(), *refused_cases(), *random_cases()]

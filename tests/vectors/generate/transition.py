"""transition.json: small batches whose outcomes are written by hand, whose roots the specification computes.

Run as `python transition.py [folder]`; the folder is by default the one above this file.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from poe.crypto import babyjubjub, eddsa
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.crypto.poseidon import poseidon
from poe.rollup.batch import EMPTY_SLOT, deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import State
from poe.rollup.statement import domain
from poe.rollup.transaction import ExitRequest, Transfer, Word0, message_of
from poe.rollup.transition import apply_batch
from poe.rollup.types import Account, AccountIndex, Address, Batch, Exit, Gwei, Shape, SlotOutcome

DOMAIN = domain(31337, Address(bytes(range(1, 21))), 1)
O = SlotOutcome  # noqa: E741
MAX_BALANCE = 2**96 - 1
MAX_NONCE = 2**32 - 1
DEPTH = 3


def secret_of(owner: int) -> bytes:
    return hashlib.sha256(b"vector account %d" % owner).digest()


def exit_address_of(owner: int) -> Address:
    return Address(hashlib.sha256(b"vector exit %d" % owner).digest()[:20])


def account_of(owner: int, balance: int = 0, nonce: int = 0) -> Account:
    x, y = eddsa.derive_public_key(secret_of(owner))
    return Account(
        public_key_x=x,
        public_key_y=y,
        balance=Gwei(balance),
        nonce=nonce,
        exit_address=int.from_bytes(exit_address_of(owner), "big"),
    )


def deposit(account: int, amount: int, owner: int | None = None) -> bytes:
    owner = account if owner is None else owner
    key = eddsa.derive_public_key(secret_of(owner))
    return deposit_slot(AccountIndex(account), Gwei(amount), key, exit_address_of(owner))


def send(sender: int, recipient: int, amount: int, fee: int = 0, nonce: int = 0, signer: int | None = None) -> bytes:
    transfer = Transfer(
        sender=AccountIndex(sender),
        recipient=AccountIndex(recipient),
        amount=Gwei(amount),
        fee=Gwei(fee),
        nonce=nonce,
    )
    return transfer.sign(secret_of(sender if signer is None else signer), DOMAIN).slot


def leave(sender: int, amount: int, fee: int = 0, nonce: int = 0, signer: int | None = None) -> bytes:
    request = ExitRequest(sender=AccountIndex(sender), amount=Gwei(amount), fee=Gwei(fee), nonce=nonce)
    return request.sign(secret_of(sender if signer is None else signer), DOMAIN).slot


def force_out(account: int, amount: int, owner: int | None = None) -> bytes:
    asked_by = exit_address_of(account if owner is None else owner)
    return forced_exit_slot(AccountIndex(account), Gwei(amount), asked_by)


def paid(slot: int, owner: int, amount: int) -> Exit:
    return Exit(slot=slot, address=exit_address_of(owner), amount=Gwei(amount))


def sign_word(word: int, signer: int) -> bytes:
    """A slot with any word 0, truly signed."""
    signature = eddsa.sign(secret_of(signer), message_of(word, DOMAIN))
    return b"".join(map(to_word, (word, *signature.r8, signature.s)))


def odd_word(kind: int = 1, reserved: int = 0, sender: int = 0, recipient: int = 1, nonce: int = 0) -> bytes:
    word = Word0(kind=kind, sender=sender, recipient=recipient, amount=5, fee=1, nonce=nonce, reserved=reserved).pack()
    return sign_word(word, sender)


def alias(slot: bytes, times: int = 1) -> bytes:
    """The same field elements by other words: each plus `times` r."""
    return b"".join(to_word(word + times * FIELD_ORDER) for word in split_words(slot))


def with_word0(slot: bytes, word: int) -> bytes:
    return to_word(word) + slot[32:]


def tamper(slot: bytes, word: int, value: int) -> bytes:
    words = split_words(slot)
    words[word] = value
    return b"".join(map(to_word, words))


def forge(key: babyjubjub.Point, sender: int, nonce_scalar: int = 7) -> bytes:
    """A signature that fulfils the bare equation under a key that 8 times an even challenge takes to the identity."""
    r8 = babyjubjub.multiply(babyjubjub.BASE8, nonce_scalar)
    for amount in range(100):
        word = Word0(kind=1, sender=sender, recipient=1, amount=amount, fee=1, nonce=0).pack()
        challenge = poseidon([*r8, *key, message_of(word, DOMAIN)])
        if challenge % 2 == 0 and babyjubjub.multiply(key, 8 * challenge) == babyjubjub.IDENTITY:
            return b"".join(map(to_word, (word, *r8, nonce_scalar)))
    raise AssertionError("no even challenge")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One batch; `outcomes` of the slots that are given, the others being EMPTY."""

    name: str
    accounts: Mapping[int, Account] = field(default_factory=lambda: {0: account_of(0, 1000), 1: account_of(1, 500)})
    deposits: Iterable[bytes] = ()
    forced_exits: Iterable[bytes] = ()
    transfers: Iterable[bytes] = ()
    fee_account: int = 1
    outcomes: tuple[SlotOutcome, ...]
    exits: tuple[Exit, ...] = ()
    fees: int = 0
    burnt: int = 0
    slots: int = 4


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


def refuse(name: str, outcome: SlotOutcome, *slots: bytes) -> Case:
    return Case(name=name, transfers=slots, outcomes=(outcome,) * len(slots))


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


def random_cases() -> list[Case]:
    """Bytes that mean nothing."""
    words = [hashlib.sha256(b"vector noise %d" % i).digest() for i in range(16)]
    slots = [b"".join(words[i : i + 4]) for i in range(0, 16, 4)]
    return [Case(name="random bytes", transfers=slots, outcomes=(O.UNKNOWN_KIND,) * 4)]


def encode_number(value: int) -> str:
    return "0x" + to_word(value).hex()


def encode_accounts(state: State) -> list[dict[str, str]]:
    return [
        {
            "index": encode_number(index),
            "public_key_x": encode_number(account.public_key_x),
            "public_key_y": encode_number(account.public_key_y),
            "balance": encode_number(account.balance),
            "nonce": encode_number(account.nonce),
            "exit_address": encode_number(account.exit_address),
        }
        for index, account in sorted(state.accounts.items())
    ]


def encode_exit(leaving: Exit) -> dict[str, str]:
    return {
        "slot": encode_number(leaving.slot),
        "address": "0x" + leaving.address.hex(),
        "amount": encode_number(leaving.amount),
    }


def encode_case(case: Case) -> dict[str, object]:
    state = State(DEPTH)
    for index, account in case.accounts.items():
        state = state.with_account(index, account)
    batch: Batch = seal_batch(
        Shape(slots=case.slots, depth=DEPTH),
        deposits=list(case.deposits),
        forced_exits=list(case.forced_exits),
        transfers=list(case.transfers),
        fee_account=AccountIndex(case.fee_account),
    )
    after, result = apply_batch(state, batch, DOMAIN)
    wanted = case.outcomes + (O.EMPTY,) * (case.slots - len(case.outcomes))
    found = (result.outcomes, result.exits, result.fees, result.burnt)
    assert found == (wanted, case.exits, case.fees, case.burnt), f"{case.name}: {found}"
    return {
        "name": case.name,
        "slots": encode_number(case.slots),
        "depth": encode_number(DEPTH),
        "domain": encode_number(DOMAIN),
        "deposits": encode_number(batch.header.deposits),
        "forced": encode_number(batch.header.forced),
        "fee_account": encode_number(batch.header.fee_account),
        "data": "0x" + batch.data.hex(),
        "accounts": encode_accounts(state),
        "old_root": encode_number(state.root),
        "outcomes": [int(outcome) for outcome in result.outcomes],
        "fees": encode_number(result.fees),
        "burnt": encode_number(result.burnt),
        "exits": [encode_exit(leaving) for leaving in result.exits],
        "accounts_after": encode_accounts(after),
        "new_root": encode_number(after.root),
    }


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    transfers = [*deposit_cases(), *transfer_cases(), *fee_cases(), *refused_cases()]
    exits = [*exit_cases(), *refused_exit_cases(), *forced_exit_cases(), *refused_forced_exit_cases()]
    cases = [*transfers, *exits, *random_cases()]
    vectors = {
        "encoding": "numbers are 32-byte big-endian hex words, data the posted bytes in hex, outcomes plain numbers",
        "cases": [encode_case(case) for case in cases],
    }
    (folder / "transition.json").write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""The native engine against the Python specification: the same batches cut, the same roots, outcomes and exits."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from poe.backend import native
from poe.backend.engine import Engine
from poe.backend.interface import EngineRules, QueueSlots, SignedMessage
from poe.backend.reference import ReferenceSignatures, ReferenceState
from poe.crypto.babyjubjub import SUBGROUP_ORDER
from poe.errors import InputError, SequencerError
from poe.rollup.batch import deposit_slot, forced_exit_slot
from poe.rollup.transaction import ExitRequest, SignedTransaction, Transfer, decode_transaction, message_of
from poe.rollup.types import AccountIndex, Address, FieldElement, Gwei, Shape
from poe.sequencer.chain import Chain
from poe.sequencer.mempool import Mempool
from tests.fakes import in_place

DOMAIN = FieldElement(987654321)
SHAPE = Shape(slots=8, depth=3)
USERS = 6
SECRETS = [bytes([40 + user]) * 32 for user in range(USERS)]
KEYS = [native.derive_public_key(secret) for secret in SECRETS]
PER_ACCOUNT = 8


def rules(**changes: int) -> EngineRules:
    wanted = {"pool_transactions": 200, "pool_per_account": PER_ACCOUNT, "kept_batches": 64, "max_unposted": 500}
    return EngineRules(
        shape=SHAPE, domain=DOMAIN, fee_account=AccountIndex(0), pool_seconds=60.0, **{**wanted, **changes}
    )


def open_engine(path: Path | None = None) -> Engine:
    return Engine(rules(), path, clock=lambda: 0.0)


def address(user: int) -> Address:
    return Address(bytes(19) + bytes([user + 1]))


def deposits(end: int) -> QueueSlots:
    slots = tuple(deposit_slot(AccountIndex(user), Gwei(1_000_000), KEYS[user], address(user)) for user in range(USERS))
    return QueueSlots(deposits=USERS, slots=slots, end=end)


def signed(rng: random.Random, nonce: int, sender: int) -> SignedTransaction:
    """A random transfer or exit of a user, signed natively."""
    amount, fee = Gwei(rng.choice([0, 1, 500, 400_000])), Gwei(rng.randrange(4))
    to = AccountIndex(rng.randrange(USERS))
    unsigned = (
        Transfer(sender=AccountIndex(sender), recipient=to, amount=amount, fee=fee, nonce=nonce)
        if rng.random() < 0.7
        else ExitRequest(sender=AccountIndex(sender), amount=amount, fee=fee, nonce=nonce)
    )
    x, y, s = native.sign(SECRETS[sender], native.poseidon([DOMAIN, unsigned.word]))
    words = (unsigned.word, x, y, s)
    return decode_transaction(b"".join(word.to_bytes(32, "big") for word in words))


class Reference:
    """The Python pool and chain, driven as `PoolWork` drives them."""

    def __init__(self) -> None:
        self.chain = Chain(state=ReferenceState(SHAPE.depth), domain=DOMAIN, offload=in_place)
        self.pool = Mempool(capacity=200, capacity_per_account=PER_ACCOUNT)

    def offer(self, transaction: SignedTransaction) -> int:
        """The code that the engine would answer; signatures hold here."""
        sender = self.chain.account(transaction.transaction.sender)
        assert sender is not None
        try:
            self.pool.add(transaction, sender)
        except SequencerError as refusal:
            return int(refusal.code.rpartition("-")[2])
        return 0


@pytest.mark.parametrize("seed", range(3))
async def test_random_transactions_are_answered_cut_and_executed_alike(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    engine, reference = open_engine(tmp_path / "engine.redb"), Reference()
    assert engine.seal(deposits(USERS), most=1, partial=True) == (1, 1)
    first = engine.batch(1)
    assert first is not None
    await reference.chain.extend(first.batch, queue_end=USERS)
    for _ in range(6):
        offers = []
        for _ in range(12):
            sender = rng.randrange(USERS)
            account = engine.account(AccountIndex(sender))
            assert account is not None
            offers.append(signed(rng, account.nonce + rng.choice([0, 0, 0, 1, 2]), sender))
        codes = engine.admit(b"".join(offer.slot for offer in offers))
        assert list(codes) == [reference.offer(offer) for offer in offers]
        assert engine.standing().waiting == len(reference.pool)
        while engine.seal(QueueSlots(end=USERS), most=1, partial=True) is not None:
            height = engine.standing().height
            cut = engine.batch(height)
            assert cut is not None
            ours = await reference.chain.extend(cut.batch, queue_end=USERS)
            wanted = [transaction.slot for transaction in reference.pool.select(SHAPE.slots)]
            applied = [slot for slot in wanted if slot in cut.batch.slots]
            assert applied == [slot for slot in cut.batch.slots if any(slot)]
            assert (ours.outcomes, ours.exits, ours.root) == (cut.outcomes, cut.exits, cut.root)
            assert ours.batch_hash == cut.batch_hash
            for slot in set(wanted) - set(applied):  # a no-op, which the engine drops as it meets it
                reference.pool.drop(decode_transaction(slot))
            reference.pool.settle_all(ours.applied_transactions)
    assert engine.total_balance() == reference.chain.total_balance()
    assert engine.root() == reference.chain.root


async def test_forced_entries_and_batches_of_others_execute_alike() -> None:
    engine, other, reference = open_engine(), open_engine(), Reference()
    rng = random.Random(5)
    other.seal(deposits(USERS), most=1, partial=True)
    good, wrong = signed(rng, 0, 1).slot, bytearray(signed(rng, 0, 2).slot)
    wrong[127] ^= 1
    forced = (
        forced_exit_slot(AccountIndex(3), Gwei(77), address(3)),
        forced_exit_slot(AccountIndex(4), Gwei(77), address(3)),
    )
    queue = QueueSlots(forced=2, slots=(*forced, good, bytes(wrong), bytes([255]) * 128), end=USERS + 5)
    assert other.seal(queue, most=1, partial=True) == (2, 2)
    for number in (1, 2):
        theirs = other.batch(number)
        assert theirs is not None
        engine.extend(theirs.batch, queue_end=theirs.queue_end)
        ours = await reference.chain.extend(theirs.batch, queue_end=theirs.queue_end)
        again = engine.batch(number)
        assert again is not None
        for held in (theirs, again):
            assert (held.outcomes, held.exits, held.root) == (ours.outcomes, ours.exits, ours.root)
    assert engine.root() == reference.chain.root


@pytest.mark.parametrize("kind", ["flipped", "foreign", "unreduced", "reserved", "exit_to", "s_too_large", "empty"])
def test_the_strict_decoder_and_the_signature_check_agree_with_the_specification(kind: str) -> None:
    engine = open_engine()
    engine.seal(deposits(USERS), most=1, partial=True)
    transaction = Transfer(
        sender=AccountIndex(1), recipient=AccountIndex(2), amount=Gwei(5), fee=Gwei(1), nonce=0
    ).sign(SECRETS[1], DOMAIN if kind != "foreign" else 1)
    slot = bytearray(transaction.slot)
    if kind == "flipped":
        slot[70] ^= 1
    elif kind == "unreduced":
        slot[32:64] = b"\xff" * 32
    elif kind == "reserved":
        slot[2] = 1
    elif kind == "exit_to":
        slot[3] = 2
    elif kind == "s_too_large":
        slot[96:128] = (transaction.s + SUBGROUP_ORDER).to_bytes(32, "big")
    elif kind == "empty":
        slot = bytearray(128)
    try:
        decoded = decode_transaction(bytes(slot))
        message = message_of(decoded.transaction.word, DOMAIN)
        (holds,) = ReferenceSignatures().verify(
            [SignedMessage(public_key=KEYS[1], r8=decoded.r8, s=decoded.s, message=message)]
        )
        expected = 0 if holds else 12
    except InputError:
        expected = 13
    assert list(engine.admit(bytes(slot))) == [expected]
    assert expected != 0

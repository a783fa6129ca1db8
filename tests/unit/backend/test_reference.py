"""The reference backend: history and refusals of its state, signatures in bulk, and its own Groth16 check."""

from __future__ import annotations

from dataclasses import replace

import pytest
from py_ecc.optimized_bn128.optimized_curve import G1, G2, curve_order, field_modulus, multiply, normalize

from poe.backend.interface import Execution, SignatureBackend, SignedMessage, StateBackend
from poe.backend.reference import ReferenceSignatures, ReferenceState, verify_groth16
from poe.crypto.eddsa import derive_public_key, sign
from poe.crypto.field import FIELD_ORDER
from poe.errors import BackendError, InputError
from poe.rollup.batch import deposit_slot, forced_exit_slot, seal_batch
from poe.rollup.state import State
from poe.rollup.transaction import Transfer
from poe.rollup.types import AccountIndex, Address, Batch, Exit, FieldElement, Gwei, Shape, SlotOutcome

DOMAIN = FieldElement(99)
SHAPE = Shape(slots=2, depth=3)
SECRET = bytes(range(32))
PUBLIC_KEY = derive_public_key(SECRET)


def _deposits(*amounts: int) -> Batch:
    slots = [
        deposit_slot(AccountIndex(i), Gwei(amount), PUBLIC_KEY, Address(b"\1" * 20)) for i, amount in enumerate(amounts)
    ]
    return seal_batch(SHAPE, deposits=slots, transfers=[], fee_account=AccountIndex(0))


def _transfer(amount: int, nonce: int) -> Batch:
    transfer = Transfer(
        sender=AccountIndex(0), recipient=AccountIndex(1), amount=Gwei(amount), fee=Gwei(2), nonce=nonce
    )
    slot = transfer.sign(SECRET, DOMAIN).slot
    return seal_batch(SHAPE, deposits=[], transfers=[slot], fee_account=AccountIndex(60))


@pytest.fixture
def state() -> StateBackend:
    return ReferenceState(SHAPE.depth)


def test_a_new_state_is_the_empty_tree(state: StateBackend) -> None:
    assert (state.height, state.root, state.total_balance()) == (0, State(SHAPE.depth).root, 0)
    assert state.account(AccountIndex(0)) is None


def test_executing_gives_roots_outcomes_and_money(state: StateBackend) -> None:
    empty = state.root
    first = state.execute(_deposits(100, 5), DOMAIN)
    second = state.execute(_transfer(30, nonce=0), DOMAIN)
    assert (first.old_root, first.new_root) == (empty, second.old_root)
    assert second == Execution(
        old_root=first.new_root,
        new_root=state.root,
        outcomes=(SlotOutcome.APPLIED, SlotOutcome.EMPTY),
        fees=Gwei(2),
        burnt=Gwei(2),
        exits=(),
        trace=b"",
    )
    assert (state.height, state.total_balance()) == (2, 103)
    recipient = state.account(AccountIndex(1))
    assert recipient is not None
    assert recipient.balance == 35


def test_executing_tells_the_exits(state: StateBackend) -> None:
    state.execute(_deposits(100, 5), DOMAIN)
    address = Address(b"\1" * 20)
    forced = [forced_exit_slot(AccountIndex(i), Gwei(6), address) for i in range(2)]
    batch = seal_batch(SHAPE, deposits=[], forced_exits=forced, transfers=[], fee_account=AccountIndex(60))
    execution = state.execute(batch, DOMAIN)
    assert execution.outcomes == (SlotOutcome.APPLIED, SlotOutcome.INSUFFICIENT_BALANCE)
    assert execution.exits == (Exit(slot=0, address=address, amount=Gwei(6)),)
    assert state.total_balance() == 99


def test_rolling_back_and_executing_again_gives_the_same_roots(state: StateBackend) -> None:
    batches = [_deposits(100, 5), _transfer(30, nonce=0), _transfer(1, nonce=1)]
    roots = [state.root] + [state.execute(batch, DOMAIN).new_root for batch in batches]
    state.rollback(2)
    assert (state.height, state.root) == (1, roots[1])
    assert [state.execute(batch, DOMAIN).new_root for batch in batches[1:]] == roots[2:]
    state.rollback(3)
    assert (state.height, state.root) == (0, roots[0])


def test_rolling_back_nothing_changes_nothing(state: StateBackend) -> None:
    state.execute(_deposits(1), DOMAIN)
    root = state.root
    state.rollback(0)
    assert (state.height, state.root) == (1, root)


@pytest.mark.parametrize("batches", [-1, 3])
def test_more_than_was_executed_is_not_rolled_back(state: StateBackend, batches: int) -> None:
    for amount in (1, 2):
        state.execute(_deposits(amount), DOMAIN)
    root = state.root
    with pytest.raises(ValueError, match=f"cannot roll back {batches} batches, 2 are kept"):
        state.rollback(batches)
    assert (state.height, state.root) == (2, root)


@pytest.mark.parametrize("history", [0, 1, 2])
def test_only_the_history_asked_for_is_kept(history: int) -> None:
    state = ReferenceState(SHAPE.depth, history)
    for amount in (1, 2, 3):
        state.execute(_deposits(amount), DOMAIN)
    with pytest.raises(ValueError, match=f"{history} are kept"):
        state.rollback(history + 1)
    state.rollback(history)
    assert state.height == 3 - history
    assert state.total_balance() == sum((1, 2, 3)[: 3 - history])


def test_a_refused_batch_changes_nothing(state: StateBackend) -> None:
    state.execute(_deposits(100), DOMAIN)
    root, batch = state.root, _deposits(1)
    with pytest.raises(InputError):
        state.execute(replace(batch, header=replace(batch.header, forced=2)), DOMAIN)
    assert (state.height, state.root, state.total_balance()) == (1, root, 100)


def test_signatures_are_judged_one_by_one_in_order() -> None:
    backend: SignatureBackend = ReferenceSignatures()
    signature = sign(SECRET, 5)
    good = SignedMessage(public_key=PUBLIC_KEY, r8=signature.r8, s=signature.s, message=5)
    aliased = replace(good, s=good.s + FIELD_ORDER)
    assert backend.verify([good, replace(good, message=6), aliased]) == [True, False, True]
    assert backend.verify([]) == []


# A Groth16 instance of which we know the trapdoor, so that proofs of any inputs can be simulated
# (eprint 2016/260, section 3.2, the simulator).

ALPHA, BETA, GAMMA, DELTA, IC = 3, 5, 7, 11, (13, 17, 19, 23)
INPUTS = (2, curve_order - 1, 0)


def _g1(scalar: int) -> list[int]:
    x, y = normalize(multiply(G1, scalar % curve_order))
    return [int(x), int(y)]


def _g2(scalar: int) -> list[int]:
    x, y = normalize(multiply(G2, scalar % curve_order))
    return [int(c) for c in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0])]


def _key() -> list[int]:
    points = [_g1(ALPHA), _g2(BETA), _g2(GAMMA), _g2(DELTA), *map(_g1, IC)]
    return [word for point in points for word in point]


def _simulate(inputs: tuple[int, ...], a: int = 29, b: int = 31) -> list[int]:
    total = IC[0] + sum(base * value for base, value in zip(IC[1:], inputs, strict=True))
    c = (a * b - ALPHA * BETA - GAMMA * total) * pow(DELTA, -1, curve_order)
    return [*_g1(a), *_g2(b), *_g1(c)]


KEY = _key()
PROOF = _simulate(INPUTS)

# A point of the twist y² = x³ + 3/(9 + u) with x = 1, outside the subgroup of order r.
OUTSIDE = [
    0,
    1,
    5912654199736721486680175016176231956195085055698687135131307249486702594212,
    18278151005453108793778860132295291098363647455926340152056652516292830556603,
]


def _with(words: list[int], position: int, *values: int) -> list[int]:
    return [*words[:position], *values, *words[position + len(values) :]]


def test_a_true_proof_holds() -> None:
    verify_groth16(KEY, INPUTS, PROOF)


def test_a_key_of_another_number_of_inputs_works() -> None:
    total = IC[0] + IC[1] * 6
    c = (29 * 31 - ALPHA * BETA - GAMMA * total) * pow(DELTA, -1, curve_order)
    verify_groth16(KEY[:18], [6], [*_g1(29), *_g2(31), *_g1(c)])


@pytest.mark.parametrize("position", range(3))
def test_a_proof_of_other_inputs_does_not_hold(position: int) -> None:
    with pytest.raises(BackendError, match=r"^POE-BCK-001: proof does not hold"):
        verify_groth16(KEY, _with(list(INPUTS), position, 9), PROOF)


@pytest.mark.parametrize(("position", "point"), [(0, _g1(30)), (2, _g2(32)), (6, _g1(1))], ids="ABC")
def test_a_proof_with_another_point_does_not_hold(position: int, point: list[int]) -> None:
    with pytest.raises(BackendError, match="proof does not hold"):
        verify_groth16(KEY, INPUTS, _with(PROOF, position, *point))


@pytest.mark.parametrize("position", [0, 2, 6, 10, 14, 16])
def test_a_proof_under_another_key_does_not_hold(position: int) -> None:
    other = _g2(77) if 2 <= position < 14 else _g1(77)
    with pytest.raises(BackendError, match="proof does not hold"):
        verify_groth16(_with(KEY, position, *other), INPUTS, PROOF)


@pytest.mark.parametrize(
    ("position", "values", "message"),
    [
        (0, [PROOF[0] + 1], "A is not on the curve"),
        (0, [0, 0], "A is not on the curve"),
        (2, [0, 0, 0, 0], "B is not on the curve"),
        (2, [PROOF[3], PROOF[2]], "B is not on the curve"),
        (2, OUTSIDE, "B is not in the subgroup"),
        (6, [0, 0], "C is not on the curve"),
        (1, [PROOF[1] + field_modulus], "a coordinate of A is not below"),
        (4, [PROOF[4] + field_modulus], "a coordinate of B is not below"),
        (7, [-1], "a coordinate of C is not below"),
        (7, [field_modulus], "a coordinate of C is not below"),
    ],
)
def test_a_malformed_proof_is_refused_by_point(position: int, values: list[int], message: str) -> None:
    with pytest.raises(BackendError, match=f"^POE-BCK-001: {message}"):
        verify_groth16(KEY, INPUTS, _with(PROOF, position, *values))


@pytest.mark.parametrize(
    ("position", "values", "message"),
    [
        (0, [1, 3], "alpha is not on the curve"),
        (2, OUTSIDE, "beta is not in the subgroup"),
        (6, OUTSIDE, "gamma is not in the subgroup"),
        (10, OUTSIDE, "delta is not in the subgroup"),
        (18, [0, 0], r"IC\[2\] is not on the curve"),
    ],
)
def test_a_malformed_key_is_refused_by_point(position: int, values: list[int], message: str) -> None:
    with pytest.raises(BackendError, match=f"^POE-BCK-001: {message}"):
        verify_groth16(_with(KEY, position, *values), INPUTS, PROOF)


@pytest.mark.parametrize("value", [-1, curve_order])
def test_an_unreduced_input_is_refused(value: int) -> None:
    """x and x + r are one input to the pairing, so a verifier that takes both takes two statements for one."""
    with pytest.raises(BackendError, match="public input 1 is"):
        verify_groth16(KEY, _with(list(INPUTS), 1, value), PROOF)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(BackendError, match="verifying key has 22 words, wanted 20"):
        verify_groth16(KEY, INPUTS[:2], PROOF)
    with pytest.raises(BackendError, match="verifying key has 21 words, wanted 22"):
        verify_groth16(KEY[:-1], INPUTS, PROOF)
    with pytest.raises(BackendError, match="proof has 7 words, wanted 8"):
        verify_groth16(KEY, INPUTS, PROOF[:-1])

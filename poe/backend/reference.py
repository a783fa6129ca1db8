"""The slow judge in tests: the backend interfaces by the plain specification, Groth16 by py_ecc.

Nothing here is fast, and the reference makes no proofs. `verify_groth16` shares no code with the Rust core.
"""

from __future__ import annotations

from collections.abc import Sequence

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.fields import optimized_bn128_FQ12 as FQ12
from py_ecc.optimized_bn128.optimized_curve import (
    add,
    b,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    is_on_curve,
    multiply,
    neg,
)
from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing

from poe.backend.interface import Execution, SignedMessage
from poe.crypto import eddsa
from poe.errors import BackendError
from poe.rollup.state import State
from poe.rollup.transition import apply_batch
from poe.rollup.types import Account, AccountIndex, Batch, FieldElement, Gwei

PROOF_WORDS = 8
KEY_POINT_WORDS = 14
"""alpha, beta, gamma, delta; two words follow for each point of IC."""

# Projective coordinates.
_G1Point = tuple[FQ, FQ, FQ]
_G2Point = tuple[FQ2, FQ2, FQ2]


class ReferenceState:
    """StateBackend by `apply_batch`. Traces are empty: the reference makes no witness."""

    def __init__(self, depth: int, history: int = 1024) -> None:
        self._history = history
        self._states = [State(depth)]
        self._height = 0

    @property
    def root(self) -> FieldElement:
        return self._states[-1].root

    @property
    def height(self) -> int:
        """Batches executed and not rolled back."""
        return self._height

    def account(self, index: AccountIndex) -> Account | None:
        return self._states[-1].account(index)

    def total_balance(self) -> Gwei:
        """Sum of all balances, in gwei."""
        return self._states[-1].total_balance()

    def execute(self, batch: Batch, domain: FieldElement) -> Execution:
        """Apply a batch; when it raises nothing has changed."""
        old_root = self.root
        state, result = apply_batch(self._states[-1], batch, domain)
        self._states = [*self._states[-self._history :], state] if self._history else [state]
        self._height += 1
        return Execution(
            old_root=old_root,
            new_root=state.root,
            outcomes=result.outcomes,
            fees=result.fees,
            burnt=result.burnt,
            exits=result.exits,
            trace=b"",
        )

    def rollback(self, batches: int) -> None:
        """Undo the last `batches` executions; ValueError if more than are kept."""
        kept = len(self._states) - 1
        if not 0 <= batches <= kept:
            raise ValueError(f"cannot roll back {batches} batches, {kept} are kept")
        del self._states[len(self._states) - batches :]
        self._height -= batches


class ReferenceSignatures:
    """SignatureBackend by `eddsa.verify`, one after the other."""

    def verify(self, messages: Sequence[SignedMessage]) -> list[bool]:
        return [eddsa.verify(m.public_key, m.r8, m.s, m.message) for m in messages]


def verify_groth16(
    verifying_key_words: Sequence[int], public_inputs: Sequence[int], proof_words: Sequence[int]
) -> None:
    """e(A, B) = e(alpha, beta) · e(IC₀ + Σ inputᵢ·ICᵢ₊₁, gamma) · e(C, delta), or BackendError.

    Words are ordered as docs/protocol.md section 6 says. Every coordinate must be below the base field's order,
    every input below r, every point on its curve, in its subgroup and not at infinity; py_ecc checks none of it.
    Source: Groth, "On the Size of Pairing-based Non-interactive Arguments" (eprint 2016/260), section 3.2.
    """
    wanted = KEY_POINT_WORDS + 2 * (len(public_inputs) + 1)
    _require_length("verifying key", verifying_key_words, wanted)
    _require_length("proof", proof_words, PROOF_WORDS)
    for position, value in enumerate(public_inputs):
        if not 0 <= value < curve_order:
            raise BackendError(f"public input {position} is {value}, not below r")
    alpha = _read_g1("alpha", verifying_key_words[0:2])
    beta = _read_g2("beta", verifying_key_words[2:6])
    gamma = _read_g2("gamma", verifying_key_words[6:10])
    delta = _read_g2("delta", verifying_key_words[10:14])
    total, *bases = (
        _read_g1(f"IC[{i // 2}]", verifying_key_words[14 + i : 16 + i]) for i in range(0, wanted - KEY_POINT_WORDS, 2)
    )
    proof_a = _read_g1("A", proof_words[0:2])
    proof_b = _read_g2("B", proof_words[2:6])
    proof_c = _read_g1("C", proof_words[6:8])
    for base, value in zip(bases, public_inputs, strict=True):
        total = add(total, multiply(base, value))
    pairs = [(neg(proof_a), proof_b), (alpha, beta), (total, gamma), (proof_c, delta)]
    if _pairing_product(pairs) != FQ12.one():
        raise BackendError("proof does not hold for these public inputs")


def _pairing_product(pairs: Sequence[tuple[_G1Point, _G2Point]]) -> FQ12:
    product = FQ12.one()
    for p, q in pairs:
        product *= pairing(q, p, final_exponentiate=False)
    return final_exponentiate(product)


def _read_g1(name: str, words: Sequence[int]) -> _G1Point:
    """A point of G1, whose order is prime: on the curve is in the subgroup. (0, 0) is not on the curve."""
    x, y = (FQ(_coordinate(name, word)) for word in words)
    point = (x, y, FQ.one())
    if not is_on_curve(point, b):
        raise BackendError(f"{name} is not on the curve")
    return point


def _read_g2(name: str, words: Sequence[int]) -> _G2Point:
    """A point of G2 from `x.c1 x.c0 y.c1 y.c0`; the twist has a large cofactor, so the order is checked."""
    x1, x0, y1, y0 = (_coordinate(name, word) for word in words)
    point = (FQ2([x0, x1]), FQ2([y0, y1]), FQ2.one())
    if not is_on_curve(point, b2):
        raise BackendError(f"{name} is not on the curve")
    if not is_inf(multiply(point, curve_order)):
        raise BackendError(f"{name} is not in the subgroup")
    return point


def _coordinate(name: str, word: int) -> int:
    if not 0 <= word < field_modulus:
        raise BackendError(f"a coordinate of {name} is not below the base field's order")
    return word


def _require_length(name: str, words: Sequence[int], wanted: int) -> None:
    if len(words) != wanted:
        raise BackendError(f"{name} has {len(words)} words, wanted {wanted}")

"""Proofs made from a good one: some as good, most not, each with a name and the verdict that all judges must give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2
from py_ecc.optimized_bn128.optimized_curve import (
    add,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    is_on_curve,
    multiply,
    neg,
    normalize,
)

Words = tuple[int, ...]
A, B, C = slice(0, 2), slice(2, 6), slice(6, 8)
"""Where the points of a proof lie in its eight words."""

WORD_LIMIT = 2**256
G1Point = tuple[FQ, FQ, FQ]
G2Point = tuple[FQ2, FQ2, FQ2]

# A point of the twist y² = x³ + 3/(9 + u) with x = 1, outside the subgroup of order r.
STRAY: G2Point = (
    FQ2([1, 0]),
    FQ2(
        [
            18278151005453108793778860132295291098363647455926340152056652516292830556603,
            5912654199736721486680175016176231956195085055698687135131307249486702594212,
        ]
    ),
    FQ2([1, 0]),
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A changed proof, and whether it still holds. `is_cheap` where explicit checks refuse it before any pairing."""

    words: Words
    holds: bool = False
    is_cheap: bool = False


def read_g1(words: Sequence[int]) -> G1Point:
    return FQ(words[0]), FQ(words[1]), FQ(1)


def read_g2(words: Sequence[int]) -> G2Point:
    """From the EVM's order, the higher coefficient first."""
    return FQ2([words[1], words[0]]), FQ2([words[3], words[2]]), FQ2([1, 0])


def write_g1(point: G1Point) -> Words:
    return tuple(int(coordinate.n) for coordinate in normalize(point))


def write_g2(point: G2Point) -> Words:
    x, y = normalize(point)
    return tuple(int(value) for value in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0]))


def cofactor_point() -> G2Point:
    """A point of the twist whose order divides the cofactor: it hides in a sum with a point of the subgroup."""
    point = multiply(STRAY, curve_order)
    assert not is_inf(point)
    assert is_on_curve(point, b2)
    return point


def variants(words: Words) -> dict[str, Variant]:
    """Everything that is done to the words of a valid proof."""
    return _as_good(words) | _pairing_fails(words) | _malformed_points(words) | _malformed_words(words)


def _with(words: Words, part: slice, values: Words) -> Words:
    return (*words[: part.start], *values, *words[part.stop :])


def _as_good(words: Words) -> dict[str, Variant]:
    """Groth16 proofs are malleable: e(-A, -B) = e(s·A, B/s) = e(A, B)."""
    a, b = read_g1(words[A]), read_g2(words[B])
    scale = 0xDECADE
    inverse = pow(scale, -1, curve_order)
    negated = _with(_with(words, A, write_g1(neg(a))), B, write_g2(neg(b)))
    scaled = _with(_with(words, A, write_g1(multiply(a, scale))), B, write_g2(multiply(b, inverse)))
    return {
        "itself": Variant(words, holds=True),
        "A and B negated": Variant(negated, holds=True),
        "A times s, B over s": Variant(scaled, holds=True),
    }


def _pairing_fails(words: Words) -> dict[str, Variant]:
    """Points of the right groups, of which the equation does not hold."""
    a, b, c = read_g1(words[A]), read_g2(words[B]), read_g1(words[C])
    return {
        "A negated": Variant(_with(words, A, write_g1(neg(a)))),
        "B negated": Variant(_with(words, B, write_g2(neg(b)))),
        "C negated": Variant(_with(words, C, write_g1(neg(c)))),
        "A and C swapped": Variant((*words[C], *words[B], *words[A])),
        "A doubled": Variant(_with(words, A, write_g1(add(a, a)))),
        "C for A": Variant(_with(words, A, words[C])),
    }


def _malformed_points(words: Words) -> dict[str, Variant]:
    b, cofactor = read_g2(words[B]), cofactor_point()
    x1, x0, y1, y0 = words[B]
    found = {
        "A at infinity": _with(words, A, (0, 0)),
        "B at infinity": _with(words, B, (0, 0, 0, 0)),
        "C at infinity": _with(words, C, (0, 0)),
        "all at infinity": (0,) * 8,
        "A's other infinity": _with(words, A, (0, 1)),
        "B outside the subgroup": _with(words, B, write_g2(STRAY)),
        "B of the cofactor's order": _with(words, B, write_g2(cofactor)),
        "B plus a point of the cofactor's order": _with(words, B, write_g2(add(b, cofactor))),
        "B's limbs swapped": _with(words, B, (x0, x1, y0, y1)),
        "B's coordinates swapped": _with(words, B, (y1, y0, x1, x0)),
        "A off the curve": _with(words, A, (1, 1)),
        "C's coordinates swapped": _with(words, C, (words[7], words[6])),
    }
    return {name: Variant(changed, is_cheap=True) for name, changed in found.items()}


def _malformed_words(words: Words) -> dict[str, Variant]:
    """Each word, alone, as it could be read leniently or torn."""
    changes: dict[str, Callable[[int], int]] = {
        "plus one": lambda word: word + 1,
        "with its top bit flipped": lambda word: word ^ 1 << 255,
        "plus q": lambda word: word + field_modulus,
        "q": lambda word: field_modulus,
        "negated": lambda word: -word % field_modulus,
        "all ones": lambda word: WORD_LIMIT - 1,
    }
    found = {}
    for position, word in enumerate(words):
        for name, change in changes.items():
            # A negated y of G1 is the point negated, which is on the curve: `_pairing_fails` has it.
            if change(word) < WORD_LIMIT and (position not in (1, 7) or name != "negated"):
                changed = (*words[:position], change(word), *words[position + 1 :])
                found[f"word {position} {name}"] = Variant(changed, is_cheap=True)
    return found

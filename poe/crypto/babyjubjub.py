"""BabyJubJub, the twisted Edwards curve a·x² + y² = 1 + d·x²·y² over BN254's scalar field (EIP-2494).

a is a square and d is not, so the addition law is complete: no pair of curve points is special.
"""

from __future__ import annotations

from poe.crypto.field import FIELD_ORDER

Point = tuple[int, int]
"""Affine coordinates, each in [0, r)."""

A = 168700
D = 168696
COFACTOR = 8
SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
"""The prime l; the curve has 8·l points."""

IDENTITY: Point = (0, 1)
BASE8: Point = (
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)
"""Generator of the subgroup of order l."""

_Projective = tuple[int, int, int]


def is_on_curve(point: Point) -> bool:
    """Do the coordinates satisfy the curve's equation?"""
    x2, y2 = point[0] ** 2 % FIELD_ORDER, point[1] ** 2 % FIELD_ORDER
    return (A * x2 + y2 - 1 - D * x2 * y2) % FIELD_ORDER == 0


def add(p: Point, q: Point) -> Point:
    """Sum of two curve points."""
    return _to_affine(_add((*p, 1), (*q, 1)))


def negate(point: Point) -> Point:
    """The point that adds up with `point` to the identity."""
    return (-point[0] % FIELD_ORDER, point[1])


def multiply(point: Point, scalar: int) -> Point:
    """`scalar` times a curve point, scalar ≥ 0, by double-and-add; takes time that depends on the scalar."""
    total, power = (0, 1, 1), (*point, 1)
    while scalar:
        if scalar & 1:
            total = _add(total, power)
        power = _add(power, power)
        scalar >>= 1
    return _to_affine(total)


def has_small_order(point: Point) -> bool:
    """Is eight times this curve point the identity?"""
    return multiply(point, COFACTOR) == IDENTITY


def _add(p: _Projective, q: _Projective) -> _Projective:
    """Bernstein, Birkner, Joye, Lange, Peters, "Twisted Edwards Curves" (2008), section 6, projective addition."""
    (x1, y1, z1), (x2, y2, z2) = p, q
    a = z1 * z2 % FIELD_ORDER
    b = a * a % FIELD_ORDER
    c = x1 * x2 % FIELD_ORDER
    d = y1 * y2 % FIELD_ORDER
    e = D * c * d % FIELD_ORDER
    f, g = b - e, b + e
    x3 = a * f % FIELD_ORDER * ((x1 + y1) * (x2 + y2) - c - d) % FIELD_ORDER
    y3 = a * g % FIELD_ORDER * (d - A * c) % FIELD_ORDER
    return x3, y3, f * g % FIELD_ORDER


def _to_affine(point: _Projective) -> Point:
    x, y, z = point
    inverse = pow(z, -1, FIELD_ORDER)
    return x * inverse % FIELD_ORDER, y * inverse % FIELD_ORDER

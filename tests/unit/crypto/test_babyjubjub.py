"""BabyJubJub: the curve's constants and the group law."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poe.crypto.babyjubjub import (
    BASE8,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    A,
    D,
    Point,
    add,
    has_small_order,
    is_on_curve,
    multiply,
    negate,
)
from poe.crypto.field import FIELD_ORDER

GENERATOR = (
    995203441582195749578291179787384436505546430278305826713579947235728471134,
    5472060717959818805561601436314318772137091100104008585924551046643952123905,
)
"""EIP-2494's point of order 8·l."""
TORSION = multiply(GENERATOR, SUBGROUP_ORDER)

scalars = st.integers(0, 8 * SUBGROUP_ORDER)
points = scalars.map(lambda scalar: multiply(GENERATOR, scalar))
properties = settings(derandomize=True, deadline=None, max_examples=30)


def _is_square(value: int) -> bool:
    return pow(value, (FIELD_ORDER - 1) // 2, FIELD_ORDER) == 1


def test_the_addition_law_is_complete() -> None:
    """Complete if and only if a is a square and d is not."""
    assert _is_square(A)
    assert not _is_square(D)


def test_base_point_is_eight_times_the_generator_and_has_order_l() -> None:
    assert is_on_curve(GENERATOR)
    assert multiply(GENERATOR, COFACTOR) == BASE8
    assert multiply(BASE8, SUBGROUP_ORDER) == IDENTITY
    assert pow(2, SUBGROUP_ORDER - 1, SUBGROUP_ORDER) == 1


def test_add_gives_eip_2494s_sum() -> None:
    p = (
        17777552123799933955779906779655732241715742912184938656739573121738514868268,
        2626589144620713026669568689430873010625803728049924121243784502389097019475,
    )
    q = (
        16540640123574156134436876038791482806971768689494387082833631921987005038935,
        20819045374670962167435360035096875258406992893633759881276124905556507972311,
    )
    assert add(p, q) == (
        7916061937171219682591368294088513039687205273691143098332585753343424131937,
        14035240266687799601661095864649209771790948434046947201833777492504781204499,
    )


@properties
@given(points, points, points)
def test_points_form_a_commutative_group(p: Point, q: Point, s: Point) -> None:
    assert is_on_curve(add(p, q))
    assert add(p, q) == add(q, p)
    assert add(add(p, q), s) == add(p, add(q, s))
    assert add(p, IDENTITY) == p
    assert add(p, negate(p)) == IDENTITY


@properties
@given(points, scalars, scalars)
def test_multiply_distributes(p: Point, m: int, n: int) -> None:
    assert add(multiply(p, m), multiply(p, n)) == multiply(p, m + n)


@pytest.mark.parametrize("order", [1, 2, 4, 8])
def test_torsion_points_have_small_order(order: int) -> None:
    point = multiply(TORSION, 8 // order)
    assert is_on_curve(point)
    assert multiply(point, order) == IDENTITY
    assert order == 1 or multiply(point, order // 2) != IDENTITY
    assert has_small_order(point)
    assert not has_small_order(add(point, BASE8))


@pytest.mark.parametrize("point", [(0, 0), (1, 1), (BASE8[1], BASE8[0]), (BASE8[0] + 1, BASE8[1])])
def test_other_pairs_are_off_the_curve(point: Point) -> None:
    assert not is_on_curve(point)

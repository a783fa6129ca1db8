//! One affine addition with all exceptional cases: what a batch falls back to where its formula has no answer.

use ark_ec::AffineRepr;
use ark_ff::{AdditiveGroup, Field};

use super::Curve;

/// a + b, or a - b if `negate`; either may be infinity, both may be the same point.
#[cold]
#[inline(never)]
pub(super) fn add<G: Curve>(a: &G::Row, b: &G::Row, negate: bool) -> G::Row {
    let (a, b) = (G::point_of(a), G::point_of(b));
    let b = if negate { -b } else { b };
    if a.is_zero() || b.is_zero() {
        return G::row_of(if a.is_zero() { &b } else { &a });
    }
    let (rise, run) = if a.x != b.x {
        (b.y - a.y, b.x - a.x)
    } else if a.y == b.y {
        let square = a.x.square();
        (square.double() + square + G::COEFF_A, a.y.double())
    } else {
        return G::INFINITY;
    };
    let slope = rise * G::inverse(run);
    let x = slope.square() - a.x - b.x;
    G::row(x, slope * (a.x - x) - a.y)
}

//! Batched affine additions one at a time, on arkworks' fields.

use ark_ff::{AdditiveGroup, Field, One, Zero};

use super::{Additions, Curve, complete};

/// See [`super::add_all`].
pub(super) fn add_all<G: Curve>(additions: &mut impl Additions<G::Row>) {
    // prefixes[k] is the product of all differences before k.
    let mut prefixes = Vec::with_capacity(additions.count());
    let mut product = G::BaseField::one();
    for k in 0..additions.count() {
        let (a, b, _) = additions.operands(k);
        prefixes.push(product);
        if let Some(difference) = difference::<G>(a, b) {
            product *= difference;
        }
    }
    let mut inverse = G::inverse(product);
    for (k, prefix) in prefixes.into_iter().enumerate().rev() {
        let (a, b, negate) = additions.operands(k);
        let sum = match difference::<G>(a, b) {
            None => complete::add::<G>(a, b, negate),
            Some(difference) => {
                let inverted = inverse * prefix;
                inverse *= difference;
                chord::<G>(a, b, negate, inverted)
            }
        };
        additions.set(k, &sum);
    }
}

/// x_b - x_a, unless it is zero or one of the rows may be infinity.
#[inline]
fn difference<G: Curve>(a: &G::Row, b: &G::Row) -> Option<G::BaseField> {
    let (a, b) = (G::coordinates(a).0, G::coordinates(b).0);
    (a != b && !a.is_zero() && !b.is_zero()).then(|| b - a)
}

/// The sum of two points with different x, given 1/(x_b - x_a).
#[inline]
fn chord<G: Curve>(a: &G::Row, b: &G::Row, negate: bool, inverted: G::BaseField) -> G::Row {
    let ((ax, ay), (bx, by)) = (G::coordinates(a), G::coordinates(b));
    let slope = (if negate { -by } else { by } - ay) * inverted;
    third_point::<G>(slope, ax, bx, ay)
}

/// See [`super::double_each`].
pub(super) fn double_each<G: Curve>(rows: &mut [G::Row]) {
    let mut runs: Vec<_> = rows.iter().map(|row| G::coordinates(row).1.double()).collect();
    ark_ff::batch_inversion(&mut runs);
    for (row, inverted) in rows.iter_mut().zip(runs) {
        // Batch inversion leaves zeros.
        if inverted.is_zero() {
            *row = G::INFINITY;
        } else {
            let (x, y) = G::coordinates(row);
            let square = x.square();
            *row = third_point::<G>((square.double() + square) * inverted, x, x, y);
        }
    }
}

/// The point x = slope² - x_a - x_b, y = slope·(x_a - x) - y_a.
#[inline]
fn third_point<G: Curve>(
    slope: G::BaseField,
    ax: G::BaseField,
    bx: G::BaseField,
    ay: G::BaseField,
) -> G::Row {
    let x = slope.square() - ax - bx;
    G::row(x, slope * (ax - x) - ay)
}

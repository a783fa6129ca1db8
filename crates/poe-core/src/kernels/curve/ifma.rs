//! Batched affine additions, eight in step.
//!
//! Rows hold coordinates in arkworks' form, v·2^256, while products take 2^-260 away. With d = x_b - x_a the formulas
//! work out without conversions. Read as wide form, the integer of d is d/16; the batch's inversion gives 1/(4·d/16) =
//! 4/d in wide form; times the integer of y_b - y_a, (y_b - y_a)/16 in wide form, that is slope/4. Its square in wide
//! form is slope²/16, the integer of slope² in arkworks' form; and slope/4 times the integer of 4·(x_a - x) is that of
//! slope·(x_a - x).

use super::coordinate::Coordinate;
use super::{Additions, Curve, complete};
use crate::kernels::field::{Ifma, LANES};

/// Chains of running products side by side, since one product waits for the last.
const CHAINS: usize = 2;

/// See [`super::add_all`].
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(super) fn add_all<G: Curve, A: Additions<G::Row>>(token: Ifma, additions: &mut A) {
    let count = additions.count();
    let steps = count.div_ceil(LANES);
    let mut prefixes = Vec::with_capacity(steps);
    let mut products = [G::Lanes::one(token); CHAINS];
    for step in 0..steps {
        let (a, b, _) = gather(additions, step);
        let (x_a, x_b) = (G::Lanes::load_x(token, a), G::Lanes::load_x(token, b));
        let exceptional = x_a.exceptional(x_b);
        let product = &mut products[step % CHAINS];
        prefixes.push((*product, exceptional));
        *product = product.mul(G::Lanes::one(token).selected(exceptional, x_b.sub(x_a)));
    }
    let inverse = products[0].mul(products[1]).quarter_inverse(token);
    let mut inverses = [inverse.mul(products[1]), inverse.mul(products[0])];
    for step in (0..steps).rev() {
        let (prefix, exceptional) = prefixes[step];
        let inverse = &mut inverses[step % CHAINS];
        let sums = chords::<G, A>(token, additions, step, exceptional, prefix, inverse);
        let first = step * LANES;
        for k in first..count.min(first + LANES) {
            additions.set(k, &sums[k - first]);
        }
    }
}

/// The operands of eight additions; past the end the last one again.
#[inline(always)]
fn gather<R, A: Additions<R>>(additions: &A, step: usize) -> ([&R; LANES], [&R; LANES], u8) {
    let last = additions.count() - 1;
    let (a0, b0, _) = additions.operands(last.min(step * LANES));
    let (mut a, mut b, mut negate) = ([a0; LANES], [b0; LANES], 0);
    for lane in 0..LANES {
        let (left, right, minus) = additions.operands(last.min(step * LANES + lane));
        a[lane] = left;
        b[lane] = right;
        negate |= u8::from(minus) << lane;
    }
    (a, b, negate)
}

/// Eight sums; takes their differences out of the running inverse.
#[inline(always)]
fn chords<G: Curve, A: Additions<G::Row>>(
    token: Ifma,
    additions: &A,
    step: usize,
    exceptional: u8,
    prefix: G::Lanes,
    inverse: &mut G::Lanes,
) -> [G::Row; LANES] {
    let (a, b, negate) = gather(additions, step);
    let ((x_a, y_a), (x_b, y_b)) = (G::Lanes::load(token, a), G::Lanes::load(token, b));
    let inverted = inverse.mul(prefix);
    *inverse = inverse.mul(G::Lanes::one(token).selected(exceptional, x_b.sub(x_a)));
    let slope = inverted.mul(y_b.negated(negate).sub(y_a));
    let mut sums = third_points::<G>(token, slope, x_a, x_b, y_a);
    if exceptional != 0 {
        for lane in (0..LANES).filter(|lane| exceptional >> lane & 1 == 1) {
            sums[lane] = complete::add::<G>(a[lane], b[lane], negate >> lane & 1 == 1);
        }
    }
    sums
}

/// See [`super::double_each`].
///
/// The tangent's slope is 3x²/2y. The product of two integers x·2^256 is x²/256 in wide form, and the batch's inversion
/// makes 2/y of the integer of 2y: sixteen times that is what the slope/4 of the chord needs.
#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
pub(super) fn double_each<G: Curve>(token: Ifma, rows: &mut [G::Row]) {
    let steps = rows.len().div_ceil(LANES);
    let mut prefixes = Vec::with_capacity(steps);
    let mut product = G::Lanes::one(token);
    for step in 0..steps {
        let (_, y) = G::Lanes::load(token, eight(rows, step));
        prefixes.push(product);
        product = product.mul(run::<G>(token, y));
    }
    let mut inverse = product.quarter_inverse(token).times_sixteen();
    for (step, prefix) in prefixes.into_iter().enumerate().rev() {
        let (x, y) = G::Lanes::load(token, eight(rows, step));
        let square = x.square();
        let slope = inverse.mul(prefix).mul(square.add(square).add(square));
        inverse = inverse.mul(run::<G>(token, y));
        let doubles = third_points::<G>(token, slope, x, x, y);
        let zero = y.zeros();
        for (lane, row) in rows[step * LANES..].iter_mut().take(LANES).enumerate() {
            *row = if zero >> lane & 1 == 1 { G::INFINITY } else { doubles[lane] };
        }
    }
}

/// Eight rows; past the end the last one again.
#[inline(always)]
fn eight<R>(rows: &[R], step: usize) -> [&R; LANES] {
    let mut picked = [&rows[step * LANES]; LANES];
    for (lane, row) in rows[step * LANES..].iter().take(LANES).enumerate() {
        picked[lane] = row;
    }
    picked
}

/// 2y, one where that is zero: a point of order two, which is on neither curve, or infinity.
#[inline(always)]
fn run<G: Curve>(token: Ifma, y: G::Lanes) -> G::Lanes {
    G::Lanes::one(token).selected(y.zeros(), y.add(y))
}

/// The points x = slope² - x_a - x_b, y = slope·(x_a - x) - y_a, given slope/4 in wide form.
#[inline(always)]
fn third_points<G: Curve>(
    token: Ifma,
    slope: G::Lanes,
    x_a: G::Lanes,
    x_b: G::Lanes,
    y_a: G::Lanes,
) -> [G::Row; LANES] {
    let x = slope.square().sub_two(x_a, x_b).canonical();
    let y = slope.mul(x_a.four_times_difference(x)).sub(y_a).canonical();
    G::Lanes::store(token, x, y)
}

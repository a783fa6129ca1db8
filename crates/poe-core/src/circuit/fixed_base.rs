//! `s·B8` by windows of three bits.
//!
//! With G = B8/2, half the base point in its subgroup, `s·B8 = Σ d·8^w·G + (8^83 − 1)·G` over the windows w of the low 249
//! bits, where a window's bits (b₂ b₁ b₀) give the odd digit `d = 4σ₂ + 2σ₁ + σ₀`, σ = 2b − 1. Digits are odd, so no window
//! adds the identity, and −d has the mirrored point: a window costs two constraints.
//!
//! **No exception**: before window w the sum is k·G with k odd, |k| < 8^w, and the term is d·8^w·G. So k ≠ ±d·8^w as
//! integers, both sides' sum is below 8^83 < l, and the sum and the term are neither equal nor opposite nor the identity.
//! The top two bits and the constant come last, by complete addition.

use std::sync::LazyLock;

use ark_ff::{AdditiveGroup, BigInteger, BigInteger256, Field};

use super::{
    builder::{ConstraintSystem, Linear, Num},
    edwards, montgomery,
};
use crate::{
    babyjubjub::{BASE, Projective, subgroup_order},
    field::Fr,
};

const WINDOW_BITS: usize = 3;
const WINDOWS: usize = 83;
const LOW_BITS: usize = WINDOW_BITS * WINDOWS;

/// The points of a window as functions of its signs σ: `u = shift + Σσ · (p·σ)`, `v = factor·u·σ₂ + (q·σ)`.
struct Window {
    shift: Fr,
    p: [Fr; WINDOW_BITS],
    factor: Fr,
    q: [Fr; WINDOW_BITS],
}

/// The windows, and what the top two bits add.
type Tables = (Vec<Window>, [(Fr, Fr); 4]);

/// `Σ bits[i]·2^i · B8`, 251 bits. 421 constraints.
pub fn multiply_base<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>]) -> edwards::Point<C::L> {
    static TABLES: LazyLock<Tables> = LazyLock::new(tables);
    let (windows, top) = &*TABLES;
    let (low, high) = bits.split_at(LOW_BITS);
    let windows = low.chunks(WINDOW_BITS).zip(windows);
    let mut terms: Vec<_> = windows.map(|(bits, window)| window.point(cs, bits)).collect();
    let first = terms.remove(0);
    let sum = montgomery::add_all(cs, first, &terms);
    let sum = montgomery::to_edwards(cs, &sum);
    let top = select_constant(cs, [&high[0], &high[1]], top);
    edwards::add(cs, &sum, &top)
}

impl Window {
    /// The point of a window's bits, least significant first. Two constraints.
    fn point<C: ConstraintSystem>(&self, cs: &mut C, bits: &[Num<C::L>]) -> montgomery::Point<C::L> {
        let signs: [Num<C::L>; WINDOW_BITS] =
            std::array::from_fn(|i| (&bits[i] + &bits[i]).add_constant(-Fr::ONE));
        let u = cs.mul(&combine(&signs, &self.p), &Num::sum(&signs)).add_constant(self.shift);
        let turned = cs.mul(&u, &signs[2]).scale(self.factor);
        montgomery::Point { v: &turned + &combine(&signs, &self.q), u }
    }

    /// From the points of the digits 1, 3, 5, 7. With τ₁ = σ₂σ₁, τ₀ = σ₂σ₀ the digit's absolute value is `4 + 2τ₁ + τ₀`: u is
    /// a polynomial in τ₁, τ₀, τ₁τ₀ = σ₁σ₀ and v is σ₂ times one. Three products σᵢσⱼ are one product of two sums, up to
    /// the squares, which are 1; and v's σ₂σ₁σ₀ comes with u·σ₂.
    fn new(points: [(Fr, Fr); 4]) -> Self {
        let [mean, of_0, of_1, of_both] = walsh(points.map(|point| point.0));
        let [mean_v, of_0_v, of_1_v, of_both_v] = walsh(points.map(|point| point.1));
        let p0 = (of_both + of_0 - of_1).halved();
        let p = [p0, of_both - p0, of_0 - p0];
        let factor = of_both_v * of_both.inverse().unwrap_or_default();
        let q = [of_0_v - factor * of_0, of_1_v - factor * of_1, mean_v - factor * mean];
        Self { shift: mean - p.iter().sum::<Fr>(), p, factor, q }
    }
}

trait Halved {
    fn halved(self) -> Self;
}

impl Halved for Fr {
    fn halved(self) -> Self {
        self * Fr::ONE.double().inverse().unwrap_or_default()
    }
}

/// Coefficients of 1, τ₀, τ₁, τ₁τ₀ in the polynomial with these values at (τ₁, τ₀) = (−, −), (−, +), (+, −), (+, +).
fn walsh([a, b, c, d]: [Fr; 4]) -> [Fr; 4] {
    [a + b + c + d, b + d - a - c, c + d - a - b, a + d - b - c].map(|sum| sum.halved().halved())
}

fn combine<L: Linear>(terms: &[Num<L>], factors: &[Fr]) -> Num<L> {
    let mut sum = Num::zero();
    terms.iter().zip(factors).for_each(|(term, &factor)| sum.add_scaled(term, factor));
    sum
}

/// The entry that two bits select. One constraint.
fn select_constant<C: ConstraintSystem>(
    cs: &mut C,
    [low, high]: [&Num<C::L>; 2],
    entries: &[(Fr, Fr); 4],
) -> edwards::Point<C::L> {
    let both = cs.mul(low, high);
    let coordinate = |[a, b, c, d]: [Fr; 4]| {
        let mut sum = Num::constant(a);
        sum.add_scaled(low, b - a);
        sum.add_scaled(high, c - a);
        sum.add_scaled(&both, d - c - b + a);
        sum
    };
    edwards::Point {
        x: coordinate(entries.map(|entry| entry.0)),
        y: coordinate(entries.map(|entry| entry.1)),
    }
}

/// The windows, and `j·2^249·B8 + (8^83 − 1)·G` for j from 0 to 3.
fn tables() -> Tables {
    let half = half_base();
    let mut unit = half;
    let windows = (0..WINDOWS).map(|_| {
        let twice = unit.double();
        let mut multiple = unit;
        let points = std::array::from_fn(|_| {
            let point = montgomery_coordinates(&multiple);
            multiple = multiple.add(&twice);
            point
        });
        unit = unit.double().double().double();
        Window::new(points)
    });
    let windows = windows.collect();
    let mut entry = unit.add(&half.negate());
    let step = unit.double();
    let top = std::array::from_fn(|_| {
        let point = entry.to_affine().coordinates();
        entry = entry.add(&step);
        point
    });
    (windows, top)
}

/// G = (l + 1)/2 · B8.
fn half_base() -> Projective {
    let mut half = subgroup_order();
    half.add_with_carry(&BigInteger256::from(1u64));
    half.div2();
    Projective::from(BASE).multiply(&half)
}

/// (u, v) of a point that is not of order 1 or 2.
fn montgomery_coordinates(point: &Projective) -> (Fr, Fr) {
    let (x, y) = point.to_affine().coordinates();
    let u = (Fr::ONE + y) * (Fr::ONE - y).inverse().unwrap_or_default();
    (u, u * x.inverse().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ark_ff::PrimeField;

    use super::*;
    use crate::{
        babyjubjub::multiply_base as multiply_natively,
        circuit::{
            bits::to_bits,
            testing::{element, run_gadget},
        },
    };

    fn run(scalar: BigInteger256) -> (Fr, Fr) {
        let input = Fr::from_bigint(scalar).expect("below r");
        let gadget = run_gadget!([input], |cs, wires| {
            let bits = to_bits(cs, &wires[0], 251);
            let product = multiply_base(cs, &bits);
            [product.x, product.y]
        });
        assert_eq!(gadget.constraints(), 252 + 421);
        gadget.output();
        (gadget.outputs[0], gadget.outputs[1])
    }

    #[test]
    fn products_are_the_native_ones() {
        let mut ones = BigInteger256::from(0u64);
        (0..251).for_each(|i| ones.0[i / 64] |= 1 << (i % 64));
        let mut around = subgroup_order();
        around.sub_with_borrow(&BigInteger256::from(1u64));
        let low = element(1).into_bigint() >> 5;
        let small = [0u64, 1, 2, 7, 8, 9, 1 << 40].map(BigInteger256::from);
        for scalar in small.into_iter().chain([ones, around, subgroup_order(), low]) {
            assert_eq!(run(scalar), multiply_natively(&scalar).to_affine().coordinates());
        }
    }

    /// All windows alike, the scalars at which a sum is smallest and greatest among them, and two hundred others.
    #[test]
    fn products_of_uniform_and_of_many_scalars_are_the_native_ones() {
        let uniform = (0..8u64).map(|window| {
            let mut scalar = BigInteger256::from(0u64);
            (0..WINDOWS).rev().for_each(|_| {
                scalar <<= WINDOW_BITS as u32;
                scalar.0[0] |= window;
            });
            scalar
        });
        let others = (0..200).map(|seed| element(seed).into_bigint() >> (3 + seed as u32 % 7));
        for scalar in uniform.chain(others) {
            assert_eq!(run(scalar), multiply_natively(&scalar).to_affine().coordinates());
        }
    }

    /// Each digit in each window, all other windows' digits being the same.
    #[test]
    fn every_digit_of_every_window_is_right() {
        let (windows, _) = tables();
        let mut unit = half_base();
        for window in &windows {
            for bits in 0..8u64 {
                let gadget = run_gadget!([0, 1, 2].map(|i| Fr::from(bits >> i & 1)), |cs, wires| {
                    let point = window.point(cs, wires);
                    [point.u, point.v]
                });
                assert_eq!(gadget.constraints(), 2);
                let digit = 2 * bits as i64 - 7;
                let point = unit.multiply(&BigInteger256::from(digit.unsigned_abs()));
                let point = if digit < 0 { point.negate() } else { point };
                assert_eq!((gadget.output(), gadget.outputs[1]), montgomery_coordinates(&point));
            }
            unit = unit.double().double().double();
        }
    }

    #[test]
    fn no_wire_is_free() {
        let gadget = run_gadget!([element(9) * element(9)], |cs, wires| {
            let bits = crate::circuit::bits::to_bits_strict(cs, &wires[0]);
            let product = multiply_base(cs, &bits[..251]);
            [product.x, product.y]
        });
        gadget.assert_tight();
    }
}

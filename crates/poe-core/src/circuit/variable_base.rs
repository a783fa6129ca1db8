//! `h·(8·A)` for a key A that is not of small order, at five constraints a bit.
//!
//! Let Q = 8·A: of order l, and so are all its multiples here but the identity. h is reduced to s below l, and with σ = 2b − 1
//! for the bits b of s above the lowest, doubling and adding σ·Q from Q on leads to `k = 2·⌊s/2⌋ + 1`. In Montgomery form
//! `2·P + σ·Q` takes five constraints, and σ·v none beyond the bit's own, as the bits come times Q's v.
//!
//! **No exception.** While the high bits of s are 0, k stays 1, and `Q ± Q` is what these formulas cannot add. So the sum
//! runs ahead of k: it is (k + c)·Q, where c, 1 at first, doubles at each step and is set back to 1 at every eighth. A step
//! takes P = (k + c)·Q to (2k + σ + c′)·Q, by the digit `d = σ + c′ − 2c`. It needs k + c ≠ ±d and 2·(k + c) + d ≠ 0, modulo l:
//! - c′ = 2c: d = ±1, k ≥ 1, so k + c ≥ 2 and 2·(k + c) + d ≥ 3;
//! - c = 128, c′ = 1: k and σ are odd, so k + c is odd and d = σ + 1 − 256 even; 2·(k + c) + d = 2k + σ + 1 ≥ 2.
//!
//! These are integers; the largest, k + c + |d| and 2k + σ + c′, stay below l before the last bit's step: there
//! k ≤ (l + 1)/2, c ≤ 128, |d| ≤ 256. That step and the correction by c and by the lowest bit use the complete Edwards law.

use super::{
    bits::pair,
    builder::{ConstraintSystem, Num},
    edwards,
    hint::{Rule, SCALAR_BITS},
    montgomery::{self, Point},
    scalar,
};

/// Steps from one c = 1 to the next.
const PERIOD: usize = 8;
const LAST: usize = PERIOD - 1;
/// Bits 250 to 2.
const STEPS: usize = SCALAR_BITS - 2;
/// c is 2 to this after the steps.
const LEAD: usize = STEPS % PERIOD;

/// `h·(8·p)`, p on the curve and of order l, 2l, 4l or 8l. 1,704 constraints.
pub fn multiply<C: ConstraintSystem>(
    cs: &mut C,
    h: &Num<C::L>,
    p: &edwards::Point<C::L>,
) -> edwards::Point<C::L> {
    let multiples = cs.scoped("multiples", |cs| doubled(cs, p));
    let [q, twice, ..] = multiples.as_slice() else { unreachable!("more than two multiples") };
    let bits = cs.scoped("scalar", |cs| scalar::reduce(cs, h, &q.v)).bits;
    let digits = cs.scoped("digits", |cs| {
        let falling_back = FallingBack::new(cs, &multiples);
        let digit = |(step, bit): (usize, &Num<C::L>)| match step % PERIOD {
            LAST => falling_back.digit(cs, bit),
            _ => Point { u: q.u.clone(), v: &(bit + bit) - &q.v },
        };
        bits[2..].iter().rev().enumerate().map(digit).collect::<Vec<_>>()
    });
    let sum = montgomery::double_add_all(cs, twice.clone(), &digits);
    cs.scoped("last_bits", |cs| finish(cs, &sum, &multiples, [&bits[0], &bits[1]]))
}

/// 2^i·Q, i from 0 to 8. Doubling takes any point not of order 2. 46 constraints.
fn doubled<C: ConstraintSystem>(cs: &mut C, p: &edwards::Point<C::L>) -> Vec<Point<C::L>> {
    let mut multiples = vec![montgomery::from_edwards(cs, p)];
    for i in 0..3 + PERIOD {
        multiples.push(montgomery::double(cs, &multiples[i]));
    }
    multiples.split_off(3)
}

/// The points that set c back: −256·Q for σ = −1, −254·Q for σ = 1.
struct FallingBack<L> {
    low: Point<L>,
    /// (high − low)/v of Q, by coordinate.
    rise: Point<L>,
}

impl<L: super::builder::Linear> FallingBack<L> {
    /// Five constraints. 256·Q and −2·Q are neither equal nor opposite.
    fn new<C: ConstraintSystem<L = L>>(cs: &mut C, multiples: &[Point<L>]) -> Self {
        let negated = |p: &Point<L>| Point { u: p.u.clone(), v: -&p.v };
        let low = negated(&multiples[PERIOD]);
        let high = montgomery::add(cs, &low, &multiples[1]);
        let unit = &multiples[0].v;
        let [n, m] = [&high.u - &low.u, &high.v - &low.v];
        let [u, v] = pair(cs.hint(Rule::Quotients, &[&n, &m, unit, unit]));
        cs.enforce(&u, unit, &n);
        cs.enforce(&v, unit, &m);
        Self { low, rise: Point { u, v } }
    }

    /// The point of a scaled bit. Two constraints.
    fn digit<C: ConstraintSystem<L = L>>(&self, cs: &mut C, bit: &Num<L>) -> Point<L> {
        let Self { low, rise } = self;
        Point { u: &low.u + &cs.mul(&rise.u, bit), v: &low.v + &cs.mul(&rise.v, bit) }
    }
}

/// From (k + c)·Q, k made of the bits from 2 on, to s·Q: `2·(k + c)·Q + σ₁·Q − 2c·Q − (1 − b₀)·Q`. 33 constraints.
fn finish<C: ConstraintSystem>(
    cs: &mut C,
    sum: &Point<C::L>,
    multiples: &[Point<C::L>],
    bits: [&Num<C::L>; 2],
) -> edwards::Point<C::L> {
    let (q, offset) = (&multiples[0], &multiples[LEAD + 1]);
    let [is_odd, is_added] = bits.map(|bit| cs.divide(bit, &q.v));
    let sum = montgomery::to_edwards(cs, sum);
    let digit = montgomery::to_edwards(cs, q);
    let digit = edwards::Point { x: &cs.mul(&(&digit.x + &digit.x), &is_added) - &digit.x, y: digit.y };
    let further = montgomery::add(cs, offset, q);
    let [at_odd, at_even] = [offset, &further].map(|p| montgomery::to_edwards(cs, p).negate());
    let correction = edwards::select(cs, &is_odd, &at_odd, &at_even);
    let doubled = edwards::double(cs, &sum);
    let product = edwards::add(cs, &doubled, &digit);
    edwards::add(cs, &product, &correction)
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, BigInteger, BigInteger256, Field, PrimeField};

    use super::*;
    use crate::{
        babyjubjub::{multiply_base, subgroup_order},
        circuit::testing::{Gadget, affine, curve_points, element, generator, run_gadget, torsion_points},
        field::Fr,
    };

    fn run(h: Fr, p: (Fr, Fr)) -> Gadget {
        run_gadget!([h, p.0, p.1], |cs, wires| {
            let p = edwards::Point { x: wires[1].clone(), y: wires[2].clone() };
            let product = multiply(cs, &wires[0], &p);
            [product.x, product.y]
        })
    }

    fn check(h: Fr, p: (Fr, Fr)) -> Gadget {
        let gadget = run(h, p);
        assert_eq!(gadget.constraints(), CONSTRAINTS);
        gadget.output();
        let expected = affine(p).clear_cofactor().multiply(&h.into_bigint()).to_affine().coordinates();
        assert_eq!((gadget.outputs[0], gadget.outputs[1]), expected, "{h} times 8·{p:?}");
        gadget
    }

    const CONSTRAINTS: usize = 1_704;

    fn order() -> Fr {
        Fr::from_bigint(subgroup_order()).expect("l < r")
    }

    /// 0, 1, both sides of every multiple of l, of every power of two that is a step, of r.
    fn scalars() -> Vec<Fr> {
        let two = Fr::ONE.double();
        let multiples = (0..8u64).flat_map(|q| {
            (0..4u64).flat_map(move |i| {
                let edge = order() * Fr::from(q);
                [edge + Fr::from(i), edge - Fr::from(i)]
            })
        });
        let powers = (1..254).step_by(3).flat_map(|exponent| {
            let power = two.pow([exponent]);
            [power - Fr::ONE, power, power + Fr::ONE]
        });
        let halves = [(order() - Fr::ONE) / two, (order() + Fr::ONE) / two];
        multiples.chain(powers).chain(halves).chain((0..4).map(element)).collect()
    }

    #[test]
    fn products_are_the_native_ones_at_every_edge() {
        scalars().into_iter().for_each(|h| drop(check(h, generator())));
    }

    /// Every point that `sanitise` lets through, with torsion and without.
    #[test]
    fn torsion_does_not_matter() {
        for p in curve_points().into_iter().skip(8) {
            for h in [Fr::ZERO, Fr::ONE, -Fr::ONE, order(), element(5)] {
                check(h, p);
            }
        }
    }

    /// Two hundred challenges, of keys in all eight cosets of the subgroup.
    #[test]
    fn products_of_many_keys_are_the_native_ones() {
        for (seed, torsion) in (0..200).zip(torsion_points().into_iter().cycle()) {
            let key = multiply_base(&element(1_000 + seed).into_bigint());
            check(element(seed), affine(torsion).add(&key).to_affine().coordinates());
        }
    }

    /// Scalars whose high bits are 0 for long, and whose bits meet the points where the lead falls back.
    #[test]
    fn short_and_sparse_scalars_meet_no_exception() {
        for value in (0..600u64).chain([1 << 20, (1 << 20) + 255, u64::MAX]) {
            check(Fr::from(value), generator());
        }
        for ones in 1..251 {
            let mut value = BigInteger256::from(1u64) << ones;
            value.sub_with_borrow(&BigInteger256::from(1u64));
            let value = Fr::from_bigint(value).expect("below r");
            check(order() - value, generator());
        }
    }

    #[test]
    fn no_wire_is_free() {
        for h in [Fr::ZERO, Fr::ONE, order() - Fr::ONE, -Fr::ONE, element(2)] {
            check(h, generator()).assert_tight();
        }
    }

    /// What the module's argument says, followed step by step over all prefixes of up to twelve bits.
    #[test]
    fn the_argument_holds_for_every_short_prefix() {
        for bits in 0..12u32 {
            for prefix in 0..1i64 << bits {
                let (mut k, mut c) = (1i64, 1i64);
                for step in 0..bits as usize {
                    let sign = 2 * (prefix >> (bits as usize - 1 - step) & 1) - 1;
                    let next = if step % PERIOD == PERIOD - 1 { 1 } else { 2 * c };
                    let digit = sign + next - 2 * c;
                    assert!((k + c).abs() != digit.abs() && 2 * (k + c) + digit != 0);
                    assert!(next == 2 * c && digit == sign || digit == -255 + sign);
                    (k, c) = (2 * k + sign, next);
                }
                assert_eq!(k, 2 * prefix + 1);
            }
        }
    }
}

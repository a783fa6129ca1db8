//! BabyJubJub in the circuit: `a·x² + y² = 1 + d·x²·y²`, a square, d not, so that the addition law of Bernstein,
//! Birkner, Joye, Lange, Peters, "Twisted Edwards Curves" (2008), section 6, is complete: on points of the curve
//! no denominator is ever zero. Every function here but `is_on_curve` demands points of the curve.

use std::sync::LazyLock;

use ark_ff::{AdditiveGroup, Field};

use super::{
    bits::{FIELD_BITS, is_zero, pair},
    builder::{ConstraintSystem, Linear, Num},
    hint::Rule,
};
use crate::{
    babyjubjub::{A, BASE, D, Projective},
    field::Fr,
};

/// Bits a window of the fixed-base multiplication.
const FIXED_WINDOW: usize = 3;

/// An affine point.
#[derive(Debug, Clone)]
pub struct Point<L> {
    pub x: Num<L>,
    pub y: Num<L>,
}

impl<L: Linear> Point<L> {
    pub fn constant((x, y): (Fr, Fr)) -> Self {
        Self { x: Num::constant(x), y: Num::constant(y) }
    }

    pub fn value(&self) -> (Fr, Fr) {
        (self.x.value, self.y.value)
    }

    fn negate(&self) -> Self {
        Self { x: -&self.x, y: self.y.clone() }
    }
}

/// Two quotients; denominators must not be zero. Two constraints.
fn divide_pair<C: ConstraintSystem>(
    cs: &mut C,
    [n, m]: [&Num<C::L>; 2],
    [d, e]: [&Num<C::L>; 2],
) -> Point<C::L> {
    let [x, y] = pair(cs.hint(Rule::Quotients, &[n, m, d, e]));
    cs.enforce(&x, d, n);
    cs.enforce(&y, e, m);
    Point { x, y }
}

/// `p + q`. Six constraints.
pub fn add<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>, q: &Point<C::L>) -> Point<C::L> {
    let x1y2 = cs.mul(&p.x, &q.y);
    let y1x2 = cs.mul(&p.y, &q.x);
    let product = cs.mul(&x1y2, &y1x2).scale(D);
    // (y1 − a·x1)·(x2 + y2) = y1·y2 − a·x1·x2 + y1·x2 − a·x1·y2
    let mixed = cs.mul(&(&p.y - &p.x.scale(A)), &(&q.x + &q.y));
    let numerator_y = &(&mixed - &y1x2) + &x1y2.scale(A);
    divide_pair(cs, [&(&x1y2 + &y1x2), &numerator_y], [&product.add_constant(Fr::ONE), &product.not()])
}

/// `2·p`. Five constraints; with the curve's equation the denominators are `a·x² + y²` and `2 − a·x² − y²`.
pub fn double<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>) -> Point<C::L> {
    let xy = cs.mul(&p.x, &p.y);
    let ax_squared = cs.mul(&p.x, &p.x).scale(A);
    let y_squared = cs.mul(&p.y, &p.y);
    let denominator = &ax_squared + &y_squared;
    divide_pair(
        cs,
        [&xy.scale(Fr::ONE.double()), &(&y_squared - &ax_squared)],
        [&denominator, &(-&denominator).add_constant(Fr::ONE.double())],
    )
}

/// `bit ? yes : no`. Two constraints.
pub fn select<C: ConstraintSystem>(
    cs: &mut C,
    bit: &Num<C::L>,
    yes: &Point<C::L>,
    no: &Point<C::L>,
) -> Point<C::L> {
    Point { x: cs.select(bit, &yes.x, &no.x), y: cs.select(bit, &yes.y, &no.y) }
}

/// The bit "the coordinates satisfy the curve's equation". Six constraints.
pub fn is_on_curve<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>) -> Num<C::L> {
    let x_squared = cs.mul(&p.x, &p.x);
    let y_squared = cs.mul(&p.y, &p.y);
    let product = cs.mul(&x_squared, &y_squared);
    let left = &x_squared.scale(A) + &y_squared;
    let right = product.scale(D).add_constant(Fr::ONE);
    is_zero(cs, &(&left - &right))
}

/// Two numbers judged as a point: what is off the curve or of small order gives way to the base point.
#[derive(Debug, Clone)]
pub struct Sanitised<L> {
    on_curve: Point<L>,
    quadruple: Point<L>,
    is_small: Num<L>,
    /// Whether the point given is kept.
    pub is_valid: Num<L>,
}

/// Judges a point; 27 constraints.
///
/// Off-curve coordinates are replaced first, so that the doublings see points of the curve only. A point P of
/// the curve has small order if and only if 8·P, which lies in the subgroup of prime order, is the identity: x = 0.
pub fn sanitise<C: ConstraintSystem>(cs: &mut C, given: &Point<C::L>) -> Sanitised<C::L> {
    let base = Point::constant(BASE.coordinates());
    let is_curve_point = is_on_curve(cs, given);
    let on_curve = select(cs, &is_curve_point, given, &base);
    let twice = double(cs, &on_curve);
    let quadruple = double(cs, &twice);
    let octuple = double(cs, &quadruple);
    let is_small = is_zero(cs, &octuple.x);
    let is_valid = cs.mul(&is_curve_point, &is_small.not());
    Sanitised { on_curve, quadruple, is_small, is_valid }
}

impl<L: Linear> Sanitised<L> {
    /// The point given, or the base point. Two constraints.
    pub fn point<C: ConstraintSystem<L = L>>(&self, cs: &mut C) -> Point<L> {
        select(cs, &self.is_small, &Point::constant(BASE.coordinates()), &self.on_curve)
    }

    /// Four times the point given, or four times the base point. Two constraints.
    pub fn quadruple<C: ConstraintSystem<L = L>>(&self, cs: &mut C) -> Point<L> {
        let base = Projective::from(BASE).double().double().to_affine();
        select(cs, &self.is_small, &Point::constant(base.coordinates()), &self.quadruple)
    }
}

/// `Σ bits[i]·2^i · B8`. Nine constraints for each three bits, six less in all; a partial last window is
/// filled with zeros. Multiplication by windows of constants: three bits select one of eight points.
pub fn multiply_base<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>]) -> Point<C::L> {
    static TABLES: LazyLock<Vec<[(Fr, Fr); 8]>> = LazyLock::new(window_tables);
    let mut sum = None;
    for (window, table) in bits.chunks(FIXED_WINDOW).zip(TABLES.iter()) {
        let term = lookup(cs, window, table);
        sum = Some(match sum {
            None => term,
            Some(sum) => add(cs, &sum, &term),
        });
    }
    sum.unwrap_or_else(|| Point::constant((Fr::ZERO, Fr::ONE)))
}

/// Entry `[i][j]` is `j·8^i · B8`.
fn window_tables() -> Vec<[(Fr, Fr); 8]> {
    let mut base = Projective::from(BASE);
    let mut tables = vec![];
    for _ in 0..FIELD_BITS.div_ceil(FIXED_WINDOW) {
        let mut multiple = Projective::IDENTITY;
        tables.push(std::array::from_fn(|_| {
            let entry = multiple.to_affine().coordinates();
            multiple = multiple.add(&base);
            entry
        }));
        base = multiple;
    }
    tables
}

/// `table[bits]`, up to three bits, eight constant points. Three constraints.
fn lookup<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>], table: &[(Fr, Fr); 8]) -> Point<C::L> {
    let bit = |i: usize| bits.get(i).cloned().unwrap_or_else(Num::zero);
    let (b0, b1, b2) = (bit(0), bit(1), bit(2));
    let b01 = cs.mul(&b0, &b1);
    let mut coordinate = |entry: [Fr; 8]| {
        let low = bilinear(&b0, &b1, &b01, &entry[..4]);
        let high = bilinear(&b0, &b1, &b01, &entry[4..]);
        cs.select(&b2, &high, &low)
    };
    let x = coordinate(std::array::from_fn(|i| table[i].0));
    let y = coordinate(std::array::from_fn(|i| table[i].1));
    Point { x, y }
}

/// The entry that two bits select, as a combination of them and their product.
fn bilinear<L: Linear>(b0: &Num<L>, b1: &Num<L>, b01: &Num<L>, entry: &[Fr]) -> Num<L> {
    let mut sum = Num::constant(entry[0]);
    sum.add_scaled(b0, entry[1] - entry[0]);
    sum.add_scaled(b1, entry[2] - entry[0]);
    sum.add_scaled(b01, entry[3] - entry[2] - entry[1] + entry[0]);
    sum
}

/// `2·Σ bits[i]·2^i · p`, an even number of bits. 17 constraints and 20 for each two bits.
///
/// The scalar h in base 4 has digits h_i; signed odd digits e_i = 2·h_i − 3 in {−3, −1, 1, 3} need p and 3·p
/// alone. `Σ e_i·4^i = 2·h − (4^n − 1)`, and starting Horner's rule at p adds `4^n`: the result is `(2·h + 1)·p`.
pub fn multiply_double<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>], p: &Point<C::L>) -> Point<C::L> {
    let twice = double(cs, p);
    let triple = add(cs, &twice, p);
    let mut sum = p.clone();
    for digit in bits.chunks(2).rev() {
        sum = double(cs, &sum);
        sum = double(cs, &sum);
        let term = signed_digit(cs, &digit[0], &digit[1], [p, &triple]);
        sum = add(cs, &sum, &term);
    }
    add(cs, &sum, &p.negate())
}

/// `(2·(2·high + low) − 3)·p` of p and 3·p: −3p, −p, p, 3p. Four constraints. With `u = low·(x₃ − x₁)`, x is
/// `u + x₁` if high and `u − x₃` if not; y is that of 3·p if the bits are equal.
fn signed_digit<C: ConstraintSystem>(
    cs: &mut C,
    low: &Num<C::L>,
    high: &Num<C::L>,
    [p, triple]: [&Point<C::L>; 2],
) -> Point<C::L> {
    let u = cs.mul(low, &(&triple.x - &p.x));
    let x = &u + &cs.select(high, &p.x, &-&triple.x);
    let both = cs.mul(low, high).scale(Fr::ONE.double());
    let is_triple = &both.add_constant(Fr::ONE) - &(low + high);
    let y = cs.select(&is_triple, &triple.y, &p.y);
    Point { x, y }
}

#[cfg(test)]
mod tests {
    use ark_ff::{BigInteger, BigInteger256, PrimeField};

    use super::*;
    use crate::{
        babyjubjub::{Affine, multiply_base as multiply_base_natively},
        circuit::{
            bits::to_bits_strict,
            testing::{Gadget, element, run_gadget},
        },
    };

    fn affine((x, y): (Fr, Fr)) -> Projective {
        Affine::new(x, y).expect("on the curve").into()
    }

    /// A generator of the whole group, of order 8·l.
    fn generator() -> (Fr, Fr) {
        let parse = |text: &str| -> Fr { text.parse().expect("decimal") };
        (
            parse("995203441582195749578291179787384436505546430278305826713579947235728471134"),
            parse("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
        )
    }

    /// A point of order dividing 8: multiples of `l·generator`.
    fn torsion(multiple: u64) -> (Fr, Fr) {
        let point = affine(generator()).multiply(&crate::babyjubjub::subgroup_order());
        point.multiply(&BigInteger256::from(multiple)).to_affine().coordinates()
    }

    fn points() -> Vec<(Fr, Fr)> {
        let base = multiply_base_natively(&BigInteger256::from(12_345u64));
        let base = base.to_affine().coordinates();
        let negated = (-base.0, base.1);
        let mut points: Vec<_> = (0..8).map(torsion).collect();
        points.extend([base, negated, generator(), BASE.coordinates()]);
        points
    }

    fn output_point(gadget: &Gadget) -> (Fr, Fr) {
        gadget.output();
        (gadget.outputs[0], gadget.outputs[1])
    }

    fn point<L: Clone>(wires: &[Num<L>]) -> Point<L> {
        Point { x: wires[0].clone(), y: wires[1].clone() }
    }

    #[test]
    fn the_torsion_subgroup_has_eight_points() {
        let points: Vec<_> = (0..8).map(torsion).collect();
        assert_eq!(points[0], (Fr::ZERO, Fr::ONE));
        assert!((1..8).all(|i| !points[..i].contains(&points[i])));
    }

    #[test]
    fn addition_is_complete() {
        for p in points() {
            for q in points() {
                let gadget = run_gadget!([p.0, p.1, q.0, q.1], |cs, wires| {
                    let sum = add(cs, &point(wires), &point(&wires[2..]));
                    [sum.x, sum.y]
                });
                assert_eq!(gadget.constraints(), 6);
                assert_eq!(output_point(&gadget), affine(p).add(&affine(q)).to_affine().coordinates());
                gadget.assert_tight();
            }
        }
    }

    #[test]
    fn doubling_is_complete() {
        for p in points() {
            let gadget = run_gadget!([p.0, p.1], |cs, wires| {
                let sum = double(cs, &point(wires));
                [sum.x, sum.y]
            });
            assert_eq!(gadget.constraints(), 5);
            assert_eq!(output_point(&gadget), affine(p).double().to_affine().coordinates());
            gadget.assert_tight();
        }
    }

    #[test]
    fn curve_membership_is_a_bit() {
        let zero = Fr::ZERO;
        let outside = [(zero, zero), (Fr::ONE, Fr::ONE), (element(1), element(2))];
        let cases = points().into_iter().map(|p| (p, true)).chain(outside.map(|p| (p, false)));
        for (p, expected) in cases {
            let gadget = run_gadget!([p.0, p.1], |cs, wires| [is_on_curve(cs, &point(wires))]);
            assert_eq!(gadget.constraints(), 6);
            assert_eq!(gadget.output(), Fr::from(expected));
            gadget.assert_tight();
        }
    }

    #[test]
    fn what_is_off_the_curve_or_of_small_order_becomes_the_base_point() {
        let outside = [(Fr::ZERO, Fr::ZERO), (element(1), element(2))];
        let small = (0..8).map(torsion).chain(outside).map(|p| (p, false));
        let large = [(generator(), true), (BASE.coordinates(), true)];
        for (p, is_kept) in small.chain(large) {
            let gadget = run_gadget!([p.0, p.1], |cs, wires| {
                let result = sanitise(cs, &point(wires));
                let (point, quadruple) = (result.point(cs), result.quadruple(cs));
                [point.x, point.y, quadruple.x, quadruple.y, result.is_valid]
            });
            assert_eq!(gadget.constraints(), 27 + 4);
            let expected = if is_kept { p } else { BASE.coordinates() };
            assert_eq!(output_point(&gadget), expected);
            let quadruple = affine(expected).double().double().to_affine().coordinates();
            assert_eq!((gadget.outputs[2], gadget.outputs[3]), quadruple);
            assert_eq!(gadget.outputs[4], Fr::from(is_kept));
            gadget.assert_tight();
        }
    }

    fn scalars() -> Vec<Fr> {
        let order = Fr::from_bigint(crate::babyjubjub::subgroup_order()).expect("l < r");
        let low = [0u64, 1, 2, 3, 7, 8, 9, 1 << 40].map(Fr::from);
        low.into_iter().chain([order, order - Fr::ONE, -Fr::ONE, element(3), element(4)]).collect()
    }

    #[test]
    fn fixed_base_multiplication_agrees_with_the_native_one() {
        for scalar in scalars() {
            let gadget = run_gadget!([scalar], |cs, wires| {
                let bits = to_bits_strict(cs, &wires[0]);
                let product = multiply_base(cs, &bits[..251]);
                [product.x, product.y]
            });
            // 84 windows of three bits, the last of two: no third bit to select by.
            assert_eq!(gadget.constraints(), 354 + 84 * 9 - 6 - 2);
            let mut low = scalar.into_bigint();
            (251..254).for_each(|i| low.0[i / 64] &= !(1 << (i % 64)));
            assert_eq!(output_point(&gadget), multiply_base_natively(&low).to_affine().coordinates());
        }
    }

    #[test]
    fn variable_base_multiplication_agrees_with_the_native_one() {
        for (scalar, p) in scalars().into_iter().zip(points().into_iter().cycle().skip(3)) {
            let gadget = run_gadget!([scalar, p.0, p.1], |cs, wires| {
                let bits = to_bits_strict(cs, &wires[0]);
                let product = multiply_double(cs, &bits, &point(&wires[1..]));
                [product.x, product.y]
            });
            assert_eq!(gadget.constraints(), 354 + 17 + 127 * 20);
            let mut twice = scalar.into_bigint();
            twice.mul2();
            assert_eq!(output_point(&gadget), affine(p).multiply(&twice).to_affine().coordinates());
        }
    }

    #[test]
    fn no_wire_of_the_multiplications_is_free() {
        let base = BASE.coordinates();
        let gadget = run_gadget!([element(9), base.0, base.1], |cs, wires| {
            let bits = to_bits_strict(cs, &wires[0]);
            let fixed = multiply_base(cs, &bits);
            let variable = multiply_double(cs, &bits, &point(&wires[1..]));
            [fixed.x, variable.y]
        });
        gadget.assert_tight();
    }
}

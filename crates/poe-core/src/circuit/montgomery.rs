//! BabyJubJub in Montgomery form, `v² = u³ + A·u² + u` with A = 168698: the arithmetic of fewest constraints, and not
//! complete. Every function says which points it is for; its callers say why no others come.
//!
//! Maps and formulas: Bernstein, Birkner, Joye, Lange, Peters, "Twisted Edwards Curves" (2008), theorem 3.2; Okeya,
//! Kurumatani, Sakurai, "Elliptic Curves with the Montgomery-Form and Their Cryptographic Applications" (2000), section 2.
//! `u = (1 + y)/(1 − y)`, `v = u/x`; B = 4/(a − d) = 1.

use ark_ff::{AdditiveGroup, Field, MontFp, batch_inversion};

use super::{
    bits::pair,
    builder::{ConstraintSystem, Num},
    edwards,
    hint::Rule,
};
use crate::{
    babyjubjub::{Affine, Projective},
    field::Fr,
};

/// 2·(a + d)/(a − d).
const A: Fr = MontFp!("168698");

/// An affine point: not the identity, which has no coordinates here.
#[derive(Debug, Clone)]
pub struct Point<L> {
    pub u: Num<L>,
    pub v: Num<L>,
}

/// The same point, for points of order other than 1 and 2 (x ≠ 0, y ≠ 1). Two constraints.
pub fn from_edwards<C: ConstraintSystem>(cs: &mut C, p: &edwards::Point<C::L>) -> Point<C::L> {
    let u = cs.divide(&p.y.add_constant(Fr::ONE), &p.y.not());
    let v = cs.divide(&u, &p.x);
    Point { u, v }
}

/// The same point, for points of order other than 1, 2 and 4 (v ≠ 0, u ≠ −1). Two constraints.
pub fn to_edwards<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>) -> edwards::Point<C::L> {
    let (below, above) = (p.u.add_constant(-Fr::ONE), p.u.add_constant(Fr::ONE));
    let [x, y] = pair(cs.hint(Rule::Quotients, &[&p.u, &below, &p.v, &above]));
    cs.enforce(&p.v, &x, &p.u);
    cs.enforce(&above, &y, &below);
    edwards::Point { x, y }
}

/// The third point of the line with this slope through two points with these u, mirrored. `λ² − A − u₁ − u₂`.
fn third<C: ConstraintSystem>(cs: &mut C, slope: &Num<C::L>, u: [&Num<C::L>; 2]) -> Num<C::L> {
    let square = cs.mul(slope, slope);
    (&square - &Num::sum(u)).add_constant(-A)
}

/// `λ·(u₁ − u₃) − v₁`. One constraint. A wire of its own: as a combination with v₁ it would grow from sum to sum.
fn mirrored<C: ConstraintSystem>(cs: &mut C, slope: &Num<C::L>, p: &Point<C::L>, u: &Num<C::L>) -> Num<C::L> {
    let run = &p.u - u;
    let v = cs.hint(Rule::ProductLess, &[&run, slope, &p.v]).swap_remove(0);
    cs.enforce(&run, slope, &(&v + &p.v));
    v
}

/// `p + q` of points with p ≠ ±q. Three constraints.
pub fn add<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>, q: &Point<C::L>) -> Point<C::L> {
    let slope = cs.divide(&(&q.v - &p.v), &(&q.u - &p.u));
    let u = third(cs, &slope, [&p.u, &q.u]);
    let v = mirrored(cs, &slope, p, &u);
    Point { u, v }
}

/// `2·p` of points of order other than 2. Four constraints.
pub fn double<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>) -> Point<C::L> {
    let square = cs.mul(&p.u, &p.u);
    let mut rise = square.scale(Fr::from(3u64)).add_constant(Fr::ONE);
    rise.add_scaled(&p.u, A + A);
    let slope = cs.divide(&rise, &(&p.v + &p.v));
    let u = third(cs, &slope, [&p.u, &p.u]);
    let v = mirrored(cs, &slope, p, &u);
    Point { u, v }
}

/// `2·p + q` as (p + q) + p, of points with p ≠ ±q and 2·p ≠ −q. Five constraints.
///
/// Eisenträger, Lauter, Montgomery, "Fast Elliptic Curve Arithmetic and Improved Weil Pairing Evaluation" (2003): v of
/// p + q is not needed, as the second line's slope is `−λ − 2·v₁/(u − u₁)`.
pub fn double_add<C: ConstraintSystem>(cs: &mut C, p: &Point<C::L>, q: &Point<C::L>) -> Point<C::L> {
    let first = cs.divide(&(&q.v - &p.v), &(&q.u - &p.u));
    let sum = third(cs, &first, [&p.u, &q.u]);
    let both = cs.divide(&-&(&p.v + &p.v), &(&sum - &p.u));
    let second = &both - &first;
    let u = third(cs, &second, [&p.u, &sum]);
    let v = mirrored(cs, &second, p, &u);
    Point { u, v }
}

/// `first + Σ terms`, under the condition of `add` at each.
pub fn add_all<C: ConstraintSystem>(cs: &mut C, first: Point<C::L>, terms: &[Point<C::L>]) -> Point<C::L> {
    cs.foresee(|| foreseen_slopes(&first, terms, false));
    terms.iter().fold(first, |sum, term| add(cs, &sum, term))
}

/// `2·sum + digit` for each digit in turn, from `first` on, under the condition of `double_add` at each.
pub fn double_add_all<C: ConstraintSystem>(
    cs: &mut C,
    first: Point<C::L>,
    digits: &[Point<C::L>],
) -> Point<C::L> {
    cs.foresee(|| foreseen_slopes(&first, digits, true));
    digits.iter().fold(first, |sum, digit| double_add(cs, &sum, digit))
}

/// The quotients of `add_all` and `double_add_all`: the sums by projective arithmetic, then each line's slope.
fn foreseen_slopes<L>(first: &Point<L>, terms: &[Point<L>], is_doubled: bool) -> Vec<Fr> {
    let terms: Vec<_> = terms.iter().map(|term| (term.u.value, term.v.value)).collect();
    let Some(sums) = running_sums((first.u.value, first.v.value), &terms, is_doubled) else { return vec![] };
    let pairs = || sums.iter().zip(&terms);
    let mut slopes = inverses(pairs().map(|(sum, term)| term.0 - sum.0));
    slopes.iter_mut().zip(pairs()).for_each(|(slope, (sum, term))| *slope *= term.1 - sum.1);
    if !is_doubled {
        return slopes;
    }
    let third =
        |((sum, term), slope): ((&Coordinates, &Coordinates), &Fr)| slope.square() - A - sum.0 - term.0;
    let runs = pairs().zip(&slopes).map(|(pair, slope)| third((pair, slope)) - pair.0.0);
    let both = inverses(runs);
    let both = both.iter().zip(&sums).map(|(inverse, sum)| -sum.1.double() * inverse);
    slopes.iter().zip(both).flat_map(|(&slope, both)| [slope, both]).collect()
}

/// (u, v).
type Coordinates = (Fr, Fr);

/// The sums before each term; none if a point is not of the curve.
fn running_sums(first: Coordinates, terms: &[Coordinates], is_doubled: bool) -> Option<Vec<Coordinates>> {
    let points: Vec<_> = [first].into_iter().chain(terms.iter().copied()).collect();
    let denominators = inverses(points.iter().flat_map(|&(u, v)| [v, u + Fr::ONE]));
    let (denominators, _) = denominators.as_chunks::<2>();
    let edwards = |((u, _), [v, above]): (&Coordinates, &[Fr; 2])| {
        Affine::new(*u * v, (*u - Fr::ONE) * above).map(Projective::from)
    };
    let points: Vec<_> = points.iter().zip(denominators).map(edwards).collect::<Option<_>>()?;
    let (&first, terms) = points.split_first()?;
    let mut sum = first;
    let before = terms.iter().map(|term| {
        let before = sum;
        sum = if is_doubled { sum.double().add(term) } else { sum.add(term) };
        before
    });
    let sums = Projective::to_affine_many(&before.collect::<Vec<_>>());
    let sums: Vec<_> = sums.iter().map(Affine::coordinates).collect();
    let denominators = inverses(sums.iter().map(|&(x, y)| (Fr::ONE - y) * x));
    let montgomery = |(&(x, y), inverse): (&Coordinates, &Fr)| {
        let v = (Fr::ONE + y) * inverse;
        (v * x, v)
    };
    Some(sums.iter().zip(&denominators).map(montgomery).collect())
}

/// All inverses at one inversion; of 0, 0.
fn inverses(values: impl Iterator<Item = Fr>) -> Vec<Fr> {
    let mut values: Vec<Fr> = values.collect();
    batch_inversion(&mut values);
    values
}

#[cfg(test)]
mod tests {
    use ark_ff::BigInteger256;

    use super::*;
    use crate::{
        babyjubjub::multiply_base,
        circuit::testing::{Gadget, affine, generator, run_gadget},
    };

    fn multiple(scalar: u64) -> Projective {
        multiply_base(&BigInteger256::from(scalar))
    }

    fn coordinates(point: &Projective) -> [Fr; 2] {
        point.to_affine().coordinates().into()
    }

    fn edwards_point<L: Clone>(wires: &[Num<L>]) -> edwards::Point<L> {
        edwards::Point { x: wires[0].clone(), y: wires[1].clone() }
    }

    /// The one point that two points give, and constraints beyond the maps' two a point.
    fn is_right(gadget: &Gadget, expected: &Projective, constraints: usize) {
        gadget.output();
        assert_eq!(gadget.outputs, coordinates(expected));
        assert_eq!(gadget.constraints(), constraints);
        gadget.assert_tight();
    }

    #[test]
    fn the_maps_are_inverse_and_lead_to_the_curve() {
        let full = affine(generator());
        for point in [multiple(1), multiple(77), full, full.double()] {
            let gadget = run_gadget!(coordinates(&point), |cs, wires| {
                let there = from_edwards(cs, &edwards_point(wires));
                let (u, v) = (there.u.value, there.v.value);
                assert_eq!(v * v, u * u * u + A * u * u + u);
                let back = to_edwards(cs, &there);
                [back.x, back.y]
            });
            is_right(&gadget, &point, 4);
        }
    }

    #[test]
    fn doubling_agrees_with_the_native_one_where_it_is_for() {
        let full = affine(generator());
        for point in [multiple(1), multiple(5), full, full.double(), full.clear_cofactor()] {
            let gadget = run_gadget!(coordinates(&point), |cs, wires| {
                let p = from_edwards(cs, &edwards_point(wires));
                let doubled = double(cs, &p);
                let sum = to_edwards(cs, &doubled);
                [sum.x, sum.y]
            });
            is_right(&gadget, &point.double(), 4 + 4);
        }
    }

    #[test]
    fn sums_agree_with_the_native_ones_where_they_are_for() {
        for (p, q) in [(2, 1), (3, 1), (1, 2), (5, 1000)] {
            let (p, q) = (multiple(p), multiple(q));
            let inputs = [coordinates(&p), coordinates(&q)].concat();
            for is_doubled in [false, true] {
                let gadget = run_gadget!(inputs, |cs, wires| {
                    let p = from_edwards(cs, &edwards_point(wires));
                    let q = from_edwards(cs, &edwards_point(&wires[2..]));
                    let sum = if is_doubled { double_add(cs, &p, &q) } else { add(cs, &p, &q) };
                    let sum = to_edwards(cs, &sum);
                    [sum.x, sum.y]
                });
                let (expected, constraints) =
                    if is_doubled { (p.double().add(&q), 5) } else { (p.add(&q), 3) };
                is_right(&gadget, &expected, 6 + constraints);
            }
        }
    }

    /// Why callers must keep them away: where p = q the constraints leave the slope to the prover or have no witness.
    #[test]
    fn equal_points_have_no_honest_sum() {
        let inputs = coordinates(&multiple(3)).repeat(2);
        let gadget = run_gadget!(inputs, |cs, wires| {
            let p = from_edwards(cs, &edwards_point(wires));
            let q = from_edwards(cs, &edwards_point(&wires[2..]));
            let sum = add(cs, &p, &q);
            [to_edwards(cs, &sum).x]
        });
        assert_ne!(gadget.outputs[0], coordinates(&multiple(6))[0]);
    }
}

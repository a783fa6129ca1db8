//! BabyJubJub in the circuit: `a·x² + y² = 1 + d·x²·y²`, a square, d not, so that the addition law of Bernstein,
//! Birkner, Joye, Lange, Peters, "Twisted Edwards Curves" (2008), section 6, is complete: on points of the curve
//! no denominator is ever zero. Every function here but `sanitise` demands points of the curve.

use ark_ff::{AdditiveGroup, Field};

use super::{
    bits::{is_zero, pair},
    builder::{ConstraintSystem, Linear, Num},
    hint::Rule,
};
use crate::{
    babyjubjub::{A, BASE, D},
    field::Fr,
};

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

    pub fn negate(&self) -> Self {
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

/// Two numbers judged as a point: what is off the curve or of small order gives way to the base point.
#[derive(Debug, Clone)]
pub struct Sanitised<L> {
    /// A point of the curve, not of small order.
    pub point: Point<L>,
    /// Whether it is the one given.
    pub is_valid: Num<L>,
}

/// Judges a point; 14 constraints.
///
/// The points of order dividing 8 are those of the curve with `x·y·(y² − a·x²) = 0`: doubling gives x = 0 to points with
/// x·y = 0 alone and y = 0 to points with y² = a·x² alone, 2-torsion is x = 0, and 4-torsion is x·y = 0.
pub fn sanitise<C: ConstraintSystem>(cs: &mut C, given: &Point<C::L>) -> Sanitised<C::L> {
    let xy = cs.mul(&given.x, &given.y);
    let ax_squared = cs.mul(&given.x, &given.x).scale(A);
    let y_squared = cs.mul(&given.y, &given.y);
    let product = cs.mul(&xy, &xy);
    let left = &ax_squared + &y_squared;
    let is_on_curve = is_zero(cs, &(&left - &product.scale(D).add_constant(Fr::ONE)));
    let vanishing = cs.mul(&(&y_squared - &ax_squared), &xy);
    let is_small = is_zero(cs, &vanishing);
    let is_valid = cs.mul(&is_on_curve, &is_small.not());
    let base = Point::constant(BASE.coordinates());
    Sanitised { point: select(cs, &is_valid, given, &base), is_valid }
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;

    use super::*;
    use crate::circuit::testing::{
        Gadget, affine, curve_points as points, element, run_gadget, torsion_points,
    };

    fn output_point(gadget: &Gadget) -> (Fr, Fr) {
        gadget.output();
        (gadget.outputs[0], gadget.outputs[1])
    }

    fn point<L: Clone>(wires: &[Num<L>]) -> Point<L> {
        Point { x: wires[0].clone(), y: wires[1].clone() }
    }

    #[test]
    fn the_torsion_subgroup_has_eight_points() {
        let points = torsion_points();
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
    fn what_is_off_the_curve_or_of_small_order_becomes_the_base_point() {
        let zero = Fr::ZERO;
        // Off the curve with x = 0, with y = 0, with y² = a·x², and with none of these.
        let root = A.sqrt().expect("a square");
        let outside =
            [(zero, zero), (Fr::ONE, Fr::ONE), (element(1), element(2)), (Fr::ONE, root), (zero, element(3))];
        let small = torsion_points().into_iter().chain(outside).map(|p| (p, false));
        let large = points().into_iter().skip(8).map(|p| (p, true));
        for (p, is_kept) in small.chain(large) {
            let gadget = run_gadget!([p.0, p.1], |cs, wires| {
                let result = sanitise(cs, &point(wires));
                [result.point.x, result.point.y, result.is_valid]
            });
            assert_eq!(gadget.constraints(), 14);
            assert_eq!(output_point(&gadget), if is_kept { p } else { BASE.coordinates() });
            assert_eq!(gadget.outputs[2], Fr::from(is_kept));
            gadget.assert_tight();
        }
    }
}

//! One description of a gadget, two readings: constraints, or the values of its wires. (A third, `mutate::tape`,
//! keeps how each wire is computed, for the soundness suite.)
//!
//! A gadget is a function over a [`ConstraintSystem`]. Run on a [`Compiler`] it leaves an [`R1cs`]; run on an
//! [`Assigner`] it leaves the witness alone and no linear combination is ever built. What constraints there
//! are depends on the code's structure only, never on a value, so both readings number wires alike.
//!
//! Wire 0 is the constant one, public wires follow, then the rest in the order of allocation.

use std::{
    fmt::Debug,
    ops::{Add, Neg, Sub},
};

use ark_ff::{AdditiveGroup, Field, Zero};
use rayon::prelude::*;

use super::{hint::Rule, r1cs::R1cs};
use crate::{field::Fr, kernels::stop::Stop, poseidon::Parameters};

/// Wires between two looks at the stop flag: some tens of microseconds, half a millisecond where each is a quotient.
const WIRES_UNPOLLED: usize = 128;

/// The symbolic side of a [`Num`]; `()` where nobody looks at it.
pub trait Linear: Clone + Debug + Send + Sync {
    fn constant(value: Fr) -> Self;
    fn wire(index: u32) -> Self;
    fn add_scaled(&mut self, other: &Self, factor: Fr);
}

impl Linear for () {
    fn constant(_: Fr) {}
    fn wire(_: u32) {}
    fn add_scaled(&mut self, (): &Self, _: Fr) {}
}

/// `Σ coefficient · wire`, wires ascending, no zero coefficient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinearCombination {
    pub terms: Vec<(u32, Fr)>,
}

impl Linear for LinearCombination {
    fn constant(value: Fr) -> Self {
        let terms = if value.is_zero() { vec![] } else { vec![(0, value)] };
        Self { terms }
    }

    fn wire(index: u32) -> Self {
        Self { terms: vec![(index, Fr::ONE)] }
    }

    fn add_scaled(&mut self, other: &Self, factor: Fr) {
        if factor.is_zero() {
            return;
        }
        let mut merged = Vec::with_capacity(self.terms.len() + other.terms.len());
        let mut mine = self.terms.iter().copied().peekable();
        let mut theirs = other.terms.iter().map(|&(wire, c)| (wire, c * factor)).peekable();
        loop {
            let term = match (mine.peek(), theirs.peek()) {
                (Some(a), Some(b)) if a.0 == b.0 => {
                    let sum = (a.0, a.1 + b.1);
                    mine.next();
                    theirs.next();
                    Some(sum)
                }
                (Some(a), Some(b)) if a.0 < b.0 => mine.next(),
                (Some(_), None) => mine.next(),
                _ => theirs.next(),
            };
            match term {
                Some((_, c)) if c.is_zero() => {}
                Some(term) => merged.push(term),
                None => break,
            }
        }
        self.terms = merged;
    }
}

/// A number in the circuit: a linear combination of wires, and its value.
#[derive(Debug, Clone)]
pub struct Num<L> {
    pub value: Fr,
    linear: L,
    is_constant: bool,
}

impl<L: Linear> Num<L> {
    pub fn constant(value: Fr) -> Self {
        Self { value, linear: L::constant(value), is_constant: true }
    }

    pub fn zero() -> Self {
        Self::constant(Fr::ZERO)
    }

    pub fn one() -> Self {
        Self::constant(Fr::ONE)
    }

    /// The number on a wire.
    fn wire(index: u32, value: Fr) -> Self {
        Self { value, linear: L::wire(index), is_constant: false }
    }

    /// Whether the number is known when the circuit is compiled.
    pub fn is_constant(&self) -> bool {
        self.is_constant
    }

    pub fn scale(&self, factor: Fr) -> Self {
        let mut result = Self::zero();
        result.add_scaled(self, factor);
        result
    }

    /// `self += factor · other`. The factor is part of the circuit: it must not depend on a value.
    pub fn add_scaled(&mut self, other: &Self, factor: Fr) {
        if factor.is_zero() {
            return;
        }
        self.value += other.value * factor;
        self.linear.add_scaled(&other.linear, factor);
        self.is_constant &= other.is_constant;
    }

    pub fn add_constant(&self, value: Fr) -> Self {
        self + &Self::constant(value)
    }

    /// `1 − self`: negation of a bit.
    pub fn not(&self) -> Self {
        &Self::one() - self
    }

    pub fn sum<'a>(terms: impl IntoIterator<Item = &'a Self>) -> Self
    where
        L: 'a,
    {
        let mut total = Self::zero();
        for term in terms {
            total.add_scaled(term, Fr::ONE);
        }
        total
    }

    /// `Σ bits[i] · 2^i`.
    pub fn from_bits(bits: &[Self]) -> Self {
        let mut total = Self::zero();
        let mut weight = Fr::ONE;
        for bit in bits {
            total.add_scaled(bit, weight);
            weight.double_in_place();
        }
        total
    }

    pub fn linear(&self) -> &L {
        &self.linear
    }
}

impl<L: Linear> Add for &Num<L> {
    type Output = Num<L>;
    fn add(self, other: Self) -> Num<L> {
        let mut result = self.clone();
        result.add_scaled(other, Fr::ONE);
        result
    }
}

impl<L: Linear> Sub for &Num<L> {
    type Output = Num<L>;
    fn sub(self, other: Self) -> Num<L> {
        let mut result = self.clone();
        result.add_scaled(other, -Fr::ONE);
        result
    }
}

impl<L: Linear> Neg for &Num<L> {
    type Output = Num<L>;
    fn neg(self) -> Num<L> {
        self.scale(-Fr::ONE)
    }
}

/// A place in the state: level 0 holds accounts, level k the children of nodes that are k levels above the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    pub level: usize,
    pub index: u64,
}

impl Place {
    /// The place of the account whose index has these bits, least significant first, or of its ancestor.
    pub fn above<L: Linear>(index: &[Num<L>], level: usize) -> Self {
        let bits = index.iter().skip(2 * level).rev();
        Self { level, index: bits.fold(0, |index, bit| index << 1 | u64::from(!bit.value.is_zero())) }
    }
}

/// What a gadget needs: wires and the products that bind them.
pub trait ConstraintSystem {
    type L: Linear;

    /// A new wire, whose value nothing in the circuit gives.
    fn alloc(&mut self, value: Fr) -> Num<Self::L>;

    /// A new wire for a word of the statement.
    fn input(&mut self, value: Fr) -> Num<Self::L> {
        self.alloc(value)
    }

    /// New wires for what the state holds at a place, hints all of them.
    fn load<const N: usize>(&mut self, _: Place, values: [Fr; N]) -> [Num<Self::L>; N] {
        values.map(|value| self.alloc(value))
    }

    /// Says what the state holds at a place from now on. Demands nothing: it tells where later loads come from.
    fn store(&mut self, _: Place, _: &[Num<Self::L>]) {}

    /// New wires, computed from `inputs` by a rule. Until constraints bind them they are the prover's choice.
    fn hint(&mut self, rule: Rule, inputs: &[&Num<Self::L>]) -> Vec<Num<Self::L>> {
        let inputs: Vec<Fr> = inputs.iter().map(|num| num.value).collect();
        rule.outputs(&inputs).into_iter().map(|value| self.alloc(value)).collect()
    }

    /// Demands `a · b = c`.
    fn enforce(&mut self, a: &Num<Self::L>, b: &Num<Self::L>, c: &Num<Self::L>);

    /// Constraints until the matching `leave` belong to the group `label` of the group they are in.
    fn enter(&mut self, label: &'static str);
    fn leave(&mut self);

    fn scoped<T>(&mut self, label: &'static str, body: impl FnOnce(&mut Self) -> T) -> T
    where
        Self: Sized,
    {
        self.enter(label);
        let result = body(self);
        self.leave();
        result
    }

    /// `a · b`: one wire and one constraint, none if either is constant.
    fn mul(&mut self, a: &Num<Self::L>, b: &Num<Self::L>) -> Num<Self::L> {
        if a.is_constant() {
            return b.scale(a.value);
        }
        if b.is_constant() {
            return a.scale(b.value);
        }
        self.product(a, b)
    }

    /// `a · b` of numbers neither of which is constant; for gadgets there is `mul`.
    fn product(&mut self, a: &Num<Self::L>, b: &Num<Self::L>) -> Num<Self::L> {
        let product = self.alloc(a.value * b.value);
        self.enforce(a, b, &product);
        product
    }

    fn enforce_equal(&mut self, a: &Num<Self::L>, b: &Num<Self::L>) {
        self.enforce(&(a - b), &Num::one(), &Num::zero());
    }

    /// Demands that `declared`, a wire of the statement, is the number computed; said once all else is.
    fn declare(&mut self, computed: &Num<Self::L>, declared: &Num<Self::L>) {
        self.enforce_equal(computed, declared);
    }

    /// `bit ? yes : no`; one constraint. `bit` must be boolean.
    fn select(&mut self, bit: &Num<Self::L>, yes: &Num<Self::L>, no: &Num<Self::L>) -> Num<Self::L> {
        no + &self.mul(&(yes - no), bit)
    }

    /// A new wire `n / d`, for a `d` that is never 0. One constraint; none if `d` is constant.
    fn divide(&mut self, n: &Num<Self::L>, d: &Num<Self::L>) -> Num<Self::L> {
        if d.is_constant() {
            return n.scale(d.value.inverse().unwrap_or_default());
        }
        let quotient = self.hint(Rule::Quotient, &[n, d]).swap_remove(0);
        self.enforce(d, &quotient, n);
        quotient
    }

    /// The values of the next quotients, in order, where a gadget knows how to get many of them at one field inversion. For
    /// a system that only computes values; it changes none of them.
    fn foresee(&mut self, _: impl FnOnce() -> Vec<Fr>)
    where
        Self: Sized,
    {
    }

    /// The first `rows` elements of Poseidon's matrix times a state.
    fn mix(&self, parameters: &Parameters, rows: usize, state: &[Num<Self::L>]) -> Vec<Num<Self::L>> {
        let mix = |row: usize| {
            let mut sum = Num::zero();
            let terms = state.iter().zip(parameters.mds_row(row));
            terms.for_each(|(element, &factor)| sum.add_scaled(element, factor));
            sum
        };
        (0..rows).map(mix).collect()
    }

    /// `body` of each item in turn. What one of them does must not depend on what the others did, so that a system
    /// that only computes values may run them side by side.
    fn each<I: Sync, T: Send>(&mut self, items: &[I], body: impl Fn(&mut Self, &I) -> T + Sync) -> Vec<T>
    where
        Self: Sized,
    {
        items.iter().map(|item| body(self, item)).collect()
    }
}

/// Records constraints, and values beside them.
#[derive(Debug)]
pub struct Compiler {
    r1cs: R1cs,
    values: Vec<Fr>,
    path: Vec<&'static str>,
    group: u32,
}

impl Compiler {
    /// A system whose first wires after the one are `public`, in order.
    pub fn new(public: &[Fr]) -> (Self, Vec<Num<LinearCombination>>) {
        let mut values = vec![Fr::ONE];
        values.extend_from_slice(public);
        let mut r1cs = R1cs::new(public.len());
        let group = r1cs.group_id("");
        let inputs = (1u32..).zip(public).map(|(i, &value)| Num::wire(i, value)).collect();
        (Self { r1cs, values, path: vec![], group }, inputs)
    }

    /// The constraints, and the values that were computed on the way.
    pub fn finish(self) -> (R1cs, Vec<Fr>) {
        (self.r1cs, self.values)
    }

    fn regroup(&mut self) {
        self.group = self.r1cs.group_id(&self.path.join("/"));
    }
}

impl ConstraintSystem for Compiler {
    type L = LinearCombination;

    fn alloc(&mut self, value: Fr) -> Num<LinearCombination> {
        self.values.push(value);
        Num::wire(self.r1cs.add_wire(), value)
    }

    fn enforce(&mut self, a: &Num<Self::L>, b: &Num<Self::L>, c: &Num<Self::L>) {
        let rows = [a, b, c].map(|num| num.linear.terms.as_slice());
        self.r1cs.add_constraint(rows, self.group);
    }

    fn enter(&mut self, label: &'static str) {
        self.path.push(label);
        self.regroup();
    }

    fn leave(&mut self) {
        self.path.pop();
        self.regroup();
    }
}

/// Computes values alone: the witness.
#[derive(Debug)]
pub struct Assigner {
    values: Vec<Fr>,
    /// Quotients that were foreseen, the next one last.
    foreseen: Vec<Fr>,
    stop: Stop,
}

impl Assigner {
    /// As [`Compiler::new`].
    pub fn new(public: &[Fr]) -> (Self, Vec<Num<()>>) {
        Self::stoppable(public, &Stop::new())
    }

    /// The same, left soon after the flag is set: it must run inside [`crate::kernels::stop::until_stopped`].
    pub fn stoppable(public: &[Fr], stop: &Stop) -> (Self, Vec<Num<()>>) {
        let mut values = vec![Fr::ONE];
        values.extend_from_slice(public);
        let inputs = (1u32..).zip(public).map(|(i, &value)| Num::wire(i, value)).collect();
        (Self { values, foreseen: vec![], stop: stop.clone() }, inputs)
    }

    /// All wires' values, the one and the public wires first.
    pub fn finish(self) -> Vec<Fr> {
        self.values
    }
}

impl ConstraintSystem for Assigner {
    type L = ();

    fn alloc(&mut self, value: Fr) -> Num<()> {
        if self.values.len().is_multiple_of(WIRES_UNPOLLED) {
            self.stop.leave_if_set();
        }
        self.values.push(value);
        Num { value, linear: (), is_constant: false }
    }

    fn enforce(&mut self, _: &Num<()>, _: &Num<()>, _: &Num<()>) {}
    fn enter(&mut self, _: &'static str) {}
    fn leave(&mut self) {}

    fn divide(&mut self, n: &Num<()>, d: &Num<()>) -> Num<()> {
        if d.is_constant() {
            return n.scale(d.value.inverse().unwrap_or_default());
        }
        let computed = || n.value * d.value.inverse().unwrap_or_default();
        let quotient = self.foreseen.pop().unwrap_or_else(computed);
        self.alloc(quotient)
    }

    fn foresee(&mut self, quotients: impl FnOnce() -> Vec<Fr>) {
        self.foreseen = quotients();
        self.foreseen.reverse();
    }

    fn mix(&self, parameters: &Parameters, rows: usize, state: &[Num<()>]) -> Vec<Num<()>> {
        let values: Vec<Fr> = state.iter().map(|num| num.value).collect();
        let computed = |value| Num { value, linear: (), is_constant: false };
        (0..rows).map(|row| computed(dot(parameters.mds_row(row), &values))).collect()
    }

    fn each<I: Sync, T: Send>(&mut self, items: &[I], body: impl Fn(&mut Self, &I) -> T + Sync) -> Vec<T> {
        let run = |item: &I| {
            let mut part = Self { values: vec![], foreseen: vec![], stop: self.stop.clone() };
            let result = body(&mut part, item);
            (part.values, result)
        };
        let parts: Vec<_> = items.par_iter().map(run).collect();
        let mut results = Vec::with_capacity(parts.len());
        for (values, result) in parts {
            self.values.extend(values);
            results.push(result);
        }
        results
    }
}

/// `Σ a[i]·b[i]`, four products at one reduction.
fn dot(a: &[Fr], b: &[Fr]) -> Fr {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let sum: Fr = a.iter().zip(b).map(|(a, b)| Fr::sum_of_products(a, b)).sum();
    a_rest.iter().zip(b_rest).fold(sum, |sum, (a, b)| sum + *a * b)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::circuit::testing::{element, run_gadget};
    use crate::kernels::stop::{Stopped, until_stopped};

    type Lc = LinearCombination;

    #[test]
    fn combinations_merge_sorted_and_without_zeros() {
        let mut sum = Lc::constant(Fr::from(3u64));
        sum.add_scaled(&Lc::wire(5), Fr::from(2u64));
        sum.add_scaled(&Lc::wire(2), Fr::ONE);
        sum.add_scaled(&Lc::wire(5), Fr::ONE);
        assert_eq!(sum.terms, [(0, Fr::from(3u64)), (2, Fr::ONE), (5, Fr::from(3u64))]);
        sum.add_scaled(&sum.clone(), -Fr::ONE);
        assert_eq!(sum.terms, []);
        sum.add_scaled(&Lc::wire(1), Fr::ZERO);
        assert_eq!((sum.terms, Lc::constant(Fr::ZERO).terms), (vec![], vec![]));
    }

    #[test]
    fn values_follow_the_arithmetic() {
        let (a, b) = (element(1), element(2));
        let gadget = run_gadget!([a, b], |cs, wires| {
            let [a, b] = [&wires[0], &wires[1]];
            let picked = cs.select(&Num::one(), a, b);
            let bits = Num::from_bits(&[a.clone(), b.clone(), Num::one()]);
            [a + b, a - b, -a, a.scale(b.value), a.not(), cs.mul(a, b), picked, bits]
        });
        let (two, four) = (Fr::from(2u64), Fr::from(4u64));
        let expected = [a + b, a - b, -a, a * b, Fr::ONE - a, a * b, a, a + two * b + four];
        assert_eq!(gadget.outputs, expected);
        gadget.output();
    }

    #[test]
    fn products_with_constants_are_free() {
        let gadget = run_gadget!([element(1)], |cs, wires| {
            assert!(wires[0].scale(Fr::ZERO).is_constant());
            let three = Num::constant(Fr::from(3u64));
            let scaled = cs.mul(&wires[0], &three);
            let square = cs.mul(&three, &three);
            assert!(square.is_constant() && !scaled.is_constant());
            [scaled, square]
        });
        assert_eq!((gadget.constraints(), gadget.outputs[1]), (0, Fr::from(9u64)));
    }

    #[test]
    fn public_wires_follow_the_one() {
        let (mut cs, inputs) = Compiler::new(&[element(1), element(2)]);
        let private = cs.alloc(element(3));
        assert_eq!(inputs[0].linear, Lc::wire(1));
        assert_eq!(inputs[1].linear, Lc::wire(2));
        assert_eq!(private.linear, Lc::wire(3));
        let (r1cs, values) = cs.finish();
        assert_eq!((r1cs.wires(), r1cs.public_inputs()), (4, 2));
        assert_eq!(values, [Fr::ONE, element(1), element(2), element(3)]);
    }

    #[test]
    fn a_set_flag_ends_each_part_of_a_witness_within_a_few_wires() {
        let (stop, made) = (Stop::new(), AtomicUsize::new(0));
        let left = until_stopped(|| {
            let (mut cs, _) = Assigner::stoppable(&[], &stop);
            cs.each(&[(); 4], |cs, ()| {
                for _ in 0..10 * WIRES_UNPOLLED {
                    cs.alloc(Fr::ONE);
                    made.fetch_add(1, Ordering::Relaxed);
                    stop.set();
                }
            });
        });
        assert_eq!(left, Err(Stopped));
        assert!((1..=4 * WIRES_UNPOLLED).contains(&made.into_inner()));
    }

    #[test]
    fn a_violation_names_constraint_and_group() {
        let (mut cs, inputs) = Compiler::new(&[element(1)]);
        let [x] = inputs.as_slice() else { panic!("one input") };
        cs.enforce_equal(x, x);
        cs.scoped("outer", |cs| cs.scoped("inner", |cs| cs.enforce(x, x, &Num::one())));
        cs.scoped("outer", |cs| cs.enforce_equal(x, x));
        let (r1cs, values) = cs.finish();
        let violation = r1cs.is_satisfied(&values).expect_err("x is not a root of one");
        assert_eq!((violation.constraint, violation.group.as_str()), (1, "outer/inner"));
        assert_eq!(violation.to_string(), "constraint 1 of group \"outer/inner\" does not hold");
        assert_eq!(r1cs.counts(), [("", 1), ("outer", 1), ("outer/inner", 1)].into());
        let kept = r1cs.without_groups(|group| group == "outer/inner");
        assert_eq!((kept.constraints(), kept.wires()), (2, 2));
        assert_eq!(kept.is_satisfied(&values), Ok(()));
    }

    #[test]
    fn the_hash_depends_on_constraints_and_not_on_labels() {
        let hash = |label: &'static str, factor: u64| {
            let (mut cs, inputs) = Compiler::new(&[Fr::ONE]);
            cs.scoped(label, |cs| cs.enforce(&inputs[0], &inputs[0], &Num::constant(Fr::from(factor))));
            cs.finish().0.hash()
        };
        assert_eq!(hash("a", 1), hash("b", 1));
        assert_ne!(hash("a", 1), hash("a", 2));
        assert_eq!(hash("a", 1)[0], 0);
    }
}

//! A field element taken modulo l, the order of BabyJubJub's subgroup: the one way to write it as `q·l + s`.
//!
//! r is a little less than 8·l, so q has three bits. `q·l + s` is below r if s is below l and, where q = 7, below
//! r − 7·l; there is one such pair for each integer below r and for no other.

use ark_ff::{BigInteger, BigInteger256, PrimeField};

use super::{
    bits::{chunks, chunks_of_integer, enforce_boolean, enforce_first_positive},
    builder::{ConstraintSystem, Linear, Num},
    hint::{QUOTIENT_BITS, Rule},
};
use crate::{babyjubjub::subgroup_order, field::Fr};

/// `q·l + s`.
#[derive(Debug, Clone)]
pub struct Residue<L> {
    /// Bits of q, least significant first.
    pub quotient: Vec<Num<L>>,
    /// The 251 bits of s times the unit: each is 0 or the unit. s is below l.
    pub bits: Vec<Num<L>>,
}

/// `x` modulo l, the bits scaled by `unit`, which must not be 0. 311 constraints, two more if the unit is not constant.
///
/// The scale is for multiplying a point: `bit · unit` then costs nothing beyond `bit` being boolean.
pub fn reduce<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>, unit: &Num<C::L>) -> Residue<C::L> {
    let mut quotient = cs.hint(Rule::Residue, &[x, unit]);
    let bits = quotient.split_off(QUOTIENT_BITS);
    quotient.iter().for_each(|bit| enforce_boolean(cs, bit));
    bits.iter().for_each(|bit| cs.enforce(&(unit - bit), bit, &Num::zero()));
    let order = Fr::from_bigint(subgroup_order()).unwrap_or_default();
    let rest = x - &Num::from_bits(&quotient).scale(order);
    cs.enforce(&rest, unit, &Num::from_bits(&bits));

    let is_top = and(cs, &quotient);
    let top_unit = cs.mul(&is_top, unit);
    let limits = chunks_of_integer(&subgroup_order()).into_iter().zip(chunks_of_integer(&top_limit()));
    let distances: Vec<_> = chunks(&bits)
        .iter()
        .zip(limits)
        .map(|(chunk, (limit, at_top))| &(&unit.scale(limit) + &top_unit.scale(at_top - limit)) - chunk)
        .collect();
    enforce_first_positive(cs, &distances, unit);
    Residue { quotient, bits }
}

impl<L: Linear> Residue<L> {
    /// The bit "x < l". Two constraints.
    pub fn is_reduced<C: ConstraintSystem<L = L>>(&self, cs: &mut C) -> Num<L> {
        let zeros: Vec<_> = self.quotient.iter().map(Num::not).collect();
        and(cs, &zeros)
    }
}

fn and<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>]) -> Num<C::L> {
    bits.iter().fold(Num::one(), |all, bit| cs.mul(&all, bit))
}

/// r − 7·l.
fn top_limit() -> BigInteger256 {
    let mut limit = Fr::MODULUS;
    (0..7).for_each(|_| {
        limit.sub_with_borrow(&subgroup_order());
    });
    limit
}

#[cfg(test)]
mod tests {
    use ark_ff::{AdditiveGroup, Field};

    use super::*;
    use crate::circuit::{
        hint::SCALAR_BITS,
        testing::{Gadget, edge_elements, element, run_gadget},
    };

    fn order() -> Fr {
        Fr::from_bigint(subgroup_order()).expect("l < r")
    }

    /// 0, 1 and both sides of every multiple of l, of r and of the gap between r and 8·l.
    fn elements() -> Vec<Fr> {
        let eight = Fr::from(8u64);
        let edges = (0..8u64).map(|q| order() * Fr::from(q)).chain([order() * eight, Fr::ZERO]);
        let around = edges.flat_map(|edge| [edge - Fr::ONE, edge, edge + Fr::ONE]);
        around.chain(edge_elements()).chain((0..4).map(element)).collect()
    }

    fn run(x: Fr, unit: Option<Fr>) -> Gadget {
        let inputs: Vec<Fr> = [x].into_iter().chain(unit).collect();
        run_gadget!(inputs, |cs, wires| {
            let unit = wires.get(1).cloned().unwrap_or_else(Num::one);
            let residue = reduce(cs, &wires[0], &unit);
            let is_reduced = residue.is_reduced(cs);
            [vec![is_reduced], residue.quotient, residue.bits].concat()
        })
    }

    fn integer(bits: &[Fr]) -> Fr {
        bits.iter().rev().fold(Fr::ZERO, |sum, bit| sum.double() + bit)
    }

    #[test]
    fn every_element_has_its_residue_and_no_wire_is_free() {
        for x in elements() {
            for unit in [None, Some(element(9))] {
                let gadget = run(x, unit);
                assert_eq!(gadget.constraints(), if unit.is_some() { 313 + 2 } else { 311 + 2 });
                let is_reduced = x.into_bigint() < subgroup_order();
                assert_eq!(gadget.output(), Fr::from(is_reduced), "{x}");
                let residue = integer(&gadget.outputs[4..]) / unit.unwrap_or(Fr::ONE);
                assert_eq!(integer(&gadget.outputs[1..4]) * order() + residue, x);
                assert!(residue.into_bigint() < subgroup_order());
                gadget.assert_tight();
            }
        }
    }

    /// Every other way to write x, or x + r, with three and 251 bits breaks one constraint: the comparison's.
    #[test]
    fn no_other_residue_holds() {
        let mut tried = 0;
        for x in elements() {
            let gadget = run(x, None);
            let honest = Rule::Residue.outputs(&[x, Fr::ONE]);
            for changes in Rule::Residue.alternatives(&[x, Fr::ONE], &honest) {
                let is_boolean = |&(_, value): &(usize, Fr)| value == Fr::ZERO || value == Fr::ONE;
                if changes.is_empty() || !changes.iter().all(is_boolean) {
                    continue;
                }
                let mut split = honest.clone();
                changes.iter().for_each(|&(i, value)| split[i] = value);
                assert!(!holds_with(&gadget, &split), "{x}");
                tried += 1;
            }
        }
        assert!(tried > 20, "{tried}");
    }

    /// Whether the constraints hold for some comparison hints, all else computed from these bits.
    fn holds_with(gadget: &Gadget, split: &[Fr]) -> bool {
        let first = 2;
        let bits = &split[QUOTIENT_BITS..];
        let is_top = split[..QUOTIENT_BITS].iter().product::<Fr>();
        let limits = chunks_of_integer(&if is_top == Fr::ONE { top_limit() } else { subgroup_order() });
        let chunk = |i: usize| integer(&bits[32 * (7 - i)..(32 * (8 - i)).min(SCALAR_BITS)]);
        let distances: Vec<Fr> = (0..8).map(|i| limits[i] - chunk(i)).collect();
        (0..8).any(|ones| {
            let mut values = gadget.values.clone();
            values[first..first + split.len()].copy_from_slice(split);
            let mut at = first + split.len();
            let mut push = |value| {
                values[at] = value;
                at += 1;
            };
            push(split[0] * split[1]);
            push(is_top);
            let prefixes: Vec<Fr> = (0..7).map(|i| Fr::from(i < ones)).collect();
            prefixes.iter().for_each(|&prefix| push(prefix));
            (0..7).for_each(|i| push(prefixes[i] * distances[i + 1]));
            let sum = distances[0] + (0..7).map(|i| prefixes[i] * distances[i + 1]).sum::<Fr>();
            Rule::Bits { width: 32 }.outputs(&[sum - Fr::ONE]).into_iter().for_each(&mut push);
            let zeros: Vec<Fr> = split[..3].iter().map(|bit| Fr::ONE - bit).collect();
            push(zeros[0] * zeros[1]);
            push(zeros[0] * zeros[1] * zeros[2]);
            assert_eq!(at, values.len());
            gadget.r1cs.is_satisfied(&values).is_ok()
        })
    }
}

//! Rules of the wires that no product defines: how each is computed, so that any of them can be computed anew.
//!
//! A hint is whatever the prover says until constraints bind it. Its rule is the honest answer; its alternatives are
//! the dishonest ones worth trying, those that only one constraint or two tell from the honest one.

use ark_ff::{AdditiveGroup, BigInteger, BigInteger256, Field, PrimeField, Zero};

use crate::{babyjubjub::subgroup_order, field::Fr};

/// From the values that a hint depends on to the values of its wires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `[x]`: the low bits of x below r, least significant first.
    Bits { width: usize },
    /// `[x]`: 1/x or 0, and the bit "x = 0".
    IsZero,
    /// `[n, d]`: n/d.
    Quotient,
    /// `[a, b, c]`: a·b − c.
    ProductLess,
    /// `[n, m, d, e]`: n/d and m/e, at one field inversion.
    Quotients,
    /// `[x, unit]`: of x below r as `q·l + s`, s below l, the 3 bits of q and, times the unit, the 251 bits of s; least
    /// significant first.
    Residue,
    /// Any numbers: for each but the last the bit "it and those before it are 0".
    ZeroPrefix { width: usize },
    /// `[start, length]`: the bits "start ≤ i < start + length", i from 0.
    Interval { width: usize },
    /// What the state holds where these numbers were stored: the numbers.
    Copy { width: usize },
}

/// Inputs of the rules that have the most: a comparison's chunks.
pub const MAX_INPUTS: usize = 8;

/// Bits of a quotient by l, and of a residue modulo l.
pub const QUOTIENT_BITS: usize = 3;
pub const SCALAR_BITS: usize = 251;

impl Rule {
    /// How many values the rule takes.
    pub fn inputs(self) -> usize {
        match self {
            Self::Bits { .. } | Self::IsZero => 1,
            Self::Quotient | Self::Residue | Self::Interval { .. } => 2,
            Self::ProductLess => 3,
            Self::Quotients => 4,
            Self::Copy { width } | Self::ZeroPrefix { width } => width,
        }
    }

    /// The honest values. Total: a quotient by zero is zero, an interval that does not fit is cut off.
    pub fn outputs(self, inputs: &[Fr]) -> Vec<Fr> {
        match (self, inputs) {
            (Self::Bits { width }, [x]) => bits(&x.into_bigint(), width),
            (Self::IsZero, [x]) => vec![x.inverse().unwrap_or_default(), Fr::from(x.is_zero())],
            (Self::Quotient, [n, d]) => vec![*n * d.inverse().unwrap_or_default()],
            (Self::ProductLess, [a, b, c]) => vec![*a * b - c],
            (Self::Residue, [x, unit]) => {
                residues(&x.into_bigint()).last().map_or_else(Vec::new, |split| scaled_bits(split, unit))
            }
            (Self::ZeroPrefix { .. }, numbers) => {
                let first = numbers.iter().position(|number| !number.is_zero()).unwrap_or(numbers.len());
                (0..numbers.len() - 1).map(|i| Fr::from(i < first)).collect()
            }
            (Self::Quotients, [n, m, d, e]) => {
                let inverse = (d * e).inverse().unwrap_or_default();
                vec![*n * e * inverse, *m * d * inverse]
            }
            (Self::Interval { width }, [start, length]) => {
                let end = start + length;
                let is_before = |bound: &Fr, i: usize| Fr::from(i as u64) < *bound;
                (0..width).map(|i| Fr::from(is_before(&end, i) && !is_before(start, i))).collect()
            }
            (Self::Copy { .. }, stored) => stored.to_vec(),
            _ => unreachable!("a rule's inputs are given where the gadget is written"),
        }
    }

    /// Dishonest values of several of the hint's wires at once, as (position, value).
    pub fn alternatives(self, inputs: &[Fr], outputs: &[Fr]) -> Vec<Vec<(usize, Fr)>> {
        match self {
            Self::Bits { width } => {
                let mut splits: Vec<_> = alias(&inputs[0], outputs).into_iter().collect();
                let pairs = 0..width.saturating_sub(1);
                splits.extend(pairs.flat_map(|low| {
                    [flip(outputs, low, low + 1, Fr::ONE), flip(outputs, low + 1, low, Fr::ONE)]
                }));
                splits
            }
            Self::IsZero => {
                let product = (Fr::ONE, Fr::ONE - inputs[0]);
                let pairs = [(Fr::ZERO, Fr::ONE), (Fr::ZERO, Fr::ZERO), product];
                pairs.into_iter().map(|(inverse, bit)| vec![(0, inverse), (1, bit)]).collect()
            }
            Self::Quotients => {
                let [x, y] = [outputs[0], outputs[1]];
                vec![vec![(0, -x), (1, -y)], vec![(0, y), (1, x)]]
            }
            Self::Interval { width } => {
                let pairs = 0..width.saturating_sub(1);
                pairs.flat_map(|i| [shift(outputs, i, Fr::ONE), shift(outputs, i, -Fr::ONE)]).collect()
            }
            Self::Residue => {
                let others = other_residues(&inputs[0]).into_iter();
                let mut splits: Vec<_> =
                    others.map(|split| differences(&scaled_bits(&split, &inputs[1]), outputs)).collect();
                let (of_quotient, of_rest) = (0..QUOTIENT_BITS - 1, QUOTIENT_BITS..outputs.len() - 1);
                let pairs = of_quotient.map(|low| (low, Fr::ONE)).chain(of_rest.map(|low| (low, inputs[1])));
                splits.extend(pairs.flat_map(|(low, unit)| {
                    [flip(outputs, low, low + 1, unit), flip(outputs, low + 1, low, unit)]
                }));
                splits
            }
            Self::ZeroPrefix { width } => {
                let prefix = |ones: usize| (0..width - 1).map(|i| Fr::from(i < ones)).collect::<Vec<_>>();
                (0..width).map(|ones| differences(&prefix(ones), outputs)).collect()
            }
            Self::Quotient => vec![vec![(0, -outputs[0])], vec![(0, outputs[0].double())]],
            Self::ProductLess | Self::Copy { .. } => vec![],
        }
    }
}

/// x as `q·l + s` for each q from 0 on that x is not below: the last has s below l.
fn residues(x: &BigInteger256) -> Vec<(u64, BigInteger256)> {
    let order = subgroup_order();
    let mut splits = vec![(0, *x)];
    while let Some(&(quotient, mut rest)) = splits.last().filter(|(_, rest)| *rest >= order) {
        rest.sub_with_borrow(&order);
        splits.push((quotient + 1, rest));
    }
    splits
}

/// Splits of x and of x + r whose parts fit their bits, s below l or not.
fn other_residues(x: &Fr) -> Vec<(u64, BigInteger256)> {
    let mut alias = x.into_bigint();
    let overflows = alias.add_with_carry(&Fr::MODULUS);
    let mut splits = residues(&x.into_bigint());
    if !overflows {
        splits.extend(residues(&alias));
    }
    splits
        .retain(|(quotient, rest)| quotient >> QUOTIENT_BITS == 0 && rest.num_bits() as usize <= SCALAR_BITS);
    splits
}

fn scaled_bits((quotient, rest): &(u64, BigInteger256), unit: &Fr) -> Vec<Fr> {
    let bit = |i: usize| if rest.get_bit(i) { *unit } else { Fr::ZERO };
    let quotient = bits(&BigInteger256::from(*quotient), QUOTIENT_BITS);
    quotient.into_iter().chain((0..SCALAR_BITS).map(bit)).collect()
}

fn differences(others: &[Fr], outputs: &[Fr]) -> Vec<(usize, Fr)> {
    let changed = others.iter().zip(outputs).enumerate().filter(|(_, (other, output))| other != output);
    changed.map(|(i, (other, _))| (i, *other)).collect()
}

fn bits(value: &BigInteger256, width: usize) -> Vec<Fr> {
    (0..width).map(|i| Fr::from(value.get_bit(i))).collect()
}

/// Where the bits of x + r are others than these of x, if they fit: they sum up to x as its own bits do.
fn alias(x: &Fr, outputs: &[Fr]) -> Option<Vec<(usize, Fr)>> {
    let mut alias = x.into_bigint();
    let overflows = alias.add_with_carry(&Fr::MODULUS);
    let fits = !overflows && alias.num_bits() as usize <= outputs.len();
    let bits = bits(&alias, outputs.len()).into_iter().enumerate();
    fits.then(|| bits.filter(|(i, bit)| *bit != outputs[*i]).collect())
}

/// The same sum with one bit, 0 or the unit, flipped and another, a neighbour, making up for it: no bit any more.
fn flip(bits: &[Fr], flipped: usize, other: usize, unit: Fr) -> Vec<(usize, Fr)> {
    let step = unit - bits[flipped].double();
    let half = Fr::ONE.double().inverse().unwrap_or_default();
    let weight = if other < flipped { Fr::ONE.double() } else { half };
    vec![(flipped, bits[flipped] + step), (other, bits[other] - step * weight)]
}

/// As many ones, one of them moved by a place.
fn shift(bits: &[Fr], i: usize, by: Fr) -> Vec<(usize, Fr)> {
    vec![(i, bits[i] + by), (i + 1, bits[i + 1] - by)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(values: &[u64]) -> Vec<Fr> {
        values.iter().copied().map(Fr::from).collect()
    }

    fn sum(bits: &[Fr]) -> Fr {
        bits.iter().rev().fold(Fr::ZERO, |sum, bit| sum.double() + bit)
    }

    fn with(outputs: &[Fr], changes: &[(usize, Fr)]) -> Vec<Fr> {
        let mut outputs = outputs.to_vec();
        changes.iter().for_each(|&(i, value)| outputs[i] = value);
        outputs
    }

    #[test]
    fn bits_come_least_significant_first_and_cut_off() {
        let rule = Rule::Bits { width: 4 };
        assert_eq!(rule.outputs(&integers(&[0b1011])), integers(&[1, 1, 0, 1]));
        assert_eq!(rule.outputs(&integers(&[0b11_0001])), integers(&[1, 0, 0, 0]));
    }

    #[test]
    fn every_alternative_split_sums_up_to_the_number() {
        for x in [Fr::ZERO, Fr::ONE, Fr::from(u64::MAX), -Fr::ONE] {
            let rule = Rule::Bits { width: 254 };
            let outputs = rule.outputs(&[x]);
            let splits = rule.alternatives(&[x], &outputs);
            let changed = splits.iter().map(|split| with(&outputs, split));
            assert!(changed.into_iter().all(|split| sum(&split) == x && split != outputs));
            // r − 1 + r does not fit 254 bits.
            assert_eq!(splits.len(), 2 * 253 + usize::from(x != -Fr::ONE));
        }
    }

    #[test]
    fn narrow_decompositions_have_no_alias() {
        let rule = Rule::Bits { width: 97 };
        let outputs = rule.outputs(&[Fr::from(5u64)]);
        assert_eq!(rule.alternatives(&[Fr::from(5u64)], &outputs).len(), 2 * 96);
    }

    #[test]
    fn is_zero_gives_the_inverse_and_the_bit() {
        let seven = Fr::from(7u64);
        let outputs = Rule::IsZero.outputs(&[seven]);
        assert_eq!((outputs[0] * seven, outputs[1]), (Fr::ONE, Fr::ZERO));
        assert_eq!(Rule::IsZero.outputs(&[Fr::ZERO]), integers(&[0, 1]));
    }

    #[test]
    fn quotients_divide_pairwise_and_by_zero_give_zero() {
        assert_eq!(Rule::Quotients.outputs(&integers(&[6, 20, 3, 5])), integers(&[2, 4]));
        assert_eq!(Rule::Quotients.outputs(&integers(&[6, 20, 0, 5])), integers(&[0, 0]));
    }

    #[test]
    fn single_quotients_and_products_follow_their_names() {
        assert_eq!(Rule::Quotient.outputs(&integers(&[6, 3])), integers(&[2]));
        assert_eq!(Rule::Quotient.outputs(&integers(&[6, 0])), integers(&[0]));
        assert_eq!(Rule::ProductLess.outputs(&integers(&[6, 3, 4])), integers(&[14]));
    }

    #[test]
    fn prefixes_are_ones_up_to_the_first_number_that_is_not_zero() {
        let rule = Rule::ZeroPrefix { width: 4 };
        assert_eq!(rule.outputs(&integers(&[0, 0, 5, 0])), integers(&[1, 1, 0]));
        assert_eq!(rule.outputs(&integers(&[5, 0, 0, 0])), integers(&[0, 0, 0]));
        assert_eq!(rule.outputs(&integers(&[0, 0, 0, 0])), integers(&[1, 1, 1]));
        let honest = integers(&[1, 1, 0]);
        let others = rule.alternatives(&integers(&[0, 0, 5, 0]), &honest);
        let others: Vec<_> = others.iter().map(|changes| with(&honest, changes)).collect();
        assert_eq!(others[0], integers(&[0, 0, 0]));
        assert_eq!(others[3], integers(&[1, 1, 1]));
    }

    /// Each alternative residue is x again: by other bits of q and s, or by digits that are no bits.
    #[test]
    fn every_alternative_residue_sums_up_to_the_number() {
        let order = Fr::from_bigint(subgroup_order()).unwrap_or_default();
        let seven = Fr::from(7u64);
        let mut regrouped = 0;
        for x in [Fr::ZERO, Fr::ONE, order, order - Fr::ONE, order * seven, -Fr::ONE, seven] {
            for unit in [Fr::ONE, seven] {
                let honest = Rule::Residue.outputs(&[x, unit]);
                assert_eq!(honest.len(), QUOTIENT_BITS + SCALAR_BITS);
                let value = |outputs: &[Fr]| {
                    let (quotient, rest) = outputs.split_at(QUOTIENT_BITS);
                    sum(quotient) * order * unit + sum(rest)
                };
                assert_eq!(value(&honest), x * unit);
                let others = Rule::Residue.alternatives(&[x, unit], &honest);
                assert!(others.iter().all(|changes| value(&with(&honest, changes)) == x * unit));
                regrouped += others.iter().filter(|changes| changes.len() > 2).count();
            }
        }
        assert!(regrouped > 8, "{regrouped}");
    }

    #[test]
    fn copies_are_what_was_stored() {
        let rule = Rule::Copy { width: 4 };
        assert_eq!((rule.inputs(), rule.outputs(&integers(&[1, 2, 3, 4]))), (4, integers(&[1, 2, 3, 4])));
        assert!(rule.alternatives(&[], &[]).is_empty());
    }

    #[test]
    fn intervals_are_runs_of_ones() {
        let rule = Rule::Interval { width: 4 };
        assert_eq!(rule.outputs(&integers(&[1, 2])), integers(&[0, 1, 1, 0]));
        assert_eq!(rule.outputs(&integers(&[0, 0])), integers(&[0; 4]));
        assert_eq!(rule.outputs(&integers(&[2, 9])), integers(&[0, 0, 1, 1]));
        let run = integers(&[0, 1, 1, 0]);
        let moved = rule.alternatives(&integers(&[1, 2]), &run);
        assert_eq!((moved.len(), with(&run, &moved[0])), (6, integers(&[1, 0, 1, 0])));
        let is_as_long = |bits: Vec<Fr>| bits.iter().sum::<Fr>() == Fr::from(2u64) && bits != run;
        assert!(moved.iter().all(|changes| is_as_long(with(&run, changes))));
    }
}

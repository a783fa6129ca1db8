//! Bits: decomposition, comparison, equality. Each function says how many constraints it costs.

use ark_ff::{BigInteger, BigInteger256, Field, PrimeField};

use super::{
    builder::{ConstraintSystem, Num},
    hint::Rule,
};
use crate::field::Fr;

/// Bits of a field element.
pub const FIELD_BITS: usize = 254;

/// Demands that `bit` is 0 or 1. One constraint.
pub fn enforce_boolean<C: ConstraintSystem>(cs: &mut C, bit: &Num<C::L>) {
    cs.enforce(bit, &bit.not(), &Num::zero());
}

/// `x`'s `width` low bits, least significant first, which must make up `x`; a range check of `x < 2^width`.
/// `width + 1` constraints, `width < 254` so that there is one decomposition only.
pub fn to_bits<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>, width: usize) -> Vec<Num<C::L>> {
    assert!(width < FIELD_BITS, "wider decompositions have an alias");
    let bits = cs.hint(Rule::Bits { width }, &[x]);
    bits.iter().for_each(|bit| enforce_boolean(cs, bit));
    cs.enforce_equal(&Num::from_bits(&bits), x);
    bits
}

/// The 254 bits of `x`'s one representative below r, least significant first. 354 constraints: 255 and one
/// for each 1 in r − 1 but the first.
///
/// From the top, `prefix` is the AND of the bits at which r − 1 has a 1. While it is 1 the bits so far equal
/// those of r − 1, so where r − 1 has a 0 the bit must be 0; `bit · (1 − prefix − bit) = 0` says so, and says
/// "boolean" once `prefix` is 0.
pub fn to_bits_strict<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Vec<Num<C::L>> {
    let bits = cs.hint(Rule::Bits { width: FIELD_BITS }, &[x]);
    let maximum = (-Fr::ONE).into_bigint();
    let mut prefix = Num::one();
    for (i, bit) in bits.iter().enumerate().rev() {
        if maximum.get_bit(i) {
            enforce_boolean(cs, bit);
            prefix = cs.mul(&prefix, bit);
        } else {
            cs.enforce(bit, &(&prefix.not() - bit), &Num::zero());
        }
    }
    cs.enforce_equal(&Num::from_bits(&bits), x);
    bits
}

/// The bit "`bits` < `bound`", bits least significant first, `bound < 2^bits.len()`. One constraint a bit but
/// the first.
pub fn is_less_than_constant<C: ConstraintSystem>(
    cs: &mut C,
    bits: &[Num<C::L>],
    bound: &BigInteger256,
) -> Num<C::L> {
    let mut is_equal = Num::one();
    let mut is_less = Num::zero();
    for (i, bit) in bits.iter().enumerate().rev() {
        let both = cs.mul(&is_equal, bit);
        if bound.get_bit(i) {
            is_less = &(&is_less + &is_equal) - &both;
            is_equal = both;
        } else {
            is_equal = &is_equal - &both;
        }
    }
    is_less
}

/// The bit "x = 0". Three constraints.
///
/// `x·inverse = 1 − bit`, `x·bit = 0`; `inverse·bit = 0` pins the inverse, which would be free at x = 0.
pub fn is_zero<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Num<C::L> {
    let [inverse, bit] = pair(cs.hint(Rule::IsZero, &[x]));
    cs.enforce(x, &inverse, &bit.not());
    cs.enforce(x, &bit, &Num::zero());
    cs.enforce(&inverse, &bit, &Num::zero());
    bit
}

/// The two wires of a hint that has two.
pub(super) fn pair<L>(wires: Vec<Num<L>>) -> [Num<L>; 2] {
    wires.try_into().unwrap_or_else(|_| unreachable!("the rule has two outputs"))
}

/// The bit "a = b". Three constraints.
pub fn is_equal<C: ConstraintSystem>(cs: &mut C, a: &Num<C::L>, b: &Num<C::L>) -> Num<C::L> {
    is_zero(cs, &(a - b))
}

#[cfg(test)]
mod tests {
    use ark_ff::AdditiveGroup;

    use super::*;
    use crate::{
        babyjubjub::subgroup_order,
        circuit::testing::{edge_elements, element, run_gadget},
    };

    fn integer(bits: &[Fr]) -> BigInteger256 {
        let bits: Vec<bool> = bits.iter().map(|bit| *bit == Fr::ONE).collect();
        BigInteger256::from_bits_le(&bits)
    }

    fn elements() -> Vec<Fr> {
        edge_elements().into_iter().chain((0..8).map(element)).collect()
    }

    #[test]
    fn strict_bits_are_the_canonical_integer() {
        for x in elements() {
            let gadget = run_gadget!([x], |cs, wires| to_bits_strict(cs, &wires[0]));
            assert_eq!(gadget.constraints(), 354);
            assert_eq!(integer(&gadget.outputs), x.into_bigint());
            gadget.assert_tight();
        }
    }

    /// The bits of x + r, where they fit, satisfy everything but the comparison with r.
    #[test]
    fn the_alias_of_a_strict_decomposition_is_refused() {
        for x in [Fr::ZERO, Fr::ONE, Fr::from(u64::MAX)] {
            let mut gadget = run_gadget!([x], |cs, wires| to_bits_strict(cs, &wires[0]));
            let mut alias = x.into_bigint();
            alias.add_with_carry(&Fr::MODULUS);
            let first_bit = 2;
            let mut prefix = Fr::ONE;
            let mut next_prefix = first_bit + FIELD_BITS;
            for i in (0..FIELD_BITS).rev() {
                let bit = Fr::from(alias.get_bit(i));
                gadget.values[first_bit + i] = bit;
                if (-Fr::ONE).into_bigint().get_bit(i) {
                    prefix *= bit;
                    if i + 1 < FIELD_BITS {
                        gadget.values[next_prefix] = prefix;
                        next_prefix += 1;
                    }
                }
            }
            assert_eq!(next_prefix, gadget.values.len());
            let broken = (0..gadget.constraints()).filter(|&c| !gadget.r1cs.holds(c, &gadget.values));
            assert_eq!(broken.count(), 1);
        }
    }

    #[test]
    fn narrow_bits_check_the_range() {
        for width in [1, 48, 97, 253] {
            let maximum = Fr::from(2u64).pow([width as u64]) - Fr::ONE;
            for x in [Fr::ZERO, Fr::ONE, maximum] {
                let gadget = run_gadget!([x], |cs, wires| to_bits(cs, &wires[0], width));
                assert_eq!(gadget.constraints(), width + 1);
                assert_eq!(integer(&gadget.outputs), x.into_bigint());
                gadget.assert_tight();
            }
            let gadget = run_gadget!([maximum + Fr::ONE], |cs, wires| to_bits(cs, &wires[0], width));
            assert!(gadget.r1cs.is_satisfied(&gadget.values).is_err());
        }
    }

    #[test]
    #[should_panic(expected = "alias")]
    fn a_decomposition_with_an_alias_is_a_bug() {
        run_gadget!([Fr::ONE], |cs, wires| to_bits(cs, &wires[0], 254));
    }

    #[test]
    fn comparison_agrees_with_integers() {
        let order = subgroup_order();
        let order_element = Fr::from_bigint(order).expect("l < r");
        let around = [order_element - Fr::ONE, order_element, order_element + Fr::ONE];
        for x in elements().into_iter().chain(around) {
            let gadget = run_gadget!([x], |cs, wires| {
                let bits = to_bits_strict(cs, &wires[0]);
                [is_less_than_constant(cs, &bits, &order)]
            });
            assert_eq!(gadget.constraints(), 354 + 253);
            assert_eq!(gadget.output(), Fr::from(x.into_bigint() < order));
            gadget.assert_tight();
        }
    }

    #[test]
    fn is_zero_is_one_at_zero_alone_and_its_inverse_is_pinned() {
        for x in elements() {
            let gadget = run_gadget!([x], |cs, wires| [is_zero(cs, &wires[0])]);
            assert_eq!(gadget.constraints(), 3);
            assert_eq!(gadget.output(), Fr::from(x == Fr::ZERO));
            gadget.assert_tight();
        }
    }

    #[test]
    fn is_equal_compares() {
        for (a, b) in [(1u64, 1u64), (1, 2), (0, 0)] {
            let inputs = [Fr::from(a), Fr::from(b)];
            let gadget = run_gadget!(inputs, |cs, wires| [is_equal(cs, &wires[0], &wires[1])]);
            assert_eq!(gadget.output(), Fr::from(a == b));
        }
    }
}

//! Bits: decomposition, comparison, equality. Each function says how many constraints it costs.

use ark_ff::{BigInteger, BigInteger256, Field, PrimeField};

use super::{
    builder::{ConstraintSystem, Linear, Num},
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

/// The 254 bits of `x`'s one representative below r, least significant first. 309 constraints.
pub fn to_bits_strict<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Vec<Num<C::L>> {
    let bits = cs.hint(Rule::Bits { width: FIELD_BITS }, &[x]);
    bits.iter().for_each(|bit| enforce_boolean(cs, bit));
    cs.enforce_equal(&Num::from_bits(&bits), x);
    let order = chunks_of_integer(&Fr::MODULUS);
    let distances: Vec<_> =
        chunks(&bits).iter().zip(order).map(|(chunk, limit)| &Num::constant(limit) - chunk).collect();
    enforce_first_positive(cs, &distances, &Num::one());
    bits
}

/// Bits a chunk of a long comparison. Its cost, `3·(⌈254/w⌉ − 1) + w + 1` for chunks of w bits, is least around here.
const CHUNK_BITS: usize = 32;
const CHUNKS: usize = FIELD_BITS.div_ceil(CHUNK_BITS);

/// Integers of 32 bits each, the most significant first, of 225 to 256 bits.
pub fn chunks<L: Linear>(bits: &[Num<L>]) -> Vec<Num<L>> {
    bits.chunks(CHUNK_BITS).rev().map(Num::from_bits).collect()
}

/// As [`chunks`], of a constant.
pub fn chunks_of_integer(value: &BigInteger256) -> [Fr; CHUNKS] {
    std::array::from_fn(|i| {
        let from = CHUNK_BITS * (CHUNKS - 1 - i);
        let bits = (from..from + CHUNK_BITS).rev().map(|bit| u64::from(value.get_bit(bit)));
        Fr::from(bits.fold(0, |sum, bit| sum << 1 | bit))
    })
}

/// Demands that the first of these integers that is not 0 is positive: with the chunks of two numbers' differences,
/// that one number is below the other. Integers, of absolute value below 2^32, come times `unit`, which is not 0.
/// `3·(n − 1) + 33` constraints for n integers, one more if the unit is not constant.
///
/// `prefix[i]` is 1 while all integers up to i are 0: it must be 0 or what the one before it is, and not 1 where its
/// integer is not 0. So the sum of `prefix[i − 1] · integer[i]` is one integer, the first that is claimed not to be 0. A
/// claim that stops too early gives 0, which is not positive; one that goes on too far does not hold.
pub fn enforce_first_positive<C: ConstraintSystem>(cs: &mut C, integers: &[Num<C::L>], unit: &Num<C::L>) {
    let prefixes = cs.hint(Rule::ZeroPrefix { width: integers.len() }, &integers.iter().collect::<Vec<_>>());
    let mut above = Num::one();
    let mut first = integers[0].clone();
    for (i, prefix) in prefixes.into_iter().enumerate() {
        cs.enforce(&(&above - &prefix), &prefix, &Num::zero());
        cs.enforce(&integers[i], &prefix, &Num::zero());
        first = &first + &cs.mul(&integers[i + 1], &prefix);
        above = prefix;
    }
    let first = cs.divide(&first, unit);
    to_bits(cs, &first.add_constant(-Fr::ONE), CHUNK_BITS);
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
    use crate::circuit::testing::{edge_elements, element, run_gadget};

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
            assert_eq!(gadget.constraints(), 309);
            assert_eq!(integer(&gadget.outputs), x.into_bigint());
            gadget.assert_tight();
        }
    }

    /// The bits of x + r, where they fit, satisfy everything but the comparison with r, whatever its hints are.
    #[test]
    fn the_alias_of_a_strict_decomposition_is_refused() {
        for x in [Fr::ZERO, Fr::ONE, Fr::from(u64::MAX)] {
            let gadget = run_gadget!([x], |cs, wires| to_bits_strict(cs, &wires[0]));
            let mut alias = x.into_bigint();
            alias.add_with_carry(&Fr::MODULUS);
            let bits: Vec<Fr> = (0..FIELD_BITS).map(|i| Fr::from(alias.get_bit(i))).collect();
            let order = chunks_of_integer(&Fr::MODULUS);
            let distances: Vec<Fr> =
                order.iter().zip(chunks_of_integer(&alias)).map(|(limit, chunk)| *limit - chunk).collect();
            for ones in 0..CHUNKS {
                let prefixes: Vec<Fr> = (0..CHUNKS - 1).map(|i| Fr::from(i < ones)).collect();
                let products = (1..CHUNKS).map(|i| prefixes[i - 1] * distances[i]).collect::<Vec<_>>();
                let first = distances[0] + products.iter().sum::<Fr>() - Fr::ONE;
                let range = Rule::Bits { width: CHUNK_BITS }.outputs(&[first]);
                let mut values = gadget.values[..2].to_vec();
                values.extend([bits.clone(), prefixes, products, range].concat());
                assert_eq!(values.len(), gadget.values.len());
                let broken = (0..gadget.constraints()).find(|&c| !gadget.r1cs.holds(c, &values));
                assert!(broken.is_some_and(|constraint| constraint > FIELD_BITS), "{x}, {ones}");
            }
        }
    }

    /// Judged by the constraints alone: whether some prefixes let the integers pass.
    fn passes(integers: &[i64], unit: Fr) -> bool {
        let signed = |integer: i64| Fr::from(integer.unsigned_abs()) * Fr::from(integer.signum());
        let mut inputs = vec![unit];
        inputs.extend(integers.iter().map(|&integer| signed(integer) * unit));
        let gadget = run_gadget!(inputs, |cs, wires| {
            enforce_first_positive(cs, &wires[1..], &wires[0]);
            [wires[0].clone()]
        });
        assert_eq!(gadget.constraints(), 3 * (integers.len() - 1) + 33 + 1);
        let holds = gadget.r1cs.is_satisfied(&gadget.values).is_ok();
        if holds {
            gadget.assert_tight();
        }
        holds
    }

    #[test]
    fn the_first_integer_that_is_not_zero_decides() {
        let top = (1 << CHUNK_BITS) - 1;
        for unit in [Fr::ONE, element(3)] {
            for integers in
                [vec![1, 0, 0], vec![0, 0, 1], vec![0, top, -top], vec![1, -top, -top], vec![0, 0, top]]
            {
                assert!(passes(&integers, unit), "{integers:?}");
            }
            for integers in
                [vec![0, 0, 0], vec![-1, top, top], vec![0, -top, top], vec![0, 0, -1], vec![0, -1, 1]]
            {
                assert!(!passes(&integers, unit), "{integers:?}");
            }
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

//! Bits: decomposition, comparison, equality. Each function says how many constraints it costs.

use ark_ff::{BigInteger, BigInteger256, Field, PrimeField};

use super::builder::{ConstraintSystem, Num};
use crate::field::Fr;

/// Bits of a field element.
pub const FIELD_BITS: usize = 254;

/// Demands that `bit` is 0 or 1. One constraint.
pub fn enforce_boolean<C: ConstraintSystem>(cs: &mut C, bit: &Num<C::L>) {
    cs.enforce(bit, &bit.not(), &Num::zero());
}

/// A new boolean wire. One constraint.
pub fn alloc_bit<C: ConstraintSystem>(cs: &mut C, value: bool) -> Num<C::L> {
    let bit = cs.alloc(Fr::from(value));
    enforce_boolean(cs, &bit);
    bit
}

/// `x`'s `width` low bits, least significant first, which must make up `x`; a range check of `x < 2^width`.
/// `width + 1` constraints, `width < 254` so that there is one decomposition only.
pub fn to_bits<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>, width: usize) -> Vec<Num<C::L>> {
    assert!(width < FIELD_BITS, "wider decompositions have an alias");
    let value = x.value.into_bigint();
    let bits: Vec<_> = (0..width).map(|i| alloc_bit(cs, value.get_bit(i))).collect();
    cs.enforce_equal(&Num::from_bits(&bits), x);
    bits
}

/// The 254 bits of `x`'s one representative below r, least significant first. 381 constraints: 255 and one
/// for each 1 in r − 1 but the first.
///
/// From the top, `prefix` is the AND of the bits at which r − 1 has a 1. While it is 1 the bits so far equal
/// those of r − 1, so where r − 1 has a 0 the bit must be 0; `bit · (1 − prefix − bit) = 0` says so, and says
/// "boolean" once `prefix` is 0.
pub fn to_bits_strict<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Vec<Num<C::L>> {
    let value = x.value.into_bigint();
    let bits: Vec<_> =
        (0..FIELD_BITS).map(|i| cs.alloc(Fr::from(value.get_bit(i)))).collect();
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
    let inverse = cs.alloc(x.value.inverse().unwrap_or_default());
    let bit = cs.alloc(Fr::from(x.value == Fr::default()));
    cs.enforce(x, &inverse, &bit.not());
    cs.enforce(x, &bit, &Num::zero());
    cs.enforce(&inverse, &bit, &Num::zero());
    bit
}

/// The bit "a = b". Three constraints.
pub fn is_equal<C: ConstraintSystem>(cs: &mut C, a: &Num<C::L>, b: &Num<C::L>) -> Num<C::L> {
    is_zero(cs, &(a - b))
}

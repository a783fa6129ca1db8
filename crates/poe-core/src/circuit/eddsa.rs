//! EdDSA-Poseidon as a bit: the circuit's reading of docs/protocol.md, rule 10.

use super::{
    bits::{is_equal, is_less_than_constant, is_zero, to_bits_strict},
    builder::{ConstraintSystem, Num},
    edwards::{self, Point},
    poseidon::poseidon,
};
use crate::{babyjubjub::subgroup_order, field::Fr};

/// Bits of a scalar below l.
const SCALAR_BITS: usize = 251;

/// `R8` and `S` of a slot's words: any field elements.
#[derive(Debug, Clone)]
pub struct Signature<L> {
    pub r8: Point<L>,
    pub s: Num<L>,
}

/// The bit "the signature of `message` holds under `key`". Total: defined for any field elements.
///
/// S is a 254-bit integer below r; the fixed-base product reads its low 251 bits, which are all of it if
/// S < l, and otherwise the bit is cleared. The challenge hashes the words as given, replaced or not.
pub fn is_valid<C: ConstraintSystem>(
    cs: &mut C,
    key: &Point<C::L>,
    signature: &Signature<C::L>,
    message: &Num<C::L>,
) -> Num<C::L> {
    let r8 = &signature.r8;
    let inputs = [&r8.x, &r8.y, &key.x, &key.y, message].map(Clone::clone);
    let challenge = cs.scoped("challenge", |cs| poseidon(cs, &inputs));
    let challenge = cs.scoped("challenge_bits", |cs| to_bits_strict(cs, &challenge));
    let scalar = cs.scoped("scalar_bits", |cs| to_bits_strict(cs, &signature.s));
    let is_below_order =
        cs.scoped("scalar_order", |cs| is_less_than_constant(cs, &scalar, &subgroup_order()));
    let key = cs.scoped("key", |cs| edwards::sanitise(cs, key));
    let r8 = cs.scoped("r8", |cs| edwards::sanitise(cs, r8));

    let left = cs.scoped("fixed_base", |cs| edwards::multiply_base(cs, &scalar[..SCALAR_BITS]));
    let right = cs.scoped("variable_base", |cs| {
        let quadruple = key.quadruple(cs);
        let product = edwards::multiply_double(cs, &challenge, &quadruple);
        let r8 = r8.point(cs);
        edwards::add(cs, &product, &r8)
    });
    cs.scoped("verdict", |cs| {
        let is_x_equal = is_equal(cs, &left.x, &right.x);
        let is_y_equal = is_equal(cs, &left.y, &right.y);
        let held = [&is_below_order, &key.is_valid, &r8.is_valid, &is_x_equal, &is_y_equal];
        let missing = Num::constant(Fr::from(held.len() as u64));
        is_zero(cs, &(&missing - &Num::sum(held)))
    })
}

//! `.wtns`, version 2: one value a wire.

use ark_ff::PrimeField;

use super::{
    binary::{container, push_limbs, push_u32},
    points::push_modulus,
};
use crate::field::Fr;

const VERSION: u32 = 2;

/// Sections: 1 header, 2 values.
pub fn to_bytes(witness: &[Fr]) -> Vec<u8> {
    let mut header = Vec::new();
    push_modulus::<Fr>(&mut header);
    push_u32(&mut header, witness.len());
    let mut values = Vec::with_capacity(32 * witness.len());
    witness.iter().for_each(|value| push_limbs(&mut values, &value.into_bigint().0));
    container(b"wtns", VERSION, &[(1, header), (2, values)])
}

//! Points and scalars as `.zkey` and `.ptau` hold them: affine, coordinates in Montgomery form, c0 before c1, zeros for
//! infinity.

use ark_bn254::FrConfig;
use ark_ec::{AffineRepr, short_weierstrass::SWCurveConfig};
use ark_ff::{BigInteger256, MontConfig, PrimeField};
use rayon::prelude::*;

use super::binary::{Cursor, FormatError, push_limbs};
use crate::{
    field::Fr,
    groth16::engine::{Fq, Fq2, G1Affine, G2Affine},
};

pub const G1_BYTES: usize = 64;
pub const G2_BYTES: usize = 128;

/// A field's order in 32 bytes, after its length.
pub fn push_modulus<F: PrimeField<BigInt = BigInteger256>>(out: &mut Vec<u8>) {
    super::binary::push_u32(out, 32);
    push_limbs(out, &F::MODULUS.0);
}

/// Refuses another field's order than F's.
pub fn expect_modulus<F: PrimeField<BigInt = BigInteger256>>(
    cursor: &mut Cursor,
    what: &'static str,
) -> Result<(), FormatError> {
    let is_ours = cursor.u32()? == 32 && cursor.limbs()? == F::MODULUS.0;
    if is_ours { Ok(()) } else { Err(FormatError::Field { what }) }
}

pub fn push_g1(out: &mut Vec<u8>, points: &[G1Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        [x, y].iter().for_each(|value| push_limbs(out, &value.0.0));
    }
}

pub fn push_g2(out: &mut Vec<u8>, points: &[G2Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        [x.c0, x.c1, y.c0, y.c1].iter().for_each(|value| push_limbs(out, &value.0.0));
    }
}

/// A coefficient v as `v·R² mod r`: snarkjs's prover multiplies it with the witness's plain values by Montgomery's
/// product, which divides by R, and wants a Montgomery form out.
pub fn coefficient_limbs(value: Fr) -> [u64; 4] {
    let r = Fr::new_unchecked(FrConfig::R2);
    (value * r).0.0
}

/// What points of a section may be.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The section, for errors.
    pub what: &'static str,
    pub may_be_infinity: bool,
}

/// All points of a section of exactly `count`.
pub fn read_g1(bytes: &[u8], count: usize, rule: Rule) -> Result<Vec<G1Affine>, FormatError> {
    check_length(bytes, count * G1_BYTES, rule)?;
    let read = |(index, chunk): (usize, &[u8; G1_BYTES])| {
        let [x, y] = coordinates::<2>(chunk, index, rule)?;
        check_point(G1Affine::new_unchecked(x, y), chunk == &[0; G1_BYTES], index, rule)
    };
    bytes.as_chunks().0.par_iter().enumerate().map(read).collect()
}

/// As [`read_g1`], in G2.
pub fn read_g2(bytes: &[u8], count: usize, rule: Rule) -> Result<Vec<G2Affine>, FormatError> {
    check_length(bytes, count * G2_BYTES, rule)?;
    let read = |(index, chunk): (usize, &[u8; G2_BYTES])| {
        let [x0, x1, y0, y1] = coordinates::<4>(chunk, index, rule)?;
        let point = G2Affine::new_unchecked(Fq2::new(x0, x1), Fq2::new(y0, y1));
        check_point(point, chunk == &[0; G2_BYTES], index, rule)
    };
    bytes.as_chunks().0.par_iter().enumerate().map(read).collect()
}

fn check_length(bytes: &[u8], wanted: usize, rule: Rule) -> Result<(), FormatError> {
    let (got, wanted) = (bytes.len() as u64, wanted as u64);
    if got == wanted { Ok(()) } else { Err(FormatError::Count { what: rule.what, got, wanted }) }
}

fn coordinates<const N: usize>(bytes: &[u8], index: usize, rule: Rule) -> Result<[Fq; N], FormatError> {
    let mut cursor = Cursor::new(bytes, rule.what);
    let mut values = [Fq::default(); N];
    for value in &mut values {
        let limbs = BigInteger256::new(cursor.limbs()?);
        if limbs >= Fq::MODULUS {
            let fault = "has a coordinate that is not below the field's order";
            return Err(FormatError::Point { what: rule.what, index, fault });
        }
        *value = Fq::new_unchecked(limbs);
    }
    Ok(values)
}

fn check_point<P: SWCurveConfig>(
    point: ark_ec::short_weierstrass::Affine<P>,
    is_infinity: bool,
    index: usize,
    rule: Rule,
) -> Result<ark_ec::short_weierstrass::Affine<P>, FormatError> {
    let refuse = |fault| Err(FormatError::Point { what: rule.what, index, fault });
    if is_infinity {
        return if rule.may_be_infinity {
            Ok(ark_ec::short_weierstrass::Affine::identity())
        } else {
            refuse("is the point at infinity")
        };
    }
    if !point.is_on_curve() {
        refuse("is not on the curve")
    } else if !point.is_in_correct_subgroup_assuming_on_curve() {
        refuse("is outside the subgroup")
    } else {
        Ok(point)
    }
}

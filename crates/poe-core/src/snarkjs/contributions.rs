//! The record of a ceremony's phase 2, section 10 of a `.zkey`.
//!
//! Read strictly, not verified: that each contribution knew its secret, and that the key follows from phase 1, is what
//! `snarkjs zkey verify` checks with the phase 1 file in hand.

use super::{
    binary::{Cursor, FormatError},
    circuit_hash::HASH_BYTES,
    points::{G1_BYTES, G2_BYTES, Rule, read_g1, read_g2},
};
use crate::groth16::engine::G1Affine;

/// Name, exponent of the iterations and hash of a beacon, each with its tag and length.
const MAX_PARAMETER_BYTES: usize = 2 + 255 + 2 + 2 + 255;
const BEACON: u32 = 1;

/// Why a record is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContributionFault {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("contribution {index} is of type {got}")]
    Type { index: usize, got: u32 },
    #[error("the parameters of contribution {index} are malformed")]
    Parameters { index: usize },
    #[error("delta is not the last contribution's")]
    Delta,
}

/// δ in G1 after each contribution, oldest first.
pub fn read(section: &[u8]) -> Result<Vec<G1Affine>, ContributionFault> {
    let mut cursor = Cursor::new(section, "the contributions");
    cursor.take(HASH_BYTES)?;
    let count = cursor.u32()? as usize;
    let mut deltas = Vec::new(); // grows with the bytes read, whatever the count claims
    for index in 0..count {
        deltas.push(read_one(&mut cursor, index)?);
    }
    cursor.finish()?;
    Ok(deltas)
}

fn read_one(cursor: &mut Cursor, index: usize) -> Result<G1Affine, ContributionFault> {
    let rule = Rule { what: "a contribution's point", may_be_infinity: false };
    let g1 = read_g1(cursor.take(3 * G1_BYTES)?, 3, rule)?;
    read_g2(cursor.take(G2_BYTES)?, 1, rule)?;
    cursor.take(HASH_BYTES)?;
    let got = cursor.u32()?;
    if got > BEACON {
        return Err(ContributionFault::Type { index, got });
    }
    let length = cursor.u32()? as usize;
    if length > MAX_PARAMETER_BYTES || !are_parameters(cursor.take(length)?) {
        return Err(ContributionFault::Parameters { index });
    }
    Ok(g1[0])
}

/// Tags in rising order: 1 a name with its length, 2 one byte, 3 a beacon's hash with its length.
fn are_parameters(bytes: &[u8]) -> bool {
    let mut cursor = Cursor::new(bytes, "parameters");
    let mut last = 0;
    while !cursor.is_empty() {
        let Ok([tag, length]) = cursor.array::<2>() else { return false };
        let value = if tag == 2 { 0 } else { usize::from(length) };
        if tag <= last || tag > 3 || cursor.take(value).is_err() {
            return false;
        }
        last = tag;
    }
    true
}

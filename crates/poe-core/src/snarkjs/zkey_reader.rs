//! Reads a `.zkey` of one of our circuits: nothing in it is believed.

use super::{
    binary::{Cursor, FormatError, sections},
    contributions::{self, ContributionFault},
    points::{G1_BYTES, G2_BYTES, Rule, expect_modulus, read_g1, read_g2},
    zkey::{Coefficient, GROTH16, MAGIC, VERSION, coefficients},
};
use crate::{
    circuit::r1cs::R1cs,
    field::Fr,
    groth16::{
        data_structures::{Queries, VerifyingKey},
        engine::{Fq, G1Affine, G2Affine},
        r1cs_to_qap,
        soundness::{KeyFault, check_pairs, check_verifying_key},
    },
};
use ark_ec::AffineRepr;
use ark_ff::PrimeField;

const SECTIONS: usize = 10;
const COEFFICIENT_BYTES: usize = 12 + 32;

/// Why a `.zkey` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZkeyError {
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("protocol {got}, wanted {GROTH16}, Groth16")]
    Protocol { got: u32 },
    #[error("the key is of another circuit: its {what} differ")]
    Circuit { what: &'static str },
    #[error(transparent)]
    Key(#[from] KeyFault),
    #[error(transparent)]
    Contribution(#[from] ContributionFault),
}

/// A key read from a `.zkey`, and how many contributions it claims.
#[derive(Debug)]
pub struct Imported {
    pub queries: Queries,
    pub contributions: usize,
}

/// Reads a key of the circuit. Work and memory are bounded by the file's and the circuit's size.
///
/// Checked: lengths, ranges, curves, subgroups; the matrices A and B against ours; the verifying key's soundness; δ and
/// β alike in both groups; δ against the last contribution. C's matrix is not in the file: a proof made with the key
/// and verified shows whether it was ours, and `snarkjs zkey verify` that the key follows from its phase 1.
pub fn read(bytes: &[u8], r1cs: &R1cs) -> Result<Imported, ZkeyError> {
    let parts: [&[u8]; SECTIONS] = sections(bytes, MAGIC, VERSION)?;
    let [protocol, header, ic, coefficients, a, b_g1, b_g2, c, h, record] = parts;
    read_protocol(protocol)?;
    let size = domain_size(r1cs)?;
    let singles = read_header(header, r1cs, size)?;
    check_coefficients(coefficients, r1cs)?;
    let (wires, publics) = (r1cs.wires(), 1 + r1cs.public_inputs());
    let finite = |what| Rule { what, may_be_infinity: false };
    let any = |what| Rule { what, may_be_infinity: true };
    let queries = Queries {
        // Infinity is left to the key's own check, which says what is wrong with it.
        verifying_key: VerifyingKey { ic: read_g1(ic, publics, any("IC"))?, ..singles.verifying_key },
        a: read_g1(a, wires, any("A"))?,
        b_g1: read_g1(b_g1, wires, any("B in G1"))?,
        b_g2: read_g2(b_g2, wires, any("B in G2"))?,
        c: read_g1(c, wires - publics, any("C"))?,
        h: read_g1(h, size, finite("H"))?,
        ..singles
    };
    check_verifying_key(&queries.verifying_key, r1cs.public_inputs())?;
    check_pairs(&queries)?;
    check_absent_wires(&queries, r1cs)?;
    let deltas = contributions::read(record)?;
    if deltas.last().is_some_and(|delta| *delta != queries.delta_g1) {
        return Err(ContributionFault::Delta.into());
    }
    Ok(Imported { queries, contributions: deltas.len() })
}

fn domain_size(r1cs: &R1cs) -> Result<usize, ZkeyError> {
    let domain = r1cs_to_qap::domain(r1cs).ok_or(ZkeyError::Circuit { what: "domains" })?;
    Ok(domain.size())
}

fn read_protocol(section: &[u8]) -> Result<(), ZkeyError> {
    let mut cursor = Cursor::new(section, "the protocol");
    let got = cursor.u32()?;
    cursor.finish()?;
    if got == GROTH16 { Ok(()) } else { Err(ZkeyError::Protocol { got }) }
}

/// The key's single points; its lists are empty.
fn read_header(section: &[u8], r1cs: &R1cs, domain_size: usize) -> Result<Queries, ZkeyError> {
    let mut cursor = Cursor::new(section, "the header");
    expect_modulus::<Fq>(&mut cursor, "the coordinates' field")?;
    expect_modulus::<Fr>(&mut cursor, "the scalars' field")?;
    let counts = [("wires", r1cs.wires()), ("public inputs", r1cs.public_inputs()), ("domains", domain_size)];
    for (what, wanted) in counts {
        if cursor.u32()? as usize != wanted {
            return Err(ZkeyError::Circuit { what });
        }
    }
    let g1 = |what, cursor: &mut Cursor| -> Result<G1Affine, FormatError> {
        Ok(read_g1(cursor.take(G1_BYTES)?, 1, Rule { what, may_be_infinity: true })?[0])
    };
    let g2 = |what, cursor: &mut Cursor| -> Result<G2Affine, FormatError> {
        Ok(read_g2(cursor.take(G2_BYTES)?, 1, Rule { what, may_be_infinity: true })?[0])
    };
    let (alpha_g1, beta_g1) = (g1("alpha", &mut cursor)?, g1("beta in G1", &mut cursor)?);
    let (beta_g2, gamma_g2) = (g2("beta", &mut cursor)?, g2("gamma", &mut cursor)?);
    let (delta_g1, delta_g2) = (g1("delta in G1", &mut cursor)?, g2("delta", &mut cursor)?);
    cursor.finish()?;
    let verifying_key = VerifyingKey { alpha_g1, beta_g2, gamma_g2, delta_g2, ic: vec![] };
    let (a, b_g1, b_g2, c, h) = (vec![], vec![], vec![], vec![], vec![]);
    Ok(Queries { verifying_key, beta_g1, delta_g1, a, b_g1, b_g2, c, h })
}

/// Whether the file's matrices are ours, in whatever order it lists their entries.
fn check_coefficients(section: &[u8], r1cs: &R1cs) -> Result<(), ZkeyError> {
    let mut cursor = Cursor::new(section, "the coefficients");
    let count = cursor.u32()? as usize;
    let mut ours = coefficients(r1cs);
    if count != ours.len() || section.len() != 4 + count * COEFFICIENT_BYTES {
        return Err(ZkeyError::Circuit { what: "numbers of coefficients" });
    }
    let mut theirs = (0..count)
        .map(|index| -> Result<Coefficient, FormatError> {
            let (matrix, row, wire) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
            let limbs = cursor.limbs()?;
            let is_reduced = ark_ff::BigInteger256::new(limbs) < Fr::MODULUS;
            if is_reduced { Ok((matrix, row, wire, limbs)) } else { Err(FormatError::Coefficient { index }) }
        })
        .collect::<Result<Vec<_>, _>>()?;
    cursor.finish()?;
    ours.sort_unstable();
    theirs.sort_unstable();
    if ours == theirs { Ok(()) } else { Err(ZkeyError::Circuit { what: "coefficients" }) }
}

/// A wire that a matrix does not mention has the zero polynomial, hence infinity, there; no other has.
fn check_absent_wires(queries: &Queries, r1cs: &R1cs) -> Result<(), ZkeyError> {
    let [mut in_a, mut in_b] = [vec![false; r1cs.wires()], vec![false; r1cs.wires()]];
    in_a[..=r1cs.public_inputs()].fill(true);
    for (mentioned, matrix) in [&mut in_a, &mut in_b].into_iter().zip(&r1cs.matrices) {
        matrix.wires.iter().for_each(|wire| mentioned[*wire as usize] = true);
    }
    let wires = 0..r1cs.wires();
    let agree = |wire: usize| {
        queries.a[wire].is_zero() != in_a[wire]
            && queries.b_g1[wire].is_zero() != in_b[wire]
            && queries.b_g2[wire].is_zero() != in_b[wire]
    };
    let what = "wires in A and B";
    if wires.into_iter().all(agree) { Ok(()) } else { Err(ZkeyError::Circuit { what }) }
}

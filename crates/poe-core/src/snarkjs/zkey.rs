//! `.zkey`, version 1, Groth16: proving key and the matrices A and B.

use super::{
    binary::{container, push_limbs, push_u32},
    circuit_hash::HASH_BYTES,
    points::{coefficient_limbs, push_g1, push_g2, push_modulus},
};
use crate::{
    circuit::r1cs::R1cs,
    field::Fr,
    groth16::{data_structures::Queries, engine::Fq},
};

pub const MAGIC: &str = "zkey";
pub const VERSION: u32 = 1;
/// The protocol's number in section 1.
pub const GROTH16: u32 = 1;

/// One entry of A (matrix 0) or B (matrix 1): matrix, row, wire, scaled value.
pub type Coefficient = (u32, u32, u32, [u64; 4]);

/// A key to which nobody has contributed since `circuit_hash` was taken.
///
/// Sections: 1 protocol, 2 header, 3 IC, 4 coefficients, 5 A, 6 B in G1, 7 B in G2, 8 C, 9 H, 10 contributions.
pub fn to_bytes(queries: &Queries, r1cs: &R1cs, circuit_hash: &[u8; HASH_BYTES]) -> Vec<u8> {
    let g1 = |points| {
        let mut out = Vec::new();
        push_g1(&mut out, points);
        out
    };
    let mut b_g2 = Vec::new();
    push_g2(&mut b_g2, &queries.b_g2);
    let contributions = [circuit_hash.as_slice(), &0u32.to_le_bytes()].concat();
    let sections = [
        (1, GROTH16.to_le_bytes().to_vec()),
        (2, header(queries, r1cs)),
        (3, g1(&queries.verifying_key.ic)),
        (4, coefficients_section(r1cs)),
        (5, g1(&queries.a)),
        (6, g1(&queries.b_g1)),
        (7, b_g2),
        (8, g1(&queries.c)),
        (9, g1(&queries.h)),
        (10, contributions),
    ];
    container(b"zkey", VERSION, &sections)
}

fn header(queries: &Queries, r1cs: &R1cs) -> Vec<u8> {
    let key = &queries.verifying_key;
    let mut out = Vec::new();
    push_modulus::<Fq>(&mut out);
    push_modulus::<Fr>(&mut out);
    for count in [r1cs.wires(), r1cs.public_inputs(), queries.h.len()] {
        push_u32(&mut out, count);
    }
    push_g1(&mut out, &[key.alpha_g1, queries.beta_g1]);
    push_g2(&mut out, &[key.beta_g2, key.gamma_g2]);
    push_g1(&mut out, &[queries.delta_g1]);
    push_g2(&mut out, &[key.delta_g2]);
    out
}

/// The entries of A and B, and the rows that make the public wires' A polynomials independent.
pub fn coefficients(r1cs: &R1cs) -> Vec<Coefficient> {
    let mut all = Vec::new();
    for (number, matrix) in (0..2).zip(&r1cs.matrices) {
        for row in 0..matrix.rows() {
            let entries = matrix.row(row);
            all.extend(entries.map(|(wire, value)| (number, row as u32, wire, coefficient_limbs(value))));
        }
    }
    let one = coefficient_limbs(Fr::from(1u64));
    let first = r1cs.constraints() as u32;
    all.extend((0..=r1cs.public_inputs() as u32).map(|wire| (0, first + wire, wire, one)));
    all
}

fn coefficients_section(r1cs: &R1cs) -> Vec<u8> {
    let all = coefficients(r1cs);
    let mut out = Vec::new();
    push_u32(&mut out, all.len());
    for (matrix, row, wire, value) in &all {
        [matrix, row, wire].iter().for_each(|number| push_u32(&mut out, **number as usize));
        push_limbs(&mut out, value);
    }
    out
}

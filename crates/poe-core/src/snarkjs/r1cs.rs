//! `.r1cs`, version 1: the circuit's matrices.

use ark_ff::PrimeField;

use super::{
    binary::{container, push_limbs, push_u32},
    points::push_modulus,
};
use crate::{circuit::r1cs::R1cs, field::Fr};

const VERSION: u32 = 1;

/// Sections: 1 header, 2 constraints, 3 label of each wire (its own number: we have no symbols).
pub fn to_bytes(r1cs: &R1cs) -> Vec<u8> {
    let labels = (0..r1cs.wires() as u64).flat_map(u64::to_le_bytes).collect();
    container(b"r1cs", VERSION, &[(1, header(r1cs)), (2, constraints(r1cs)), (3, labels)])
}

/// No public wire is an output and no private one an input by this header: snarkjs asks only for the sums.
fn header(r1cs: &R1cs) -> Vec<u8> {
    let mut out = Vec::new();
    push_modulus::<Fr>(&mut out);
    let (outputs, private_inputs) = (0, 0);
    for count in [r1cs.wires(), outputs, r1cs.public_inputs(), private_inputs] {
        push_u32(&mut out, count);
    }
    out.extend_from_slice(&(r1cs.wires() as u64).to_le_bytes());
    push_u32(&mut out, r1cs.constraints());
    out
}

fn constraints(r1cs: &R1cs) -> Vec<u8> {
    let mut out = Vec::new();
    for constraint in 0..r1cs.constraints() {
        for matrix in &r1cs.matrices {
            let row = matrix.row(constraint);
            push_u32(&mut out, row.len());
            for (wire, coefficient) in row {
                push_u32(&mut out, wire as usize);
                push_limbs(&mut out, &coefficient.into_bigint().0);
            }
        }
    }
    out
}

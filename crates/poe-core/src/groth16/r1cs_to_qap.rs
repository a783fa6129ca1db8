//! From an R1CS to a quadratic arithmetic program, as snarkjs does it.
//!
//! Row j of the matrices belongs to root ω^j; one more row for each public wire, the one among them, makes
//! their A polynomials independent. The quotient `(A·B − C)/Z` is not divided out: `A·B − C` is zero at all roots,
//! so its values at the m odd points determine it, and the H query holds the matching Lagrange polynomials.

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::{
    engine::{Domain, Path, Stop, Stopped, Transform},
    tables::Circuit,
};
use crate::{circuit::r1cs::R1cs, field::Fr};

/// The domain of a circuit: a root for each constraint and each public wire. `None` if there are too many.
pub fn domain(r1cs: &R1cs) -> Option<Domain> {
    Domain::new(r1cs.constraints() + 1 + r1cs.public_inputs())
}

/// `A_i(τ), B_i(τ), C_i(τ)` of each wire.
#[derive(Debug)]
pub struct Evaluations {
    pub a: Vec<Fr>,
    pub b: Vec<Fr>,
    pub c: Vec<Fr>,
}

/// The wires' polynomials at `tau`.
pub fn evaluate(r1cs: &R1cs, domain: &Domain, tau: Fr) -> Evaluations {
    let lagrange = domain.lagrange_at(tau);
    let [mut a, b, c] = r1cs.matrices.each_ref().map(|matrix| {
        let mut column_sums = vec![Fr::ZERO; r1cs.wires()];
        for (row, weight) in (0..matrix.rows()).zip(&lagrange) {
            for (wire, coefficient) in matrix.row(row) {
                column_sums[wire as usize] += coefficient * weight;
            }
        }
        column_sums
    });
    let public_rows = &lagrange[r1cs.constraints()..];
    a[..=r1cs.public_inputs()].iter_mut().zip(public_rows).for_each(|(sum, weight)| *sum += weight);
    Evaluations { a, b, c }
}

/// As [`quotient_scalars`], by the kernels; `transform` is of the domain's size.
pub fn quotient(
    circuit: &Circuit,
    transform: &Transform,
    witness: &[Fr],
    path: Path,
    stop: &Stop,
) -> Result<Vec<Fr>, Stopped> {
    let [a, b] =
        circuit.matrices.each_ref().map(|matrix| matrix.product(witness, transform.size(), path, stop));
    let (mut a, b) = (a?, b?);
    let publics = 1 + circuit.public_inputs;
    a[circuit.constraints..][..publics].copy_from_slice(&witness[..publics]);
    transform.quotient(a, b, stop)
}

/// The values of `A·B − C` at the odd points for a witness. C is interpolated from the products `(A·w)∘(B·w)`, which
/// are `C·w` if and only if the witness satisfies the circuit: an unsatisfying one gives a proof that fails.
pub fn quotient_scalars(r1cs: &R1cs, domain: &Domain, witness: &[Fr]) -> Vec<Fr> {
    let [mut a, mut b] = [0, 1].map(|matrix| {
        let matrix = &r1cs.matrices[matrix];
        let mut values = Vec::with_capacity(domain.size());
        (0..matrix.rows())
            .into_par_iter()
            .map(|row| matrix.evaluate(row, witness))
            .collect_into_vec(&mut values);
        values
    });
    a.extend_from_slice(&witness[..=r1cs.public_inputs()]);
    a.resize(domain.size(), Fr::ZERO);
    b.resize(domain.size(), Fr::ZERO);
    let mut c: Vec<Fr> = a.par_iter().zip(&b).map(|(a, b)| *a * b).collect();
    for values in [&mut a, &mut b, &mut c] {
        domain.move_to_odd_points(values);
    }
    a.par_iter_mut().zip(&b).zip(&c).for_each(|((a, b), c)| *a = *a * b - c);
    a
}

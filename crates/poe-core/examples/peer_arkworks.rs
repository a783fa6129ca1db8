//! Times arkworks's Groth16 prover on a circuit and a witness in iden3's formats, for comparison:
//! `cargo run --release --example peer_arkworks -- CIRCUIT.r1cs WITNESS.wtns RUNS`. Prints JSON.
//!
//! Without zero knowledge (r = s = 0) and with the matrices ready, so that only the proof itself is timed.

use std::{collections::BTreeMap, error::Error, fs, path::Path, time::Instant};

use ark_bn254::{Bn254, Fr};
use ark_ff::{AdditiveGroup, PrimeField};
use ark_groth16::{Groth16, prepare_verifying_key, r1cs_to_qap::LibsnarkReduction};
use ark_relations::{
    gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable},
    utils::matrix::Matrix,
};

type Prover = Groth16<Bn254, LibsnarkReduction>;
type Reading<T> = Result<T, Box<dyn Error>>;

/// The matrices A, B, C over wires in the order 1, public inputs, the rest; and a value a wire.
#[derive(Clone)]
struct Assigned {
    public: usize,
    matrices: [Matrix<Fr>; 3],
    values: Vec<Fr>,
}

impl Assigned {
    fn variable(&self, wire: usize) -> Variable {
        match wire {
            0 => Variable::One,
            wire if wire <= self.public => Variable::instance(wire),
            wire => Variable::witness(wire - self.public - 1),
        }
    }

    fn combination(&self, side: usize, row: usize) -> LinearCombination<Fr> {
        let terms = self.matrices[side][row].iter();
        LinearCombination(terms.map(|&(coefficient, wire)| (coefficient, self.variable(wire))).collect())
    }
}

impl ConstraintSynthesizer<Fr> for Assigned {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        for (wire, &value) in self.values.iter().enumerate().skip(1) {
            let _ = if wire <= self.public {
                cs.new_input_variable(|| Ok(value))?
            } else {
                cs.new_witness_variable(|| Ok(value))?
            };
        }
        for row in 0..self.matrices[0].len() {
            let side = |side: usize| self.combination(side, row);
            cs.enforce_r1cs_constraint(|| side(0), || side(1), || side(2))?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [circuit, witness, runs] = &arguments[..] else {
        return Err("usage: peer_arkworks CIRCUIT.r1cs WITNESS.wtns RUNS".into());
    };
    let assigned = read(circuit.as_ref(), witness.as_ref())?;
    let mut rng = ark_std::test_rng();
    let key = Prover::generate_random_parameters_with_reduction(assigned.clone(), &mut rng)?;
    let (inputs, rows) = (1 + assigned.public, assigned.matrices[0].len());
    let mut seconds = Vec::new();
    for _ in 0..runs.parse::<usize>()? {
        let started = Instant::now();
        let proof = Prover::create_proof_with_reduction_and_matrices(
            &key,
            Fr::ZERO,
            Fr::ZERO,
            &assigned.matrices,
            inputs,
            rows,
            &assigned.values,
        )?;
        seconds.push(started.elapsed().as_secs_f64().to_string());
        let public = &assigned.values[1..inputs];
        if !Prover::verify_proof(&prepare_verifying_key(&key.vk), &proof, public)? {
            return Err("the proof does not verify".into());
        }
    }
    println!(
        r#"{{"name": "arkworks", "version": "0.6", "constraints": {rows}, "prove_seconds": [{}]}}"#,
        seconds.join(", ")
    );
    Ok(())
}

fn read(circuit: &Path, witness: &Path) -> Reading<Assigned> {
    let circuit = sections(fs::read(circuit)?, b"r1cs")?;
    let header = circuit.get(&1).ok_or("no header")?;
    let number =
        |at: usize| header.get(at..at + 4).and_then(|b| Some(u32::from_le_bytes(b.try_into().ok()?)));
    let number = |at: usize| number(at).map(|n| n as usize).ok_or("torn header");
    let (public, rows) = (number(40)? + number(44)?, number(60)?);
    let mut rest = &circuit.get(&2).ok_or("no constraints")?[..];
    let mut matrices = [(); 3].map(|()| Vec::with_capacity(rows));
    for row in 0..3 * rows {
        let count = u32::from_le_bytes(take(&mut rest, 4)?.try_into()?);
        let terms = (0..count).map(|_| {
            let wire = u32::from_le_bytes(take(&mut rest, 4)?.try_into()?);
            Ok((Fr::from_le_bytes_mod_order(take(&mut rest, 32)?), wire as usize))
        });
        let terms: Reading<Vec<_>> = terms.collect();
        matrices[row % 3].push(terms?);
    }
    let witness = sections(fs::read(witness)?, b"wtns")?;
    let values = witness.get(&2).ok_or("no values")?.chunks(32).map(Fr::from_le_bytes_mod_order).collect();
    Ok(Assigned { public, matrices, values })
}

/// The numbered sections of a file in iden3's container.
fn sections(bytes: Vec<u8>, magic: &[u8; 4]) -> Reading<BTreeMap<u32, Vec<u8>>> {
    let mut rest = &bytes[..];
    if take(&mut rest, 12)?[..4] != magic[..] {
        return Err("another format".into());
    }
    let mut found = BTreeMap::new();
    while !rest.is_empty() {
        let kind = u32::from_le_bytes(take(&mut rest, 4)?.try_into()?);
        let length = u64::from_le_bytes(take(&mut rest, 8)?.try_into()?);
        found.insert(kind, take(&mut rest, usize::try_from(length)?)?.to_vec());
    }
    Ok(found)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Reading<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length).ok_or("torn file")?;
    *rest = after;
    Ok(taken)
}

//! Small random circuits with keys, for tests of provers.
#![allow(dead_code, clippy::unwrap_used)]

use poe_core::{
    circuit::{
        builder::{Compiler, ConstraintSystem},
        r1cs::R1cs,
    },
    field::Fr,
    groth16::{
        data_structures::{Proof, Queries},
        engine::{Path, Stop},
        generator::generate,
        machine::Machine,
        prover::{Blinding, prove},
        r1cs_to_qap::domain,
        tables::{Source, TableSize, Tables},
    },
};

use crate::world::Random;

pub struct Setup {
    pub r1cs: R1cs,
    pub queries: Queries,
    pub seed: u64,
    pub constraints: usize,
}

/// Random products of random combinations of earlier wires; three public inputs. The seed alone makes the circuit.
fn synthesise(seed: u64, constraints: usize, inputs: [Fr; 3]) -> (R1cs, Vec<Fr>) {
    let mut random = Random(seed);
    let (mut cs, mut nums) = Compiler::new(&inputs);
    for _ in 0..constraints {
        let mut combination = || {
            // Like a real circuit's, mostly small coefficients.
            let mut coefficient = || match random.below(3) {
                0 => random.element(),
                sign => Fr::from(1u64) - Fr::from(2 * (sign - 1)),
            };
            let (first, second) = (coefficient(), coefficient());
            let mut sum = nums[random.below(nums.len() as u64) as usize].scale(first);
            sum.add_scaled(&nums[random.below(nums.len() as u64) as usize], second);
            sum
        };
        let (a, b) = (combination(), combination());
        nums.push(cs.mul(&a, &b));
    }
    cs.finish()
}

impl Setup {
    pub fn new(seed: u64, constraints: usize) -> Self {
        let (r1cs, _) = synthesise(seed, constraints, [1u64, 2, 3].map(Fr::from));
        let queries = generate(&r1cs, &r1cs.hash(), b"a test's seed").unwrap();
        Self { r1cs, queries, seed, constraints }
    }

    /// The wires for these inputs.
    pub fn witness(&self, inputs: [Fr; 3]) -> Vec<Fr> {
        synthesise(self.seed, self.constraints, inputs).1
    }

    /// Three inputs, among them those that make many wires 0, 1 or −1.
    pub fn inputs(&self, random: &mut Random) -> [Fr; 3] {
        std::array::from_fn(|_| match random.below(6) {
            0 => Fr::from(0u64),
            1 => Fr::from(1u64),
            2 => -Fr::from(1u64),
            _ => random.element(),
        })
    }

    pub fn source(&self) -> Source<'_> {
        Source { queries: &self.queries, r1cs: &self.r1cs, label: b"a test's circuit" }
    }

    /// The fast prover with tables in memory.
    pub fn machine(&self, size: TableSize, path: Path) -> Machine {
        Machine::new(Tables::in_memory(self.source(), size, &Stop::new()).unwrap(), path).unwrap()
    }

    /// The proof by arkworks alone.
    pub fn plain(&self, witness: &[Fr], blinding: Blinding) -> Proof {
        prove(&self.queries, &self.r1cs, &domain(&self.r1cs).unwrap(), witness, blinding)
    }
}

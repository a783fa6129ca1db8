//! The fast prover: a circuit's transform and tables, prepared once, and proofs that can be stopped.

use super::{
    data_structures::{Proof, Queries},
    engine::{Path, Stop, Stopped, Transform, msm_g1_in_steps},
    prover::{Blinding, Sums},
    r1cs_to_qap::quotient,
    tables::Tables,
};
use crate::field::Fr;

/// What makes one circuit's proofs fast.
pub struct Machine {
    path: Path,
    transform: Transform,
    tables: Tables,
}

impl Machine {
    /// `None` for a circuit of more constraints than the field has roots of unity.
    pub fn new(tables: Tables, path: Path) -> Option<Self> {
        let transform = Transform::new(tables.circuit().domain_size(), path)?;
        Some(Self { path, transform, tables })
    }

    /// Which arithmetic the kernels use.
    pub fn path(&self) -> Path {
        self.path
    }

    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// As [`super::prover::prove`] without blinding, to the bit, in a fraction of the time. Ends soon after the flag is
    /// set.
    pub fn prove(&self, witness: &[Fr], stop: &Stop) -> Result<Proof, Stopped> {
        Ok(self.sums(witness, stop)?.into_proof(&self.tables.circuit().verifying_key))
    }

    /// As [`super::prover::prove`], for circuits with a secret: for its price see there.
    pub fn prove_blinded(
        &self,
        queries: &Queries,
        witness: &[Fr],
        blinding: Blinding,
        stop: &Stop,
    ) -> Result<Proof, Stopped> {
        let sums = self.sums(witness, stop)?;
        let b_g1 = msm_g1_in_steps(&queries.b_g1, witness, stop)?;
        Ok(sums.into_blinded(queries, blinding, b_g1))
    }

    fn sums(&self, witness: &[Fr], stop: &Stop) -> Result<Sums, Stopped> {
        let circuit = self.tables.circuit();
        assert_eq!(witness.len(), circuit.wires, "one value a wire");
        let h = {
            let quotient = quotient(circuit, &self.transform, witness, self.path, stop)?;
            self.tables.quotient_sum(&quotient, self.path, stop)?
        };
        let (a, b_g2, c) = self.tables.witness_sums(witness, self.path, stop)?;
        Ok(Sums { a, b_g2, c: c + h })
    }
}

//! The fast prover: a circuit's transform and tables, prepared once, and proofs that can be stopped.

use std::path::Path as FilePath;

use super::{
    data_structures::{Proof, Queries},
    engine::{Path, Stop, Stopped, ThreadError, Transform, msm_g1_in_steps, with_threads},
    prover::{Blinding, Sums},
    r1cs_to_qap::quotient,
    tables::{Found, TableSize, Tables, UnknownSize},
};
use crate::{circuit::r1cs::R1cs, field::Fr};

/// Why there is no machine for a key.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error("this machine has no arithmetic \"{name}\": auto, {known}")]
    Arithmetic { name: String, known: String },
    #[error(transparent)]
    Size(#[from] UnknownSize),
    #[error("there is no domain of {points} points")]
    Domain { points: usize },
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What makes one circuit's proofs fast.
pub struct Machine {
    path: Path,
    transform: Transform,
    tables: Tables,
    found: Found,
}

impl Machine {
    /// For a key in a file: its tables are mapped from the file beside it, which is made on `threads` threads if it is
    /// not there or not right. `tables` is "full", "small", or "auto", which looks at the free memory; `arithmetic` is
    /// "ifma", "scalar", or "auto" for the fastest that there is.
    pub fn open(
        queries: &Queries,
        key_path: &FilePath,
        tables: &str,
        arithmetic: &str,
        threads: usize,
    ) -> Result<Self, MachineError> {
        let path = path_named(arithmetic)?;
        let size = TableSize::named(tables, queries)?;
        let make = || Tables::open(queries, key_path, size, &Stop::new());
        let (tables, found) = with_threads(threads, make)??;
        Self::assemble(queries, path, tables, found)
    }

    /// With tables in memory.
    pub fn in_memory(queries: &Queries, size: TableSize, path: Path) -> Result<Self, MachineError> {
        let tables = Tables::in_memory(queries, size, &Stop::new())?;
        Self::assemble(queries, path, tables, Found::Private)
    }

    fn assemble(queries: &Queries, path: Path, tables: Tables, found: Found) -> Result<Self, MachineError> {
        let points = queries.h.len();
        let transform = Transform::new(points, path).ok_or(MachineError::Domain { points })?;
        Ok(Self { path, transform, tables, found })
    }

    /// Which arithmetic the kernels use.
    pub fn path(&self) -> Path {
        self.path
    }

    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// How the tables were come by.
    pub fn found(&self) -> Found {
        self.found
    }

    /// As [`super::prover::prove`], to the bit, in a fraction of the time; ends soon after the flag is set.
    pub fn prove(
        &self,
        queries: &Queries,
        r1cs: &R1cs,
        witness: &[Fr],
        blinding: Blinding,
        stop: &Stop,
    ) -> Result<Proof, Stopped> {
        assert_eq!(witness.len(), r1cs.wires(), "one value a wire");
        let quotient = quotient(r1cs, &self.transform, witness, stop)?;
        let h = self.tables.quotient_sum(&quotient, self.path, stop)?;
        drop(quotient);
        let (a, b_g2, c) = self.tables.witness_sums(witness, self.path, stop)?;
        let hiding = blinding.is_hiding().then(|| msm_g1_in_steps(&queries.b_g1, witness, stop));
        let b_g1 = hiding.transpose()?.unwrap_or_default();
        Ok(Sums { a, b_g1, b_g2, c: c + h }.into_proof(queries, blinding))
    }
}

fn path_named(name: &str) -> Result<Path, MachineError> {
    let found = if name == "auto" { Some(Path::detect()) } else { Path::named(name) };
    found.ok_or_else(|| {
        let known: Vec<&str> = Path::all().into_iter().map(Path::name).collect();
        MachineError::Arithmetic { name: name.to_owned(), known: known.join(", ") }
    })
}

//! Everything of a key that fast proofs read: tables of multiples of the queries A, B in G2, C and H, the matrices A and
//! B, the verifying key.
//!
//! It is made once and lies in a file beside the key, mapped read-only, so that all provers of a host share one copy in
//! memory and none has to read the key or compile the circuit. `file` says when a file is right. Where none can be kept
//! it is made in memory of the process.

mod circuit;
mod file;
mod size;

use std::path::Path as FilePath;

use ark_bn254::{G1Projective, G2Projective, g1, g2};
use ark_ec::AffineRepr;

use self::file::MappedFile;
pub use self::{
    circuit::Circuit,
    size::{TableSize, UnknownSize},
};
use super::{
    data_structures::Queries,
    engine::{Digits, G1Affine, Path, Stop, Stopped, Table, TableBytes, build_table, multiply},
};
use crate::{circuit::r1cs::R1cs, field::Fr};

/// A, B in G2, C, H.
const TABLES: usize = 4;
/// The tables and the circuit.
const SECTIONS: usize = TABLES + 1;

/// What tables are made of. The label says what the circuit is, in the caller's words.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub queries: &'a Queries,
    pub r1cs: &'a R1cs,
    pub label: &'a [u8],
}

/// The tables of one key, and its circuit.
pub struct Tables {
    size: TableSize,
    storage: Storage,
    circuit: Circuit,
    found: Found,
}

enum Storage {
    Mapped(MappedFile),
    Private([TableBytes; TABLES]),
}

/// How tables were come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The file beside the key was right.
    Kept,
    /// The file was made, or made anew.
    Made,
    /// There is no file: the cache cannot be written or is full.
    Private,
}

impl Tables {
    /// The tables in the file beside a key; `None` if it is missing or not right.
    pub fn find(key_path: &FilePath, size: TableSize) -> Option<Self> {
        let (file, circuit) = file::find(key_path, size)?;
        Some(Self { size, storage: Storage::Mapped(file), circuit, found: Found::Kept })
    }

    /// The tables of a key in a file, which are made first unless they are there: only one process makes them, others
    /// wait. Without room for a file, in memory.
    pub fn open(source: Source, key_path: &FilePath, size: TableSize, stop: &Stop) -> Result<Self, Stopped> {
        match file::find_or_make(source, key_path, size, stop)? {
            Some((file, circuit, found)) => Ok(Self { size, storage: Storage::Mapped(file), circuit, found }),
            None => Self::in_memory(source, size, stop),
        }
    }

    /// The tables of a key in memory of this process.
    pub fn in_memory(source: Source, size: TableSize, stop: &Stop) -> Result<Self, Stopped> {
        let make = |table| make_table(source.queries, size, table, stop);
        let storage = Storage::Private([make(0)?, make(1)?, make(2)?, make(3)?]);
        Ok(Self { size, storage, circuit: Circuit::new(source), found: Found::Private })
    }

    pub fn size(&self) -> TableSize {
        self.size
    }

    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    pub fn found(&self) -> Found {
        self.found
    }

    pub fn size_bytes(&self) -> usize {
        (0..TABLES).map(|table| self.bytes(table).len()).sum()
    }

    /// Whether they are a file that all processes share.
    pub fn is_mapped(&self) -> bool {
        matches!(self.storage, Storage::Mapped(_))
    }

    /// Whether the file still holds what was written to it; if not it is deleted, to be made anew at the next start.
    /// Reads all of it: for when a proof fails its check.
    pub fn is_intact(&self) -> bool {
        match &self.storage {
            Storage::Mapped(file) => file.is_intact(),
            Storage::Private(_) => true,
        }
    }

    /// The sums of a witness with A, B and C; C begins behind the public wires.
    pub fn witness_sums(
        &self,
        witness: &[Fr],
        path: Path,
        stop: &Stop,
    ) -> Result<(G1Projective, G2Projective, G1Projective), Stopped> {
        let (a, b, c) = (self.table_g1(0), self.table_g2(), self.table_g1(2));
        let digits = Digits::new(witness, a.window_bits(), stop)?;
        let b_sum = multiply(&b, &digits, path, stop)?;
        Ok((multiply(&a, &digits, path, stop)?, b_sum, multiply(&c, &digits, path, stop)?))
    }

    /// The sum of the quotient's values with H.
    pub fn quotient_sum(&self, quotient: &[Fr], path: Path, stop: &Stop) -> Result<G1Projective, Stopped> {
        let h = self.table_g1(3);
        multiply(&h, &Digits::new(quotient, h.window_bits(), stop)?, path, stop)
    }

    fn table_g1(&self, table: usize) -> Table<'_, g1::Config> {
        Table::from_bytes(self.bytes(table)).unwrap_or_else(|_| unreachable!("read when it was opened"))
    }

    fn table_g2(&self) -> Table<'_, g2::Config> {
        Table::from_bytes(self.bytes(1)).unwrap_or_else(|_| unreachable!("read when it was opened"))
    }

    fn bytes(&self, table: usize) -> &[u8] {
        match &self.storage {
            Storage::Mapped(file) => file.section(table),
            Storage::Private(tables) => &tables[table],
        }
    }
}

/// Makes one table. A, B and C have a column a wire, so that they share the witness's digits.
fn make_table(queries: &Queries, size: TableSize, table: usize, stop: &Stop) -> Result<TableBytes, Stopped> {
    let wires = queries.a.len();
    let options = size.options(if table == 3 { queries.h.len() } else { wires });
    match table {
        0 => build_table::<g1::Config>(&queries.a, options, stop),
        1 => build_table::<g2::Config>(&queries.b_g2, options, stop),
        2 => {
            let mut padded = vec![G1Affine::zero(); wires - queries.c.len()];
            padded.extend_from_slice(&queries.c);
            build_table::<g1::Config>(&padded, options, stop)
        }
        _ => build_table::<g1::Config>(&queries.h, options, stop),
    }
}

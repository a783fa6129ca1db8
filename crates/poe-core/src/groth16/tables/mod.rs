//! A key's tables of multiples: of the queries A, B in G2, C and H.
//!
//! They are made once and lie in a file beside the key, mapped read-only, so that all provers of a host share one copy
//! in memory. `file` says when a file is right. Where none can be kept they are made in memory of the process.

mod file;
mod size;

use std::path::Path as FilePath;

use ark_bn254::{G1Projective, G2Projective, g1, g2};
use ark_ec::AffineRepr;

use self::file::MappedTables;
pub use self::size::{TableSize, UnknownSize};
use super::{
    data_structures::Queries,
    engine::{Digits, G1Affine, Path, Stop, Stopped, Table, TableBytes, build_table, multiply},
};
use crate::field::Fr;

/// A, B in G2, C, H.
const SECTIONS: usize = 4;

/// The tables of one key.
pub struct Tables {
    size: TableSize,
    storage: Storage,
}

enum Storage {
    Mapped(MappedTables),
    Private([TableBytes; SECTIONS]),
}

/// Where a machine's tables are, for logs.
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
    /// The tables of a key in a file: mapped from the file beside it, which is made first if it is missing or not
    /// right; only one process makes it, others wait. Without room for the file, in memory.
    pub fn open(
        queries: &Queries,
        key_path: &FilePath,
        size: TableSize,
        stop: &Stop,
    ) -> Result<(Self, Found), Stopped> {
        match file::open_or_make(queries, key_path, size, stop)? {
            Some((mapped, found)) => Ok((Self { size, storage: Storage::Mapped(mapped) }, found)),
            None => Ok((Self::in_memory(queries, size, stop)?, Found::Private)),
        }
    }

    /// The tables of a key in memory of this process.
    pub fn in_memory(queries: &Queries, size: TableSize, stop: &Stop) -> Result<Self, Stopped> {
        let make = |section| make_section(queries, size, section, stop);
        Ok(Self { size, storage: Storage::Private([make(0)?, make(1)?, make(2)?, make(3)?]) })
    }

    pub fn size(&self) -> TableSize {
        self.size
    }

    pub fn size_bytes(&self) -> usize {
        (0..SECTIONS).map(|section| self.section(section).len()).sum()
    }

    /// Whether they are a file that all processes share.
    pub fn is_mapped(&self) -> bool {
        matches!(self.storage, Storage::Mapped(_))
    }

    /// Whether the file still holds what was written to it; if not it is deleted, to be made anew at the next start.
    /// Reads all of it: for when a proof fails its check.
    pub fn is_intact(&self) -> bool {
        match &self.storage {
            Storage::Mapped(mapped) => mapped.is_intact(),
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
        let digits = Digits::new(witness, a.window_bits());
        stop.check()?;
        let b_sum = multiply(&b, &digits, path, stop)?;
        Ok((multiply(&a, &digits, path, stop)?, b_sum, multiply(&c, &digits, path, stop)?))
    }

    /// The sum of the quotient's values with H.
    pub fn quotient_sum(&self, quotient: &[Fr], path: Path, stop: &Stop) -> Result<G1Projective, Stopped> {
        let h = self.table_g1(3);
        multiply(&h, &Digits::new(quotient, h.window_bits()), path, stop)
    }

    fn table_g1(&self, section: usize) -> Table<'_, g1::Config> {
        Table::from_bytes(self.section(section)).unwrap_or_else(|_| unreachable!("read when it was opened"))
    }

    fn table_g2(&self) -> Table<'_, g2::Config> {
        Table::from_bytes(self.section(1)).unwrap_or_else(|_| unreachable!("read when it was opened"))
    }

    fn section(&self, section: usize) -> &[u8] {
        match &self.storage {
            Storage::Mapped(mapped) => mapped.section(section),
            Storage::Private(sections) => &sections[section],
        }
    }
}

/// Makes one table. A, B and C have a column a wire, so that they share the witness's digits.
fn make_section(
    queries: &Queries,
    size: TableSize,
    section: usize,
    stop: &Stop,
) -> Result<TableBytes, Stopped> {
    let wires = queries.a.len();
    let options = size.options(if section == 3 { queries.h.len() } else { wires });
    match section {
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

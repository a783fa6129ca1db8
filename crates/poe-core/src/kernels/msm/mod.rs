//! Multi-scalar multiplication on fixed bases, by tables of their multiples.
//!
//! [`build`] writes, once for a key, the multiples 2^(c·w)·P of every base P; [`Table`] reads them where they lie, in a
//! mapped file for instance. With them Σ s·P over all bases is a sum of table rows by signed digits of c bits: one set
//! of buckets, no doublings. [`Digits`] recodes the scalars once for all tables of the same c that share them.
//!
//! A worker walks the table in order, so reads stream, and adds each row to the bucket of its digit; buckets stay in
//! cache. Additions gather until a batch of a thousand or two shares one inversion. See [`buckets`] for digits that
//! collide within a batch, up to the case that all of them do.

mod buckets;
mod build;
mod digits;
mod reduce;
mod table;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};

use ark_ec::short_weierstrass::Projective;
use rayon::prelude::*;

use self::buckets::Buckets;
use super::curve::Curve;
use super::field::Path;
use super::stop::{Stop, Stopped};
pub use build::{Options, TableBytes, build, build_on};
pub use digits::Digits;
pub use table::{Table, TableError};

/// Bases a worker takes at a time: some milliseconds of work at most, so that workers end together.
const CHUNK: usize = 1 << 10;

/// Σ digits[column]·base over the bases of a table, on the current rayon pool.
///
/// `digits` must have been recoded for [`Table::window_bits`], and have the table's number of columns. The stop flag
/// is polled before each batch of additions, a fraction of a millisecond.
pub fn multiply<G: Curve>(
    table: &Table<'_, G>,
    digits: &Digits,
    path: Path,
    stop: &Stop,
) -> Result<Projective<G>, Stopped> {
    assert_eq!(digits.window_bits(), table.window_bits(), "digits are for another table");
    assert_eq!(digits.columns(), table.column_count(), "a table has a base for some of the columns");
    let next = AtomicUsize::new(0);
    let workers = rayon::current_num_threads().min(table.base_count().div_ceil(CHUNK)).max(1);
    let sums = (0..workers)
        .into_par_iter()
        .with_max_len(1)
        .map(|_| fill(table, digits, path, stop, &next))
        .collect::<Result<Vec<_>, Stopped>>()?;
    reduce::total::<G>(path, sums, table.window_bits(), stop)
}

/// One worker: takes chunks of bases until none is left, returns its buckets; none if it came too late.
fn fill<G: Curve>(
    table: &Table<'_, G>,
    digits: &Digits,
    path: Path,
    stop: &Stop,
    next: &AtomicUsize,
) -> Result<Vec<G::Row>, Stopped> {
    let mut buckets: Option<Buckets<'_, G>> = None;
    loop {
        let first = next.fetch_add(CHUNK, Ordering::Relaxed);
        if first >= table.base_count() {
            return buckets.map_or(Ok(Vec::new()), |buckets| buckets.finish(stop));
        }
        let buckets = buckets.get_or_insert_with(|| Buckets::new(table, path));
        for base in first..table.base_count().min(first + CHUNK) {
            for (window, digit) in digits.of(table.column(base)).iter().enumerate() {
                if *digit != 0 {
                    buckets.add(base, window, *digit, stop)?;
                }
            }
        }
    }
}

//! Bucket sums of table rows, by batches of additions to different buckets.
//!
//! A digit whose bucket already takes part in the batch under way waits for the next. A digit that would wait a second
//! time goes to a spare sum of its bucket instead: each bucket owns a chain of spares, as long as was ever needed in
//! one batch, and [`Buckets::finish`] folds the chains. So random digits hardly make spares, and a million equal digits
//! become a tree of full batches.

use super::table::Table;
use crate::kernels::curve::{Additions, Curve, add_all, add_each};
use crate::kernels::field::Path;
use crate::kernels::stop::{Stop, Stopped};

/// Additions that share an inversion, at most: their operands should stay in the second-level cache.
const BATCH: usize = 1 << 11;
/// A sum that has no term yet.
const EMPTY: u32 = 0;
/// A sum with a term that no batch has used yet.
const FRESH: u32 = 1;

/// A term on its way to a bucket: its row's number doubled, plus one if it is to be subtracted.
type Term = u32;

pub(super) struct Buckets<'a, G: Curve> {
    path: Path,
    table_rows: &'a [G::Row],
    rows_per_base: usize,
    stride: usize,
    buckets_per_window: usize,
    /// Bucket |d| of window w mod stride is at (w mod stride)·2^(c-1) + |d| - 1; spares follow.
    sums: Vec<G::Row>,
    /// The batch that used a sum last, or `EMPTY`, `FRESH`.
    used: Vec<u32>,
    /// The next spare in the chain of a sum; 0 ends it.
    chain: Vec<u32>,
    /// For each bucket the batch for which, and the spare up to which, its chain is taken.
    cursors: Vec<(u32, u32)>,
    batch_number: u32,
    capacity: usize,
    targets: Vec<u32>,
    terms: Vec<Term>,
    waiting: Vec<(u32, Term)>,
}

impl<'a, G: Curve> Buckets<'a, G> {
    pub fn new(table: &Table<'a, G>, path: Path) -> Self {
        let buckets_per_window = 1 << (table.window_bits() - 1);
        let count = buckets_per_window * table.stride();
        let capacity = (count / 4).clamp(64, BATCH);
        Self {
            path,
            table_rows: table.rows(),
            rows_per_base: table.rows_per_base(),
            stride: table.stride(),
            buckets_per_window,
            sums: vec![G::INFINITY; count],
            used: vec![EMPTY; count],
            chain: vec![0; count],
            cursors: vec![(EMPTY, 0); count],
            batch_number: FRESH + 1,
            capacity,
            targets: Vec::with_capacity(capacity),
            terms: Vec::with_capacity(capacity),
            waiting: Vec::with_capacity(capacity),
        }
    }

    /// Adds digit·2^(c·window)·base.
    #[inline]
    pub fn add(&mut self, base: usize, window: usize, digit: i16, stop: &Stop) -> Result<(), Stopped> {
        let magnitude = usize::from(digit.unsigned_abs());
        let bucket = (window % self.stride * self.buckets_per_window + magnitude - 1) as u32;
        let row = base * self.rows_per_base + window / self.stride;
        let term = (row as Term) << 1 | Term::from(digit < 0);
        if self.used[bucket as usize] == self.batch_number {
            self.waiting.push((bucket, term));
            if self.waiting.len() == self.capacity {
                self.spread_waiting(stop)?;
            }
            return Ok(());
        }
        self.put(bucket, term);
        if self.targets.len() == self.capacity { self.run(stop) } else { Ok(()) }
    }

    /// The sums of all buckets, in order.
    pub fn finish(mut self, stop: &Stop) -> Result<Vec<G::Row>, Stopped> {
        while !(self.targets.is_empty() && self.waiting.is_empty()) {
            self.run(stop)?;
        }
        self.fold_chains(stop)?;
        self.sums.truncate(self.cursors.len());
        Ok(self.sums)
    }

    /// Puts a term into a sum that the batch does not use yet.
    #[inline]
    fn put(&mut self, sum: u32, term: Term) {
        let used = &mut self.used[sum as usize];
        if *used == EMPTY {
            *used = FRESH;
            self.sums[sum as usize] = self.signed(term);
            return;
        }
        *used = self.batch_number;
        prefetch(&self.sums[sum as usize]);
        prefetch(&self.table_rows[(term >> 1) as usize]);
        self.targets.push(sum);
        self.terms.push(term);
    }

    fn signed(&self, term: Term) -> G::Row {
        let row = &self.table_rows[(term >> 1) as usize];
        if term & 1 == 0 { *row } else { G::row_of(&-G::point_of(row)) }
    }

    /// Does the batch, then lets what waited take part in the next.
    fn run(&mut self, stop: &Stop) -> Result<(), Stopped> {
        self.run_batch(stop)?;
        self.spread_waiting(stop)
    }

    fn run_batch(&mut self, stop: &Stop) -> Result<(), Stopped> {
        stop.check()?;
        let (table_rows, terms) = (self.table_rows, &self.terms);
        let mut batch = Batch { sums: &mut self.sums, targets: &self.targets, table_rows, terms };
        add_all::<G>(self.path, &mut batch);
        self.targets.clear();
        self.terms.clear();
        self.batch_number += 1;
        Ok(())
    }

    /// Gives every waiting term a sum of its own in the batch under way.
    fn spread_waiting(&mut self, stop: &Stop) -> Result<(), Stopped> {
        while let Some((bucket, term)) = self.waiting.pop() {
            let taken = self.used[bucket as usize] == self.batch_number;
            let sum = if taken { self.spare(bucket) } else { bucket };
            self.put(sum, term);
            if self.targets.len() == self.capacity {
                self.run_batch(stop)?;
            }
        }
        Ok(())
    }

    /// A sum in a bucket's chain that the batch does not use, a new one if need be.
    fn spare(&mut self, bucket: u32) -> u32 {
        let (batch, last) = self.cursors[bucket as usize];
        let last = if batch == self.batch_number { last } else { bucket };
        if self.chain[last as usize] == 0 {
            self.chain[last as usize] = self.sums.len() as u32;
            self.sums.push(G::INFINITY);
            self.used.push(EMPTY);
            self.chain.push(0);
        }
        let spare = self.chain[last as usize];
        self.cursors[bucket as usize] = (self.batch_number, spare);
        spare
    }

    /// Adds up each chain into its bucket, the first half of every chain with the second, until one sum is left.
    fn fold_chains(&mut self, stop: &Stop) -> Result<(), Stopped> {
        let heads = (0..self.cursors.len()).filter(|bucket| self.chain[*bucket] != 0);
        let mut chains: Vec<Vec<u32>> = heads.map(|bucket| self.chain_of(bucket as u32)).collect();
        while !chains.is_empty() {
            let mut pairs = Vec::new();
            for chain in &mut chains {
                let tail = chain.split_off(chain.len().div_ceil(2));
                pairs.extend(chain.iter().copied().zip(tail));
            }
            for pairs in pairs.chunks(self.capacity) {
                stop.check()?;
                self.add_pairs(pairs);
            }
            chains.retain(|chain| chain.len() > 1);
        }
        Ok(())
    }

    fn chain_of(&self, bucket: u32) -> Vec<u32> {
        let next = |sum: &u32| Some(self.chain[*sum as usize]).filter(|spare| *spare != 0);
        std::iter::successors(Some(bucket), next).collect()
    }

    fn add_pairs(&mut self, pairs: &[(u32, u32)]) {
        let take = |sum: u32| self.sums[sum as usize];
        let mut sums: Vec<_> = pairs.iter().map(|(left, _)| take(*left)).collect();
        let addends: Vec<_> = pairs.iter().map(|(_, right)| take(*right)).collect();
        add_each::<G>(self.path, &mut sums, &addends);
        for ((left, _), sum) in pairs.iter().zip(sums) {
            self.sums[*left as usize] = sum;
        }
    }
}

/// Table rows onto sums, each sum at most once.
struct Batch<'a, R> {
    sums: &'a mut [R],
    targets: &'a [u32],
    table_rows: &'a [R],
    terms: &'a [Term],
}

impl<R: Copy> Additions<R> for Batch<'_, R> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.targets.len()
    }

    #[inline(always)]
    fn operands(&self, k: usize) -> (&R, &R, bool) {
        let term = self.terms[k];
        (&self.sums[self.targets[k] as usize], &self.table_rows[(term >> 1) as usize], term & 1 == 1)
    }

    #[inline(always)]
    fn set(&mut self, k: usize, sum: &R) {
        self.sums[self.targets[k] as usize] = *sum;
    }
}

/// Asks for a row that will be needed when the batch runs.
#[inline(always)]
fn prefetch<R>(row: &R) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a prefetch reads nothing; the second address is inside the row where that is longer than a line.
        #[allow(unsafe_code)]
        unsafe {
            let first = std::ptr::from_ref(row).cast::<i8>();
            _mm_prefetch::<_MM_HINT_T1>(first);
            if size_of::<R>() > 64 {
                _mm_prefetch::<_MM_HINT_T1>(first.add(64));
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

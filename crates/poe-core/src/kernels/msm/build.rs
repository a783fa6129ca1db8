//! Making a table: once for a key, some seconds for a hundred thousand bases.

use std::ops::Deref;

use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::Affine;
use rayon::prelude::*;

use super::digits;
use super::table::{ALIGN, Shape};
use crate::kernels::curve::{Curve, double_each};
use crate::kernels::field::Path;
use crate::kernels::stop::{Stop, Stopped};

/// Bases that are doubled together: the inversion they share is a tenth of the work.
const BLOCK: usize = 1 << 10;

/// What a table trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bits of a digit, 2 to 16: 2^(c-1) buckets, ⌈255/c⌉ additions a base. Tables that share digits must agree.
    pub window_bits: usize,
    /// 1 stores the multiple of every window (full); k only every k-th, so the table is k times smaller, there are k
    /// times as many buckets, and (k - 1)·c doublings in the end.
    pub stride: usize,
}

impl Options {
    /// The fastest, for about that many bases whose scalars are of full width.
    pub fn full(bases: usize) -> Self {
        Self { window_bits: window_bits(bases, 1), stride: 1 }
    }

    /// About half as much memory.
    pub fn small(bases: usize) -> Self {
        Self { window_bits: window_bits(bases, 2), stride: 2 }
    }

    /// Bytes of a table in memory and file, for that many columns of which `bases` are finite.
    pub fn size_bytes<G: Curve>(self, columns: usize, bases: usize) -> usize {
        self.shape(columns, bases).size_bytes::<G>()
    }

    fn shape(self, columns: usize, bases: usize) -> Shape {
        assert!((2..=16).contains(&self.window_bits) && (1..=16).contains(&self.stride));
        Shape { window_bits: self.window_bits, stride: self.stride, columns, bases }
    }
}

/// The digit that makes additions fewest: each bucket costs about three beside those of the bases.
fn window_bits(bases: usize, stride: usize) -> usize {
    let additions = |bits: &usize| bases * digits::windows(*bits) + 3 * stride * (1 << (*bits - 1));
    (2..=16).min_by_key(additions).unwrap_or(16)
}

/// The bytes of a table in memory of their own, aligned as [`super::Table::from_bytes`] wants them.
pub struct TableBytes(Vec<Line>);

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; ALIGN]);

impl TableBytes {
    /// `size` zeros, a multiple of the alignment.
    fn zeroed(size: usize) -> Self {
        assert!(size.is_multiple_of(ALIGN));
        Self(vec![Line([0; ALIGN]); size / ALIGN])
    }

    #[cfg(test)]
    #[allow(unsafe_code)]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), self.0.len() * ALIGN) }
    }
}

impl Deref for TableBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: a `Line` is 64 plain bytes without padding, so the vector is 64 bytes a line, one after another.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * ALIGN)
        }
    }
}

/// The table of the bases, of which infinite ones are left out.
pub fn build<G: Curve>(bases: &[Affine<G>], options: Options, stop: &Stop) -> Result<TableBytes, Stopped> {
    build_on(Path::detect(), bases, options, stop)
}

/// [`build`] on a given path; the bytes are the same on all.
pub fn build_on<G: Curve>(
    path: Path,
    bases: &[Affine<G>],
    options: Options,
    stop: &Stop,
) -> Result<TableBytes, Stopped> {
    let finite: Vec<usize> = (0..bases.len()).filter(|column| !bases[*column].is_zero()).collect();
    let shape = options.shape(bases.len(), finite.len());
    let mut table = TableBytes::zeroed(shape.size_bytes::<G>());
    let (head, rows) = table.0.split_at_mut(shape.rows_at() / ALIGN);
    let columns = finite.iter().flat_map(|column| (*column as u32).to_le_bytes());
    let bytes = head.iter_mut().flat_map(|line| &mut line.0);
    bytes.zip(shape.header(G::GROUP).into_iter().chain(columns)).for_each(|(to, byte)| *to = byte);
    let lines_per_base = shape.rows_per_base() * size_of::<G::Row>() / ALIGN;
    rows.par_chunks_mut(BLOCK * lines_per_base).zip(finite.par_chunks(BLOCK)).try_for_each(
        |(lines, columns)| {
            let bases = columns.iter().map(|column| G::row_of(&bases[*column])).collect();
            write_multiples::<G>(path, bases, shape, lines, stop)
        },
    )?;
    Ok(table)
}

/// Writes 2^(c·stride·j)·base for every base and stored j, all bases in step.
fn write_multiples<G: Curve>(
    path: Path,
    mut bases: Vec<G::Row>,
    shape: Shape,
    lines: &mut [Line],
    stop: &Stop,
) -> Result<(), Stopped> {
    let lines_per_row = size_of::<G::Row>() / ALIGN;
    for j in 0..shape.rows_per_base() {
        for (row, lines) in bases.iter().zip(lines.chunks_exact_mut(lines_per_row * shape.rows_per_base())) {
            let bytes = lines[j * lines_per_row..][..lines_per_row].iter_mut().flat_map(|line| &mut line.0);
            bytes.zip(G::bytes(row)).for_each(|(to, byte)| *to = byte);
        }
        if j + 1 < shape.rows_per_base() {
            for _ in 0..shape.window_bits * shape.stride {
                stop.check()?;
                double_each::<G>(path, &mut bases);
            }
        }
    }
    Ok(())
}

//! A table of multiples, read in place.
//!
//! Layout, all little-endian: a header of eight 64-bit words (magic, group, window bits, stride, columns, bases, two
//! zeros); for each base its column as 32 bits, padded with zeros to 64 bytes; then for each base its rows, the multiples
//! 2^(c·stride·j) for j = 0, 1, … Bases at infinity are left out, so columns only increase. One layout serves both
//! paths and both groups: coordinates are in arkworks' form.

use std::marker::PhantomData;
use std::mem::size_of;

use super::digits;
use crate::kernels::curve::Curve;

/// "POEMSM" and a version.
const MAGIC: u64 = u64::from_le_bytes(*b"POEMSM\x00\x01");
const HEADER_BYTES: usize = 64;
/// The alignment of a table's first byte.
pub(super) const ALIGN: usize = 64;

/// Why bytes are not a table.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableError {
    /// The bytes do not start at a multiple of 64.
    #[error("a table must start at a multiple of 64 bytes")]
    Unaligned,
    /// The header is not one of this version, group and machine.
    #[error("not a table of this group and version")]
    Header,
    /// The length differs from what the header says.
    #[error("the table has {got} bytes where its header means {want}")]
    Length { want: usize, got: usize },
    /// Columns must increase and stay below their number.
    #[error("base {0} of the table has a column out of order")]
    Column(usize),
}

/// The numbers of a table's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub window_bits: usize,
    /// Every how many windows a multiple is stored; the others cost doublings at the end.
    pub stride: usize,
    pub columns: usize,
    pub bases: usize,
}

impl Shape {
    pub fn rows_per_base(self) -> usize {
        digits::windows(self.window_bits).div_ceil(self.stride)
    }

    pub fn header(self, group: u64) -> [u8; HEADER_BYTES] {
        let numbers = [self.window_bits, self.stride, self.columns, self.bases].map(|n| n as u64);
        let [window_bits, stride, columns, bases] = numbers;
        let words = [MAGIC, group, window_bits, stride, columns, bases, 0, 0];
        let mut bytes = [0; HEADER_BYTES];
        for (to, word) in bytes.chunks_exact_mut(8).zip(words) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn parse(bytes: &[u8], group: u64) -> Option<Self> {
        let (words, _) = bytes.first_chunk::<HEADER_BYTES>()?.as_chunks::<8>();
        let [magic, found, window_bits, stride, columns, bases, 0, 0] =
            std::array::from_fn(|i| u64::from_le_bytes(words[i]))
        else {
            return None;
        };
        let fits = (2..=16).contains(&window_bits) && (1..=16).contains(&stride) && bases <= columns;
        // A row's number and a sign share 32 bits.
        (magic == MAGIC && found == group && fits && columns < 1 << 24).then_some(Self {
            window_bits: window_bits as usize,
            stride: stride as usize,
            columns: columns as usize,
            bases: bases as usize,
        })
    }

    /// Where the rows begin.
    pub fn rows_at(self) -> usize {
        HEADER_BYTES + (4 * self.bases).next_multiple_of(ALIGN)
    }

    pub fn size_bytes<G: Curve>(self) -> usize {
        self.rows_at() + self.bases * self.rows_per_base() * size_of::<G::Row>()
    }
}

/// A table of multiples of the bases of one query. Copying it copies references.
pub struct Table<'a, G: Curve> {
    shape: Shape,
    columns: &'a [u32],
    rows: &'a [G::Row],
    curve: PhantomData<G>,
}

impl<'a, G: Curve> Table<'a, G> {
    /// Reads a table without copying. Its points are taken as they are: who stores a table guards its bytes by a hash.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, TableError> {
        if bytes.as_ptr().align_offset(ALIGN) != 0 {
            return Err(TableError::Unaligned);
        }
        if cfg!(target_endian = "big") {
            return Err(TableError::Header);
        }
        let shape = Shape::parse(bytes, G::GROUP).ok_or(TableError::Header)?;
        let (rows_at, want) = (shape.rows_at(), shape.size_bytes::<G>());
        if bytes.len() != want {
            return Err(TableError::Length { want, got: bytes.len() });
        }
        let columns = &cast::<u32>(&bytes[HEADER_BYTES..rows_at])[..shape.bases];
        let ordered =
            |i: &usize| columns[*i] as usize >= shape.columns || *i > 0 && columns[*i] <= columns[i - 1];
        if let Some(wrong) = (0..shape.bases).find(ordered) {
            return Err(TableError::Column(wrong));
        }
        Ok(Self { shape, columns, rows: cast::<G::Row>(&bytes[rows_at..]), curve: PhantomData })
    }

    /// Bits in a digit, which [`super::Digits`] must be recoded for.
    pub fn window_bits(&self) -> usize {
        self.shape.window_bits
    }

    /// Scalars that a multiplication takes, those of bases at infinity included.
    pub fn column_count(&self) -> usize {
        self.shape.columns
    }

    /// Finite bases.
    pub fn base_count(&self) -> usize {
        self.shape.bases
    }

    pub(super) fn stride(&self) -> usize {
        self.shape.stride
    }

    pub(super) fn rows_per_base(&self) -> usize {
        self.shape.rows_per_base()
    }

    pub(super) fn rows(&self) -> &'a [G::Row] {
        self.rows
    }

    #[inline]
    pub(super) fn column(&self, base: usize) -> usize {
        self.columns[base] as usize
    }
}

/// Views bytes as values of a plain type. Panics if they are not aligned for it or leave a remainder.
#[allow(unsafe_code)]
fn cast<T>(bytes: &[u8]) -> &[T] {
    assert!(bytes.as_ptr().cast::<T>().is_aligned() && bytes.len().is_multiple_of(size_of::<T>()));
    // SAFETY: aligned and of whole length by the check above; `T` is u32 or a row of words, of which any bit pattern is
    // a value; the result borrows the same bytes.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size_of::<T>()) }
}

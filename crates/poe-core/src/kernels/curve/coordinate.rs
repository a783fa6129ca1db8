//! Coordinates of eight points at once: Fq for G1, Fq2 for G2.
//!
//! Bounds follow [`crate::kernels::field::Lanes`]: rows hold values < p, products and reductions give < 2p, and what
//! the additions build in between stays ≤ 8p, which every product here accepts beside a factor < 2p.

use super::Row;
use crate::kernels::field::{FqLanes, Ifma, LANES, Rows};

/// The operations a batch of affine additions needs.
pub trait Coordinate: Copy {
    /// The memory of a point with such coordinates.
    type Row: Copy;

    /// The x coordinates of eight rows.
    fn load_x(token: Ifma, rows: [&Self::Row; LANES]) -> Self;
    /// The coordinates of eight rows.
    fn load(token: Ifma, rows: [&Self::Row; LANES]) -> (Self, Self);
    /// Rows of canonical coordinates.
    fn store(token: Ifma, x: Self, y: Self) -> [Self::Row; LANES];
    /// One in wide form.
    fn one(token: Ifma) -> Self;
    /// self·other·2^-260 for self < 2p, other ≤ 8p; bound 2p.
    fn mul(self, other: Self) -> Self;
    /// self²·2^-260 for self < 2p; bound 2p.
    fn square(self) -> Self;
    /// Sum; the bounds add up.
    fn add(self, other: Self) -> Self;
    /// 16·self for self < 2p; bound 2p.
    fn times_sixteen(self) -> Self;
    /// The lanes that are zero, for canonical values.
    fn zeros(self) -> u8;
    /// self - other + p for other ≤ p.
    fn sub(self, other: Self) -> Self;
    /// self - a - b + 2p for a, b ≤ p.
    fn sub_two(self, a: Self, b: Self) -> Self;
    /// 4·(self - other + p) for other ≤ p.
    fn four_times_difference(self, other: Self) -> Self;
    /// p - self where `mask` is set, for self ≤ p.
    fn negated(self, mask: u8) -> Self;
    /// `self` where `mask` is set, `other` elsewhere.
    fn selected(self, mask: u8, other: Self) -> Self;
    /// The lanes where either is zero or both are equal, for canonical values.
    fn exceptional(self, other: Self) -> u8;
    /// Below p, from any value < 84p.
    fn canonical(self) -> Self;
    /// 1/(4x) in wide form of x in wide form, x < 2p.
    fn quarter_inverse(self, token: Ifma) -> Self;
}

impl Coordinate for FqLanes {
    type Row = Row<8>;

    #[inline(always)]
    fn load_x(token: Ifma, rows: [&Row<8>; LANES]) -> Self {
        Self::load(token, rows.map(|row| row.0.first_chunk().unwrap_or(&[0; 4])))
    }

    #[inline(always)]
    fn load(token: Ifma, rows: [&Row<8>; LANES]) -> (Self, Self) {
        Self::pair_from_rows(Rows::load(token, rows.map(|row| &row.0)))
    }

    #[inline(always)]
    fn store(_: Ifma, x: Self, y: Self) -> [Row<8>; LANES] {
        let mut records = [[0; 8]; LANES];
        Self::pair_into_rows(x, y).store(&mut records);
        records.map(Row)
    }

    #[inline(always)]
    fn one(token: Ifma) -> Self {
        Self::one_wide(token)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.mul(other)
    }

    #[inline(always)]
    fn square(self) -> Self {
        self.square()
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.add(other)
    }

    #[inline(always)]
    fn times_sixteen(self) -> Self {
        self.double().double().double().double().reduced()
    }

    #[inline(always)]
    fn zeros(self) -> u8 {
        self.zero_integer_mask()
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.sub::<1>(other)
    }

    #[inline(always)]
    fn sub_two(self, a: Self, b: Self) -> Self {
        self.sub_two::<2>(a, b)
    }

    #[inline(always)]
    fn four_times_difference(self, other: Self) -> Self {
        self.four_times_difference::<1>(other)
    }

    #[inline(always)]
    fn negated(self, mask: u8) -> Self {
        self.neg::<1>().selected(mask, self)
    }

    #[inline(always)]
    fn selected(self, mask: u8, other: Self) -> Self {
        self.selected(mask, other)
    }

    #[inline(always)]
    fn exceptional(self, other: Self) -> u8 {
        self.same_integer_mask(other) | self.zeros() | other.zeros()
    }

    #[inline(always)]
    fn canonical(self) -> Self {
        self.reduced().canonical()
    }

    #[inline(always)]
    fn quarter_inverse(self, token: Ifma) -> Self {
        inverted(token, self.double().double().reduced())
    }
}

/// Eight elements of Fq2 = Fq[u]/(u² + 1).
#[derive(Clone, Copy)]
pub struct Fq2Lanes {
    c0: FqLanes,
    c1: FqLanes,
}

impl Coordinate for Fq2Lanes {
    type Row = Row<16>;

    #[inline(always)]
    fn load_x(token: Ifma, rows: [&Row<16>; LANES]) -> Self {
        half(token, rows.map(|row| row.0.first_chunk().unwrap_or(&[0; 8])))
    }

    #[inline(always)]
    fn load(token: Ifma, rows: [&Row<16>; LANES]) -> (Self, Self) {
        let y = half(token, rows.map(|row| row.0.last_chunk().unwrap_or(&[0; 8])));
        (Self::load_x(token, rows), y)
    }

    #[inline(always)]
    fn store(_: Ifma, x: Self, y: Self) -> [Row<16>; LANES] {
        let mut halves = [[[0; 8]; LANES]; 2];
        FqLanes::pair_into_rows(x.c0, x.c1).store(&mut halves[0]);
        FqLanes::pair_into_rows(y.c0, y.c1).store(&mut halves[1]);
        let mut rows = [Row::INFINITY; LANES];
        for (k, row) in rows.iter_mut().enumerate() {
            row.0[..8].copy_from_slice(&halves[0][k]);
            row.0[8..].copy_from_slice(&halves[1][k]);
        }
        rows
    }

    #[inline(always)]
    fn one(token: Ifma) -> Self {
        Self { c0: FqLanes::one_wide(token), c1: FqLanes::zero(token) }
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // (a0 + a1·u)(b0 + b1·u) with u² = -1; the bounds sum to 2·8 + 2·8.
        let c0 = FqLanes::sum_of_products(self.c0, other.c0, self.c1, other.c1.neg::<8>());
        let c1 = FqLanes::sum_of_products(self.c0, other.c1, self.c1, other.c0);
        Self { c0, c1 }
    }

    #[inline(always)]
    fn square(self) -> Self {
        let c0 = self.c0.add(self.c1).mul(self.c0.sub::<2>(self.c1));
        Self { c0, c1: self.c0.double().mul(self.c1) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self { c0: self.c0.add(other.c0), c1: self.c1.add(other.c1) }
    }

    #[inline(always)]
    fn times_sixteen(self) -> Self {
        Self { c0: self.c0.times_sixteen(), c1: self.c1.times_sixteen() }
    }

    #[inline(always)]
    fn zeros(self) -> u8 {
        self.c0.zeros() & self.c1.zeros()
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self { c0: self.c0.sub::<1>(other.c0), c1: self.c1.sub::<1>(other.c1) }
    }

    #[inline(always)]
    fn sub_two(self, a: Self, b: Self) -> Self {
        Self { c0: self.c0.sub_two::<2>(a.c0, b.c0), c1: self.c1.sub_two::<2>(a.c1, b.c1) }
    }

    #[inline(always)]
    fn four_times_difference(self, other: Self) -> Self {
        let c0 = self.c0.four_times_difference::<1>(other.c0);
        Self { c0, c1: self.c1.four_times_difference::<1>(other.c1) }
    }

    #[inline(always)]
    fn negated(self, mask: u8) -> Self {
        Self { c0: self.c0.negated(mask), c1: self.c1.negated(mask) }
    }

    #[inline(always)]
    fn selected(self, mask: u8, other: Self) -> Self {
        Self { c0: self.c0.selected(mask, other.c0), c1: self.c1.selected(mask, other.c1) }
    }

    #[inline(always)]
    fn exceptional(self, other: Self) -> u8 {
        let same = self.c0.same_integer_mask(other.c0) & self.c1.same_integer_mask(other.c1);
        same | self.zeros() | other.zeros()
    }

    #[inline(always)]
    fn canonical(self) -> Self {
        Self { c0: self.c0.reduced().canonical(), c1: self.c1.reduced().canonical() }
    }

    #[inline(always)]
    fn quarter_inverse(self, token: Ifma) -> Self {
        // 1/(c0 + c1·u) = (c0 - c1·u)/(c0² + c1²)
        let c0 = self.c0.double().double().reduced();
        let c1 = self.c1.double().double().reduced();
        let norm = inverted(token, FqLanes::sum_of_products(c0, c0, c1, c1));
        Self { c0: c0.mul(norm), c1: c1.neg::<2>().mul(norm) }
    }
}

#[inline(always)]
fn half(token: Ifma, records: [&[u64; 8]; LANES]) -> Fq2Lanes {
    let (c0, c1) = FqLanes::pair_from_rows(Rows::load(token, records));
    Fq2Lanes { c0, c1 }
}

#[inline(always)]
fn inverted(token: Ifma, value: FqLanes) -> FqLanes {
    // SAFETY: the token proves the instructions that `inverted` is compiled for.
    #[allow(unsafe_code)]
    unsafe {
        value.inverted(token)
    }
}

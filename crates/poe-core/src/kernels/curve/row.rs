//! The 64 (G1) or 128 (G2) bytes of an affine point.

use ark_bn254::{Fq, Fq2, Fr, g1, g2};
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, Field, Zero};

#[cfg(target_arch = "x86_64")]
use super::coordinate::{Coordinate, Fq2Lanes};
#[cfg(target_arch = "x86_64")]
use crate::kernels::field::FqLanes;
use crate::kernels::field::inverse;

/// An affine point: x then y, each coordinate's words in arkworks' Montgomery form (below p), c0 before c1 in G2.
/// Infinity is all zeros, which is on neither curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Row<const WORDS: usize>(pub [u64; WORDS]);

impl<const WORDS: usize> Row<WORDS> {
    /// The point at infinity.
    pub const INFINITY: Self = Self([0; WORDS]);
}

/// G1 or G2 of BN254 with its rows.
pub trait Curve: SWCurveConfig<ScalarField = Fr> {
    /// What a point is in memory; plain words, any bit pattern is a value.
    type Row: Copy + Send + Sync + PartialEq + std::fmt::Debug + 'static;
    /// Eight coordinates at once.
    #[cfg(target_arch = "x86_64")]
    type Lanes: Coordinate<Row = Self::Row>;
    /// Tells the groups apart in a table's header.
    const GROUP: u64;
    /// The row of the point at infinity.
    const INFINITY: Self::Row;

    /// The row of finite coordinates.
    fn row(x: Self::BaseField, y: Self::BaseField) -> Self::Row;

    /// The coordinates of a row, whatever point it is.
    fn coordinates(row: &Self::Row) -> (Self::BaseField, Self::BaseField);

    /// 1/x of a coordinate; zero for zero.
    fn inverse(x: Self::BaseField) -> Self::BaseField;

    /// The bytes of a row in a table.
    fn bytes(row: &Self::Row) -> impl Iterator<Item = u8>;

    /// The row of an affine point.
    fn row_of(point: &Affine<Self>) -> Self::Row {
        if point.is_zero() { Self::INFINITY } else { Self::row(point.x, point.y) }
    }

    /// The affine point of a row.
    fn point_of(row: &Self::Row) -> Affine<Self> {
        let (x, y) = Self::coordinates(row);
        if x.is_zero() && y.is_zero() { Affine::identity() } else { Affine::new_unchecked(x, y) }
    }
}

fn fq(words: &[u64]) -> Fq {
    Fq::new_unchecked(BigInt([words[0], words[1], words[2], words[3]]))
}

impl Curve for g1::Config {
    type Row = Row<8>;
    #[cfg(target_arch = "x86_64")]
    type Lanes = FqLanes;
    const GROUP: u64 = 1;
    const INFINITY: Row<8> = Row::INFINITY;

    #[inline]
    fn row(x: Fq, y: Fq) -> Row<8> {
        let ([a, b, c, d], [e, f, g, h]) = (x.0.0, y.0.0);
        Row([a, b, c, d, e, f, g, h])
    }

    #[inline]
    fn coordinates(row: &Row<8>) -> (Fq, Fq) {
        (fq(&row.0[..4]), fq(&row.0[4..]))
    }

    fn inverse(x: Fq) -> Fq {
        inverse(x)
    }

    fn bytes(row: &Row<8>) -> impl Iterator<Item = u8> {
        row.0.into_iter().flat_map(u64::to_le_bytes)
    }
}

impl Curve for g2::Config {
    type Row = Row<16>;
    #[cfg(target_arch = "x86_64")]
    type Lanes = Fq2Lanes;
    const GROUP: u64 = 2;
    const INFINITY: Row<16> = Row::INFINITY;

    #[inline]
    fn row(x: Fq2, y: Fq2) -> Row<16> {
        let mut row = Row::INFINITY;
        for (to, from) in row.0.chunks_exact_mut(4).zip([x.c0, x.c1, y.c0, y.c1]) {
            to.copy_from_slice(&from.0.0);
        }
        row
    }

    #[inline]
    fn coordinates(row: &Row<16>) -> (Fq2, Fq2) {
        let w = &row.0;
        (Fq2::new(fq(&w[..4]), fq(&w[4..8])), Fq2::new(fq(&w[8..12]), fq(&w[12..])))
    }

    fn inverse(x: Fq2) -> Fq2 {
        // 1/(c0 + c1·u) = (c0 - c1·u)/(c0² + c1²)
        let norm = inverse(x.c0.square() + x.c1.square());
        Fq2::new(x.c0 * norm, -x.c1 * norm)
    }

    fn bytes(row: &Row<16>) -> impl Iterator<Item = u8> {
        row.0.into_iter().flat_map(u64::to_le_bytes)
    }
}

//! The curve as `-x'² + y² = 1 + d'·x'²·y²` in extended coordinates: fewer products than the circuit's own form.
//!
//! Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited" (ASIACRYPT 2008), section 3.1 for addition
//! (`a = -1`, `k = 2d'`), 3.3 for doubling. `x' = s·x` with `s² = -a` maps our curve onto this one, `d' = -d/a`.
//! -1 is a square and d' is not, so addition is complete here too.

use std::sync::LazyLock;

use ark_ff::{AdditiveGroup, Field, batch_inversion};

use super::{A, Affine, D};
use crate::field::Fr;

/// `s`, `1/s` and `2d'` of the map.
struct Map {
    scale: Fr,
    unscale: Fr,
    double_d: Fr,
}

static MAP: LazyLock<Map> = LazyLock::new(|| {
    // -a is a square: a is one (BabyJubJub's law is complete), and so is -1 (r = 1 mod 4).
    let scale = (-A).sqrt().unwrap_or(Fr::ONE);
    let double_d = (-D / A).double();
    Map { scale, unscale: Fr::ONE / scale, double_d }
});

/// `(X : Y : Z : T)` with `x' = X/Z`, `y = Y/Z`, `X·Y = Z·T`; Z is never 0.
#[derive(Debug, Clone, Copy)]
pub struct Extended {
    x: Fr,
    y: Fr,
    z: Fr,
    t: Fr,
}

/// An affine point prepared for additions: `(y - x', y + x', 2d'·x'·y)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared {
    minus: Fr,
    plus: Fr,
    product: Fr,
}

impl From<&Affine> for Extended {
    fn from(point: &Affine) -> Self {
        let x = MAP.scale * point.x;
        Self { x, y: point.y, z: Fr::ONE, t: x * point.y }
    }
}

impl From<&Affine> for Prepared {
    fn from(point: &Affine) -> Self {
        Self::of(MAP.scale * point.x, point.y)
    }
}

impl Prepared {
    fn of(x: Fr, y: Fr) -> Self {
        Self { minus: y - x, plus: y + x, product: MAP.double_d * x * y }
    }

    pub fn negated(&self) -> Self {
        Self { minus: self.plus, plus: self.minus, product: -self.product }
    }
}

impl Extended {
    pub const IDENTITY: Self = Self { x: Fr::ZERO, y: Fr::ONE, z: Fr::ONE, t: Fr::ZERO };

    pub fn is_identity(&self) -> bool {
        self.x == Fr::ZERO && self.y == self.z
    }

    /// Whether both are the same point.
    pub fn is_same(&self, other: &Self) -> bool {
        self.x * other.z == other.x * self.z && self.y * other.z == other.y * self.z
    }

    pub fn double(&self) -> Self {
        let (a, b, c) = (self.x.square(), self.y.square(), self.z.square().double());
        let e = (self.x + self.y).square() - a - b;
        let g = b - a;
        let (f, h) = (g - c, -a - b);
        Self { x: e * f, y: g * h, t: e * h, z: f * g }
    }

    /// Adds a prepared point: seven products.
    pub fn add_prepared(&self, other: &Prepared) -> Self {
        let a = (self.y - self.x) * other.minus;
        let b = (self.y + self.x) * other.plus;
        Self::finish(a, b, self.t * other.product, self.z.double())
    }

    pub fn add(&self, other: &Self) -> Self {
        let a = (self.y - self.x) * (other.y - other.x);
        let b = (self.y + self.x) * (other.y + other.x);
        Self::finish(a, b, self.t * other.t * MAP.double_d, (self.z * other.z).double())
    }

    fn finish(a: Fr, b: Fr, c: Fr, d: Fr) -> Self {
        let (e, f, g, h) = (b - a, d - c, d + c, b + a);
        Self { x: e * f, y: g * h, t: e * h, z: f * g }
    }

    pub fn clear_cofactor(&self) -> Self {
        self.double().double().double()
    }

    pub fn to_affine(self) -> Affine {
        // Complete formulas keep Z away from 0, so the fallback is never reached.
        let inverse = self.z.inverse().unwrap_or(Fr::ONE);
        Affine { x: self.x * inverse * MAP.unscale, y: self.y * inverse }
    }

    /// All points prepared, with one inversion.
    pub fn prepare_many(points: &[Self]) -> Vec<Prepared> {
        let mut inverses: Vec<Fr> = points.iter().map(|point| point.z).collect();
        batch_inversion(&mut inverses);
        points.iter().zip(inverses).map(|(point, z)| Prepared::of(point.x * z, point.y * z)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjubjub::{BASE, Projective, torsion_point};
    use ark_ff::BigInteger256;

    fn multiple(n: u64) -> Affine {
        Projective::from(BASE).multiply(&BigInteger256::from(n)).to_affine()
    }

    fn extended(n: u64) -> Extended {
        Extended::from(&multiple(n))
    }

    #[test]
    fn the_map_is_defined_and_complete() {
        assert_eq!(MAP.scale.square(), -A);
        assert_eq!((-Fr::ONE).legendre(), ark_ff::LegendreSymbol::QuadraticResidue);
        let d = MAP.double_d / Fr::from(2u64);
        assert_eq!(d.legendre(), ark_ff::LegendreSymbol::QuadraticNonResidue);
    }

    #[test]
    fn sums_and_doubles_are_those_of_the_projective_law() {
        assert_eq!(extended(5).add(&extended(9)).to_affine(), multiple(14));
        assert_eq!(extended(5).add(&extended(5)).to_affine(), multiple(10));
        assert_eq!(extended(5).double().to_affine(), multiple(10));
        let prepared = Prepared::from(&multiple(9));
        assert_eq!(extended(5).add_prepared(&prepared).to_affine(), multiple(14));
        assert_eq!(extended(14).add_prepared(&prepared.negated()).to_affine(), multiple(5));
        assert!(extended(9).add_prepared(&prepared.negated()).is_identity());
        assert_eq!(extended(3).add(&Extended::IDENTITY).to_affine(), multiple(3));
    }

    #[test]
    fn torsion_adds_and_dies_by_the_cofactor() {
        let torsion = torsion_point();
        let mut sum = Extended::IDENTITY;
        for order in 1..=8 {
            sum = sum.add_prepared(&Prepared::from(&torsion));
            assert_eq!(sum.is_identity(), order == 8);
        }
        assert!(Extended::from(&torsion).clear_cofactor().is_identity());
    }

    #[test]
    fn many_points_prepared_at_once_are_those_prepared_alone() {
        let points: Vec<Extended> = (0..5).map(|n| extended(n).double()).collect();
        let expected: Vec<Prepared> = (0..5).map(|n| Prepared::from(&multiple(2 * n))).collect();
        assert_eq!(Extended::prepare_many(&points), expected);
    }
}

//! BabyJubJub, the twisted Edwards curve `a·x² + y² = 1 + d·x²·y²` over BN254's scalar field.
//!
//! Parameters as circomlib has them (EIP-2494). Because `a` is a square and `d` is not, the addition law is
//! complete: it holds for every pair of curve points, torsion included (Bernstein, Birkner, Joye, Lange,
//! Peters, "Twisted Edwards Curves", AFRICACRYPT 2008, section 6). Nothing here runs in constant time.

mod extended;
mod multi;
mod subgroup;

use ark_ff::{AdditiveGroup, BigInteger, BigInteger256, Field, MontFp, PrimeField, batch_inversion};

use crate::field::Fr;

pub use extended::{Extended, Prepared};
pub use multi::{Term, multiply, multiply_base as multiply_base_extended, multiply_sum};

/// The field of scalars modulo `l`, the prime order of the subgroup.
pub type Scalar = ark_ed_on_bn254::Fr;

pub const A: Fr = MontFp!("168700");
pub const D: Fr = MontFp!("168696");

/// circomlib's Base8, of order `l`.
pub const BASE: Affine = Affine {
    x: MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
    y: MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
};

/// A point of the curve. Only `Affine::new` makes one from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affine {
    x: Fr,
    y: Fr,
}

/// A point as `(X : Y : Z)` with `x = X/Z`, `y = Y/Z`; Z is never 0.
#[derive(Debug, Clone, Copy)]
pub struct Projective {
    x: Fr,
    y: Fr,
    z: Fr,
}

/// `l` as an integer, about 2^251.
pub fn subgroup_order() -> BigInteger256 {
    Scalar::MODULUS
}

/// Whether a field element, as an integer, is a reduced scalar.
pub fn is_below_subgroup_order(value: &Fr) -> bool {
    value.into_bigint() < Scalar::MODULUS
}

impl Affine {
    /// The point with these coordinates, if the curve has it.
    pub fn new(x: Fr, y: Fr) -> Option<Self> {
        let (xx, yy) = (x.square(), y.square());
        (A * xx + yy == Fr::ONE + D * xx * yy).then_some(Self { x, y })
    }

    pub fn coordinates(&self) -> (Fr, Fr) {
        (self.x, self.y)
    }
}

impl From<Affine> for Projective {
    fn from(point: Affine) -> Self {
        Self { x: point.x, y: point.y, z: Fr::ONE }
    }
}

impl PartialEq for Projective {
    fn eq(&self, other: &Self) -> bool {
        self.x * other.z == other.x * self.z && self.y * other.z == other.y * self.z
    }
}

impl Eq for Projective {}

impl Projective {
    /// The neutral element (0, 1).
    pub const IDENTITY: Self = Self { x: Fr::ZERO, y: Fr::ONE, z: Fr::ONE };

    pub fn is_identity(&self) -> bool {
        self.x == Fr::ZERO && self.y == self.z
    }

    /// `add-2008-bbjlp` (section 6, "Projective Twisted Edwards Coordinates"), complete on this curve.
    pub fn add(&self, other: &Self) -> Self {
        let zz = self.z * other.z;
        let xx = self.x * other.x;
        let yy = self.y * other.y;
        let e = D * xx * yy;
        let (f, g) = (zz.square() - e, zz.square() + e);
        let cross = (self.x + self.y) * (other.x + other.y) - xx - yy;
        Self { x: zz * f * cross, y: zz * g * (yy - A * xx), z: f * g }
    }

    /// `dbl-2008-bbjlp`.
    pub fn double(&self) -> Self {
        let (xx, yy) = (self.x.square(), self.y.square());
        let e = A * xx;
        let f = e + yy;
        let j = f - self.z.square().double();
        let cross = (self.x + self.y).square() - xx - yy;
        Self { x: cross * j, y: f * (e - yy), z: f * j }
    }

    pub fn negate(&self) -> Self {
        Self { x: -self.x, ..*self }
    }

    /// Eight times the point: kills torsion, since the cofactor is 8.
    pub fn clear_cofactor(&self) -> Self {
        self.double().double().double()
    }

    /// `scalar · self` for any integer below 2^256.
    pub fn multiply(&self, scalar: &BigInteger256) -> Self {
        double_and_add(scalar.num_bits(), |i| scalar.get_bit(i).then_some(self))
    }

    /// `first·p + second·q` in one pass over the bits (Straus).
    pub fn multiply_two(first: &BigInteger256, p: &Self, second: &BigInteger256, q: &Self) -> Self {
        let both = p.add(q);
        let bits = first.num_bits().max(second.num_bits());
        double_and_add(bits, |i| match (first.get_bit(i), second.get_bit(i)) {
            (true, true) => Some(&both),
            (true, false) => Some(p),
            (false, true) => Some(q),
            (false, false) => None,
        })
    }

    /// Many points' affine forms at one field inversion.
    pub fn to_affine_many(points: &[Self]) -> Vec<Affine> {
        let mut inverses: Vec<Fr> = points.iter().map(|point| point.z).collect();
        batch_inversion(&mut inverses);
        let affine = |(point, inverse): (&Self, &Fr)| Affine { x: point.x * inverse, y: point.y * inverse };
        points.iter().zip(&inverses).map(affine).collect()
    }

    pub fn to_affine(&self) -> Affine {
        // Complete formulas keep Z away from 0, so the fallback is never reached.
        let inverse = self.z.inverse().unwrap_or(Fr::ONE);
        Affine { x: self.x * inverse, y: self.y * inverse }
    }
}

fn double_and_add<'a>(bits: u32, addend: impl Fn(usize) -> Option<&'a Projective>) -> Projective {
    (0..bits as usize).rev().fold(Projective::IDENTITY, |sum, bit| {
        let doubled = sum.double();
        addend(bit).map_or(doubled, |point| doubled.add(point))
    })
}

/// `scalar · BASE`.
pub fn multiply_base(scalar: &BigInteger256) -> Projective {
    multi::multiply_base(scalar).to_affine().into()
}

/// A point of order 8, for tests.
#[cfg(test)]
pub(crate) fn torsion_point() -> Affine {
    subgroup::TORSION
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::LegendreSymbol;

    fn base() -> Projective {
        BASE.into()
    }

    fn scalar(value: u64) -> BigInteger256 {
        BigInteger256::from(value)
    }

    #[test]
    fn the_addition_law_is_complete_on_this_curve() {
        assert_eq!(A.legendre(), LegendreSymbol::QuadraticResidue);
        assert_eq!(D.legendre(), LegendreSymbol::QuadraticNonResidue);
    }

    #[test]
    fn the_base_point_has_the_subgroups_order() {
        let (x, y) = BASE.coordinates();
        assert!(Affine::new(x, y).is_some());
        assert!(base().multiply(&subgroup_order()).is_identity());
        assert!(!base().is_identity());
        let order = "2736030358979909402780800718157159386076813972158567259200215660948447373041";
        assert_eq!(subgroup_order().to_string(), order);
    }

    #[test]
    fn doubling_adding_and_multiplying_agree() {
        let p = base();
        let three = p.double().add(&p);
        assert_eq!(three, p.add(&p).add(&p));
        assert_eq!(three, p.multiply(&scalar(3)));
        assert_eq!(p.multiply(&scalar(0)), Projective::IDENTITY);
        assert_eq!(p.clear_cofactor(), p.multiply(&scalar(8)));
        assert_eq!(multiply_base(&scalar(5)), p.multiply(&scalar(5)));
    }

    #[test]
    fn two_multiplications_in_one_pass_equal_two_apart() {
        let q = base().multiply(&scalar(77));
        let (m, n) = (scalar(0xdead_beef_1234_5678), scalar(0x1_0000_0001));
        let apart = base().multiply(&m).add(&q.multiply(&n));
        assert_eq!(Projective::multiply_two(&m, &base(), &n, &q), apart);
    }

    #[test]
    fn a_point_and_its_negation_cancel() {
        let p = base().multiply(&scalar(12345));
        assert!(p.add(&p.negate()).is_identity());
        assert!(p.add(&Projective::IDENTITY) == p);
    }

    #[test]
    fn the_point_of_order_two_is_on_the_curve_and_dies_by_the_cofactor() {
        let torsion = Affine::new(Fr::ZERO, -Fr::ONE).expect("(0, -1) is on the curve");
        let torsion = Projective::from(torsion);
        assert!(!torsion.is_identity());
        assert!(torsion.double().is_identity());
        assert!(torsion.add(&torsion).is_identity());
        assert!(torsion.clear_cofactor().is_identity());
    }

    #[test]
    fn coordinates_off_the_curve_make_no_point() {
        let (x, y) = BASE.coordinates();
        assert!(Affine::new(x + Fr::ONE, y).is_none());
        assert!(Affine::new(Fr::ZERO, Fr::ZERO).is_none());
    }

    #[test]
    fn many_points_become_affine_as_each_does() {
        let points: Vec<_> = (0..5).map(|i| base().multiply(&scalar(i))).collect();
        let one_by_one: Vec<_> = points.iter().map(Projective::to_affine).collect();
        assert_eq!(Projective::to_affine_many(&points), one_by_one);
    }

    #[test]
    fn a_round_through_projective_coordinates_changes_nothing() {
        let p = base().multiply(&scalar(99)).to_affine();
        let (x, y) = p.coordinates();
        assert_eq!(Affine::new(x, y), Some(p));
        assert_eq!(Projective::from(p), base().multiply(&scalar(99)));
    }
}

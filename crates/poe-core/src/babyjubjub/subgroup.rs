//! Membership in the subgroup of order `l` by one exponentiation instead of a multiplication by `l`.
//!
//! Koshelev, "Subgroup membership testing on elliptic curves via the Tate pairing" (eprint 2022/037). The curve's
//! points are Z/8 × Z/l and r = 1 mod 8, so with a point T of order 8 the reduced Tate pairing
//! `t(T, P) = f_T(P)^((r-1)/8)` depends on P modulo 8E alone and is 1 on 8E alone: P lies in the subgroup if and
//! only if it is 1. Miller's function of 8·T, on the Montgomery form `v² = u³ + A·u² + u` of the curve with
//! `u = (1+y)/(1-y)`, `v = u/x`, is `l₁⁴·l₂²·l₃ / (v₁⁴·v₂²)`: tangents at T and 2T, and verticals through 2T = (1, ·)
//! and 4T = (0, 0). Factors that are eighth powers do not change the result, so no division is needed.

use ark_ff::{AdditiveGroup, Field, MontFp};

use super::Affine;
use crate::field::Fr;

/// A point of order 8, whose constants these are.
#[cfg(test)]
pub const TORSION: Affine = Affine {
    x: MontFp!("4342719913949491028786768530115087822524712248835451589697801404893164183326"),
    y: MontFp!("4826523245007015323400664741523384119579596407052839571721035538011798951543"),
};

/// Of the tangent at T: its slope λ and λ·u_T - v_T.
const SLOPE: Fr = MontFp!("5125366436769623165205660392107939355810725029703343239946747673935168202680");
const OFFSET: Fr = MontFp!("19799329160503878365519859265345525785148473002902384773314932802961476726446");
/// The slope of the tangent at 2T, which passes through (0, 0).
const SECOND_SLOPE: Fr =
    MontFp!("14673962723734255200314198873237586429337747973199041533368185129026308523766");

const WINDOW_BITS: usize = 4;
/// (r - 1)/8 in digits of four bits, the highest first.
const EXPONENT: [u8; 63] = {
    let words = <Fr as ark_ff::PrimeField>::MODULUS.0;
    let mut digits = [0; 63];
    let mut i = 0;
    while i < digits.len() {
        // Bits [3 + low, 7 + low) of r; r - 1 only clears bit 0.
        let low = (digits.len() - 1 - i) * WINDOW_BITS + 3;
        let (word, shift) = (low / 64, low % 64);
        let mut value = words[word] >> shift;
        if shift > 60 && word < 3 {
            value |= words[word + 1] << (64 - shift);
        }
        digits[i] = (value & 15) as u8;
        i += 1;
    }
    digits
};

impl Affine {
    /// Whether the point has order `l` exactly: in the subgroup and not the identity.
    pub fn has_prime_order(&self) -> bool {
        power(&self.miller()) == Fr::ONE
    }

    /// Miller's function up to eighth powers; 0 at T, 2T, 4T, their negations' tangents and the identity, none of
    /// which has order `l`.
    fn miller(&self) -> Fr {
        let (x, y) = (self.x, self.y);
        let (above, below) = (Fr::ONE + y, Fr::ONE - y);
        let first = above * (Fr::ONE - SLOPE * x) + x * below * OFFSET;
        let fourth = (first * y.double() * below).square();
        (fourth * (Fr::ONE - SECOND_SLOPE * x) * x * below).square() * above * below
    }
}

/// `value^((r-1)/8)`.
fn power(value: &Fr) -> Fr {
    let mut table = [Fr::ONE; 1 << WINDOW_BITS];
    for i in 1..table.len() {
        table[i] = table[i - 1] * value;
    }
    EXPONENT.iter().fold(Fr::ONE, |mut power, &digit| {
        (0..WINDOW_BITS).for_each(|_| {
            power.square_in_place();
        });
        if digit == 0 { power } else { power * table[usize::from(digit)] }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babyjubjub::{BASE, Projective, multiply_base, subgroup_order};
    use ark_ff::{BigInteger256, PrimeField};

    /// `(u, v)` on the Montgomery form.
    fn montgomery(point: &Affine) -> (Fr, Fr) {
        let u = (Fr::ONE + point.y) / (Fr::ONE - point.y);
        (u, u / point.x)
    }

    fn tangent((u, v): (Fr, Fr)) -> (Fr, Fr) {
        let a = Fr::from(168_698u64);
        let slope = (u.square() * Fr::from(3u64) + a * u.double() + Fr::ONE) / v.double();
        (slope, slope * u - v)
    }

    #[test]
    fn constants_belong_to_a_point_of_order_eight() {
        let torsion = Affine::new(TORSION.x, TORSION.y).expect("on the curve");
        let point = Projective::from(torsion);
        assert!(!point.double().double().is_identity() && point.clear_cofactor().is_identity());
        assert_eq!(tangent(montgomery(&torsion)), (SLOPE, OFFSET));
        let double = montgomery(&point.double().to_affine());
        assert_eq!(double.0, Fr::ONE);
        assert_eq!(tangent(double), (SECOND_SLOPE, Fr::ZERO));
    }

    #[test]
    fn the_exponent_is_an_eighth_of_r_minus_one() {
        let mut exponent = Fr::MODULUS;
        exponent.0[0] -= 1;
        let value = Fr::from(12345u64);
        assert_eq!(power(&value), value.pow(exponent >> 3));
    }

    #[test]
    fn it_agrees_with_a_multiplication_by_the_order_on_every_coset() {
        for n in [1u64, 2, 3, 77, 1 << 40] {
            let mut point = multiply_base(&BigInteger256::from(n));
            for coset in 0..8 {
                let expected = point.multiply(&subgroup_order()).is_identity();
                assert_eq!(expected, coset == 0);
                assert_eq!(point.to_affine().has_prime_order(), expected, "{n}, coset {coset}");
                point = point.add(&TORSION.into());
            }
        }
        assert!(BASE.has_prime_order());
    }

    #[test]
    fn no_point_of_small_order_has_prime_order() {
        let mut point = Projective::IDENTITY;
        for order in 0..8 {
            assert!(!point.to_affine().has_prime_order(), "{order} times the torsion point");
            point = point.add(&TORSION.into());
        }
    }

    #[test]
    fn points_of_any_y_are_judged_as_by_the_order() {
        let mut seen = [0; 2];
        for y in 0..60u64 {
            let y = Fr::from(y);
            let xx = (Fr::ONE - y.square()) / (super::super::A - super::super::D * y.square());
            let Some(point) = xx.sqrt().and_then(|x| Affine::new(x, y)) else { continue };
            let projective = Projective::from(point);
            let expected = projective.multiply(&subgroup_order()).is_identity() && !projective.is_identity();
            assert_eq!(point.has_prime_order(), expected);
            seen[usize::from(expected)] += 1;
        }
        assert!(seen[0] > 5 && seen[1] > 1, "{seen:?}");
    }
}

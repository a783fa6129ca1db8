//! The heavy kernels: sums of multiples of points, transforms over roots of unity, pairings.
//!
//! All of Groth16's cost is behind these functions and nothing else in the crate calls arkworks, or our own kernels,
//! for it. They run on the current rayon pool; [`with_threads`] sets one up.

use ark_bn254::{Bn254, G1Projective, G2Projective};
use ark_ec::{
    CurveGroup, PrimeGroup, VariableBaseMSM,
    pairing::{Pairing, PairingOutput},
    scalar_mul::BatchMulPreprocessing,
};
use ark_ff::{FftField, Field, One};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;

pub use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};

pub use crate::kernels::{
    field::Path,
    msm::{Digits, Options, Table, TableBytes, build as build_table, multiply},
    ntt::Transform,
    sparse::Sparse,
    stop::{Stop, Stopped},
};

use crate::field::Fr;

/// Points of a sum between two looks at the flag: about 15 ms of one thread.
const STEP_POINTS: usize = 1 << 12;

/// Why there is no pool of the threads asked for.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads: {source}")]
pub struct ThreadError {
    threads: usize,
    source: rayon::ThreadPoolBuildError,
}

/// Runs `work` on a pool of its own of `threads` threads, at least one.
pub fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> Result<T, ThreadError> {
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
    let pool = builder.build().map_err(|source| ThreadError { threads, source })?;
    Ok(pool.install(work))
}

/// `Σ scalars[i] · bases[i]`; slices of one length.
pub fn msm_g1(bases: &[G1Affine], scalars: &[Fr]) -> G1Projective {
    debug_assert_eq!(bases.len(), scalars.len());
    G1Projective::msm_unchecked(bases, scalars)
}

/// `scalar · base`, by the curve's endomorphism: for a few of them, which are no work for `msm_g1`.
pub fn multiple_g1(base: &G1Affine, scalar: &Fr) -> G1Projective {
    G1Projective::from(*base) * scalar
}

/// As [`msm_g1`], in steps that look at the flag: for the sums that no table is kept for.
pub fn msm_g1_in_steps(bases: &[G1Affine], scalars: &[Fr], stop: &Stop) -> Result<G1Projective, Stopped> {
    debug_assert_eq!(bases.len(), scalars.len());
    let steps = bases.par_chunks(STEP_POINTS).zip(scalars.par_chunks(STEP_POINTS));
    let sums = steps.map(|(bases, scalars)| stop.check().map(|()| msm_g1(bases, scalars)));
    sums.try_reduce(G1Projective::default, |a, b| Ok(a + b))
}

/// As [`msm_g1`], in G2.
pub fn msm_g2(bases: &[G2Affine], scalars: &[Fr]) -> G2Projective {
    debug_assert_eq!(bases.len(), scalars.len());
    G2Projective::msm_unchecked(bases, scalars)
}

/// Each scalar times G1's generator.
pub fn generator_multiples_g1(scalars: &[Fr]) -> Vec<G1Affine> {
    BatchMulPreprocessing::new(G1Projective::generator(), scalars.len()).batch_mul(scalars)
}

/// Each scalar times G2's generator.
pub fn generator_multiples_g2(scalars: &[Fr]) -> Vec<G2Affine> {
    BatchMulPreprocessing::new(G2Projective::generator(), scalars.len()).batch_mul(scalars)
}

/// A point of G2 with the lines of its Miller loop, which depend on it alone.
pub type G2Lines = <Bn254 as Pairing>::G2Prepared;

/// A value of the pairing.
pub type PairingValue = PairingOutput<Bn254>;

/// `Π e(g1[i], g2[i])` at one final exponentiation; the lines are made here, or were before.
pub fn pairing_product(
    g1: impl IntoIterator<Item = G1Affine>,
    g2: impl IntoIterator<Item = G2Lines>,
) -> PairingValue {
    Bn254::multi_pairing(g1, g2)
}

/// `Π e(g1[i], g2[i]) = 1`.
pub fn is_pairing_product_one(g1: &[G1Affine], g2: &[G2Affine]) -> bool {
    let lines = g2.iter().map(|point| G2Lines::from(*point));
    pairing_product(g1.iter().copied(), lines).0.is_one()
}

/// Points affine, at one inversion.
pub fn normalise_g1(points: &[G1Projective]) -> Vec<G1Affine> {
    G1Projective::normalize_batch(points)
}

/// The 2^k-th roots of unity `ω^i` and, between them, the odd points `η·ω^i` with `η² = ω`.
#[derive(Debug, Clone)]
pub struct Domain {
    even: Radix2EvaluationDomain<Fr>,
    odd: Radix2EvaluationDomain<Fr>,
}

impl Domain {
    /// The smallest domain of at least `size` points; `None` beyond 2^27.
    pub fn new(size: usize) -> Option<Self> {
        let even = Radix2EvaluationDomain::<Fr>::new(size)?;
        let shift = Fr::get_root_of_unity(2 * even.size)?;
        Some(Self { even, odd: even.get_coset(shift)? })
    }

    pub fn size(&self) -> usize {
        self.even.size()
    }

    /// The values at the odd points of the polynomial, of degree below `size`, with these values at the roots.
    pub fn move_to_odd_points(&self, values: &mut Vec<Fr>) {
        self.even.ifft_in_place(values);
        self.odd.fft_in_place(values);
    }

    /// `L_i(point)`: at `point`, the polynomials that are 1 at root i and 0 at the others.
    pub fn lagrange_at(&self, point: Fr) -> Vec<Fr> {
        self.even.evaluate_all_lagrange_coefficients(point)
    }

    /// `L_{2i+1}(point)` over the domain of twice the size: 1 at odd point i, 0 at the other odd points and at
    /// all roots. With m points here and `u = point^m`: `L = (u² − 1)/(2m) · p_i/(point − p_i)`, p_i an odd point.
    pub fn odd_lagrange_at(&self, point: Fr) -> Vec<Fr> {
        let size = Fr::from(self.even.size);
        let vanishing = point.pow([2 * self.even.size]) - Fr::one();
        let factor = vanishing * (size + size).inverse().unwrap_or_default();
        let points: Vec<Fr> = self.odd.elements().collect();
        let mut inverses: Vec<Fr> = points.iter().map(|odd| point - odd).collect();
        ark_ff::batch_inversion(&mut inverses);
        points.iter().zip(inverses).map(|(odd, inverse)| factor * odd * inverse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, PrimeField};

    const SIZE: usize = 8;

    /// snarkjs's roots of unity are powers of 5, the least non-residue.
    fn root(order: u64) -> Fr {
        let exponent = (-Fr::one()) / Fr::from(order);
        Fr::from(5u64).pow(exponent.into_bigint())
    }

    fn horner(coefficients: &[Fr], x: Fr) -> Fr {
        coefficients.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c)
    }

    fn coefficients(count: u64) -> Vec<Fr> {
        (0..count).map(|i| Fr::from(i * i + 3)).collect()
    }

    #[test]
    fn values_move_from_the_roots_to_the_odd_points_between_them() {
        let domain = Domain::new(SIZE - 1).expect("small");
        assert_eq!(domain.size(), SIZE);
        let polynomial = coefficients(SIZE as u64);
        let at = |power: u64| horner(&polynomial, root(2 * SIZE as u64).pow([power]));
        let mut values: Vec<Fr> = (0..SIZE as u64).map(|i| at(2 * i)).collect();
        domain.move_to_odd_points(&mut values);
        assert_eq!(values, (0..SIZE as u64).map(|i| at(2 * i + 1)).collect::<Vec<_>>());
    }

    #[test]
    fn the_odd_basis_evaluates_what_vanishes_at_the_roots() {
        let domain = Domain::new(SIZE).expect("small");
        // (x^8 − 1)·q(x), q of degree 6: as A·B − C, of degree below 15.
        let value = |x: Fr| (x.pow([SIZE as u64]) - Fr::one()) * horner(&coefficients(7), x);
        let odd = (0..SIZE as u64).map(|i| value(root(2 * SIZE as u64).pow([2 * i + 1])));
        let tau = Fr::from(1_234_567u64);
        let sum: Fr = domain.odd_lagrange_at(tau).into_iter().zip(odd).map(|(l, v)| l * v).sum();
        assert_eq!(sum, value(tau));
    }

    #[test]
    fn sums_and_multiples_agree_with_each_other() {
        let scalars = coefficients(40);
        let (g1, g2) = (generator_multiples_g1(&scalars), generator_multiples_g2(&scalars));
        let squares: Fr = scalars.iter().map(|s| s.square()).sum();
        assert_eq!(msm_g1(&g1, &scalars), G1Projective::generator() * squares);
        assert_eq!(msm_g2(&g2, &scalars), G2Projective::generator() * squares);
        assert!(is_pairing_product_one(&[g1[3], -g1[5]], &[g2[5], g2[3]]));
        assert!(!is_pairing_product_one(&[g1[3], g1[5]], &[g2[5], g2[3]]));
    }

    #[test]
    fn domains_beyond_the_fields_roots_do_not_exist() {
        assert!(Domain::new(1 << 28).is_none());
    }
}

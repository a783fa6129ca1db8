//! The hash by which snarkjs's ceremonies name a circuit under a phase 1: BLAKE2b-512 over the key before anyone
//! contributed, δ being the generator.

use ark_ec::AffineRepr;
use ark_ff::{BigInteger, PrimeField};
use blake2::{Blake2b512, Digest};

use crate::{
    field::Fr,
    groth16::{
        data_structures::Queries,
        engine::{Fq, G1Affine, G2Affine, generator_multiples_g1},
    },
};

pub const HASH_BYTES: usize = 64;
/// snarkjs hashes the powers in chunks of this many and rounds their number up to whole chunks.
pub const CHUNK: usize = 1 << 14;

/// The hash of a key with δ = 1 under the phase 1 of `tau`.
///
/// Hashed are α, β in G1, β in G2, γ, δ in G1 and G2; then, each after its number of points as 32 bits big-endian: IC,
/// `[τ^i·(τ^m − 1)]₁` of the m−1 powers, C, A, B in G1, B in G2. Points uncompressed and big-endian, c1 before c0.
/// Where m exceeds one chunk one power more is hashed than counted: what snarkjs does with a phase 1 larger than the
/// circuit needs. (With one of just the circuit's size it reads beyond the powers, and the hash means nothing.)
pub fn circuit_hash(before: &Queries, tau: Fr) -> [u8; HASH_BYTES] {
    let key = &before.verifying_key;
    let mut hasher = Blake2b512::new();
    hash_g1(&mut hasher, &[key.alpha_g1, before.beta_g1]);
    hash_g2(&mut hasher, &[key.beta_g2, key.gamma_g2]);
    hash_g1(&mut hasher, &[before.delta_g1]);
    hash_g2(&mut hasher, &[key.delta_g2]);
    hash_counted(&mut hasher, &key.ic);
    let size = before.h.len();
    hash_count(&mut hasher, size - 1);
    hash_g1(&mut hasher, &shifted_powers(tau, size));
    for points in [&before.c, &before.a, &before.b_g1] {
        hash_counted(&mut hasher, points);
    }
    hash_count(&mut hasher, before.b_g2.len());
    hash_g2(&mut hasher, &before.b_g2);
    hasher.finalize().into()
}

fn shifted_powers(tau: Fr, size: usize) -> Vec<G1Affine> {
    let count = if size > CHUNK { size } else { size - 1 };
    let vanishing = ark_ff::Field::pow(&tau, [size as u64]) - Fr::from(1u64);
    let scalars: Vec<Fr> =
        std::iter::successors(Some(vanishing), |power| Some(*power * tau)).take(count).collect();
    generator_multiples_g1(&scalars)
}

fn hash_count(hasher: &mut Blake2b512, count: usize) {
    hasher.update((count as u32).to_be_bytes());
}

fn hash_counted(hasher: &mut Blake2b512, points: &[G1Affine]) {
    hash_count(hasher, points.len());
    hash_g1(hasher, points);
}

fn hash_coordinates<const N: usize>(hasher: &mut Blake2b512, values: [Fq; N]) {
    values.iter().for_each(|value| hasher.update(value.into_bigint().to_bytes_be()));
}

fn hash_g1(hasher: &mut Blake2b512, points: &[G1Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        hash_coordinates(hasher, [x, y]);
    }
}

fn hash_g2(hasher: &mut Blake2b512, points: &[G2Affine]) {
    for (x, y) in points.iter().map(|point| point.xy().unwrap_or_default()) {
        hash_coordinates(hasher, [x.c1, x.c0, y.c1, y.c0]);
    }
}

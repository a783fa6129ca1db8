//! Many signatures at once, each answer exactly that of [`super::verify`].
//!
//! Everything but the equation is judged signature by signature, without chance: S, both points on the curve, the
//! key's order, and whether R8 lies in the subgroup of order `l`. That last test is what makes a sum of equations
//! sound here: `S·B8 = R8 + h·(8·A)` holds on the whole curve, so an R8 with a torsion component can never satisfy it
//! (all other terms lie in the subgroup), and once it is known to have none, every equation left is one in a group
//! of prime order. There `Σ zᵢ·(R8ᵢ + hᵢ·8Aᵢ - Sᵢ·B8) = 0` with zᵢ of 128 bits, drawn after everything is
//! fixed, holds for a false equation with a chance of 2^-128 (Bellare, Garay, Rabin, "Fast Batch Verification for
//! Modular Exponentiation and Digital Signatures", EUROCRYPT 1998, section 3.2). A sum that fails is cut in halves;
//! few signatures are judged one by one.

use ark_ff::{BigInteger256, PrimeField};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{SignatureError, SignedMessage};
use crate::{
    babyjubjub::{self, Affine, Extended, Prepared, Scalar, Term, is_below_subgroup_order},
    field::{self, Fr},
    poseidon,
};

/// Signatures of one sum: where its buckets have paid for themselves and every core still has work.
const SUM_SIGNATURES: usize = 512;
/// Below this many a sum costs more than each alone.
const ALONE_SIGNATURES: usize = 8;
const COEFFICIENT_BITS: usize = 128;

type Verdict = Result<(), SignatureError>;

/// A signature of which only the equation is left to judge.
struct Claim {
    position: usize,
    r8: Affine,
    /// 8·A.
    key: Extended,
    s: Scalar,
    h: Scalar,
}

/// Checks many signatures on all cores; one answer each, in order.
pub fn verify_many(messages: &[SignedMessage]) -> Vec<Verdict> {
    messages.par_chunks(SUM_SIGNATURES).flat_map_iter(verify_chunk).collect()
}

fn verify_chunk(messages: &[SignedMessage]) -> Vec<Verdict> {
    let challenges = challenges(messages);
    let mut verdicts = vec![Ok(()); messages.len()];
    let mut claims = Vec::with_capacity(messages.len());
    for (position, message) in messages.iter().enumerate() {
        match claim(position, message, challenges[position]) {
            Ok(claim) => claims.push(claim),
            Err(error) => verdicts[position] = Err(error),
        }
    }
    let seed = seed(messages);
    settle(&claims, &seed, &mut verdicts);
    verdicts
}

fn challenges(messages: &[SignedMessage]) -> Vec<Fr> {
    let inputs: Vec<[Fr; 5]> = messages
        .iter()
        .map(|SignedMessage { public_key: (x, y), signature, message }| {
            [signature.r8.0, signature.r8.1, *x, *y, *message]
        })
        .collect();
    poseidon::hash5_chunk(&inputs)
}

/// Everything about a signature but its equation; errors in the order in which `verify` finds them.
fn claim(position: usize, message: &SignedMessage, h: Fr) -> Result<Claim, SignatureError> {
    let SignedMessage { public_key, signature, .. } = message;
    let s = signature.s.into_bigint();
    if !is_below_subgroup_order(&signature.s) {
        return Err(SignatureError::ScalarTooLarge);
    }
    let point = |(x, y)| Affine::new(x, y).ok_or(SignatureError::OffCurve);
    let (key, r8) = (point(*public_key)?, point(signature.r8)?);
    let key = Extended::from(&key).clear_cofactor();
    if key.is_identity() {
        return Err(SignatureError::SmallOrder);
    }
    if !r8.has_prime_order() {
        let is_small = Extended::from(&r8).clear_cofactor().is_identity();
        return Err(if is_small { SignatureError::SmallOrder } else { SignatureError::Equation });
    }
    Ok(Claim { position, r8, key, s: Scalar::from(s), h: reduce(&h) })
}

/// A field element modulo `l`.
fn reduce(value: &Fr) -> Scalar {
    Scalar::from_be_bytes_mod_order(&field::to_bytes(value))
}

/// Writes the verdict of every claim's equation.
fn settle(claims: &[Claim], seed: &[u8; 32], verdicts: &mut [Verdict]) {
    if claims.len() < ALONE_SIGNATURES {
        for claim in claims.iter().filter(|claim| !holds_alone(claim)) {
            verdicts[claim.position] = Err(SignatureError::Equation);
        }
    } else if !holds_together(claims, seed) {
        let (first, second) = claims.split_at(claims.len() / 2);
        settle(first, seed, verdicts);
        settle(second, seed, verdicts);
    }
}

fn holds_alone(claim: &Claim) -> bool {
    let key = claim.key.to_affine();
    let with_key = babyjubjub::multiply(&claim.h.into_bigint(), &key);
    let left = with_key.add_prepared(&Prepared::from(&claim.r8));
    left.is_same(&babyjubjub::multiply_base_extended(&claim.s.into_bigint()))
}

/// `Σ zᵢ·R8ᵢ + Σ zᵢ·hᵢ·8Aᵢ = (Σ zᵢ·Sᵢ)·B8`.
fn holds_together(claims: &[Claim], seed: &[u8; 32]) -> bool {
    let mut rng = ChaCha20Rng::from_seed(*seed);
    let keys = Extended::prepare_many(&claims.iter().map(|claim| claim.key).collect::<Vec<_>>());
    let mut base = Scalar::from(0u64);
    let (mut with_r8, mut with_keys): (Vec<Term>, Vec<Term>) = (Vec::new(), Vec::new());
    for (claim, key) in claims.iter().zip(keys) {
        let z = BigInteger256::new([rng.next_u64(), rng.next_u64(), 0, 0]);
        let scalar = Scalar::from(z);
        base += scalar * claim.s;
        with_r8.push((z, Prepared::from(&claim.r8)));
        with_keys.push(((scalar * claim.h).into_bigint(), key));
    }
    let left = babyjubjub::multiply_sum(&with_r8, COEFFICIENT_BITS);
    let left = left.add(&babyjubjub::multiply_sum(&with_keys, Scalar::MODULUS_BIT_SIZE as usize));
    left.is_same(&babyjubjub::multiply_base_extended(&base.into_bigint()))
}

/// A hash of everything that is judged: whoever wants other coefficients has to change it.
fn seed(messages: &[SignedMessage]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for SignedMessage { public_key: (x, y), signature, message } in messages {
        for element in [x, y, &signature.r8.0, &signature.r8.1, &signature.s, message] {
            // The words in memory: a fixed form of a reduced element.
            element.0.0.iter().for_each(|limb| hash.update(limb.to_le_bytes()));
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;

//! Single-party set-up from a seed.
//!
//! Whoever knows the seed can forge proofs. The development key's seed is published, so that every machine makes
//! the same bytes: it proves nothing to anybody and is for development chains only.

use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, Field, PrimeField};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use sha2::{Digest, Sha256};

use super::{
    data_structures::{Queries, VerifyingKey},
    engine::{Domain, G1Affine, G2Affine, generator_multiples_g1, generator_multiples_g2},
    r1cs_to_qap::{self, Evaluations},
};
use crate::{circuit::r1cs::R1cs, field::Fr};

/// The development key's seed.
pub const DEV_SEED: &[u8] = b"poe insecure development key v1";

/// The circuit has more constraints than the field has roots of unity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{constraints} constraints are too many")]
pub struct TooManyConstraints {
    pub constraints: usize,
}

/// The secrets of a set-up, γ being 1 as in snarkjs's keys.
#[derive(Clone, Copy)]
pub struct Trapdoor {
    pub tau: Fr,
    pub alpha: Fr,
    pub beta: Fr,
    pub delta: Fr,
}

impl Trapdoor {
    /// ChaCha20 keyed with `SHA-256(seed ‖ circuit hash)`; τ, α, β, δ in this order, each 64 bytes, little-endian,
    /// modulo r. A value of 0 or 1 (γ is 1) is drawn again, and so is a τ among the domain's points.
    pub fn derive(seed: &[u8], circuit_hash: &[u8; 32], domain_size: usize) -> Self {
        let key = Sha256::new().chain_update(seed).chain_update(circuit_hash).finalize();
        let mut stream = ChaCha20Rng::from_seed(key.into());
        let mut draw = |is_bad: &dyn Fn(Fr) -> bool| loop {
            let mut bytes = [0; 64];
            stream.fill_bytes(&mut bytes);
            let value = Fr::from_le_bytes_mod_order(&bytes);
            if !is_bad(value) {
                return value;
            }
        };
        let is_trivial = |value: Fr| value == Fr::ZERO || value == Fr::ONE;
        Self {
            tau: draw(&|tau| tau == Fr::ZERO || tau.pow([2 * domain_size as u64]) == Fr::ONE),
            alpha: draw(&is_trivial),
            beta: draw(&is_trivial),
            delta: draw(&is_trivial),
        }
    }
}

/// The keys of a circuit.
pub fn generate(r1cs: &R1cs, circuit_hash: &[u8; 32], seed: &[u8]) -> Result<Queries, TooManyConstraints> {
    let constraints = r1cs.constraints();
    let domain = r1cs_to_qap::domain(r1cs).ok_or(TooManyConstraints { constraints })?;
    Ok(generate_from(r1cs, &domain, &Trapdoor::derive(seed, circuit_hash, domain.size())))
}

/// The keys of a circuit under chosen secrets; `domain` is the circuit's.
pub fn generate_from(r1cs: &R1cs, domain: &Domain, trapdoor: &Trapdoor) -> Queries {
    let evaluations = r1cs_to_qap::evaluate(r1cs, domain, trapdoor.tau);
    assemble(r1cs, domain, trapdoor, &evaluations)
}

/// α in G1 and β in G2 of a circuit's development key: what shows that a key grew from the published seed.
pub fn dev_phase_one(circuit_hash: &[u8; 32], domain_size: usize) -> (G1Affine, G2Affine) {
    let Trapdoor { alpha, beta, .. } = Trapdoor::derive(DEV_SEED, circuit_hash, domain_size);
    ((G1Affine::generator() * alpha).into_affine(), (G2Affine::generator() * beta).into_affine())
}

fn assemble(r1cs: &R1cs, domain: &Domain, trapdoor: &Trapdoor, at: &Evaluations) -> Queries {
    let &Trapdoor { tau, alpha, beta, delta } = trapdoor;
    let delta_inverse = delta.inverse().unwrap_or_default();
    let publics = 1 + r1cs.public_inputs();
    let mut combined: Vec<Fr> =
        (0..r1cs.wires()).map(|i| beta * at.a[i] + alpha * at.b[i] + at.c[i]).collect();
    combined[publics..].iter_mut().for_each(|value| *value *= delta_inverse);
    let h: Vec<Fr> = domain.odd_lagrange_at(tau).iter().map(|value| *value * delta_inverse).collect();

    let scalars = [&[alpha, beta, delta], &at.a[..], &at.b, &combined, &h].concat();
    let points = generator_multiples_g1(&scalars);
    let mut rest = points.as_slice();
    let mut take = |count: usize| -> Vec<G1Affine> {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken.to_vec()
    };
    let singles = take(3);
    let (a, b_g1, ic, c) =
        (take(r1cs.wires()), take(r1cs.wires()), take(publics), take(r1cs.wires() - publics));
    let h = take(h.len());
    let mut b_g2 = generator_multiples_g2(&[&[beta, Fr::ONE, delta], &at.b[..]].concat());
    let queries_b_g2 = b_g2.split_off(3);
    Queries {
        verifying_key: VerifyingKey {
            alpha_g1: singles[0],
            beta_g2: b_g2[0],
            gamma_g2: b_g2[1],
            delta_g2: b_g2[2],
            ic,
        },
        beta_g1: singles[1],
        delta_g1: singles[2],
        a,
        b_g1,
        b_g2: queries_b_g2,
        c,
        h,
    }
}

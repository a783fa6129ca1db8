//! What makes a verifying key worthless, each fault by its name: the states that a skipped or broken set-up leaves.

use std::ops::Neg;

use ark_ec::AffineRepr;

use super::{
    data_structures::{Queries, VerifyingKey},
    encoding::EncodingError,
    engine::{G1Affine, G2Affine, is_pairing_product_one},
    generator::dev_phase_one,
};

/// Why no proof under a key can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("IC has {got} points, a circuit of {public_inputs} public inputs needs {}", public_inputs + 1)]
    IcLength { got: usize, public_inputs: usize },
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    #[error("gamma = delta up to sign: phase 2 of the set-up was skipped, anybody can forge proofs")]
    GammaEqualsDelta,
    #[error("delta is the generator up to sign: phase 2 of the set-up was skipped, anybody can forge proofs")]
    DeltaIsGenerator,
    #[error("IC {first} = IC {second}: the two public inputs are interchangeable")]
    IcEqual { first: usize, second: usize },
    #[error("{what} in G1 and in G2 are different multiples of the generators")]
    Unpaired { what: &'static str },
}

/// Refuses a key whose points are infinite, off their curve or outside the subgroup, and one by which anybody can
/// forge. γ may be the generator: snarkjs's keys have it so.
pub fn check_verifying_key(key: &VerifyingKey, public_inputs: usize) -> Result<(), KeyFault> {
    let got = key.ic.len();
    if got != public_inputs + 1 {
        return Err(KeyFault::IcLength { got, public_inputs });
    }
    // The strict decoder is the one place that knows what a point may be.
    VerifyingKey::from_bytes(key.to_words().as_flattened(), public_inputs)?;
    check_delta(key)?;
    check_ic(&key.ic)
}

/// By δ = ±γ a forger moves the public inputs' part into C; with δ the generator C may be any multiple it likes.
fn check_delta(key: &VerifyingKey) -> Result<(), KeyFault> {
    let is_up_to_sign = |one: G2Affine, other: G2Affine| one == other || one == other.neg();
    if is_up_to_sign(key.delta_g2, key.gamma_g2) {
        Err(KeyFault::GammaEqualsDelta)
    } else if is_up_to_sign(key.delta_g2, G2Affine::generator()) {
        Err(KeyFault::DeltaIsGenerator)
    } else {
        Ok(())
    }
}

fn check_ic(ic: &[G1Affine]) -> Result<(), KeyFault> {
    for second in 1..ic.len() {
        if let Some(first) = ic[..second].iter().position(|point| *point == ic[second]) {
            return Err(KeyFault::IcEqual { first, second });
        }
    }
    Ok(())
}

/// Whether β and δ are the same multiples in both groups.
pub fn check_pairs(queries: &Queries) -> Result<(), KeyFault> {
    let key = &queries.verifying_key;
    let pairs = [("beta", queries.beta_g1, key.beta_g2), ("delta", queries.delta_g1, key.delta_g2)];
    for (what, g1, g2) in pairs {
        let sides = ([g1, G1Affine::generator().neg()], [G2Affine::generator(), g2]);
        if !is_pairing_product_one(&sides.0, &sides.1) {
            return Err(KeyFault::Unpaired { what });
        }
    }
    Ok(())
}

/// Whether the key grew from the published development seed. Contributions to its phase 2 do not help: who knows τ, α
/// and β finds 1/δ in G1 among the H points and forges.
pub fn has_published_secrets(key: &VerifyingKey, circuit_hash: &[u8; 32], domain_size: usize) -> bool {
    let (alpha_g1, beta_g2) = dev_phase_one(circuit_hash, domain_size);
    key.alpha_g1 == alpha_g1 || key.beta_g2 == beta_g2
}

//! The verifier (Groth 2016, section 3.2): `e(A, B) = e(α, β)·e(Σ inputs·IC, γ)·e(C, δ)`.

use std::ops::Neg;

use ark_ec::CurveGroup;

use super::{
    data_structures::{Proof, VerifyingKey},
    encoding::EncodingError,
    engine::{is_pairing_product_one, msm_g1},
};
use crate::field::Fr;

/// Why a proof is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    #[error("{got} public inputs, the key is for {wanted}")]
    InputCount { got: usize, wanted: usize },
    #[error("the pairing equation does not hold")]
    Equation,
}

/// Checks a proof.
pub fn verify(key: &VerifyingKey, public_inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
    let (got, wanted) = (public_inputs.len(), key.ic.len() - 1);
    if got != wanted {
        return Err(VerifyError::InputCount { got, wanted });
    }
    let inputs = (msm_g1(&key.ic[1..], public_inputs) + key.ic[0]).into_affine();
    let g1 = [proof.a.neg(), key.alpha_g1, inputs, proof.c];
    let g2 = [proof.b, key.beta_g2, key.gamma_g2, key.delta_g2];
    if is_pairing_product_one(&g1, &g2) { Ok(()) } else { Err(VerifyError::Equation) }
}

/// Checks a proof given as bytes, both in the words of docs/protocol.md, section 6. Strict: every coordinate below q,
/// every point on its curve, in its subgroup and finite.
pub fn verify_proof(verifying_key: &[u8], public_inputs: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    let key = VerifyingKey::from_bytes(verifying_key, public_inputs.len())?;
    verify(&key, public_inputs, &Proof::from_bytes(proof)?)
}

//! The verifier (Groth 2016, section 3.2): `e(A, B) = e(α, β)·e(Σ inputs·IC, γ)·e(C, δ)`.

use std::ops::Neg;

use ark_bn254::G1Projective;
use ark_ec::CurveGroup;

use super::{
    data_structures::{Proof, VerifyingKey},
    encoding::EncodingError,
    engine::{G1Affine, G2Lines, PairingValue, multiple_g1, pairing_product},
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

/// A verifying key with all that does not depend on the proof computed: half of a check's work.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// `e(−α, β)`.
    negated_alpha_beta: PairingValue,
    gamma: G2Lines,
    delta: G2Lines,
    ic: Vec<G1Affine>,
}

impl Verifier {
    pub fn new(key: &VerifyingKey) -> Self {
        Self {
            negated_alpha_beta: pairing_product([key.alpha_g1.neg()], [key.beta_g2.into()]),
            gamma: key.gamma_g2.into(),
            delta: key.delta_g2.into(),
            ic: key.ic.clone(),
        }
    }

    /// By the words of a key for this many public inputs, as docs/protocol.md, section 6; strict.
    pub fn from_bytes(verifying_key: &[u8], public_inputs: usize) -> Result<Self, EncodingError> {
        Ok(Self::new(&VerifyingKey::from_bytes(verifying_key, public_inputs)?))
    }

    /// Checks a proof: `e(−A, B)·e(Σ inputs·IC, γ)·e(C, δ) = e(−α, β)`.
    pub fn verify(&self, public_inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
        let (got, wanted) = (public_inputs.len(), self.ic.len() - 1);
        if got != wanted {
            return Err(VerifyError::InputCount { got, wanted });
        }
        let inputs = self.ic[1..].iter().zip(public_inputs).map(|(point, input)| multiple_g1(point, input));
        let inputs = (inputs.sum::<G1Projective>() + self.ic[0]).into_affine();
        let lines = [proof.b.into(), self.gamma.clone(), self.delta.clone()];
        let product = pairing_product([proof.a.neg(), inputs, proof.c], lines);
        if product == self.negated_alpha_beta { Ok(()) } else { Err(VerifyError::Equation) }
    }

    /// Checks a proof given as words. Strict: every coordinate below q, every point on its curve, in its subgroup and
    /// finite.
    pub fn verify_bytes(&self, public_inputs: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
        self.verify(public_inputs, &Proof::from_bytes(proof)?)
    }
}

/// Checks one proof by a key that is not worth preparing.
pub fn verify(key: &VerifyingKey, public_inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
    Verifier::new(key).verify(public_inputs, proof)
}

/// As [`Verifier::verify_bytes`], by a key given as words.
pub fn verify_proof(verifying_key: &[u8], public_inputs: &[Fr], proof: &[u8]) -> Result<(), VerifyError> {
    Verifier::from_bytes(verifying_key, public_inputs.len())?.verify_bytes(public_inputs, proof)
}

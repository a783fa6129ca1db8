//! Keys and proofs.

use super::engine::{G1Affine, G2Affine};

/// What a verifier holds. Names as in the paper; `ic[i]` belongs to public wire i, wire 0 being the one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    pub alpha_g1: G1Affine,
    pub beta_g2: G2Affine,
    pub gamma_g2: G2Affine,
    pub delta_g2: G2Affine,
    pub ic: Vec<G1Affine>,
}

/// What a prover holds beside the circuit. All but `h` have one entry a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    pub verifying_key: VerifyingKey,
    pub beta_g1: G1Affine,
    pub delta_g1: G1Affine,
    /// `[A_i(τ)]₁`.
    pub a: Vec<G1Affine>,
    /// `[B_i(τ)]₁`: for blinded proofs only.
    pub b_g1: Vec<G1Affine>,
    /// `[B_i(τ)]₂`.
    pub b_g2: Vec<G2Affine>,
    /// `[(β·A_i + α·B_i + C_i)(τ)/δ]₁` of the private wires, which follow the public ones.
    pub c: Vec<G1Affine>,
    /// `[L_{2i+1}(τ)/δ]₁`, one entry a point of the domain: snarkjs's H basis.
    pub h: Vec<G1Affine>,
}

/// A proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    pub a: G1Affine,
    pub b: G2Affine,
    pub c: G1Affine,
}

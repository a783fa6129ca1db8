//! The prover (Groth 2016, section 3.2).
//!
//! [`super::machine::Machine`] is the fast one, [`prove`] the plain one by arkworks alone: for circuits too small to prepare anything
//! for, and to hold the fast one to.

use ark_bn254::{G1Projective, G2Projective};
use ark_ec::CurveGroup;
use ark_ff::{AdditiveGroup, PrimeField};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::join;

use super::{
    data_structures::{Proof, Queries, VerifyingKey},
    engine::{Domain, msm_g1, msm_g2, normalise_g1},
    r1cs_to_qap::quotient_scalars,
};
use crate::{circuit::r1cs::R1cs, field::Fr};

/// The random values r and s of a proof.
///
/// **The default is zero for both: such a proof is sound but not zero-knowledge.** All of a batch is public, so
/// there is nothing to hide, and without r the sum over B in G1 falls away. [`Blinding::from_entropy`] restores
/// zero knowledge for circuits with a secret.
#[derive(Clone, Copy, Default)]
pub struct Blinding {
    r: Fr,
    s: Fr,
}

impl Blinding {
    /// Uniform r and s from 32 secret random bytes, which must never serve a second proof.
    pub fn from_entropy(entropy: [u8; 32]) -> Self {
        let mut stream = ChaCha20Rng::from_seed(entropy);
        let mut draw = || {
            let mut bytes = [0; 64];
            stream.fill_bytes(&mut bytes);
            Fr::from_le_bytes_mod_order(&bytes)
        };
        Self { r: draw(), s: draw() }
    }

    /// Whether the sum over B in G1 is needed.
    pub(super) fn is_hiding(&self) -> bool {
        self.r != Fr::ZERO
    }
}

/// The sums that every proof is made of; over the queries of the same names.
pub(super) struct Sums {
    pub a: G1Projective,
    pub b_g2: G2Projective,
    /// C and H together.
    pub c: G1Projective,
}

impl Sums {
    /// The proof with r = s = 0, by the paper's formulas.
    pub(super) fn into_proof(self, key: &VerifyingKey) -> Proof {
        let points = normalise_g1(&[self.a + key.alpha_g1, self.c]);
        Proof { a: points[0], b: (self.b_g2 + key.beta_g2).into_affine(), c: points[1] }
    }

    /// The proof with these r and s; `b_g1` is B's sum in G1, which r = 0 makes superfluous.
    pub(super) fn into_blinded(
        self,
        queries: &Queries,
        Blinding { r, s }: Blinding,
        b_g1: G1Projective,
    ) -> Proof {
        let key = &queries.verifying_key;
        let a = self.a + key.alpha_g1 + queries.delta_g1 * r;
        let b = self.b_g2 + key.beta_g2 + key.delta_g2 * s;
        // s·A + r·B − r·s·δ with B in G1 = β + Σ + s·δ.
        let c = self.c + a * s + (b_g1 + queries.beta_g1) * r;
        let points = normalise_g1(&[a, c]);
        Proof { a: points[0], b: b.into_affine(), c: points[1] }
    }
}

/// Proves that `witness`, one value a wire, satisfies the circuit. It does not check that it does: a proof of an
/// unsatisfying witness fails verification. Nothing is prepared and nothing can be stopped.
pub fn prove(queries: &Queries, r1cs: &R1cs, domain: &Domain, witness: &[Fr], blinding: Blinding) -> Proof {
    assert_eq!(witness.len(), r1cs.wires(), "one value a wire");
    let private = &witness[1 + r1cs.public_inputs()..];
    // The four sums are independent; side by side they fill several threads better than each by itself.
    let ((b_g2, a), (h, c)) = join(
        || join(|| msm_g2(&queries.b_g2, witness), || msm_g1(&queries.a, witness)),
        || {
            let quotient = || msm_g1(&queries.h, &quotient_scalars(r1cs, domain, witness));
            join(quotient, || msm_g1(&queries.c, private))
        },
    );
    let hiding = blinding.is_hiding().then(|| msm_g1(&queries.b_g1, witness));
    Sums { a, b_g2, c: c + h }.into_blinded(queries, blinding, hiding.unwrap_or_default())
}

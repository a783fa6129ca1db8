//! From an account's place in the state to a checked proof that it is there (docs/protocol.md, section 9).

use super::{
    circuits::MembershipCircuit,
    encoding::PROOF_BYTES,
    engine::{ThreadError, with_threads},
    keys::Key,
    prover::{Blinding, prove},
    verifier::{VerifyError, verify},
};
use crate::{
    circuit::membership::witness,
    field::Fr,
    membership::{Membership, MembershipError},
};

/// A membership circuit's proving key.
pub type MembershipKey = Key<MembershipCircuit>;

/// A proof and its public inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipProof {
    /// Root, account · 2^160 + exit address, balance.
    pub public: [Fr; 3],
    /// Eight words as docs/protocol.md, section 6.
    pub proof: [u8; PROOF_BYTES],
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveMembershipError {
    #[error("the account is in a tree of depth {depth}, the key is of depth {key_depth}")]
    Depth { depth: usize, key_depth: usize },
    #[error(transparent)]
    Membership(#[from] MembershipError),
    #[error("the membership does not satisfy the circuit: {0}")]
    Unsatisfied(VerifyError),
    #[error(transparent)]
    Threads(#[from] ThreadError),
}

/// Proves, on `threads` threads, that the account is in the tree of the root that its path leads to; checks the proof.
///
/// Without zero knowledge: key, nonce and path of an account follow from what L1 has published.
pub fn prove_membership(
    key: &MembershipKey,
    membership: &Membership,
    threads: usize,
) -> Result<MembershipProof, ProveMembershipError> {
    let (depth, key_depth) = (membership.depth(), key.circuit().depth);
    if depth != key_depth {
        return Err(ProveMembershipError::Depth { depth, key_depth });
    }
    let (values, public) = membership_witness(membership)?;
    let (queries, r1cs, domain) = key.parts();
    with_threads(threads, || {
        let proof = prove(queries, r1cs, domain, &values, Blinding::default());
        verify(&queries.verifying_key, &public, &proof).map_err(ProveMembershipError::Unsatisfied)?;
        Ok(MembershipProof { public, proof: proof.to_bytes() })
    })?
}

/// The circuit's wires under the root that the path leads to, and its public inputs.
pub fn membership_witness(membership: &Membership) -> Result<(Vec<Fr>, [Fr; 3]), MembershipError> {
    let public = membership.public_inputs(membership.root().ok_or(MembershipError::Path)?);
    Ok((witness(membership, &public), public))
}

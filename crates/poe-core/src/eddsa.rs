//! EdDSA over BabyJubJub with Poseidon, as circomlibjs signs and docs/protocol.md (rule 10) verifies.
//!
//! Signing is not constant-time: it is for wallets and tests on machines the signer trusts.

mod bulk;

use ark_ff::{BigInteger, BigInteger256, PrimeField};
use blake_hash::{Blake512, Digest};

use crate::{
    babyjubjub::{self, Affine, Extended, Scalar},
    field::Fr,
    poseidon,
};

pub use bulk::verify_many;

/// A public key's coordinates, on the curve or not.
pub type PublicKey = (Fr, Fr);

/// `R8` and `S`, all reduced modulo r; nothing else is promised about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub r8: (Fr, Fr),
    pub s: Fr,
}

/// A signature to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedMessage {
    pub public_key: PublicKey,
    pub signature: Signature,
    pub message: Fr,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("S is not below the subgroup's order")]
    ScalarTooLarge,
    #[error("the public key or R8 is not on the curve")]
    OffCurve,
    #[error("the public key or R8 has small order")]
    SmallOrder,
    #[error("the signature equation does not hold")]
    Equation,
}

struct ExpandedSecret {
    /// The pruned scalar, before its division by 8.
    scalar: BigInteger256,
    nonce_key: [u8; 32],
}

/// BLAKE-512 of the secret, pruned as Ed25519 does: a multiple of 8 with bit 254 set, below 2^255.
fn expand(secret: &[u8; 32]) -> ExpandedSecret {
    let hash = Blake512::digest(secret);
    let (mut low, mut nonce_key) = ([0u8; 32], [0u8; 32]);
    low.copy_from_slice(&hash[..32]);
    nonce_key.copy_from_slice(&hash[32..]);
    low[0] &= 0xf8;
    low[31] = low[31] & 0x7f | 0x40;
    ExpandedSecret { scalar: integer_from_little_endian(&low), nonce_key }
}

fn integer_from_little_endian(bytes: &[u8; 32]) -> BigInteger256 {
    let (limbs, _) = bytes.as_chunks::<8>();
    BigInteger256::new(std::array::from_fn(|i| u64::from_le_bytes(limbs[i])))
}

fn public_point(secret: &ExpandedSecret) -> Extended {
    babyjubjub::multiply_base_extended(&(secret.scalar >> 3))
}

/// The public key of a 32-byte secret.
pub fn derive_public_key(secret: &[u8; 32]) -> PublicKey {
    public_point(&expand(secret)).to_affine().coordinates()
}

/// Signs a message; deterministic.
pub fn sign(secret: &[u8; 32], message: Fr) -> Signature {
    let secret = expand(secret);
    let public_key = public_point(&secret).to_affine().coordinates();
    let nonce = Blake512::new().chain(secret.nonce_key).chain(message.into_bigint().to_bytes_le()).finalize();
    let nonce = Scalar::from_le_bytes_mod_order(&nonce);
    let r8 = babyjubjub::multiply_base(&nonce.into_bigint()).to_affine().coordinates();
    let h = challenge(r8, public_key, message).into_bigint();
    let s = nonce + reduce(&h) * reduce(&secret.scalar);
    Signature { r8, s: Fr::from_le_bytes_mod_order(&s.into_bigint().to_bytes_le()) }
}

fn reduce(value: &BigInteger256) -> Scalar {
    Scalar::from_le_bytes_mod_order(&value.to_bytes_le())
}

/// `h = Poseidon5(R8.x, R8.y, A.x, A.y, M)`.
fn challenge(r8: (Fr, Fr), public_key: PublicKey, message: Fr) -> Fr {
    poseidon::hash5([r8.0, r8.1, public_key.0, public_key.1, message])
}

/// Rule 10: `S < l`, both points on the curve and not of small order, `S·B8 = R8 + h·(8·A)`.
pub fn verify(public_key: PublicKey, signature: &Signature, message: Fr) -> Result<(), SignatureError> {
    if !babyjubjub::is_below_subgroup_order(&signature.s) {
        return Err(SignatureError::ScalarTooLarge);
    }
    let point = |(x, y)| Affine::new(x, y).ok_or(SignatureError::OffCurve);
    let (key, r8) = (point(public_key)?, point(signature.r8)?);
    let (key, r8) = (Extended::from(&key).clear_cofactor(), Extended::from(&r8));
    if key.is_identity() || r8.clear_cofactor().is_identity() {
        return Err(SignatureError::SmallOrder);
    }
    let h = challenge(signature.r8, public_key, message).into_bigint();
    let expected = r8.add(&babyjubjub::multiply(&h, &key.to_affine()));
    let s = babyjubjub::multiply_base_extended(&signature.s.into_bigint());
    if s.is_same(&expected) { Ok(()) } else { Err(SignatureError::Equation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field};

    const SECRET: [u8; 32] = [7; 32];

    fn signed() -> (PublicKey, Signature, Fr) {
        let message = Fr::from(1234u64);
        (derive_public_key(&SECRET), sign(&SECRET, message), message)
    }

    #[test]
    fn a_signature_holds_for_its_key_and_message_alone() {
        let (key, signature, message) = signed();
        assert_eq!(verify(key, &signature, message), Ok(()));
        assert_eq!(verify(key, &signature, message + Fr::ONE), Err(SignatureError::Equation));
        let other = derive_public_key(&[8; 32]);
        assert_eq!(verify(other, &signature, message), Err(SignatureError::Equation));
    }

    #[test]
    fn a_scalar_shifted_by_the_subgroups_order_is_refused() {
        let (key, signature, message) = signed();
        let order = Fr::from_bigint(babyjubjub::subgroup_order()).expect("l < r");
        let shifted = Signature { s: signature.s + order, ..signature };
        assert_eq!(verify(key, &shifted, message), Err(SignatureError::ScalarTooLarge));
        let equal = Signature { s: order, ..signature };
        assert_eq!(verify(key, &equal, message), Err(SignatureError::ScalarTooLarge));
        let below = Signature { s: order - Fr::ONE, ..signature };
        assert_eq!(verify(key, &below, message), Err(SignatureError::Equation));
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let (key, signature, message) = signed();
        let bad_key = (key.0 + Fr::ONE, key.1);
        assert_eq!(verify(bad_key, &signature, message), Err(SignatureError::OffCurve));
        let bad_r8 = Signature { r8: (Fr::ZERO, Fr::ZERO), ..signature };
        assert_eq!(verify(key, &bad_r8, message), Err(SignatureError::OffCurve));
    }

    #[test]
    fn a_small_order_key_signs_nothing_though_the_equation_would_hold() {
        let message = Fr::from(5u64);
        let nonce = Scalar::from(99u64);
        let r8 = babyjubjub::multiply_base(&nonce.into_bigint()).to_affine().coordinates();
        let signature = Signature { r8, s: Fr::from(99u64) };
        for key in [(Fr::ZERO, Fr::ONE), (Fr::ZERO, -Fr::ONE)] {
            assert_eq!(verify(key, &signature, message), Err(SignatureError::SmallOrder));
        }
    }

    #[test]
    fn a_small_order_r8_is_refused() {
        let (key, signature, message) = signed();
        for r8 in [(Fr::ZERO, Fr::ONE), (Fr::ZERO, -Fr::ONE)] {
            let forged = Signature { r8, ..signature };
            assert_eq!(verify(key, &forged, message), Err(SignatureError::SmallOrder));
        }
    }

    #[test]
    fn a_torsion_component_in_r8_breaks_the_equation() {
        let (key, signature, message) = signed();
        let (x, y) = signature.r8;
        let twisted = Signature { r8: (-x, -y), ..signature };
        assert_eq!(verify(key, &twisted, message), Err(SignatureError::Equation));
    }

    #[test]
    fn many_signatures_are_judged_one_by_one() {
        let (public_key, signature, message) = signed();
        let good = SignedMessage { public_key, signature, message };
        let bad = SignedMessage { message: Fr::ZERO, ..good };
        let answers = verify_many(&[good, bad, good]);
        assert_eq!(answers, [Ok(()), Err(SignatureError::Equation), Ok(())]);
        assert!(verify_many(&[]).is_empty());
    }
}

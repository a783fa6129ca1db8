//! BN254's scalar field and its two readings of 32 big-endian bytes: strict and reducing.

use ark_ff::{BigInteger, PrimeField};

/// An element of BN254's scalar field, of order `r`.
pub type Fr = ark_bn254::Fr;

/// Bytes of a word.
pub const WORD_BYTES: usize = 32;

/// Why bytes are not a field element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    #[error("a field element is 32 bytes, got {got}")]
    Length { got: usize },
    #[error("value is not below the field's order")]
    NotReduced,
}

/// Reads exactly 32 big-endian bytes of a value below `r`.
pub fn from_bytes_strict(bytes: &[u8]) -> Result<Fr, FieldError> {
    let word = word_from_slice(bytes)?;
    let value = from_word(&word);
    if to_bytes(&value) == word { Ok(value) } else { Err(FieldError::NotReduced) }
}

/// Reads a word as "its value modulo r" (docs/protocol.md, introduction).
pub fn from_word(word: &[u8; WORD_BYTES]) -> Fr {
    Fr::from_be_bytes_mod_order(word)
}

/// The canonical 32 big-endian bytes of an element.
pub fn to_bytes(value: &Fr) -> [u8; WORD_BYTES] {
    let mut bytes = [0; WORD_BYTES];
    bytes.copy_from_slice(&value.into_bigint().to_bytes_be());
    bytes
}

/// A slice of 32 bytes as a word.
pub fn word_from_slice(bytes: &[u8]) -> Result<[u8; WORD_BYTES], FieldError> {
    bytes.try_into().map_err(|_| FieldError::Length { got: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, Field};

    fn order_bytes() -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(&Fr::MODULUS.to_bytes_be());
        bytes
    }

    #[test]
    fn reading_gives_back_what_was_written() {
        for value in [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::from(0x1234_5678_9abc_u64)] {
            assert_eq!(from_bytes_strict(&to_bytes(&value)), Ok(value));
        }
        assert_eq!(to_bytes(&Fr::from(258u64))[30..], [1, 2]);
    }

    #[test]
    fn the_order_is_refused_strictly_and_is_zero_when_reduced() {
        assert_eq!(from_bytes_strict(&order_bytes()), Err(FieldError::NotReduced));
        assert_eq!(from_word(&order_bytes()), Fr::ZERO);
        assert_eq!(from_bytes_strict(&[0xff; 32]), Err(FieldError::NotReduced));
    }

    #[test]
    fn all_ones_reduces_to_two_to_the_256_minus_one() {
        assert_eq!(from_word(&[0xff; 32]), Fr::from(2u64).pow([256]) - Fr::ONE);
    }

    #[test]
    fn a_wrong_length_is_refused() {
        assert_eq!(from_bytes_strict(&[0; 31]), Err(FieldError::Length { got: 31 }));
        assert_eq!(from_bytes_strict(&[0; 33]), Err(FieldError::Length { got: 33 }));
        assert_eq!(from_bytes_strict(&[]), Err(FieldError::Length { got: 0 }));
    }
}

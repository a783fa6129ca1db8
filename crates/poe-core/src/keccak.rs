//! Ethereum's Keccak-256.

use tiny_keccak::{Hasher, Keccak};

/// Keccak-256 of the parts, one after the other.
pub fn keccak256<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Keccak::v256();
    parts.into_iter().for_each(|part| hasher.update(part));
    let mut hash = [0; 32];
    hasher.finalize(&mut hash);
    hash
}

/// `keccak(parts) >> 8` as a word: 31 bytes of hash, so always below r.
pub fn keccak248<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut shifted = [0; 32];
    shifted[1..].copy_from_slice(&keccak256(parts)[..31]);
    shifted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_hash_is_ethereums() {
        let known = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        let hex: String = keccak256([]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, known);
    }

    #[test]
    fn parts_are_hashed_as_one_string() {
        assert_eq!(keccak256([b"ab".as_slice(), b"c"]), keccak256([b"abc".as_slice()]));
    }

    #[test]
    fn the_shifted_hash_drops_the_last_byte() {
        let (full, shifted) = (keccak256([b"x".as_slice()]), keccak248([b"x".as_slice()]));
        assert_eq!((shifted[0], &shifted[1..]), (0, &full[..31]));
    }
}

//! A slot's word 0, field by field (docs/protocol.md, section 3).

use ark_ff::{BigInteger256, PrimeField};

use crate::{field::Fr, poseidon};

/// Bits of an account index in word 0 and in the header.
pub const INDEX_BITS: usize = 48;
pub const INDEX_LIMIT: u64 = 1 << INDEX_BITS;

pub const KIND_EMPTY: u8 = 0;
pub const KIND_TRANSFER: u8 = 1;
pub const KIND_EXIT: u8 = 2;
pub const KIND_DEPOSIT: u8 = 3;

/// Word 0 of a slot, reduced modulo r. Total: every field element is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WordZero {
    pub kind: u8,
    /// Below 2^48.
    pub from: u64,
    /// Below 2^48.
    pub to: u64,
    /// Gwei.
    pub amount: u64,
    /// Gwei.
    pub fee: u32,
    pub nonce: u32,
    /// Bits 232..253, zero in a well-formed word.
    pub reserved: u32,
}

impl WordZero {
    pub fn unpack(word: &Fr) -> Self {
        let BigInteger256 { 0: [low, amount, high, top] } = word.into_bigint();
        Self {
            nonce: low as u32,
            fee: (low >> 32) as u32,
            amount,
            to: high & (INDEX_LIMIT - 1),
            from: high >> 48 | (top & 0xffff_ffff) << 16,
            kind: (top >> 32) as u8,
            reserved: (top >> 40) as u32,
        }
    }

    /// The word, if every field fits its width and the whole is below r.
    pub fn pack(&self) -> Option<Fr> {
        let fits = self.from < INDEX_LIMIT && self.to < INDEX_LIMIT && self.reserved < 1 << 24;
        let top = self.from >> 16 | u64::from(self.kind) << 32 | u64::from(self.reserved) << 40;
        let low = u64::from(self.nonce) | u64::from(self.fee) << 32;
        let limbs = [low, self.amount, self.to | self.from << 48, top];
        fits.then(|| Fr::from_bigint(BigInteger256::new(limbs))).flatten()
    }
}

/// `M = Poseidon2(domain, w0)`, what the sender of a transfer or an exit signs.
pub fn message(domain: Fr, word_zero: Fr) -> Fr {
    poseidon::hash2([domain, word_zero])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;

    fn bit(position: u64) -> Fr {
        Fr::from(2u64).pow([position])
    }

    #[test]
    fn each_field_lies_where_the_table_says() {
        let one = WordZero::default();
        let cases = [
            (0, WordZero { nonce: 1, ..one }),
            (32, WordZero { fee: 1, ..one }),
            (64, WordZero { amount: 1, ..one }),
            (128, WordZero { to: 1, ..one }),
            (175, WordZero { to: 1 << 47, ..one }),
            (176, WordZero { from: 1, ..one }),
            (223, WordZero { from: 1 << 47, ..one }),
            (224, WordZero { kind: 1, ..one }),
            (231, WordZero { kind: 128, ..one }),
            (232, WordZero { reserved: 1, ..one }),
            (252, WordZero { reserved: 1 << 20, ..one }),
        ];
        for (position, word) in cases {
            assert_eq!(WordZero::unpack(&bit(position)), word, "bit {position}");
            assert_eq!(word.pack(), Some(bit(position)), "bit {position}");
        }
    }

    #[test]
    fn full_fields_do_not_touch_each_other() {
        let word = WordZero {
            kind: 255,
            from: INDEX_LIMIT - 1,
            to: INDEX_LIMIT - 1,
            amount: u64::MAX,
            fee: u32::MAX,
            nonce: u32::MAX,
            reserved: 0,
        };
        assert_eq!(word.pack(), Some(bit(232) - Fr::ONE));
        assert_eq!(WordZero::unpack(&(bit(232) - Fr::ONE)), word);
    }

    #[test]
    fn fields_too_wide_are_not_packed() {
        let one = WordZero::default();
        assert_eq!(WordZero { from: INDEX_LIMIT, ..one }.pack(), None);
        assert_eq!(WordZero { to: INDEX_LIMIT, ..one }.pack(), None);
        assert_eq!(WordZero { reserved: 1 << 23, ..one }.pack(), None);
    }

    #[test]
    fn any_element_unpacks_and_packs_back() {
        for element in [-Fr::ONE, -Fr::from(77u64), bit(253) + bit(100)] {
            assert_eq!(WordZero::unpack(&element).pack(), Some(element));
        }
    }
}

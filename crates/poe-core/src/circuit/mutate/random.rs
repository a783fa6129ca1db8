//! Randomness that a seed gives back: SplitMix64 (Steele, Lea, Flood, 2014). For choosing mutations, not secrets.

use crate::{
    batch::Word,
    field::{self, Fr},
};

/// A stream of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is small beside 2^64 and not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.draw() % limit as u64) as usize
    }

    pub fn word(&mut self) -> Word {
        std::array::from_fn(|_| self.draw() as u8)
    }

    pub fn element(&mut self) -> Fr {
        field::from_word(&self.word())
    }
}

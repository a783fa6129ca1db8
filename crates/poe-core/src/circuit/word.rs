//! Word 0 of a slot, taken apart (docs/protocol.md, section 3).

use super::{
    bits::to_bits_strict,
    builder::{ConstraintSystem, Linear, Num},
};
use crate::transaction::INDEX_BITS;

const NONCE_BITS: usize = 32;
const FEE_BITS: usize = 32;
const AMOUNT_BITS: usize = 64;
const KIND_BITS: usize = 8;

/// The fields of word 0. Bits are least significant first.
#[derive(Debug, Clone)]
pub struct WordNum<L> {
    /// 32 bits.
    pub nonce: Vec<Num<L>>,
    /// Below 2^32.
    pub fee: Num<L>,
    /// Below 2^64.
    pub amount: Num<L>,
    /// 48 bits each.
    pub to: Vec<Num<L>>,
    pub from: Vec<Num<L>>,
    /// 8 bits.
    pub kind: Vec<Num<L>>,
    /// Bits 232..253.
    pub reserved: Vec<Num<L>>,
}

impl<L: Linear> WordNum<L> {
    /// The fields of any field element; as many constraints as the strict decomposition.
    pub fn unpack<C: ConstraintSystem<L = L>>(cs: &mut C, word: &Num<L>) -> Self {
        let bits = to_bits_strict(cs, word);
        let mut rest = bits.as_slice();
        let mut take = |width: usize| {
            let (field, after) = rest.split_at(width);
            rest = after;
            field.to_vec()
        };
        let (nonce, fee, amount) = (take(NONCE_BITS), take(FEE_BITS), take(AMOUNT_BITS));
        let (to, from, kind) = (take(INDEX_BITS), take(INDEX_BITS), take(KIND_BITS));
        Self {
            nonce,
            fee: Num::from_bits(&fee),
            amount: Num::from_bits(&amount),
            to,
            from,
            kind,
            reserved: rest.to_vec(),
        }
    }

    /// How many of the rules that word 0 alone can break are broken, counted by bits: kind = 1, reserved bits
    /// zero, both indices in the tree. A small integer.
    pub fn broken_rules(&self, depth: usize) -> Num<L> {
        let (transfer, other_kinds) = (&self.kind[0], &self.kind[1..]);
        let outside = self.from[2 * depth..].iter().chain(&self.to[2 * depth..]);
        let zeros = other_kinds.iter().chain(&self.reserved).chain(outside);
        &transfer.not() + &Num::sum(zeros)
    }
}

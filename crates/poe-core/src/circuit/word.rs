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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::testing::{Gadget, edge_elements, element, run_gadget},
        field::Fr,
        transaction::WordZero,
    };

    const DEPTH: usize = 5;

    fn run(word: Fr) -> Gadget {
        run_gadget!([word], |cs, wires| {
            let word = WordNum::unpack(cs, &wires[0]);
            let broken = word.broken_rules(DEPTH);
            let [nonce, to, from, kind, reserved] =
                [&word.nonce, &word.to, &word.from, &word.kind, &word.reserved]
                    .map(|bits| Num::from_bits(bits));
            [broken, nonce, word.fee, word.amount, to, from, kind, reserved]
        })
    }

    #[test]
    fn fields_are_the_native_ones() {
        for word in edge_elements().into_iter().chain((0..8).map(element)) {
            let gadget = run(word);
            let fields = WordZero::unpack(&word);
            let expected = [
                u64::from(fields.nonce),
                u64::from(fields.fee),
                fields.amount,
                fields.to,
                fields.from,
                u64::from(fields.kind),
                u64::from(fields.reserved),
            ];
            gadget.output();
            assert_eq!(gadget.outputs[1..], expected.map(Fr::from));
            assert_eq!(gadget.constraints(), 354);
        }
    }

    #[test]
    fn broken_rules_are_none_for_a_transfer_inside_the_tree_alone() {
        let inside = (1u64 << (2 * DEPTH)) - 1;
        let good = WordZero { kind: 1, from: inside, to: inside, amount: 5, fee: 6, nonce: 7, reserved: 0 };
        let broken = |fields: WordZero| run(fields.pack().expect("fits")).output() != Fr::from(0u64);
        assert!(!broken(good));
        for kind in [0, 2, 3, 4, 128, 255] {
            assert!(broken(WordZero { kind, ..good }));
        }
        for bit in 2 * DEPTH..INDEX_BITS {
            assert!(broken(WordZero { from: 1 << bit, ..good }));
            assert!(broken(WordZero { to: 1 << bit, ..good }));
        }
        for bit in 0..21 {
            assert!(broken(WordZero { reserved: 1 << bit, ..good }));
        }
    }
}

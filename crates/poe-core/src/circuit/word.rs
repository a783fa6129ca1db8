//! Word 0 of a slot, taken apart (docs/protocol.md, section 3).

use super::{
    bits::to_bits_strict,
    builder::{ConstraintSystem, Linear, Num},
};
use crate::{field::Fr, transaction::INDEX_BITS};

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

    /// How far word 0 is from the form of a transfer or an exit: kind 1 or 2, reserved bits zero. A small integer,
    /// 0 if it has the form. One constraint.
    pub fn flaws<C: ConstraintSystem<L = L>>(&self, cs: &mut C) -> Num<L> {
        let both = cs.mul(&self.kind[0], &self.kind[1]);
        let is_either = &Num::sum(&self.kind[..2]) - &both.scale(Fr::from(2u64));
        &is_either.not() + &Num::sum(self.kind[2..].iter().chain(&self.reserved))
    }

    /// The bit "transfer", of a word without flaws.
    pub fn is_transfer(&self) -> &Num<L> {
        &self.kind[0]
    }

    /// The bit "exit", of a word without flaws.
    pub fn is_exit(&self) -> &Num<L> {
        &self.kind[1]
    }
}

/// How many bits of an index lie above those of a tree of this depth; 0 if the index is inside.
pub fn outside<L: Linear>(index: &[Num<L>], depth: usize) -> Num<L> {
    Num::sum(&index[2 * depth..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::testing::{Gadget, edge_elements, element, run_gadget},
        transaction::WordZero,
    };

    const DEPTH: usize = 5;

    fn run(word: Fr) -> Gadget {
        run_gadget!([word], |cs, wires| {
            let word = WordNum::unpack(cs, &wires[0]);
            let flaws = word.flaws(cs);
            let (from_outside, to_outside) = (outside(&word.from, DEPTH), outside(&word.to, DEPTH));
            let [nonce, to, from, kind, reserved] =
                [&word.nonce, &word.to, &word.from, &word.kind, &word.reserved]
                    .map(|bits| Num::from_bits(bits));
            [flaws, from_outside, to_outside, nonce, word.fee, word.amount, to, from, kind, reserved]
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
            assert_eq!(gadget.outputs[3..], expected.map(Fr::from));
            assert_eq!(gadget.constraints(), 309 + 1);
            gadget.assert_tight();
        }
    }

    #[test]
    fn only_transfers_and_exits_without_reserved_bits_have_no_flaws() {
        let has_flaws = |fields: WordZero| run(fields.pack().expect("fits")).output() != Fr::from(0u64);
        let good = WordZero { kind: 1, from: 3, to: 4, amount: 5, fee: 6, nonce: 7, reserved: 0 };
        for kind in 0..=255 {
            assert_eq!(has_flaws(WordZero { kind, ..good }), !matches!(kind, 1 | 2), "kind {kind}");
        }
        for kind in 1..=3 {
            assert!((0..21).all(|bit| has_flaws(WordZero { kind, reserved: 1 << bit, ..good })));
        }
    }

    #[test]
    fn every_index_bit_above_the_tree_counts() {
        let inside = (1u64 << (2 * DEPTH)) - 1;
        let counts = |from, to| {
            let word = WordZero { kind: 1, from, to, ..WordZero::default() };
            let gadget = run(word.pack().expect("fits"));
            gadget.output();
            [gadget.outputs[1], gadget.outputs[2]]
        };
        assert_eq!(counts(inside, inside), [0u64, 0].map(Fr::from));
        for bit in 2 * DEPTH..crate::transaction::INDEX_BITS {
            assert_eq!(counts(1 << bit, inside), [1u64, 0].map(Fr::from));
            assert_eq!(counts(inside, 1 << bit), [0u64, 1].map(Fr::from));
        }
    }
}

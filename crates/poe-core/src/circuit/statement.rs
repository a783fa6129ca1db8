//! The statement's commitment and evaluation in the circuit (docs/protocol.md, section 5).

use super::{
    builder::{ConstraintSystem, Num},
    poseidon::poseidon,
};
use crate::{field::Fr, statement::BLOCK_WORDS};

/// C of the words V: a chain of Poseidon16, 15 words a step, from `|V|`.
pub fn commit<C: ConstraintSystem>(cs: &mut C, words: &[Num<C::L>]) -> Num<C::L> {
    let length = Num::constant(Fr::from(words.len() as u64));
    words.chunks(BLOCK_WORDS).fold(length, |chain, block| {
        let mut inputs = vec![chain];
        inputs.extend_from_slice(block);
        inputs.resize(BLOCK_WORDS + 1, Num::zero());
        poseidon(cs, &inputs)
    })
}

/// `y = Σ V[i]·x^i` by Horner. One constraint a word but the first; none for constants at V's end.
pub fn evaluate<C: ConstraintSystem>(
    cs: &mut C,
    words: &[Num<C::L>],
    x: &Num<C::L>,
) -> Num<C::L> {
    words.iter().rev().fold(Num::zero(), |sum, word| &cs.mul(&sum, x) + word)
}

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
pub fn evaluate<C: ConstraintSystem>(cs: &mut C, words: &[Num<C::L>], x: &Num<C::L>) -> Num<C::L> {
    words.iter().rev().fold(Num::zero(), |sum, word| &cs.mul(&sum, x) + word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::testing::{element, run_gadget},
        statement,
    };

    fn words(count: u64) -> Vec<Fr> {
        (0..count).map(element).collect()
    }

    #[test]
    fn the_commitment_is_the_native_one() {
        for count in [1, 14, 15, 16, 31] {
            let gadget = run_gadget!(words(count), |cs, wires| [commit(cs, wires)]);
            assert_eq!(gadget.output(), statement::commit(&words(count)));
            gadget.assert_tight();
        }
    }

    #[test]
    fn the_evaluation_is_the_native_one_at_one_constraint_a_word_but_the_first() {
        for count in [1, 2, 16] {
            let words = words(count);
            for x in [element(50), Fr::from(0u64), Fr::from(1u64)] {
                let inputs: Vec<Fr> = words.iter().copied().chain([x]).collect();
                let gadget = run_gadget!(inputs, |cs, wires| {
                    let (x, words) = wires.split_last().expect("not empty");
                    [evaluate(cs, words, x)]
                });
                assert_eq!(gadget.output(), statement::evaluate(&words, x));
                assert_eq!(gadget.constraints() as u64, count - 1);
                gadget.assert_tight();
            }
        }
    }

    #[test]
    fn trailing_constants_cost_the_evaluation_nothing() {
        let gadget = run_gadget!(words(2), |cs, wires| {
            let words = [wires[0].clone(), Num::zero(), Num::zero()];
            [evaluate(cs, &words, &wires[1])]
        });
        assert_eq!((gadget.constraints(), gadget.output()), (0, element(0)));
    }
}

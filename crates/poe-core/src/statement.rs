//! The statement: the vector V of public words, its commitment C and its evaluation y at x
//! (docs/protocol.md, sections 3 and 5).

use ark_ff::AdditiveGroup;

use crate::{
    account::Address,
    batch::{Batch, Word, word},
    field::{self, Fr},
    keccak, poseidon,
};

/// Words of V before the data.
pub const FIXED_WORDS: usize = 8;
/// Data words and exit words that each slot adds.
pub const WORDS_PER_SLOT: usize = 6;
/// Words of V taken by one step of the commitment chain.
pub const BLOCK_WORDS: usize = 15;

/// The facts of V that neither header nor data hold.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    pub domain: Fr,
    pub old_root: Fr,
    pub new_root: Fr,
    pub ctx: Fr,
}

/// `C, x, y`: a proof's public inputs, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicInputs {
    pub commitment: Fr,
    pub x: Fr,
    pub y: Fr,
}

/// `|V|` of a shape.
pub fn word_count(slots: usize) -> usize {
    FIXED_WORDS + WORDS_PER_SLOT * slots
}

/// What a slot pays out on L1; amount in gwei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Position in the batch.
    pub slot: usize,
    pub address: Address,
    pub amount: u64,
}

/// V: facts, header, data as posted, then a pair `(address, amount)` a slot, zeros where no exit was emitted.
/// `exits` are of different slots of the batch.
pub fn words(facts: &Facts, batch: &Batch<'_>, exits: &[Exit]) -> Vec<Word> {
    let Facts { domain, old_root, new_root, ctx } = facts;
    let mut words = Vec::with_capacity(word_count(batch.header().slots));
    words.extend([domain, old_root, new_root, ctx].map(field::to_bytes));
    words.extend(batch.header().words());
    words.extend(batch.data_words());
    words.extend(exit_words(batch.header().slots, exits));
    words
}

/// The last `2·slots` words of V.
pub fn exit_words(slots: usize, exits: &[Exit]) -> Vec<Word> {
    let mut pairs = vec![[[0; 32]; 2]; slots];
    for exit in exits {
        pairs[exit.slot] = [address_word(&exit.address), word(exit.amount)];
    }
    pairs.concat()
}

/// `C`: from `c = |V|`, `c = Poseidon16(c, block)` for each block of 15 words, the last zero-padded.
pub fn commit(elements: &[Fr]) -> Fr {
    elements.chunks(BLOCK_WORDS).fold(Fr::from(elements.len() as u64), |chain, block| {
        let mut inputs = [Fr::ZERO; BLOCK_WORDS + 1];
        inputs[0] = chain;
        inputs[1..=block.len()].copy_from_slice(block);
        poseidon::hash16(inputs)
    })
}

/// `x = keccak(C ‖ keccak(V)) mod r`, V unreduced.
pub fn evaluation_point(commitment: Fr, words: &[Word]) -> Fr {
    let of_words = keccak::keccak256(words.iter().map(Word::as_slice));
    let of_both = keccak::keccak256([field::to_bytes(&commitment).as_slice(), of_words.as_slice()]);
    field::from_word(&of_both)
}

/// `y = Σ V[i]·x^i` by Horner.
pub fn evaluate(elements: &[Fr], x: Fr) -> Fr {
    elements.iter().rev().fold(Fr::ZERO, |sum, element| sum * x + element)
}

/// The public inputs that belong to V.
pub fn public_inputs(words: &[Word]) -> PublicInputs {
    let elements: Vec<Fr> = words.iter().map(field::from_word).collect();
    let commitment = commit(&elements);
    let x = evaluation_point(commitment, words);
    PublicInputs { commitment, x, y: evaluate(&elements, x) }
}

/// `keccak(abi.encode(batchNumber, batchHash, payee, tip)) >> 8`.
pub fn context(batch_number: &Word, batch_hash: &Word, payee: &Address, tip: &Word) -> Fr {
    let parts = [*batch_number, *batch_hash, address_word(payee), *tip];
    field::from_word(&keccak::keccak248(parts.iter().map(Word::as_slice)))
}

/// `keccak(abi.encode(chainId, arbiter, circuitVersion)) >> 8`.
pub fn domain(chain_id: &Word, arbiter: &Address, circuit_version: &Word) -> Fr {
    let parts = [*chain_id, address_word(arbiter), *circuit_version];
    field::from_word(&keccak::keccak248(parts.iter().map(Word::as_slice)))
}

fn address_word(address: &Address) -> Word {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Header, SLOT_BYTES};
    use ark_ff::{Field, PrimeField};

    fn facts() -> Facts {
        let [domain, old_root, new_root, ctx] = [1u64, 2, 3, 4].map(Fr::from);
        Facts { domain, old_root, new_root, ctx }
    }

    fn statement(data: &[u8], exits: &[Exit]) -> Vec<Word> {
        let header = Header { slots: 2, depth: 5, deposits: 1, forced: 0, fee_account: 9 };
        words(&facts(), &Batch::new(header, data).expect("well-formed"), exits)
    }

    #[test]
    fn words_come_in_the_protocols_order() {
        let data: Vec<u8> = (0..2 * SLOT_BYTES).map(|i| i as u8).collect();
        let exit = Exit { slot: 1, address: [0xee; 20], amount: u64::MAX };
        let words = statement(&data, &[exit]);
        assert_eq!(words.len(), word_count(2));
        let fixed = [1, 2, 3, 4, 2 * 256 + 5, 1, 0, 9].map(word);
        assert_eq!(words[..8], fixed);
        assert_eq!(words[8..16].concat(), data);
        assert_eq!(words[16..18], [[0; 32]; 2]);
        assert_eq!((words[18][..12].to_vec(), words[18][12..].to_vec()), (vec![0; 12], vec![0xee; 20]));
        assert_eq!(words[19], word(u64::MAX));
        assert_eq!(statement(&data, &[])[16..], [[0; 32]; 4]);
    }

    #[test]
    fn the_commitment_chain_starts_from_the_length_and_pads_with_zeros() {
        let elements: Vec<Fr> = (1..=20u64).map(Fr::from).collect();
        let mut first = vec![Fr::from(20u64)];
        first.extend(&elements[..15]);
        let mut second = vec![poseidon::hash(&first).expect("16 inputs")];
        second.extend(&elements[15..]);
        second.resize(16, Fr::ZERO);
        assert_eq!(Ok(commit(&elements)), poseidon::hash(&second));
        let mut padded = elements.clone();
        padded.push(Fr::ZERO);
        assert_ne!(commit(&padded), commit(&elements));
    }

    #[test]
    fn evaluation_is_the_sum_of_powers() {
        let elements = [5u64, 7, 11].map(Fr::from);
        let x = Fr::from(13u64);
        let sum = elements[0] + elements[1] * x + elements[2] * x.square();
        assert_eq!(evaluate(&elements, x), sum);
        assert_eq!(evaluate(&[], x), Fr::ZERO);
    }

    #[test]
    fn an_aliased_word_keeps_the_commitment_but_moves_the_point() {
        use ark_ff::BigInteger;
        let plain = statement(&[0; 2 * SLOT_BYTES], &[]);
        let mut aliased = plain.clone();
        aliased[8].copy_from_slice(&Fr::MODULUS.to_bytes_be());
        let (plain, aliased) = (public_inputs(&plain), public_inputs(&aliased));
        assert_eq!(plain.commitment, aliased.commitment);
        assert_ne!(plain.x, aliased.x);
    }

    #[test]
    fn context_and_domain_depend_on_every_argument() {
        let (hash, payee, tip) = (word(7), [1; 20], word(3));
        let base = context(&word(1), &hash, &payee, &tip);
        assert_ne!(base, context(&word(2), &hash, &payee, &tip));
        assert_ne!(base, context(&word(1), &word(8), &payee, &tip));
        assert_ne!(base, context(&word(1), &hash, &[2; 20], &tip));
        assert_ne!(base, context(&word(1), &hash, &payee, &word(4)));
        let base = domain(&word(1), &[1; 20], &word(2));
        assert_ne!(base, domain(&word(2), &[1; 20], &word(2)));
        assert_ne!(base, domain(&word(1), &[2; 20], &word(2)));
        assert_ne!(base, domain(&word(1), &[1; 20], &word(3)));
    }
}

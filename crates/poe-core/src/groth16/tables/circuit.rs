//! What fast proofs need of a circuit and its key besides tables, in memory and as bytes.

use super::Source;
use crate::{
    batch::Word,
    groth16::{data_structures::VerifyingKey, engine::Sparse},
};

const COUNT_BYTES: usize = 8;
const WORD_BYTES: usize = 32;

/// A circuit's sizes, its matrices A and B, its verifying key, and what it is in its owner's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    pub constraints: usize,
    pub wires: usize,
    pub public_inputs: usize,
    pub matrices: [Sparse; 2],
    pub verifying_key: VerifyingKey,
    pub label: Vec<u8>,
}

impl Circuit {
    pub(super) fn new(Source { queries, r1cs, label }: Source) -> Self {
        let [a, b, _] = &r1cs.matrices;
        let (a, b) = rayon::join(|| Sparse::new(a), || Sparse::new(b));
        Self {
            constraints: r1cs.constraints(),
            wires: r1cs.wires(),
            public_inputs: r1cs.public_inputs(),
            matrices: [a, b],
            verifying_key: queries.verifying_key.clone(),
            label: label.to_vec(),
        }
    }

    /// Points of the circuit's domain.
    pub fn domain_size(&self) -> usize {
        (self.constraints + 1 + self.public_inputs).next_power_of_two()
    }

    /// Constraints, wires, public inputs, length of the label; the label, the verifying key's words, the matrices.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.constraints, self.wires, self.public_inputs, self.label.len()];
        let mut bytes: Vec<u8> = counts.iter().flat_map(|count| (*count as u64).to_le_bytes()).collect();
        bytes.extend_from_slice(&self.label);
        let words: Vec<Word> = self.verifying_key.to_words();
        bytes.extend_from_slice(words.as_flattened());
        self.matrices.iter().for_each(|matrix| bytes.extend(matrix.to_bytes()));
        bytes
    }

    /// What `to_bytes` wrote, whole; `None` if it cannot be.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at_checked(length)?;
            rest = after;
            Some(taken)
        };
        let mut count = || take(COUNT_BYTES)?.try_into().ok().map(|bytes| u64::from_le_bytes(bytes) as usize);
        let (constraints, wires, public_inputs, label) = (count()?, count()?, count()?, count()?);
        let label = take(label)?.to_vec();
        let words = public_inputs.checked_add(1)?.checked_mul(2)?.checked_add(14)?;
        let verifying_key =
            VerifyingKey::from_bytes(take(words.checked_mul(WORD_BYTES)?)?, public_inputs).ok()?;
        let (a, rest) = Sparse::from_bytes(rest, wires)?;
        let (b, rest) = Sparse::from_bytes(rest, wires)?;
        let is_whole = rest.is_empty() && a.rows() == constraints && b.rows() == constraints;
        let matrices = [a, b];
        (is_whole && public_inputs < wires).then_some(Self {
            constraints,
            wires,
            public_inputs,
            matrices,
            verifying_key,
            label,
        })
    }
}

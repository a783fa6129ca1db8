//! From an executed batch and its statement to a checked proof.

use std::time::Instant;

use super::{
    data_structures::Proof,
    encoding::PROOF_BYTES,
    engine::{Stop, Stopped, ThreadError, with_threads},
    keys::ProvingKey,
    prover::{Blinding, prove},
    verifier::{Verifier, VerifyError},
};
use crate::{
    batch::{Word, word},
    circuit::batch::{public_wires, witness, witness_until},
    field::{self, Fr},
    statement::{FIXED_WORDS, PublicInputs, exit_words, public_inputs, word_count},
    trace::{BatchTrace, top_levels},
};

/// A proof, its public inputs, and the seconds that each part took.
#[derive(Debug, Clone)]
pub struct ProofResult {
    pub commitment: Fr,
    pub x: Fr,
    pub y: Fr,
    /// Eight words as docs/protocol.md, section 6.
    pub proof: [u8; PROOF_BYTES],
    pub witness_seconds: f64,
    pub prove_seconds: f64,
    pub verify_seconds: f64,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    #[error("the trace is of shape {slots}x{depth}, the key of {key_slots}x{key_depth}")]
    Shape { slots: usize, depth: usize, key_slots: usize, key_depth: usize },
    #[error("the statement has {got} words, the shape needs {wanted}")]
    StatementLength { got: usize, wanted: usize },
    #[error("the statement and the trace disagree about {what}")]
    Mismatch { what: &'static str },
    #[error("a path of the trace, or its top, does not have the shape's size")]
    PathLength,
    #[error("the trace does not satisfy the circuit: {0}")]
    Unsatisfied(VerifyError),
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
    #[error("the key's tables are damaged; they are made anew at the next start")]
    Tables,
}

/// Whoever makes proofs of batches of one shape.
pub(super) struct Prover<'a, F> {
    /// Slots and depth.
    pub shape: (usize, usize),
    pub verifier: &'a Verifier,
    /// From all wires to the proof.
    pub prove: F,
}

/// Proves the statement V, its words as posted, of an executed batch, on `threads` threads, and checks the proof. With
/// a [`super::prepared::PreparedKey`] that takes a fraction of the time and can be stopped.
pub fn prove_batch(
    key: &ProvingKey,
    trace: &BatchTrace,
    statement_words: &[Word],
    threads: usize,
) -> Result<ProofResult, ProveError> {
    let (queries, r1cs, domain) = key.parts();
    let prover = Prover {
        shape: (key.slots(), key.depth()),
        verifier: &Verifier::new(&queries.verifying_key),
        prove: |witness: &[Fr]| Ok(prove(queries, r1cs, domain, witness, Blinding::default())),
    };
    prove_batch_by(prover, trace, statement_words, threads, &Stop::new())
}

pub(super) fn prove_batch_by(
    prover: Prover<impl FnOnce(&[Fr]) -> Result<Proof, Stopped> + Send>,
    trace: &BatchTrace,
    statement_words: &[Word],
    threads: usize,
    stop: &Stop,
) -> Result<ProofResult, ProveError> {
    check_shape(prover.shape, trace)?;
    let ctx = check_statement(trace, statement_words)?;
    let public = public_inputs(statement_words);
    with_threads(threads, || prove_checked(prover, trace, ctx, &public, stop))?
}

/// The circuit's wires for the statement V of an executed batch, of the trace's own shape.
pub fn batch_witness(trace: &BatchTrace, statement_words: &[Word]) -> Result<Vec<Fr>, ProveError> {
    check_shape((trace.slots.len(), trace.depth), trace)?;
    let ctx = check_statement(trace, statement_words)?;
    Ok(witness(trace, ctx, &public_inputs(statement_words)))
}

fn prove_checked(
    prover: Prover<impl FnOnce(&[Fr]) -> Result<Proof, Stopped>>,
    trace: &BatchTrace,
    ctx: Fr,
    public: &PublicInputs,
    stop: &Stop,
) -> Result<ProofResult, ProveError> {
    let (values, witness_seconds) = timed(|| witness_until(stop, trace, ctx, public));
    let values = values?;
    let (proof, prove_seconds) = timed(|| (prover.prove)(&values));
    let proof = proof?;
    let inputs = public_wires(public);
    let (verdict, verify_seconds) = timed(|| prover.verifier.verify(&inputs, &proof));
    verdict.map_err(ProveError::Unsatisfied)?;
    let [commitment, x, y] = inputs;
    let proof = proof.to_bytes();
    Ok(ProofResult { commitment, x, y, proof, witness_seconds, prove_seconds, verify_seconds })
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

fn check_shape((key_slots, key_depth): (usize, usize), trace: &BatchTrace) -> Result<(), ProveError> {
    let (slots, depth) = (trace.slots.len(), trace.depth);
    if (slots, depth) != (key_slots, key_depth) {
        return Err(ProveError::Shape { slots, depth, key_slots, key_depth });
    }
    let openings = trace.slots.iter().flat_map(|slot| [&slot.sender, &slot.recipient]);
    let mut paths = openings.chain([&trace.fee]).map(|opening| opening.path.len());
    let is_top_whole = trace.top.len() == 1 << (2 * top_levels(slots, depth));
    if is_top_whole && paths.all(|length| length == depth) { Ok(()) } else { Err(ProveError::PathLength) }
}

/// Whether V speaks of the trace; its ctx, the one word that the trace does not know.
fn check_statement(trace: &BatchTrace, words: &[Word]) -> Result<Fr, ProveError> {
    let (got, wanted) = (words.len(), word_count(trace.slots.len()));
    if got != wanted {
        return Err(ProveError::StatementLength { got, wanted });
    }
    let require = |holds: bool, what| if holds { Ok(()) } else { Err(ProveError::Mismatch { what }) };
    let is_element = |word: &Word, element| field::to_bytes(&element) == *word;
    require(is_element(&words[0], trace.domain), "the domain")?;
    require(is_element(&words[1], trace.old_root), "the old root")?;
    require(is_element(&words[2], trace.new_root), "the new root")?;
    let shape = (trace.slots.len() * 256 + trace.depth) as u64;
    let header = [shape, trace.deposits, trace.forced, trace.fee_account].map(word);
    require(words[4..FIXED_WORDS] == header, "the header")?;
    let data = trace.slots.iter().flat_map(|slot| slot.words);
    let (posted, exits) = words[FIXED_WORDS..].split_at(4 * trace.slots.len());
    require(data.eq(posted.iter().map(field::from_word)), "the data")?;
    require(exits == exit_words(trace.slots.len(), &trace.exits()), "the exits")?;
    field::from_bytes_strict(&words[3]).map_err(|_| ProveError::Mismatch { what: "the context" })
}

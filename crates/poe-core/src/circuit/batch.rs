//! The whole circuit of a shape (N, D): statement, slots, fees. Its only public wires are C, x, y.

use ark_ff::AdditiveGroup;

use super::{
    bits::alloc_bit,
    builder::{Assigner, Compiler, ConstraintSystem, Num},
    fees,
    r1cs::R1cs,
    slot::{self, SlotInputs, SlotOutputs},
    statement,
};
use crate::{
    batch::{Batch, Header, SLOT_BYTES, WORDS_PER_SLOT},
    field::Fr,
    state::State,
    statement::{Facts, PublicInputs, public_inputs, word_count, words},
    trace::{BatchTrace, MAX_DEPTH, MAX_SLOTS},
    transition,
};

/// Why there is no circuit of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("shape {slots}x{depth} is outside 1..{MAX_SLOTS} slots, depth 1..{MAX_DEPTH}")]
pub struct ShapeError {
    pub slots: usize,
    pub depth: usize,
}

/// The statement's words V as wires; shape, exits and padding are constants.
struct Statement<L> {
    domain: Num<L>,
    old_root: Num<L>,
    new_root: Num<L>,
    ctx: Num<L>,
    shape: Num<L>,
    deposits: Num<L>,
    forced: Num<L>,
    fee_account: Num<L>,
    data: Vec<[Num<L>; WORDS_PER_SLOT]>,
}

impl<L: super::builder::Linear> Statement<L> {
    fn alloc<C: ConstraintSystem<L = L>>(cs: &mut C, trace: &BatchTrace, ctx: Fr) -> Self {
        let shape = trace.slots.len() * 256 + trace.depth;
        Self {
            domain: cs.alloc(trace.domain),
            old_root: cs.alloc(trace.old_root),
            new_root: cs.alloc(trace.new_root),
            ctx: cs.alloc(ctx),
            shape: Num::constant(Fr::from(shape as u64)),
            deposits: cs.alloc(trace.deposits.into()),
            forced: cs.alloc(trace.forced.into()),
            fee_account: cs.alloc(trace.fee_account.into()),
            data: trace.slots.iter().map(|slot| slot.words.map(|word| cs.alloc(word))).collect(),
        }
    }

    /// V in the protocol's order.
    fn words(&self) -> Vec<Num<L>> {
        let state = [&self.domain, &self.old_root, &self.new_root, &self.ctx];
        let header = [&self.shape, &self.deposits, &self.forced, &self.fee_account];
        let data = self.data.iter().flatten();
        let mut words: Vec<_> = state.into_iter().chain(header).chain(data).cloned().collect();
        words.resize(word_count(self.data.len()), Num::zero());
        words
    }
}

/// The circuit. `public` are C, x, y; `trace` and `ctx` give V and the hints.
fn synthesise<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], trace: &BatchTrace, ctx: Fr) {
    let statement = Statement::alloc(cs, trace, ctx);
    cs.scoped("statement", |cs| bind_statement(cs, public, &statement.words()));
    let is_deposit = cs.scoped("deposits", |cs| deposit_bits(cs, &statement.deposits, trace));
    let mut root = statement.old_root.clone();
    let mut fees = Num::zero();
    for ((hints, words), is_deposit) in trace.slots.iter().zip(&statement.data).zip(&is_deposit) {
        let inputs =
            SlotInputs { depth: trace.depth, domain: &statement.domain, is_deposit, words, root: &root };
        let outputs = cs.scoped("slot", |cs| slot::apply(cs, &inputs, hints));
        let SlotOutputs { root: next, fee } = outputs;
        root = next;
        fees = &fees + &fee;
    }
    let index = &statement.fee_account;
    root = cs.scoped("fees", |cs| fees::credit(cs, trace.depth, index, &fees, &root, &trace.fee));
    cs.scoped("new_root", |cs| cs.enforce_equal(&root, &statement.new_root));
}

/// Ties C and y to V and x.
fn bind_statement<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], words: &[Num<C::L>]) {
    let [commitment, x, y] = public else { unreachable!("C, x, y are the public wires") };
    let committed = cs.scoped("commitment", |cs| statement::commit(cs, words));
    cs.scoped("commitment", |cs| cs.enforce_equal(&committed, commitment));
    let evaluated = cs.scoped("evaluation", |cs| statement::evaluate(cs, words, x));
    cs.scoped("evaluation", |cs| cs.enforce_equal(&evaluated, y));
}

/// "Slot i is a deposit" as bits: ones, then zeros, as many ones as the header says. The header's word must be
/// at most N, as the contract sees to. `2·N` constraints.
fn deposit_bits<C: ConstraintSystem>(cs: &mut C, deposits: &Num<C::L>, trace: &BatchTrace) -> Vec<Num<C::L>> {
    let bits: Vec<_> = (0u64..).zip(&trace.slots).map(|(i, _)| alloc_bit(cs, i < trace.deposits)).collect();
    for pair in bits.windows(2) {
        cs.enforce(&pair[1], &pair[0].not(), &Num::zero());
    }
    cs.enforce_equal(&Num::sum(&bits), deposits);
    bits
}

/// Compiles the circuit of a shape.
pub fn compile(slots: usize, depth: usize) -> Result<R1cs, ShapeError> {
    let (trace, public) = empty_batch(slots, depth)?;
    Ok(compile_batch(&trace, Fr::ZERO, &public).0)
}

/// Compiles the circuit of a trace's shape; the constraints do not depend on the trace, the values do.
pub fn compile_batch(trace: &BatchTrace, ctx: Fr, public: &PublicInputs) -> (R1cs, Vec<Fr>) {
    let (mut cs, inputs) = Compiler::new(&public_wires(public));
    synthesise(&mut cs, &inputs, trace, ctx);
    cs.finish()
}

/// The values of all wires for a batch.
pub fn witness(trace: &BatchTrace, ctx: Fr, public: &PublicInputs) -> Vec<Fr> {
    let (mut cs, inputs) = Assigner::new(&public_wires(public));
    synthesise(&mut cs, &inputs, trace, ctx);
    cs.finish()
}

/// `C, x, y`.
pub fn public_wires(public: &PublicInputs) -> [Fr; 3] {
    [public.commitment, public.x, public.y]
}

/// A batch of zeros on an empty state: as the circuit is total, any batch will do to compile it.
fn empty_batch(slots: usize, depth: usize) -> Result<(BatchTrace, PublicInputs), ShapeError> {
    let error = ShapeError { slots, depth };
    let mut state = State::new(depth, 0).map_err(|_| error)?;
    let data = vec![0; slots * SLOT_BYTES];
    let header = Header { slots, depth, deposits: 0, forced: 0, fee_account: 0 };
    let batch = Batch::new(header, &data).map_err(|_| error)?;
    let execution = transition::execute(&mut state, &batch, Fr::ZERO).map_err(|_| error)?;
    let BatchTrace { domain, old_root, new_root, .. } = execution.trace;
    let facts = Facts { domain, old_root, new_root, ctx: Fr::ZERO };
    let public = public_inputs(&words(&facts, &batch));
    Ok((execution.trace, public))
}

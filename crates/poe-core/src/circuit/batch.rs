//! The whole circuit of a shape (N, D): statement, slots, fees. Its only public wires are C, x, y.

use ark_ff::AdditiveGroup;

use super::{
    bits::enforce_boolean,
    builder::{Assigner, Compiler, ConstraintSystem, Num},
    fees,
    hint::Rule,
    poseidon::absorb,
    r1cs::R1cs,
    slot::{self, Exit, SlotInputs},
    statement,
    top::Top,
};
use crate::{
    batch::{Batch, Header, SLOT_BYTES, WORDS_PER_SLOT},
    field::Fr,
    kernels::stop::{Stop, Stopped, until_stopped},
    state::State,
    statement::{Facts, PublicInputs, public_inputs, words},
    trace::{BatchTrace, MAX_DEPTH, MAX_SLOTS, top_levels},
    transition,
};

/// Why there is no circuit of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("shape {slots}x{depth} is outside 1..{MAX_SLOTS} slots, depth 1..{MAX_DEPTH}")]
pub struct ShapeError {
    pub slots: usize,
    pub depth: usize,
}

/// The statement's words V but the exits, as wires; the shape is a constant.
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
            domain: cs.input(trace.domain),
            old_root: cs.input(trace.old_root),
            new_root: cs.input(trace.new_root),
            ctx: cs.input(ctx),
            shape: Num::constant(Fr::from(shape as u64)),
            deposits: cs.input(trace.deposits.into()),
            forced: cs.input(trace.forced.into()),
            fee_account: cs.input(trace.fee_account.into()),
            data: trace.slots.iter().map(|slot| slot.words.map(|word| cs.input(word))).collect(),
        }
    }

    /// V in the protocol's order, with the slots' exits.
    fn words(&self, exits: &[&Exit<L>]) -> Vec<Num<L>> {
        let state = [&self.domain, &self.old_root, &self.new_root, &self.ctx];
        let header = [&self.shape, &self.deposits, &self.forced, &self.fee_account];
        let data = self.data.iter().flatten();
        let exits = exits.iter().flat_map(|exit| [&exit.address, &exit.amount]);
        state.into_iter().chain(header).chain(data).chain(exits).cloned().collect()
    }
}

/// The circuit. `public` are C, x, y; `trace` and `ctx` give V and the hints.
pub(super) fn synthesise<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], trace: &BatchTrace, ctx: Fr) {
    let statement = Statement::alloc(cs, trace, ctx);
    let roles = cs.scoped("roles", |cs| Roles::of_slots(cs, &statement, trace.slots.len()));
    let shape = (trace.depth, top_levels(trace.slots.len(), trace.depth));
    let domain = cs.scoped("domain", |cs| absorb(cs, 2, 0, &statement.domain));
    let positions: Vec<usize> = (0..trace.slots.len()).collect();
    let slots = cs.each(&positions, |cs, &position| {
        let inputs = SlotInputs {
            depth: shape.0,
            top_levels: shape.1,
            domain: &domain,
            is_deposit: &roles.is_deposit[position],
            is_forced: &roles.is_forced[position],
            words: &statement.data[position],
        };
        cs.scoped("slot", |cs| slot::apply(cs, &inputs, &trace.slots[position]))
    });
    let fees = Num::sum(slots.iter().map(|slot| &slot.fee));
    let index = &statement.fee_account;
    let paid = cs.scoped("fees", |cs| fees::credit(cs, shape, index, &fees, &trace.fee));
    let accesses = slots.iter().flat_map(|slot| &slot.accesses).chain([&paid]);
    let root = cs.scoped("top", |cs| {
        let mut top = Top::open(cs, &trace.top, &statement.old_root);
        accesses.for_each(|access| top.apply(cs, access));
        top.close(cs)
    });
    cs.scoped("new_root", |cs| cs.declare(&root, &statement.new_root));
    let exits: Vec<_> = slots.iter().map(|slot| &slot.exit).collect();
    cs.scoped("statement", |cs| bind_statement(cs, public, &statement.words(&exits)));
}

/// Ties C and y to V and x.
fn bind_statement<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], words: &[Num<C::L>]) {
    let [commitment, x, y] = public else { unreachable!("C, x, y are the public wires") };
    cs.scoped("commitment", |cs| {
        let committed = statement::commit(cs, words);
        cs.declare(&committed, commitment);
    });
    cs.scoped("evaluation", |cs| {
        let evaluated = statement::evaluate(cs, words, x);
        cs.declare(&evaluated, y);
    });
}

/// What the header makes of each slot, as bits: first the deposits, then the forced exits, then the users' slots.
struct Roles<L> {
    is_deposit: Vec<Num<L>>,
    is_forced: Vec<Num<L>>,
}

impl<L: super::builder::Linear> Roles<L> {
    /// The header's counts must add up to N at most, as the contract sees to. `4·N` constraints.
    ///
    /// A forced exit's bit f beside the deposit's d: `f·(1 − f − d) = 0` says "boolean" where d is 0 and "0" where
    /// d is 1. The deposits are a run from slot 0 of known length, and so are deposits and forced exits together.
    fn of_slots<C: ConstraintSystem<L = L>>(cs: &mut C, statement: &Statement<L>, slots: usize) -> Self {
        let Statement { deposits, forced, .. } = statement;
        let rule = Rule::Interval { width: slots };
        let is_deposit = cs.hint(rule, &[&Num::zero(), deposits]);
        cs.scoped("deposits", |cs| {
            is_deposit.iter().for_each(|bit| enforce_boolean(cs, bit));
            enforce_prefix(cs, &is_deposit, deposits);
        });

        let is_forced = cs.hint(rule, &[deposits, forced]);
        let is_either: Vec<_> = is_deposit.iter().zip(&is_forced).map(|(d, f)| d + f).collect();
        cs.scoped("forced", |cs| {
            for (forced, either) in is_forced.iter().zip(&is_either) {
                cs.enforce(forced, &either.not(), &Num::zero());
            }
            enforce_prefix(cs, &is_either, &(deposits + forced));
        });
        Self { is_deposit, is_forced }
    }
}

/// Demands that these bits are ones, then zeros, `length` ones in all. As many constraints as bits.
fn enforce_prefix<C: ConstraintSystem>(cs: &mut C, bits: &[Num<C::L>], length: &Num<C::L>) {
    for pair in bits.windows(2) {
        cs.enforce(&pair[1], &pair[0].not(), &Num::zero());
    }
    cs.enforce_equal(&Num::sum(bits), length);
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

/// As [`witness`], and ends soon after the flag is set.
pub fn witness_until(
    stop: &Stop,
    trace: &BatchTrace,
    ctx: Fr,
    public: &PublicInputs,
) -> Result<Vec<Fr>, Stopped> {
    until_stopped(|| {
        let (mut cs, inputs) = Assigner::stoppable(&public_wires(public), stop);
        synthesise(&mut cs, &inputs, trace, ctx);
        cs.finish()
    })
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
    let public = public_inputs(&words(&facts, &batch, &execution.trace.exits()));
    Ok((execution.trace, public))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::testing::{Gadget, run_gadget};

    const SLOTS: usize = 3;
    /// The one, and the two counts.
    const GIVEN: usize = 3;

    fn run(deposits: u64, forced: u64) -> Gadget {
        run_gadget!([deposits, forced].map(Fr::from), |cs, wires| {
            let zero = Num::zero;
            let statement = Statement {
                domain: zero(),
                old_root: zero(),
                new_root: zero(),
                ctx: zero(),
                shape: zero(),
                deposits: wires[0].clone(),
                forced: wires[1].clone(),
                fee_account: zero(),
                data: vec![],
            };
            let roles = Roles::of_slots(cs, &statement, SLOTS);
            [roles.is_deposit, roles.is_forced].concat()
        })
    }

    /// All roles of 0, 1, 2 and −1 that hold, or would if the constraint were gone.
    fn solutions(gadget: &Gadget, deleted: Option<usize>) -> Vec<Vec<Fr>> {
        let choices = [Fr::ZERO, Fr::from(1u64), Fr::from(2u64), -Fr::from(1u64)];
        let kept: Vec<_> = (0..gadget.constraints()).filter(|&i| Some(i) != deleted).collect();
        let mut found = vec![];
        for code in 0..1usize << (2 * 2 * SLOTS) {
            let roles = (0..2 * SLOTS).map(|i| choices[code >> (2 * i) & 3]);
            let values: Vec<_> = gadget.values[..GIVEN].iter().copied().chain(roles).collect();
            if kept.iter().all(|&i| gadget.r1cs.holds(i, &values)) {
                found.push(values[GIVEN..].to_vec());
            }
        }
        found
    }

    fn counts() -> impl Iterator<Item = (u64, u64)> {
        (0..=SLOTS as u64).flat_map(|deposits| (0..=SLOTS as u64).map(move |forced| (deposits, forced)))
    }

    #[test]
    fn the_counts_give_every_slot_one_role() {
        for (deposits, forced) in counts() {
            let gadget = run(deposits, forced);
            let found = solutions(&gadget, None);
            if deposits + forced > SLOTS as u64 {
                assert!(found.is_empty());
                continue;
            }
            let is_in = |from: u64, to: u64| (0..SLOTS as u64).map(move |i| Fr::from(from <= i && i < to));
            let roles: Vec<_> = is_in(0, deposits).chain(is_in(deposits, deposits + forced)).collect();
            assert_eq!(found, [roles], "{deposits} deposits, {forced} forced exits");
        }
    }

    #[test]
    fn each_constraint_of_the_roles_is_missed_when_it_alone_is_gone() {
        for deleted in 0..run(0, 0).constraints() {
            let is_missed = |(deposits, forced): (u64, u64)| {
                let honest = usize::from(deposits + forced <= SLOTS as u64);
                solutions(&run(deposits, forced), Some(deleted)).len() > honest
            };
            assert!(counts().any(is_missed), "constraint {deleted}");
        }
    }
}

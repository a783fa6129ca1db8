//! Looks for a second witness: what stands between the market and a proof of something false is that there is none.
//!
//! Three searches, each over the batch contents of `contents` or the accounts of `membership`, none with a list of exceptions:
//! - **wires**: every wire by itself, in six ways; a constraint that it stands in must break.
//! - **hints**: every wire that no product defines takes another value, all wires that depend on it are computed
//!   again, and so is the statement (new root, exits, C, y) unless the wire is a word of it. A constraint must break.
//! - **splits**: every hint of several wires takes other values at once: the bits of w + r, carries undone, a bit
//!   "is zero" with the inverse that goes with it. The same must follow.
//!
//! The first finds wires that nothing binds (security catalogues' "assigned, not constrained"), the second what
//! zkFuzz (Takahashi et al., 2025) calls a violation of trace-constraint consistency, the third aliases.
//! `survivor_without` deletes a group of constraints first, to show that the searches would notice.

pub mod cone;
pub mod contents;
pub mod membership;
pub mod random;
pub mod tape;

use std::{collections::BTreeSet, fmt};

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use self::{
    cone::{Cone, Statement, Verdict, Witness},
    contents::{Content, contents, single_slots},
    random::Random,
    tape::{Event, Origin, Recorder},
};
use super::{
    batch::{ShapeError, public_wires, synthesise},
    r1cs::R1cs,
};
use crate::field::Fr;

/// Mutations, or deletions, that are tried in one go.
const CHUNK: usize = 512;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Wires of the circuit but the one, and those of them that no product defines.
    pub wires: usize,
    pub hints: usize,
    pub contents: Vec<&'static str>,
    /// Mutations tried, over all contents.
    pub wire_mutations: usize,
    pub hint_mutations: usize,
    pub split_mutations: usize,
    /// Mutations that broke nothing; none in a sound circuit.
    pub survivors: Vec<String>,
}

/// Mutates the circuit of a shape. `sample`: how many wires, and how many hints, of each content; all if none.
pub fn mutate(slots: usize, depth: usize, seed: u64, sample: Option<usize>) -> Result<Report, ShapeError> {
    let suite = Suite::new(slots, depth, seed)?;
    Ok(suite.run(sample))
}

/// A mutation that no constraint noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    pub content: &'static str,
    /// First wire changed, and a group that it stands in.
    pub wire: u32,
    pub group: String,
    /// Its value, and how many other wires of the same hint changed with it.
    pub value: Fr,
    pub others: usize,
    /// Whether the witness proves another statement than the honest one of the same data and old state: a forgery.
    pub is_forgery: bool,
}

impl fmt::Display for Survivor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { content, wire, group, value, others, is_forgery } = self;
        let what = if *is_forgery { "proves another statement" } else { "goes unnoticed" };
        write!(f, "{content}: wire {wire} of group \"{group}\" {what} as {value}")?;
        if *others > 0 { write!(f, ", with {others} wires after it") } else { Ok(()) }
    }
}

/// A circuit's witnesses to shake, one a content.
#[derive(Debug)]
pub struct Suite {
    witnesses: Vec<Witness>,
    seed: u64,
}

/// New values of wires, the first at least.
type Mutation = Vec<(u32, Fr)>;

/// Mutations tried, and those that survived.
#[derive(Debug, Default)]
struct Findings {
    tried: usize,
    survivors: Vec<Survivor>,
}

impl Findings {
    fn join(mut self, other: Self) -> Self {
        self.tried += other.tried;
        self.survivors.extend(other.survivors);
        self
    }
}

impl Suite {
    pub fn new(slots: usize, depth: usize, seed: u64) -> Result<Self, ShapeError> {
        let witnesses = contents(slots, depth, seed)?.iter().map(record).collect();
        Ok(Self { witnesses, seed })
    }

    /// One slot in a tree of depth 2, over more contents than [`Self::new`] has: every comparison at its limits.
    pub fn of_single_slots(seed: u64) -> Result<Self, ShapeError> {
        let witnesses = single_slots(2, seed)?.iter().map(record).collect();
        Ok(Self { witnesses, seed })
    }

    pub fn r1cs(&self) -> &R1cs {
        &self.witnesses[0].tape.r1cs
    }

    /// The constraints that define no product.
    pub fn checks(&self) -> Vec<usize> {
        let events = &self.witnesses[0].tape.events;
        let checks = events.iter().filter(|event| matches!(event, Event::Check { .. }));
        checks.filter_map(Event::constraint).collect()
    }

    /// All three searches over all contents.
    pub fn run(&self, sample: Option<usize>) -> Report {
        let r1cs = self.r1cs();
        let mut report = Report { wires: r1cs.wires() - 1, ..Report::default() };
        let kept = vec![false; self.witnesses[0].tape.events.len()];
        for witness in &self.witnesses {
            let wires: Vec<u32> = (1..r1cs.wires() as u32).collect();
            let hints: Vec<u32> =
                wires.iter().copied().filter(|&wire| witness.is_hint(wire, &kept)).collect();
            report.contents.push(witness.name);
            report.hints = hints.len();
            let chosen = self.sampled(hints, sample);
            let singles = chosen.iter().flat_map(|&wire| self.single_changes(witness, wire));
            let (singles, splits): (Vec<_>, Vec<_>) =
                (singles.collect(), chosen.iter().flat_map(|&wire| witness.splits(wire)).collect());
            let wires = self.shake_wires(witness, &self.sampled(wires, sample));
            let (singles, splits) = (shake(witness, &kept, &singles), shake(witness, &kept, &splits));
            report.wire_mutations += wires.tried;
            report.hint_mutations += singles.tried;
            report.split_mutations += splits.tried;
            let found = wires.join(singles).join(splits).survivors;
            report.survivors.extend(found.iter().map(Survivor::to_string));
        }
        report
    }

    /// A mutation that survives once a group of constraints is deleted, a forgery if one is found.
    ///
    /// A product whose constraint is deleted leaves its wire to the prover, so such wires are hints here.
    pub fn survivor_without(&self, group: &str) -> Option<Survivor> {
        let r1cs = self.r1cs();
        let deleted: Vec<usize> = (0..r1cs.constraints()).filter(|&i| r1cs.group(i) == group).collect();
        let mut unnoticed = None;
        for witness in &self.witnesses {
            let mut is_deleted = vec![false; witness.tape.events.len()];
            let events = witness.tape.events_of(&deleted);
            events.iter().for_each(|&event| is_deleted[event] = true);
            // The last first: a group's results stand there, and what depends on them is least.
            for mutations in self.mutations_near(witness, &deleted, &is_deleted).rchunks(CHUNK) {
                let found = shake(witness, &is_deleted, mutations).survivors;
                if let Some(forgery) = found.iter().find(|survivor| survivor.is_forgery) {
                    return Some(forgery.clone());
                }
                unnoticed = unnoticed.or_else(|| found.into_iter().next());
            }
        }
        unnoticed
    }

    /// Of these constraints, none of which defines a product, those that can be deleted, each alone, without any
    /// mutation noticing.
    pub fn unnoticed_checks(&self, checks: &[usize]) -> Vec<usize> {
        self.witnesses.iter().fold(checks.to_vec(), |left, witness| {
            let survives = |cone: &mut Cone<'_>, check: usize| {
                let mutations = self.mutations_near(witness, &[check], cone.is_deleted());
                cone.without(&witness.tape.events_of(&[check]), |cone| {
                    mutations.iter().any(|mutation| witness.verdict(cone, mutation) != Verdict::Broken)
                })
            };
            let kept = vec![false; witness.tape.events.len()];
            let chunks = left.par_chunks(CHUNK).map(|checks| {
                let mut cone = Cone::new(witness, &kept);
                checks.iter().copied().filter(|&check| !survives(&mut cone, check)).collect::<Vec<_>>()
            });
            chunks.collect::<Vec<_>>().concat()
        })
    }

    /// Mutations of the hints in these constraints, those of several wires included.
    fn mutations_near(&self, witness: &Witness, constraints: &[usize], is_deleted: &[bool]) -> Vec<Mutation> {
        let near = constraints.iter().flat_map(|&constraint| self.r1cs().wires_of(constraint));
        let wires: BTreeSet<u32> = near.filter(|&wire| witness.is_hint(wire, is_deleted)).collect();
        let firsts: BTreeSet<u32> = wires.iter().filter_map(|&wire| witness.first_of_hint(wire)).collect();
        let is_near = |mutation: &Mutation| mutation.iter().any(|(wire, _)| wires.contains(wire));
        let splits = firsts.iter().flat_map(|&wire| witness.splits(wire)).filter(is_near);
        wires.iter().flat_map(|&wire| self.single_changes(witness, wire)).chain(splits).collect()
    }

    fn sampled(&self, wires: Vec<u32>, sample: Option<usize>) -> Vec<u32> {
        match sample {
            Some(count) if count < wires.len() => {
                let mut random = Random::new(self.seed);
                let mut chosen = BTreeSet::new();
                while chosen.len() < count {
                    chosen.insert(wires[random.below(wires.len())]);
                }
                chosen.into_iter().collect()
            }
            _ => wires,
        }
    }

    /// Six other values of a wire, less those that it has: w + 1, r − 1, 0, 1, a random one, w + 2^k.
    fn single_changes(&self, witness: &Witness, wire: u32) -> Vec<Mutation> {
        let value = witness.values[wire as usize];
        let mut random = Random::new(self.seed ^ u64::from(wire) << 32);
        let power = Fr::from(2u64).pow([random.below(254) as u64]);
        let values = [value + Fr::ONE, -Fr::ONE, Fr::ZERO, Fr::ONE, random.element(), value + power];
        let others = values.into_iter().filter(|other| *other != value);
        others.map(|other| vec![(wire, other)]).collect()
    }

    /// Each wire by itself: no other wire is computed again.
    fn shake_wires(&self, witness: &Witness, wires: &[u32]) -> Findings {
        let shake = |wire: &u32| {
            let mutations = self.single_changes(witness, *wire);
            let tried = mutations.len();
            let free = mutations.into_iter().filter(|mutation| !witness.is_caught(*wire, mutation[0].1));
            Findings { tried, survivors: free.map(|mutation| witness.survivor(&mutation, false)).collect() }
        };
        wires.par_iter().map(shake).reduce(Findings::default, Findings::join)
    }
}

fn record(content: &Content) -> Witness {
    let (mut recorder, public) = Recorder::new(&public_wires(&content.public));
    synthesise(&mut recorder, &public, &content.trace, content.ctx);
    Witness::new(content.name, recorder.finish())
}

/// Each mutation with all that follows from it.
fn shake(witness: &Witness, is_deleted: &[bool], mutations: &[Mutation]) -> Findings {
    let chunk = mutations.len().div_ceil(8 * rayon::current_num_threads()).max(CHUNK / 8);
    let shake = |mutations: &[Mutation]| {
        let mut cone = Cone::new(witness, is_deleted);
        let mut findings = Findings { tried: mutations.len(), ..Findings::default() };
        for mutation in mutations {
            if let Verdict::Holds { is_same_statement } = witness.verdict(&mut cone, mutation) {
                findings.survivors.push(witness.survivor(mutation, !is_same_statement));
            }
        }
        findings
    };
    mutations.par_chunks(chunk).map(shake).reduce(Findings::default, Findings::join)
}

impl Witness {
    /// Whether the prover is asked for the wire's value: it is a hint, or a product whose constraint is deleted.
    fn is_hint(&self, wire: u32, is_deleted: &[bool]) -> bool {
        match self.tape.origins[wire as usize] {
            Origin::Public => false,
            Origin::Input | Origin::Free | Origin::Hint { .. } => true,
            Origin::Product { event } => is_deleted[event as usize],
        }
    }

    fn first_of_hint(&self, wire: u32) -> Option<u32> {
        let Origin::Hint { event } = self.tape.origins[wire as usize] else { return None };
        let Event::Hint { first, .. } = self.tape.events[event as usize] else { return None };
        Some(first)
    }

    /// Other values of all wires of a hint at once, if the wire is a hint's first.
    fn splits(&self, wire: u32) -> Vec<Mutation> {
        let Origin::Hint { event } = self.tape.origins[wire as usize] else { return vec![] };
        let Event::Hint { rule, first } = self.tape.events[event as usize] else { return vec![] };
        if first != wire {
            return vec![];
        }
        let inputs = &self.rows[event as usize][..rule.inputs()];
        let honest = rule.outputs(inputs);
        let differs = |changes: &Vec<(usize, Fr)>| changes.iter().any(|&(i, value)| value != honest[i]);
        let others = rule.alternatives(inputs, &honest).into_iter().filter(differs);
        others
            .map(|changes| changes.into_iter().map(|(i, value)| (first + i as u32, value)).collect())
            .collect()
    }

    /// A word of the statement may not move under C and y; for all else the statement is what comes out.
    fn verdict(&self, cone: &mut Cone<'_>, mutation: &[(u32, Fr)]) -> Verdict {
        let statement = match self.tape.origins[mutation[0].0 as usize] {
            Origin::Input | Origin::Public => Statement::Fixed,
            _ => Statement::Following,
        };
        cone.judge(mutation, statement)
    }

    fn survivor(&self, mutation: &[(u32, Fr)], is_forgery: bool) -> Survivor {
        let (wire, value) = mutation[0];
        let column = &self.tape.columns[wire as usize];
        let group =
            column.iter().find_map(|entry| self.tape.group(entry.event)).unwrap_or_default().to_owned();
        Survivor { content: self.name, wire, group, value, others: mutation.len() - 1, is_forgery }
    }
}

#[cfg(test)]
mod deletions;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;

//! One mutation and everything that follows from it: only what it reaches is computed again.

use std::{cmp::Reverse, collections::BinaryHeap};

use ark_ff::{AdditiveGroup, Zero};

use super::tape::{Event, Rows, Tape};
use crate::{circuit::hint::MAX_INPUTS, field::Fr};

/// A satisfying witness to start from.
#[derive(Debug)]
pub struct Witness {
    /// The batch's name.
    pub name: &'static str,
    pub tape: Tape,
    /// By wire.
    pub values: Vec<Fr>,
    /// By event.
    pub rows: Vec<Rows>,
}

impl Witness {
    pub fn new(name: &'static str, (tape, values): (Tape, Vec<Fr>)) -> Self {
        Self { name, rows: tape.rows(&values), tape, values }
    }

    /// Whether some constraint notices that one wire alone has another value.
    pub fn is_caught(&self, wire: u32, value: Fr) -> bool {
        let change = value - self.values[wire as usize];
        let column = &self.tape.columns[wire as usize];
        column.chunk_by(|a, b| a.event == b.event).any(|entries| {
            let event = entries[0].event as usize;
            if matches!(self.tape.events[event], Event::Hint { .. }) {
                return false;
            }
            let mut rows = self.rows[event];
            for entry in entries {
                rows[usize::from(entry.row)] += entry.coefficient * change;
            }
            rows[0] * rows[1] != rows[2]
        })
    }
}

/// Whether the statement stays, or follows what the changed witness computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statement {
    Fixed,
    Following,
}

/// What became of a mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A constraint broke.
    Broken,
    /// All constraints hold: a second witness, of the same statement or of another one.
    Holds { is_same_statement: bool },
}

/// Computes cones; the scratch memory is used again and again.
#[derive(Debug)]
pub struct Cone<'a> {
    witness: &'a Witness,
    /// By event: constraints that are left out; a product among them leaves its wire to the prover.
    is_deleted: Vec<bool>,
    /// By wire and by event: how far from the witness's.
    changes: Vec<Fr>,
    row_changes: Vec<Rows>,
    changed: Vec<u32>,
    touched: Vec<u32>,
    is_queued: Vec<bool>,
    queue: BinaryHeap<Reverse<u32>>,
}

impl<'a> Cone<'a> {
    pub fn new(witness: &'a Witness, is_deleted: &[bool]) -> Self {
        let (wires, events) = (witness.values.len(), witness.rows.len());
        Self {
            witness,
            is_deleted: is_deleted.to_vec(),
            changes: vec![Fr::ZERO; wires],
            row_changes: vec![[Fr::ZERO; MAX_INPUTS]; events],
            changed: vec![],
            touched: vec![],
            is_queued: vec![false; events],
            queue: BinaryHeap::new(),
        }
    }

    pub fn is_deleted(&self) -> &[bool] {
        &self.is_deleted
    }

    /// Does some work while these events' constraints are left out.
    pub fn without<T>(&mut self, events: &[usize], work: impl FnOnce(&mut Self) -> T) -> T {
        events.iter().for_each(|&event| self.is_deleted[event] = true);
        let result = work(self);
        events.iter().for_each(|&event| self.is_deleted[event] = false);
        result
    }

    /// Gives wires these values, computes what depends on them, and says whether all constraints hold.
    pub fn judge(&mut self, mutation: &[(u32, Fr)], statement: Statement) -> Verdict {
        mutation.iter().for_each(|&(wire, value)| self.set(wire, value, u32::MAX));
        let mut is_same_statement = true;
        let mut verdict = None;
        while let Some(Reverse(event)) = self.queue.pop() {
            self.is_queued[event as usize] = false;
            if !self.step(event, statement, &mut is_same_statement) {
                verdict = Some(Verdict::Broken);
                break;
            }
        }
        self.reset();
        verdict.unwrap_or(Verdict::Holds { is_same_statement })
    }

    /// Computes one event; false if its constraint breaks.
    fn step(&mut self, event: u32, statement: Statement, is_same_statement: &mut bool) -> bool {
        let at = event as usize;
        if self.is_deleted[at] {
            return true;
        }
        let mut rows = self.witness.rows[at];
        rows.iter_mut().zip(&self.row_changes[at]).for_each(|(row, change)| *row += change);
        match self.witness.tape.events[at] {
            Event::Check { .. } => rows[0] * rows[1] == rows[2],
            Event::Product { wire, .. } => {
                self.set(wire, rows[0] * rows[1], event);
                true
            }
            Event::Declaration { wire, .. } => {
                let is_met = rows[0].is_zero();
                if statement == Statement::Following && !is_met {
                    *is_same_statement = false;
                    self.set(wire, self.value(wire) + rows[0], event);
                }
                is_met || statement == Statement::Following
            }
            Event::Hint { rule, first } => {
                for (wire, value) in (first..).zip(rule.outputs(&rows[..rule.inputs()])) {
                    self.set(wire, value, event);
                }
                true
            }
        }
    }

    fn value(&self, wire: u32) -> Fr {
        self.witness.values[wire as usize] + self.changes[wire as usize]
    }

    /// Gives a wire a value at an event, and passes the change on to the events that read it later.
    fn set(&mut self, wire: u32, value: Fr, now: u32) {
        let step = value - self.value(wire);
        if step.is_zero() {
            return;
        }
        self.changes[wire as usize] += step;
        self.changed.push(wire);
        for entry in &self.witness.tape.columns[wire as usize] {
            if entry.event == now {
                continue;
            }
            let at = entry.event as usize;
            self.row_changes[at][usize::from(entry.row)] += entry.coefficient * step;
            if !self.is_queued[at] {
                self.is_queued[at] = true;
                self.queue.push(Reverse(entry.event));
                self.touched.push(entry.event);
            }
        }
    }

    fn reset(&mut self) {
        self.changed.drain(..).for_each(|wire| self.changes[wire as usize] = Fr::ZERO);
        for event in self.touched.drain(..) {
            self.row_changes[event as usize] = [Fr::ZERO; MAX_INPUTS];
            self.is_queued[event as usize] = false;
        }
        self.queue.clear();
    }
}

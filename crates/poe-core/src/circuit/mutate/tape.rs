//! How every wire is computed from those before it: the circuit's third reading.

use std::collections::HashMap;

use ark_ff::{AdditiveGroup, Field};

use crate::{
    circuit::{
        builder::{Compiler, ConstraintSystem, LinearCombination, Num, Place},
        hint::{MAX_INPUTS, Rule},
        r1cs::R1cs,
    },
    field::Fr,
};

/// Where a wire's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The one, or a public wire.
    Public,
    /// A word of the statement.
    Input,
    /// A hint that nothing in the circuit gives.
    Free,
    /// A wire of the hint with this event.
    Hint { event: u32 },
    /// The product with this event.
    Product { event: u32 },
}

/// What happens at one moment of the circuit's evaluation. Each event reads up to six rows, linear combinations of
/// wires: a constraint its A, B and C, a hint its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The constraint must hold.
    Check { constraint: u32 },
    /// The constraint defines the wire.
    Product { constraint: u32, wire: u32 },
    /// The constraint binds a word of the statement, the wire, to what was computed: row A is the difference.
    Declaration { constraint: u32, wire: u32 },
    /// The rule defines the wires from `first` on.
    Hint { rule: Rule, first: u32 },
}

impl Event {
    /// The constraint of the event, if it is one's.
    pub fn constraint(&self) -> Option<usize> {
        match *self {
            Self::Check { constraint }
            | Self::Product { constraint, .. }
            | Self::Declaration { constraint, .. } => Some(constraint as usize),
            Self::Hint { .. } => None,
        }
    }
}

/// A wire's part in a row of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub event: u32,
    pub row: u8,
    pub coefficient: Fr,
}

/// The values of an event's rows.
pub type Rows = [Fr; MAX_INPUTS];

/// A circuit with the events of its evaluation, in order.
///
/// **Invariant**: an event reads only wires that were there before it, and of those that it defines only its own.
#[derive(Debug)]
pub struct Tape {
    pub r1cs: R1cs,
    pub events: Vec<Event>,
    /// By wire, in the order of events.
    pub columns: Vec<Vec<Entry>>,
    /// By wire.
    pub origins: Vec<Origin>,
    event_of_constraint: Vec<u32>,
}

impl Tape {
    /// The label of the group that an event's constraint belongs to; none for hints.
    pub fn group(&self, event: u32) -> Option<&str> {
        let constraint = self.events[event as usize].constraint()?;
        Some(self.r1cs.group(constraint))
    }

    /// The events of these constraints, ascending as they are: constraints come in the order of their events.
    pub fn events_of(&self, constraints: &[usize]) -> Vec<usize> {
        constraints.iter().map(|&constraint| self.event_of_constraint[constraint] as usize).collect()
    }

    /// All events' rows under these values of the wires.
    pub fn rows(&self, values: &[Fr]) -> Vec<Rows> {
        let mut rows = vec![[Fr::ZERO; MAX_INPUTS]; self.events.len()];
        for (column, value) in self.columns.iter().zip(values) {
            for entry in column {
                rows[entry.event as usize][usize::from(entry.row)] += entry.coefficient * value;
            }
        }
        rows
    }
}

/// Records a tape.
#[derive(Debug)]
pub struct Recorder {
    compiler: Compiler,
    events: Vec<Event>,
    columns: Vec<Vec<Entry>>,
    origins: Vec<Origin>,
    event_of_constraint: Vec<u32>,
    /// What was stored last at each place.
    stored: HashMap<Place, Vec<Lc>>,
}

type Lc = Num<LinearCombination>;

impl Recorder {
    /// As [`Compiler::new`].
    pub fn new(public: &[Fr]) -> (Self, Vec<Lc>) {
        let (compiler, inputs) = Compiler::new(public);
        let wires = 1 + public.len();
        let (columns, origins) = (vec![vec![]; wires], vec![Origin::Public; wires]);
        (
            Self {
                compiler,
                events: vec![],
                columns,
                origins,
                event_of_constraint: vec![],
                stored: HashMap::new(),
            },
            inputs,
        )
    }

    /// The tape, and the values that were computed on the way.
    pub fn finish(self) -> (Tape, Vec<Fr>) {
        let Self { compiler, events, columns, origins, event_of_constraint, .. } = self;
        let (r1cs, values) = compiler.finish();
        (Tape { r1cs, events, columns, origins, event_of_constraint }, values)
    }

    fn next_event(&self) -> u32 {
        self.events.len() as u32
    }

    fn next_constraint(&self) -> u32 {
        self.event_of_constraint.len() as u32
    }

    fn wire(&mut self, value: Fr, origin: Origin) -> Lc {
        self.origins.push(origin);
        self.columns.push(vec![]);
        self.compiler.alloc(value)
    }

    fn record(&mut self, event: Event, rows: &[&Lc]) {
        let id = self.next_event();
        for (row, num) in (0u8..).zip(rows) {
            for &(wire, coefficient) in &num.linear().terms {
                self.columns[wire as usize].push(Entry { event: id, row, coefficient });
            }
        }
        self.events.push(event);
    }

    fn constrain(&mut self, event: Event, rows: [&Lc; 3]) {
        self.event_of_constraint.push(self.next_event());
        self.record(event, &rows);
        let [a, b, c] = rows;
        self.compiler.enforce(a, b, c);
    }
}

/// The index of a number that is one wire.
fn index_of(num: &Lc) -> u32 {
    match num.linear().terms.as_slice() {
        [(wire, coefficient)] if *coefficient == Fr::ONE => *wire,
        _ => unreachable!("a product and a declared word are wires"),
    }
}

impl ConstraintSystem for Recorder {
    type L = LinearCombination;

    fn alloc(&mut self, value: Fr) -> Lc {
        self.wire(value, Origin::Free)
    }

    fn input(&mut self, value: Fr) -> Lc {
        self.wire(value, Origin::Input)
    }

    /// What was stored before comes back, so that a change of it is passed on. Not so between the two sides of a
    /// transfer to oneself: both are loaded before either is stored.
    fn load<const N: usize>(&mut self, place: Place, values: [Fr; N]) -> [Lc; N] {
        let stored =
            self.stored.get(&place).filter(|nums| nums.iter().map(|num| num.value).eq(values)).cloned();
        let Some(stored) = stored else { return values.map(|value| self.alloc(value)) };
        let wires = self.hint(Rule::Copy { width: N }, &stored.iter().collect::<Vec<_>>());
        std::array::from_fn(|i| wires[i].clone())
    }

    fn store(&mut self, place: Place, nums: &[Lc]) {
        self.stored.insert(place, nums.to_vec());
    }

    fn hint(&mut self, rule: Rule, inputs: &[&Lc]) -> Vec<Lc> {
        let event = self.next_event();
        let first = self.origins.len() as u32;
        self.record(Event::Hint { rule, first }, inputs);
        let values: Vec<Fr> = inputs.iter().map(|num| num.value).collect();
        rule.outputs(&values).into_iter().map(|value| self.wire(value, Origin::Hint { event })).collect()
    }

    fn enforce(&mut self, a: &Lc, b: &Lc, c: &Lc) {
        self.constrain(Event::Check { constraint: self.next_constraint() }, [a, b, c]);
    }

    fn product(&mut self, a: &Lc, b: &Lc) -> Lc {
        let product = self.wire(a.value * b.value, Origin::Product { event: self.next_event() });
        let event = Event::Product { constraint: self.next_constraint(), wire: index_of(&product) };
        self.constrain(event, [a, b, &product]);
        product
    }

    fn declare(&mut self, computed: &Lc, declared: &Lc) {
        let event = Event::Declaration { constraint: self.next_constraint(), wire: index_of(declared) };
        self.constrain(event, [&(computed - declared), &Num::one(), &Num::zero()]);
    }

    fn enter(&mut self, label: &'static str) {
        self.compiler.enter(label);
    }

    fn leave(&mut self) {
        self.compiler.leave();
    }
}

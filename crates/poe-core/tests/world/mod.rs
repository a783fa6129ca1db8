//! A small rollup for tests: keys, funded accounts, batches of chosen slots, and their circuits' inputs.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;

use poe_core::{
    account::Account,
    batch::{Batch, Header, Word, word},
    circuit::{
        batch::{compile_batch, witness},
        r1cs::{R1cs, Violation},
    },
    eddsa,
    field::{self, Fr},
    merkle::Tree,
    outcome::Outcome,
    state::State,
    statement::{Facts, PublicInputs, public_inputs, words},
    trace::{BatchTrace, Opening, SlotTrace, top_levels},
    transaction::{self, KIND_DEPOSIT, KIND_EXIT, KIND_TRANSFER, WordZero},
    transition,
};

pub const DOMAIN: u64 = 0xd0_3a1;
pub const CTX: u64 = 77;

/// The four words of a slot.
pub type Slot = [Word; 4];

pub const NOTHING: Slot = [[0; 32]; 4];

/// SplitMix64: enough randomness for tests, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn word(&mut self) -> Word {
        std::array::from_fn(|_| self.next() as u8)
    }

    pub fn element(&mut self) -> Fr {
        field::from_word(&self.word())
    }
}

/// The secret of a test account.
pub fn secret(index: u64) -> [u8; 32] {
    word(index + 1000)
}

pub fn domain() -> Fr {
    Fr::from(DOMAIN)
}

/// A deposit of `amount` to account `index` under the key of `secret(index)`.
pub fn deposit(index: u64, amount: u64) -> Slot {
    let (x, y) = eddsa::derive_public_key(&secret(index));
    let fields = WordZero { kind: KIND_DEPOSIT, to: index, amount, ..WordZero::default() };
    [fields.pack().unwrap(), x, y, exit_address(index)].map(|element| field::to_bytes(&element))
}

pub fn transfer(from: u64, to: u64, amount: u64, fee: u32, nonce: u32) -> WordZero {
    WordZero { kind: KIND_TRANSFER, from, to, amount, fee, nonce, reserved: 0 }
}

/// An exit; its `to` is not read.
pub fn exit(from: u64, amount: u64, fee: u32, nonce: u32) -> WordZero {
    WordZero { kind: KIND_EXIT, ..transfer(from, 0, amount, fee, nonce) }
}

/// The exit address of account `index`, as `deposit` and `account` give it.
pub fn exit_address(index: u64) -> Fr {
    Fr::from(index + 5)
}

/// A forced exit of `amount` from account `from`, asked for by the exit address of account `asked_by`.
pub fn forced_exit(from: u64, amount: u64, asked_by: u64) -> Slot {
    let fields = WordZero { kind: KIND_EXIT, from, amount, ..WordZero::default() };
    [field::to_bytes(&fields.pack().unwrap()), field::to_bytes(&exit_address(asked_by)), [0; 32], [0; 32]]
}

/// The slot of a word 0 signed by `secret(signer)`.
pub fn signed_by(signer: u64, fields: &WordZero) -> Slot {
    let w0 = fields.pack().unwrap();
    let signature = eddsa::sign(&secret(signer), transaction::message(domain(), w0));
    let (x, y) = signature.r8;
    [w0, x, y, signature.s].map(|element| field::to_bytes(&element))
}

/// The slot signed by the sender it names.
pub fn signed(fields: &WordZero) -> Slot {
    signed_by(fields.from, fields)
}

/// An executed batch with everything its circuit takes.
pub struct Executed {
    pub trace: BatchTrace,
    pub statement: Vec<Word>,
    pub public: PublicInputs,
}

impl Executed {
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.trace.slots.iter().map(|slot| slot.outcome).collect()
    }

    pub fn ctx(&self) -> Fr {
        Fr::from(CTX)
    }

    pub fn compile(&self) -> (R1cs, Vec<Fr>) {
        compile_batch(&self.trace, self.ctx(), &self.public)
    }

    pub fn witness(&self) -> Vec<Fr> {
        witness(&self.trace, self.ctx(), &self.public)
    }

    /// States the trace's roots, after a test has changed them.
    pub fn restate(&mut self) {
        self.statement[1] = field::to_bytes(&self.trace.old_root);
        self.statement[2] = field::to_bytes(&self.trace.new_root);
        self.public = public_inputs(&self.statement);
    }

    /// Whether the native witness satisfies the circuit.
    pub fn check(&self, r1cs: &R1cs) -> Result<(), Violation> {
        let values = self.witness();
        assert_eq!(values.len(), r1cs.wires());
        r1cs.is_satisfied(&values)
    }
}

/// Executes a batch of these slots on the state.
pub fn execute(state: &mut State, deposits: u64, fee_account: u64, slots: &[Slot]) -> Executed {
    execute_queue(state, [deposits, 0], fee_account, slots)
}

/// Executes a batch whose first slots are these numbers of deposits and forced exits.
pub fn execute_queue(
    state: &mut State,
    [deposits, forced]: [u64; 2],
    fee_account: u64,
    slots: &[Slot],
) -> Executed {
    let depth = state.depth();
    let header = Header { slots: slots.len(), depth, deposits, forced, fee_account };
    let data = slots.concat().concat();
    let batch = Batch::new(header, &data).unwrap();
    let trace = transition::execute(state, &batch, domain()).unwrap().trace;
    let facts =
        Facts { domain: domain(), old_root: trace.old_root, new_root: trace.new_root, ctx: Fr::from(CTX) };
    let statement = words(&facts, &batch, &trace.exits());
    let public = public_inputs(&statement);
    Executed { trace, statement, public }
}

/// A batch on accounts that no history leads to, by its outcomes, all of them no-ops.
pub fn no_ops(
    depth: usize,
    accounts: &BTreeMap<u64, Account>,
    fields: &[WordZero],
    outcomes: &[Outcome],
) -> Executed {
    let mut tree = Tree::new(depth);
    accounts.iter().for_each(|(&index, account)| tree.set(index, account.leaf()));
    let open = |index: u64| Opening { index, account: accounts.get(&index).copied(), path: tree.path(index) };
    let slots: Vec<Slot> = fields.iter().map(signed).collect();
    let slot_traces = fields.iter().zip(&slots).zip(outcomes).map(|((fields, slot), &outcome)| SlotTrace {
        words: slot.map(|word| field::from_word(&word)),
        sender: open(fields.from),
        recipient: open(fields.to),
        outcome,
    });
    let trace = BatchTrace {
        depth,
        deposits: 0,
        forced: 0,
        fee_account: 0,
        domain: domain(),
        old_root: tree.root(),
        new_root: tree.root(),
        top: tree.nodes_below(top_levels(slots.len(), depth)),
        slots: slot_traces.collect(),
        fee: open(0),
        burnt: 0,
    };
    let header = Header { slots: slots.len(), depth, deposits: 0, forced: 0, fee_account: 0 };
    let data = slots.concat().concat();
    let facts = Facts { domain: domain(), old_root: tree.root(), new_root: tree.root(), ctx: Fr::from(CTX) };
    let statement = words(&facts, &Batch::new(header, &data).unwrap(), &[]);
    let public = public_inputs(&statement);
    Executed { trace, statement, public }
}

/// An account under the key of `secret(index)`.
pub fn account(index: u64, balance: u128, nonce: u64) -> Account {
    let public_key = eddsa::derive_public_key(&secret(index));
    Account { public_key, balance, nonce, exit_address: exit_address(index) }
}

/// A state of this depth whose accounts 0, 1, … hold these balances.
pub fn funded(depth: usize, balances: &[u64]) -> State {
    let mut state = State::new(depth, 16).unwrap();
    for (index, &balance) in (0..).zip(balances) {
        execute(&mut state, 1, 0, &[deposit(index, balance)]);
    }
    state
}

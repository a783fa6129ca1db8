//! Deposits = balances + burnt + exits, to the gwei, after every one of many random batches.
//!
//! A plain table of balances, moved by nothing but the slots and their outcomes, must agree with the state too.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use poe_core::{
    batch::{Batch, Header, Role},
    eddsa,
    field::{self, Fr},
    outcome::Outcome,
    state::State,
    transaction::{self, KIND_DEPOSIT, KIND_EXIT, KIND_TRANSFER, WordZero},
    transition::{self, Execution},
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

const DEPTH: usize = 2;
const SLOTS: u64 = 8;
/// Indices that slots name: two of them lie outside the tree.
const INDICES: u64 = 18;

fn domain() -> Fr {
    Fr::from(31u64)
}

fn secret(index: u64) -> [u8; 32] {
    [index as u8 + 1; 32]
}

fn exit_address(index: u64) -> Fr {
    Fr::from(1000 + index)
}

fn slot(words: [Fr; 4]) -> Vec<u8> {
    words.iter().flat_map(field::to_bytes).collect()
}

/// What happened so far, so that a run which never met a case fails.
#[derive(Default, Debug)]
struct Seen {
    transactions: u64,
    transfers: u64,
    self_transfers: u64,
    exits: u64,
    forced_exits: u64,
    paid_own_fees: u64,
    burnt_batches: u64,
}

struct World {
    rng: ChaCha8Rng,
    state: State,
    balances: BTreeMap<u64, u128>,
    deposited: u128,
    burnt: u128,
    exited: u128,
    seen: Seen,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            state: State::new(DEPTH, 1).unwrap(),
            balances: BTreeMap::new(),
            deposited: 0,
            burnt: 0,
            exited: 0,
            seen: Seen::default(),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.rng.next_u64() % limit
    }

    fn balance(&self, index: u64) -> u64 {
        self.state.account(index).map_or(0, |account| account.balance.min(u64::MAX.into()) as u64)
    }

    /// Amounts at the edges of what the account can pay beside a fee, and all between.
    fn amount(&mut self, index: u64, fee: u32) -> u64 {
        let balance = self.balance(index);
        match self.below(8) {
            0 => 0,
            1 => balance,
            2 => balance.saturating_sub(fee.into()),
            3 => balance.saturating_add(1),
            4 => self.rng.next_u64(),
            _ => self.below(balance / 4 + 1),
        }
    }

    fn deposit(&mut self) -> Vec<u8> {
        let index = self.below(INDICES - 2);
        let amount = if self.below(4) == 0 { self.rng.next_u64() } else { self.below(1 << 40) };
        let (x, y) = eddsa::derive_public_key(&secret(index));
        let fields = WordZero { kind: KIND_DEPOSIT, to: index, amount, ..WordZero::default() };
        slot([fields.pack().unwrap(), x, y, exit_address(index)])
    }

    fn forced_exit(&mut self) -> Vec<u8> {
        let index = self.below(INDICES);
        let asked_by = if self.below(8) == 0 { index + 1 } else { index };
        let amount = self.amount(index, 0);
        let fields = WordZero { kind: KIND_EXIT, from: index, amount, ..WordZero::default() };
        slot([fields.pack().unwrap(), exit_address(asked_by), Fr::default(), Fr::default()])
    }

    /// A signed transfer or exit, or nearly one; `nonces` counts those of this batch, by sender.
    fn transaction(&mut self, nonces: &mut BTreeMap<u64, u64>) -> Vec<u8> {
        let from = self.below(INDICES);
        let to = if self.below(5) == 0 { from } else { self.below(INDICES) };
        let fee = if self.below(3) == 0 { self.rng.next_u32() } else { self.below(100) as u32 };
        let kind =
            [KIND_TRANSFER, KIND_TRANSFER, KIND_TRANSFER, KIND_EXIT, KIND_EXIT, 0, 3][self.below(7) as usize];
        let earlier = nonces.entry(from).or_default();
        let nonce = self.state.account(from).map_or(0, |account| account.nonce) + *earlier;
        *earlier += u64::from(kind == KIND_TRANSFER || kind == KIND_EXIT);
        let nonce = nonce as u32 + u32::from(self.below(16) == 0);
        let amount = self.amount(from, fee);
        let word = WordZero { kind, from, to, amount, fee, nonce, reserved: 0 }.pack().unwrap();
        let signature = eddsa::sign(&secret(from), transaction::message(domain(), word));
        slot([word, signature.r8.0, signature.r8.1, signature.s])
    }

    fn run_batch(&mut self) {
        let deposits = if self.below(3) == 0 { 1 + self.below(2) } else { 0 };
        let forced = self.below(3) / 2 * (1 + self.below(2));
        let fee_account = self.below(INDICES + 2);
        let mut nonces = BTreeMap::new();
        let mut data = Vec::new();
        for position in 0..SLOTS {
            data.extend(match Role::at(position as usize, deposits, forced) {
                Role::Deposit => self.deposit(),
                Role::ForcedExit => self.forced_exit(),
                Role::User => self.transaction(&mut nonces),
            });
        }
        let header = Header { slots: SLOTS as usize, depth: DEPTH, deposits, forced, fee_account };
        let batch = Batch::new(header, &data).unwrap();
        let execution = transition::execute(&mut self.state, &batch, domain()).unwrap();
        self.account_for(&batch, &execution);
        self.check();
    }

    /// Moves the table of balances by the batch's applied slots.
    fn account_for(&mut self, batch: &Batch<'_>, execution: &Execution) {
        let (header, mut fees, mut payers) = (*batch.header(), 0, vec![]);
        for (position, (words, trace)) in batch.slots().zip(&execution.trace.slots).enumerate() {
            let WordZero { kind, from, to, amount, fee, .. } = WordZero::unpack(&words[0]);
            let (role, amount, fee) = (header.role(position), u128::from(amount), u128::from(fee));
            self.seen.transactions += u64::from(role != Role::Deposit);
            match (role, kind) {
                _ if trace.outcome != Outcome::Applied => {}
                (Role::Deposit, _) => {
                    self.deposited += amount;
                    *self.balances.entry(to).or_default() += amount;
                }
                (Role::ForcedExit, _) => {
                    self.seen.forced_exits += 1;
                    *self.balances.get_mut(&from).unwrap() -= amount;
                }
                (Role::User, kind) => {
                    *self.balances.get_mut(&from).unwrap() -= amount + fee;
                    fees += fee;
                    payers.push(from);
                    if kind == KIND_TRANSFER {
                        *self.balances.get_mut(&to).unwrap() += amount;
                    }
                    let counter =
                        if kind == KIND_TRANSFER { &mut self.seen.transfers } else { &mut self.seen.exits };
                    *counter += 1;
                    self.seen.self_transfers += u64::from(kind == KIND_TRANSFER && from == to);
                }
            }
        }
        let burnt = execution.trace.burnt;
        assert_eq!(execution.fees, fees);
        assert!(burnt == 0 || burnt == fees);
        if fees > 0 && burnt == 0 {
            *self.balances.get_mut(&header.fee_account).unwrap() += fees;
            self.seen.paid_own_fees += u64::from(payers.contains(&header.fee_account));
        }
        self.seen.burnt_batches += u64::from(burnt > 0);
        self.burnt += burnt;
        let exits = execution.trace.exits();
        self.exited += exits.iter().map(|exit| u128::from(exit.amount)).sum::<u128>();
    }

    fn check(&self) {
        let balances: u128 = (0..1 << (2 * DEPTH))
            .filter_map(|index| self.state.account(index).map(|account| (index, account.balance)))
            .inspect(|(index, balance)| {
                assert_eq!(self.balances.get(index), Some(balance), "account {index}")
            })
            .map(|(_, balance)| balance)
            .sum();
        assert_eq!(balances, self.state.total_balance());
        assert_eq!(self.deposited, balances + self.burnt + self.exited);
    }
}

/// Random batches until so many transactions were in them, from one seed.
fn conserve(seed: u64, transactions: u64) {
    let mut world = World::new(seed);
    while world.seen.transactions < transactions {
        world.run_batch();
    }
    let seen = &world.seen;
    let cases = [
        seen.transfers,
        seen.self_transfers,
        seen.exits,
        seen.forced_exits,
        seen.paid_own_fees,
        seen.burnt_batches,
    ];
    assert!(cases.iter().all(|&count| count > transactions / 1000), "seed {seed} is too tame: {seen:?}");
}

#[test]
fn twenty_thousand_random_transactions_conserve_every_gwei() {
    conserve(1, 20_000);
}

#[test]
#[ignore = "long: minutes"]
fn a_million_random_transactions_conserve_every_gwei() {
    std::thread::scope(|scope| {
        for seed in 2..6 {
            scope.spawn(move || conserve(seed, 250_000));
        }
    });
}

//! Accounts and signed transfers for measurements and tests: the same for the same numbers.

use std::time::Instant;

use rayon::prelude::*;

use super::seal::{Base, Chain, SealError};
use crate::{
    account::Account,
    batch::{Header, SLOT_BYTES},
    eddsa::{self, Signature},
    field::{self, Fr},
    poseidon,
    state::State,
    transaction::{KIND_TRANSFER, WordZero},
};

/// Enough for every transfer that a measurement can make.
const BALANCE: u128 = 1 << 60;
/// Rounds after which a measurement of the executor hashes what was written.
const ROUND_BATCHES: usize = 64;

fn secret(index: u64) -> [u8; 32] {
    let mut secret = [0x5e; 32];
    secret[..8].copy_from_slice(&index.to_be_bytes());
    secret
}

/// `accounts` accounts that can all pay.
pub fn genesis(accounts: u64) -> Vec<(u64, Account)> {
    let account = |index: u64| Account {
        public_key: eddsa::derive_public_key(&secret(index)),
        balance: BALANCE,
        nonce: 0,
        exit_address: Fr::from(index + 1),
    };
    (0..accounts).into_par_iter().map(|index| (index, account(index))).collect()
}

/// Transfer `number`: every account sends in turn, to accounts that jump about.
fn transfer(accounts: u64, number: u64) -> WordZero {
    let (from, nonce) = (number % accounts, number / accounts);
    let to = (from + 1 + number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % accounts) % accounts;
    WordZero {
        kind: KIND_TRANSFER,
        from,
        to,
        amount: 1 + number % 1000,
        fee: 1,
        nonce: nonce as u32,
        reserved: 0,
    }
}

/// Slots of the transfers `first .. first + count`, signed on all cores.
pub fn signed_transfers(accounts: u64, first: u64, count: u64, domain: Fr) -> Vec<u8> {
    let slots = (first..first + count).into_par_iter().map(|number| {
        let fields = transfer(accounts, number);
        let word = fields.pack().unwrap_or_default();
        let Signature { r8: (x, y), s } = eddsa::sign(&secret(fields.from), poseidon::hash2([domain, word]));
        [word, x, y, s].map(|element| field::to_bytes(&element)).concat()
    });
    slots.collect::<Vec<_>>().concat()
}

/// What a measurement of the executor gave.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    pub transactions: u64,
    pub seconds: f64,
    /// Of a round of batches: execution and tree.
    pub p99_seconds: f64,
}

/// Executes transfers without signatures for so many seconds, in full batches, in memory. The tree is updated after
/// every round of 64 batches, on all cores.
pub fn execute(accounts: u64, slots: usize, depth: usize, seconds: f64) -> Result<Execution, SealError> {
    let state = State::with_accounts(depth, ROUND_BATCHES, genesis(accounts))?;
    let mut chain = Chain::new(state, Base::default(), Fr::from(1u64));
    let header = Header { slots, depth, deposits: 0, forced: 0, fee_account: 0 };
    let started = Instant::now();
    let (mut number, mut rounds) = (0, Vec::new());
    while started.elapsed().as_secs_f64() < seconds {
        let round = Instant::now();
        for _ in 0..ROUND_BATCHES {
            let data = unsigned_transfers(accounts, number, slots as u64);
            chain.execute_unsigned(header, &data)?;
            number += slots as u64;
        }
        chain.settle();
        while chain.batches.len() > ROUND_BATCHES {
            chain.forget_oldest();
        }
        rounds.push(round.elapsed().as_secs_f64());
    }
    let elapsed = started.elapsed().as_secs_f64();
    rounds.sort_by(f64::total_cmp);
    let p99_seconds = rounds[(rounds.len() * 99 / 100).min(rounds.len() - 1)];
    Ok(Execution { transactions: chain.transactions, seconds: elapsed, p99_seconds })
}

fn unsigned_transfers(accounts: u64, first: u64, count: u64) -> Vec<u8> {
    let mut data = vec![0; count as usize * SLOT_BYTES];
    for (slot, number) in data.chunks_exact_mut(SLOT_BYTES).zip(first..) {
        let word = transfer(accounts, number).pack().unwrap_or_default();
        slot[..32].copy_from_slice(&field::to_bytes(&word));
    }
    data
}

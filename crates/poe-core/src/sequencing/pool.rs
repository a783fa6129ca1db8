//! Transactions that wait for a batch: by account and nonce, bounded, pure and synchronous.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
};

use super::{Code, record::Transaction};
use crate::account::{Account, NONCE_MAX};

const STALE_HEADS: usize = 64;

/// How much may wait, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub transactions: usize,
    pub per_account: usize,
    /// After this many seconds a transaction is forgotten.
    pub seconds: f64,
}

/// A waiting transaction. `group` is the record on disk that it came with.
#[derive(Debug, Clone)]
pub struct Entry {
    pub transaction: Transaction,
    pub group: u64,
    arrival: u64,
    since: f64,
}

impl Entry {
    fn nonce(&self) -> u64 {
        self.transaction.fields.nonce.into()
    }

    fn place(&self) -> Place {
        let fields = &self.transaction.fields;
        (fields.fee, Reverse(self.arrival), fields.from)
    }
}

/// Where an account's next transaction stands among all others: the highest fee first, then the earliest.
type Place = (u32, Reverse<u64>, u64);

/// What one account has waiting: none below `nonce`, `cost` in all, the first `ready` of them without a gap.
#[derive(Debug, Default)]
struct Line {
    nonce: u64,
    by_nonce: BTreeMap<u64, Entry>,
    cost: u128,
    ready: usize,
}

impl Line {
    /// After an insertion, or a change of `nonce` with `ready` set to 0.
    fn extend_ready(&mut self) {
        while self.by_nonce.contains_key(&(self.nonce + self.ready as u64)) {
            self.ready += 1;
        }
    }

    /// After a removal.
    fn cut_ready(&mut self, removed: u64) {
        if let Some(before) = removed.checked_sub(self.nonce) {
            self.ready = self.ready.min(before as usize);
        }
    }
}

/// Waiting transactions of all accounts.
///
/// A transaction costs at most what its account can pay together with all others that wait.
#[derive(Debug)]
pub struct Pool {
    bounds: Bounds,
    lines: HashMap<u64, Line>,
    /// Every account's next transaction, and some that were.
    heads: BinaryHeap<Place>,
    size: usize,
    ready: usize,
    arrivals: u64,
    /// Records on disk and how many of their transactions wait still.
    groups: HashMap<u64, usize>,
    /// Records of which none waits any more.
    emptied: Vec<u64>,
}

impl Pool {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lines: HashMap::new(),
            heads: BinaryHeap::new(),
            size: 0,
            ready: 0,
            arrivals: 0,
            groups: HashMap::new(),
            emptied: Vec::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.size
    }

    /// Transactions that could go into batches now.
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// Records on disk of which no transaction waits any more, since the last call.
    pub fn take_emptied(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.emptied)
    }

    /// The first nonce at or after the account's own for which nothing waits yet.
    pub fn next_nonce(&self, account: u64, nonce: u64) -> u64 {
        let line = self.lines.get(&account).filter(|line| line.nonce == nonce);
        nonce + line.map_or(0, |line| line.ready as u64)
    }

    fn waiting(&self, transaction: &Transaction) -> Option<&Entry> {
        let line = self.lines.get(&transaction.fields.from)?;
        line.by_nonce.get(&transaction.fields.nonce.into())
    }

    /// Whether this very transaction waits already.
    pub fn holds(&self, transaction: &Transaction) -> bool {
        self.waiting(transaction).is_some_and(|entry| entry.transaction == *transaction)
    }

    /// Why `add` would refuse; neither looks at the signature.
    pub fn check(&self, transaction: &Transaction, sender: &Account) -> Result<(), Code> {
        let (nonce, limit) =
            (u64::from(transaction.fields.nonce), sender.nonce + self.bounds.per_account as u64);
        let replaced = self.waiting(transaction);
        let line = self.lines.get(&transaction.fields.from);
        let owed = line.map_or(0, |line| line.cost) - replaced.map_or(0, |entry| entry.transaction.cost());
        if replaced.is_some_and(|entry| entry.transaction == *transaction) {
            return Ok(());
        }
        let fee_of = |entry: &Entry| entry.transaction.fields.fee;
        match () {
            _ if nonce < sender.nonce || nonce >= NONCE_MAX => Err(Code::StaleNonce),
            _ if nonce >= limit => Err(Code::NonceTooFar),
            _ if replaced.is_some_and(|entry| transaction.fields.fee <= fee_of(entry)) => {
                Err(Code::Underpriced)
            }
            _ if owed + transaction.cost() > sender.balance => Err(Code::Overdrawn),
            _ if replaced.is_some() => Ok(()),
            _ if line.is_some_and(|line| line.by_nonce.len() >= self.bounds.per_account) => {
                Err(Code::AccountFull)
            }
            _ if self.size >= self.bounds.transactions => Err(Code::Full),
            _ => Ok(()),
        }
    }

    /// Takes one transaction of an account as it is now. One that waits already is taken again silently; another
    /// with the same nonce needs a higher fee. `group` is where it lies on disk.
    pub fn add(
        &mut self,
        transaction: Transaction,
        sender: &Account,
        group: u64,
        now: f64,
    ) -> Result<(), Code> {
        self.check(&transaction, sender)?;
        if self.holds(&transaction) {
            return Ok(());
        }
        let (account, nonce) = (transaction.fields.from, u64::from(transaction.fields.nonce));
        self.remove(account, nonce);
        self.arrivals += 1;
        let entry = Entry { transaction, group, arrival: self.arrivals, since: now };
        let place = entry.place();
        let line =
            self.lines.entry(account).or_insert_with(|| Line { nonce: sender.nonce, ..Line::default() });
        line.cost += transaction.cost();
        line.by_nonce.insert(nonce, entry);
        if nonce == line.nonce {
            self.heads.push(place);
        }
        self.size += 1;
        *self.groups.entry(group).or_default() += 1;
        self.ready -= line.ready;
        line.extend_ready();
        self.ready += line.ready;
        self.clear_stale_heads();
        Ok(())
    }

    /// Replacements leave their predecessors among the heads: no more of those than of accounts, and some.
    fn clear_stale_heads(&mut self) {
        if self.heads.len() > 2 * self.lines.len() + STALE_HEADS {
            let heads = self.lines.values().filter_map(|line| line.by_nonce.get(&line.nonce));
            self.heads = heads.map(Entry::place).collect();
        }
    }

    /// Takes one entry out, whatever the reason.
    fn remove(&mut self, account: u64, nonce: u64) -> Option<Entry> {
        let line = self.lines.get_mut(&account)?;
        let entry = line.by_nonce.remove(&nonce)?;
        line.cost -= entry.transaction.cost();
        self.size -= 1;
        self.ready -= line.ready;
        line.cut_ready(nonce);
        self.ready += line.ready;
        if line.by_nonce.is_empty() {
            self.lines.remove(&account);
        }
        if let Some(left) = self.groups.get_mut(&entry.group) {
            *left -= 1;
            if *left == 0 {
                self.groups.remove(&entry.group);
                self.emptied.push(entry.group);
            }
        }
        Some(entry)
    }

    /// Takes up to `room` transactions that `apply` says took effect, in rounds: one of each account, the highest
    /// fee first and the earlier among equals, then the accounts' seconds, and so on. One that takes no effect is
    /// dropped and returned apart; its account's later ones wait for another with its nonce.
    pub fn fill(
        &mut self,
        room: usize,
        mut apply: impl FnMut(&Transaction) -> bool,
    ) -> (Vec<Entry>, Vec<Entry>) {
        let (mut taken, mut dropped, mut seconds) = (Vec::with_capacity(room), Vec::new(), Vec::new());
        while taken.len() < room {
            let Some(place) = self.heads.pop() else {
                if seconds.is_empty() {
                    break;
                }
                self.heads.extend(seconds.drain(..));
                continue;
            };
            let Some(transaction) = self.head(&place).map(|entry| entry.transaction) else { continue };
            let (account, nonce) = (transaction.fields.from, u64::from(transaction.fields.nonce));
            let applies = apply(&transaction);
            if applies {
                seconds.extend(self.advance(account));
            }
            let list = if applies { &mut taken } else { &mut dropped };
            list.extend(self.remove(account, nonce));
        }
        self.heads.extend(seconds);
        (taken, dropped)
    }

    /// The entry that a place in `heads` speaks of, if it is still its account's next.
    fn head(&self, &(_, Reverse(arrival), account): &Place) -> Option<&Entry> {
        let line = self.lines.get(&account)?;
        line.by_nonce.get(&line.nonce).filter(|entry| entry.arrival == arrival)
    }

    /// The account's nonce grows by one; where the transaction that is next then stands.
    fn advance(&mut self, account: u64) -> Option<Place> {
        let line = self.lines.get_mut(&account)?;
        line.nonce += 1;
        line.ready -= 1;
        self.ready -= 1;
        line.by_nonce.get(&line.nonce).map(Entry::place)
    }

    /// The account's nonce is `nonce` now, grown or rolled back; returns what became stale by it.
    pub fn settle(&mut self, account: u64, nonce: u64) -> Vec<Entry> {
        let Some(line) = self.lines.get_mut(&account).filter(|line| line.nonce != nonce) else {
            return Vec::new();
        };
        line.nonce = nonce;
        self.ready -= line.ready;
        line.ready = 0;
        line.extend_ready();
        self.ready += line.ready;
        let stale: Vec<u64> = line.by_nonce.range(..nonce).map(|(nonce, _)| *nonce).collect();
        self.heads.extend(line.by_nonce.get(&nonce).map(Entry::place));
        stale.into_iter().filter_map(|nonce| self.remove(account, nonce)).collect()
    }

    /// After a rollback: re-reads every account and drops what it cannot send or pay any more; returns how many.
    pub fn refresh<'a>(&mut self, account_of: impl Fn(u64) -> Option<&'a Account>) -> usize {
        let before = self.size;
        for index in self.lines.keys().copied().collect::<Vec<_>>() {
            let account = account_of(index);
            self.settle(index, account.map_or(NONCE_MAX, |account| account.nonce));
            let balance = account.map_or(0, |account| account.balance);
            while let Some(last) = self.lines.get(&index).filter(|line| line.cost > balance) {
                let highest = last.by_nonce.keys().next_back().copied();
                if highest.and_then(|nonce| self.remove(index, nonce)).is_none() {
                    break;
                }
            }
        }
        before - self.size
    }

    /// Forgets what has waited for longer than the bound; returns how many.
    pub fn expire(&mut self, now: f64) -> usize {
        let limit = self.bounds.seconds;
        let old = |entry: &&Entry| now - entry.since > limit;
        let old: Vec<(u64, u64)> = self
            .lines
            .values()
            .flat_map(|line| line.by_nonce.values().filter(old))
            .map(|entry| (entry.transaction.fields.from, entry.nonce()))
            .collect();
        old.iter().for_each(|&(account, nonce)| {
            self.remove(account, nonce);
        });
        old.len()
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;

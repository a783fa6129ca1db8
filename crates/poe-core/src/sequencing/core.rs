//! What the engine's one lock guards: the chain, the pool, and the changes that are not on disk yet.

use std::{
    collections::{HashMap, VecDeque},
    time::Instant,
};

use super::{
    Code,
    engine::{EngineError, Rules},
    pool::{Bounds, Pool},
    record::{Queue, Slot, Transaction},
    seal::{self, Chain, SealError},
    store::{Changes, Contents},
};
use crate::{account::Account, state::State};

/// Batches whose accounts move to the base on disk at once.
const BASE_STEP: usize = 64;
/// Latencies kept for the quantile.
const LATENCIES: usize = 1 << 16;

/// Everything that one lock guards.
pub struct Core {
    pub chain: Chain,
    pub pool: Pool,
    pub posted: u64,
    changes: Changes,
    /// Grows with each change; a commit up to a ticket makes it durable.
    ticket: u64,
    groups: u64,
    arrivals: HashMap<u64, Instant>,
    pub latencies: VecDeque<f64>,
    kept_batches: usize,
    /// Transactions taken out of the pool as no-ops or overtaken.
    pub dropped: u64,
}

impl Core {
    /// The state of the base, the batches after it executed again, and what waits offered to the pool.
    pub fn restore(rules: &Rules, contents: Contents, now: f64) -> Result<Self, EngineError> {
        let Contents { base, accounts, batches, waiting } = contents;
        let history = rules.kept_batches + BASE_STEP + rules.max_unposted as usize;
        let history = history.max(batches.len()); // rules may have been wider
        let state = State::with_accounts(rules.depth, history, accounts).map_err(SealError::from)?;
        let mut chain = Chain::new(state.at_height(base.number), base, rules.domain);
        for sealed in &batches {
            chain.replay(sealed)?;
        }
        chain.settle();
        let bounds = Bounds {
            transactions: rules.pool_transactions,
            per_account: rules.pool_per_account,
            seconds: rules.pool_seconds,
        };
        let mut core = Self {
            posted: base.number,
            chain,
            pool: Pool::new(bounds),
            changes: Changes::default(),
            ticket: 1,
            groups: waiting.last().map_or(0, |(group, _)| group + 1),
            arrivals: HashMap::new(),
            latencies: VecDeque::new(),
            kept_batches: rules.kept_batches,
            dropped: 0,
        };
        for (group, slots) in waiting {
            let left = slots.iter().filter(|slot| core.offer(slot, group, now).is_ok()).count();
            if left == 0 {
                core.changes.emptied.push(group);
            }
        }
        Ok(core)
    }

    /// Into the pool, its signature known to hold.
    fn offer(&mut self, slot: &Slot, group: u64, now: f64) -> Result<(), Code> {
        let transaction = Transaction::decode(slot).ok_or(Code::Malformed)?;
        let sender = seal::parties(&self.chain.state, &transaction)?;
        self.pool.add(transaction, &sender, group, now)
    }

    pub fn judge_cheaply(
        &self,
        decoded: &[Option<Transaction>],
        rules: &Rules,
    ) -> Vec<Result<Account, Code>> {
        let judge = |transaction: &Option<Transaction>| {
            let transaction = transaction.as_ref().ok_or(Code::Malformed)?;
            let sender = seal::parties(&self.chain.state, transaction)?;
            self.pool.check(transaction, &sender).map(|()| sender)
        };
        decoded
            .iter()
            .map(|transaction| judge(transaction).map_err(|code| self.explain(code, rules)))
            .collect()
    }

    /// A pool that is full says whether posting is why.
    fn explain(&self, code: Code, rules: &Rules) -> Code {
        if code == Code::Full && !self.has_room(rules) { Code::Behind } else { code }
    }

    /// Adds those that are accepted so far as one group; the ticket to wait for if there is anything new.
    pub fn add(
        &mut self,
        decoded: &[Option<Transaction>],
        codes: &mut [Code],
        rules: &Rules,
        (now, arrived): (f64, Instant),
    ) -> Option<u64> {
        let group = self.groups;
        let mut slots = Vec::new();
        for (transaction, code) in decoded.iter().zip(codes).filter(|(_, code)| **code == Code::Accepted) {
            let Some(transaction) = transaction else { continue };
            let sender = seal::parties(&self.chain.state, transaction);
            let is_known = self.pool.holds(transaction);
            match sender.and_then(|sender| self.pool.add(*transaction, &sender, group, now)) {
                Ok(()) if is_known => {}
                Ok(()) => slots.extend(transaction.slot),
                Err(refusal) => *code = self.explain(refusal, rules),
            }
        }
        if slots.is_empty() {
            return Some(self.ticket); // what it repeats may not be on disk yet
        }
        self.groups += 1;
        self.arrivals.insert(group, arrived);
        self.changes.accepted.push((group, slots));
        self.forget_emptied();
        Some(self.advance())
    }

    fn advance(&mut self) -> u64 {
        self.ticket += 1;
        self.ticket
    }

    pub fn has_room(&self, rules: &Rules) -> bool {
        self.chain.height().saturating_sub(self.posted) < rules.max_unposted.into()
    }

    pub fn is_due(&self, queue: &Queue, rules: &Rules, partial: bool) -> bool {
        let waiting = queue.slots.len() + self.pool.ready();
        waiting >= rules.slots || !queue.slots.is_empty() || (partial && waiting > 0)
    }

    /// Cuts one batch; false if nothing of what waits could be executed, so that none was made.
    pub fn cut(&mut self, queue: &Queue, rules: &Rules) -> Result<bool, EngineError> {
        let lost = self.chain.cut(queue, &mut self.pool, (rules.slots, rules.fee_account))?;
        self.dropped += lost.as_ref().map_or(0, |lost| lost.len() as u64);
        Ok(lost.is_some())
    }

    /// Puts the batches from `first` on among the changes.
    pub fn note_sealed(&mut self, first: u64) -> u64 {
        for number in first..=self.chain.height() {
            if let Some(sealed) = self.chain.get(number) {
                self.changes.sealed.push((number, sealed.to_bytes()));
            }
        }
        self.forget_emptied();
        self.advance()
    }

    /// Groups of which nothing waits any more need not be kept on disk.
    pub fn forget_emptied(&mut self) {
        self.changes.emptied.extend(self.pool.take_emptied());
    }

    /// Posted batches beyond the kept ones can no longer be undone: what they wrote becomes the base on disk. In
    /// steps, so that an account written by many of them is stored once.
    fn age(&mut self) {
        let surplus = self.chain.batches.len().saturating_sub(self.kept_batches);
        if surplus < BASE_STEP {
            return;
        }
        for _ in 0..surplus {
            if self.chain.base.number >= self.posted {
                break;
            }
            let Some(oldest) = self.chain.forget_oldest() else { break };
            self.changes.accounts.extend(oldest.written);
            self.changes.base = Some(self.chain.base);
        }
    }

    pub fn truncate(&mut self, number: u64, now: f64) -> Result<(usize, u64), EngineError> {
        let removed = self.chain.truncate(number)?;
        self.posted = self.posted.min(number); // what takes their numbers is not what L1 had
        let Self { chain, pool, .. } = self;
        let mut dropped = pool.refresh(|index| chain.state.account(index));
        let group = self.groups;
        let mut slots = Vec::new();
        for slot in removed.iter().flat_map(|batch| batch.applied_from(batch.drained())) {
            match self.offer(slot, group, now) {
                Ok(()) => slots.extend(slot),
                Err(_) => dropped += 1,
            }
        }
        self.changes.sealed.retain(|(sealed, _)| *sealed <= number);
        let earlier = self.changes.truncated_to.unwrap_or(number);
        self.changes.truncated_to = Some(earlier.min(number));
        if !slots.is_empty() {
            self.groups += 1;
            self.changes.accepted.push((group, slots));
        }
        self.forget_emptied();
        Ok((dropped, self.advance()))
    }

    /// Hands over what happened since the last commit: the changes, the ticket and the height they reach, and when
    /// the groups came of which nothing waits any more.
    pub fn take_changes(&mut self) -> (Changes, u64, u64, Vec<Instant>) {
        self.age();
        let changes = std::mem::take(&mut self.changes);
        let arrivals = changes.emptied.iter().filter_map(|group| self.arrivals.remove(group)).collect();
        (changes, self.ticket, self.chain.height(), arrivals)
    }

    pub fn note_latencies(&mut self, arrivals: &[Instant]) {
        self.latencies.extend(arrivals.iter().map(|arrived| arrived.elapsed().as_secs_f64()));
        let excess = self.latencies.len().saturating_sub(LATENCIES);
        self.latencies.drain(..excess);
    }
}

/// The value that `part` of all do not exceed.
pub fn quantile(values: &VecDeque<f64>, part: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let position = (sorted.len() as f64 * part) as usize;
    sorted.get(position.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

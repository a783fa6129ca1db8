//! The engine for callers on any number of threads: three steps that each end on disk.
//!
//! `admit` judges cheaply under the lock, signatures outside it, and adds under it again; `seal` cuts batches in rounds,
//! hashing what a whole round wrote together; both then wait for a commit. Whoever waits first commits everything
//! that has happened so far for all (group commit), so an fsync is paid once a group, not once a transaction.

use std::{
    path::Path,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::{
    Code, StoreError,
    core::{Core, quantile},
    record::{Queue, Sealed, Slot, Transaction},
    seal::{self, Base, SealError},
    store::{Contents, Store},
};
use crate::{
    account::Account,
    batch::{Header, SLOT_BYTES},
    eddsa::{self, SignedMessage},
    field::{self, Fr},
    poseidon,
};

/// What does not change while an engine lives.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub slots: usize,
    pub depth: usize,
    pub domain: Fr,
    pub fee_account: u64,
    /// Most transactions that wait, of all accounts and of one, and how long.
    pub pool_transactions: usize,
    pub pool_per_account: usize,
    pub pool_seconds: f64,
    /// Batches that can be undone.
    pub kept_batches: usize,
    /// Sealing pauses while so many batches wait for their posting.
    pub max_unposted: u32,
}

/// Why the engine cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("a frame is {got} bytes, not one or more slots of {SLOT_BYTES}")]
    Frame { got: usize },
    #[error("an earlier panic left the engine unusable")]
    Poisoned,
}

/// How far everything is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    pub height: u64,
    /// The last batch on disk.
    pub durable: u64,
    pub base: u64,
    pub transactions: u64,
    pub waiting: usize,
    pub ready: usize,
    pub dropped: u64,
    pub written_bytes: u64,
    /// From a frame's arrival to its last transaction sealed on disk, the highest percent left out.
    pub p99_seconds: f64,
}

struct Disk {
    store: Option<Store>,
    durable: u64,
    failed: bool,
}

/// A sequencer's state, pool and batches.
pub struct Engine {
    rules: Rules,
    core: Mutex<Core>,
    disk: Mutex<Disk>,
    durable_height: AtomicU64,
}

impl Engine {
    /// Opens the store at `path` (nothing survives without one) and comes back to where it was. A new one starts from
    /// `genesis`.
    pub fn open(
        rules: Rules,
        path: Option<&Path>,
        genesis: Vec<(u64, Account)>,
        now: f64,
    ) -> Result<Self, EngineError> {
        let identity = identity(&rules);
        let (store, contents) = match path {
            Some(path) => {
                let (store, contents) = Store::open(path, &identity, genesis)?;
                (Some(store), contents)
            }
            None => (None, Contents { accounts: genesis, ..Contents::default() }),
        };
        let core = Core::restore(&rules, contents, now)?;
        let durable_height = AtomicU64::new(core.chain.height());
        let disk = Disk { store, durable: 0, failed: false };
        let engine = Self { rules, core: Mutex::new(core), disk: Mutex::new(disk), durable_height };
        engine.sync(u64::MAX)?;
        Ok(engine)
    }

    /// Takes what can be taken of a frame of slots, in order; one code each. What is accepted is on disk.
    pub fn admit(&self, frame: &[u8], now: f64) -> Result<Vec<Code>, EngineError> {
        let arrived = Instant::now();
        let (slots, rest) = frame.as_chunks::<SLOT_BYTES>();
        if slots.is_empty() || !rest.is_empty() {
            return Err(EngineError::Frame { got: frame.len() });
        }
        let decoded: Vec<Option<Transaction>> = slots.iter().map(Transaction::decode).collect();
        let senders = self.lock()?.judge_cheaply(&decoded, &self.rules);
        let mut codes: Vec<Code> =
            senders.iter().map(|sender| sender.map_or_else(|code| code, |_| Code::Accepted)).collect();
        let positions: Vec<usize> = (0..codes.len()).filter(|&i| codes[i] == Code::Accepted).collect();
        let asked = positions.iter().filter_map(|&i| Some((decoded[i]?, senders[i].ok()?)));
        for (&position, holds) in positions.iter().zip(self.verify(&asked.collect::<Vec<_>>())) {
            if !holds {
                codes[position] = Code::BadSignature;
            }
        }
        let ticket = self.lock()?.add(&decoded, &mut codes, &self.rules, (now, arrived));
        if let Some(ticket) = ticket {
            self.sync(ticket)?;
        }
        Ok(codes)
    }

    fn verify(&self, asked: &[(Transaction, Account)]) -> Vec<bool> {
        let words: Vec<[Fr; 4]> = asked.iter().map(|(transaction, _)| transaction.words()).collect();
        let inputs: Vec<[Fr; 2]> = words.iter().map(|words| [self.rules.domain, words[0]]).collect();
        let hashes = poseidon::hash2_many(&inputs);
        let messages: Vec<SignedMessage> = asked
            .iter()
            .zip(words.iter().zip(hashes))
            .map(|((_, sender), (words, hash))| seal::signed_message(sender, words, hash))
            .collect();
        eddsa::verify_many(&messages).iter().map(Result::is_ok).collect()
    }

    /// Cuts up to `most` batches of what waits, the queue's entries in the first one. A batch is cut if it is full;
    /// the first also if it has an entry of the queue, or `partial` is set and there is anything at all. Returns the
    /// numbers of the first and the last, on disk both.
    pub fn seal(
        &self,
        mut queue: Queue,
        most: usize,
        partial: bool,
    ) -> Result<Option<(u64, u64)>, EngineError> {
        let (first, last, ticket) = {
            let mut core = self.lock()?;
            let first = core.chain.height() + 1;
            if queue.slots.is_empty() {
                queue.end = core.chain.queue_end();
            }
            for _ in 0..most {
                let may_be_partial = partial && core.chain.height() < first;
                if !core.has_room(&self.rules) || !core.is_due(&queue, &self.rules, may_be_partial) {
                    break;
                }
                if !core.cut(&queue, &self.rules)? {
                    break;
                }
                queue = Queue { end: queue.end, ..Queue::default() };
            }
            let last = core.chain.height();
            if last < first {
                return Ok(None);
            }
            core.chain.settle();
            (first, last, core.note_sealed(first))
        };
        self.sync(ticket)?;
        Ok(Some((first, last)))
    }

    /// Executes a batch that L1 has ordered; what it overtakes leaves the pool. Returns how many that were.
    pub fn extend(&self, header: Header, data: &[u8], queue_end: u64) -> Result<usize, EngineError> {
        let (overtaken, ticket) = {
            let mut core = self.lock()?;
            core.chain.extend(header, data, queue_end)?;
            core.chain.settle();
            core.posted = core.posted.max(core.chain.height());
            let first_user = (header.deposits + header.forced) as usize;
            let applied: Vec<Slot> = core
                .chain
                .batches
                .back()
                .map_or(Vec::new(), |b| b.applied_from(first_user).copied().collect());
            let Core { chain, pool, .. } = &mut *core;
            let overtaken = seal::settle_pool(&chain.state, pool, &applied).len();
            let number = core.chain.height();
            (overtaken, core.note_sealed(number))
        };
        self.sync(ticket)?;
        Ok(overtaken)
    }

    /// Undoes every batch after `number`; what waits is judged anew on the state as it is then, and what users had in
    /// the undone batches waits again. Returns how many transactions were dropped.
    pub fn truncate(&self, number: u64, now: f64) -> Result<usize, EngineError> {
        let (dropped, ticket) = self.lock()?.truncate(number, now)?;
        self.sync(ticket)?;
        Ok(dropped)
    }

    /// L1 has ordered the batches up to this one: they may age.
    pub fn set_posted(&self, number: u64) -> Result<(), EngineError> {
        self.lock()?.posted = number;
        Ok(())
    }

    /// Forgets what has waited for too long; returns how many.
    pub fn expire(&self, now: f64) -> Result<usize, EngineError> {
        let mut core = self.lock()?;
        let expired = core.pool.expire(now);
        core.forget_emptied();
        Ok(expired)
    }

    /// A batch that is kept and on disk.
    pub fn batch(&self, number: u64) -> Result<Option<Sealed>, EngineError> {
        let is_durable = number <= self.durable_height.load(Ordering::Acquire);
        Ok(self.lock()?.chain.get(number).filter(|_| is_durable).cloned())
    }

    /// An account as of the last batch.
    pub fn account(&self, index: u64) -> Result<Option<Account>, EngineError> {
        Ok(self.lock()?.chain.state.account(index).copied())
    }

    /// The first nonce of an account that neither a batch nor a waiting transaction uses.
    pub fn next_nonce(&self, account: u64, nonce: u64) -> Result<u64, EngineError> {
        Ok(self.lock()?.pool.next_nonce(account, nonce))
    }

    /// Sum of all balances, in gwei.
    pub fn total_balance(&self) -> Result<u128, EngineError> {
        Ok(self.lock()?.chain.state.total_balance())
    }

    /// The root after the last batch.
    pub fn root(&self) -> Result<Fr, EngineError> {
        Ok(self.lock()?.chain.settle())
    }

    /// The hash of the last batch, the queue's index after it, and the base.
    pub fn head(&self) -> Result<(crate::batch::Word, u64, Base), EngineError> {
        let core = self.lock()?;
        Ok((core.chain.head_hash(), core.chain.queue_end(), core.chain.base))
    }

    /// How far everything is.
    pub fn standing(&self) -> Result<Standing, EngineError> {
        let written_bytes = self.disk()?.store.as_ref().map_or(0, |store| store.written_bytes);
        let core = self.lock()?;
        Ok(Standing {
            height: core.chain.height(),
            durable: self.durable_height.load(Ordering::Acquire),
            base: core.chain.base.number,
            transactions: core.chain.transactions,
            waiting: core.pool.len(),
            ready: core.pool.ready(),
            dropped: core.dropped,
            written_bytes,
            p99_seconds: quantile(&core.latencies, 0.99),
        })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Core>, EngineError> {
        self.core.lock().map_err(|_| EngineError::Poisoned)
    }

    fn disk(&self) -> Result<MutexGuard<'_, Disk>, EngineError> {
        self.disk.lock().map_err(|_| EngineError::Poisoned)
    }

    /// Returns once everything up to the ticket is on disk.
    fn sync(&self, ticket: u64) -> Result<(), EngineError> {
        let mut disk = self.disk()?;
        if disk.failed {
            return Err(StoreError::Failed.into());
        }
        if disk.durable >= ticket {
            return Ok(());
        }
        let (changes, reached, height, arrivals) = self.lock()?.take_changes();
        let store = disk.store.as_mut().filter(|_| !changes.is_empty());
        if let Some(Err(error)) = store.map(|store| store.commit(&changes)) {
            disk.failed = true; // memory is ahead of the disk now: nothing more may be promised
            return Err(error.into());
        }
        disk.durable = reached;
        self.durable_height.store(height, Ordering::Release);
        drop(disk);
        self.lock()?.note_latencies(&arrivals);
        Ok(())
    }
}

/// Whose state it is: a store of another chain, arbiter, circuit or shape must not be taken up.
fn identity(rules: &Rules) -> Vec<u8> {
    let mut identity = field::to_bytes(&rules.domain).to_vec();
    identity.extend((rules.depth as u32).to_be_bytes());
    identity
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;

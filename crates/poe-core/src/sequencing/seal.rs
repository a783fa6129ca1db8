//! The batches executed on our state, in one line of parents, and how the next one is cut.

use std::collections::{BTreeMap, VecDeque};

use super::{
    pool::{Entry, Pool},
    record::{Queue, Sealed, Slot, Transaction},
};
use crate::{
    account::{Account, address_of},
    batch::{Batch, BatchError, Header, Role, SLOT_BYTES, Word},
    eddsa::{self, Signature, SignedMessage},
    field::{self, Fr},
    outcome::Outcome,
    poseidon,
    state::{State, StateError},
    statement::Exit,
    transaction::{KIND_EMPTY, KIND_EXIT, WordZero},
    transition::{self, TransitionError},
};

/// Why a batch cannot be executed or undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Transition(#[from] TransitionError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(
        "the queue's {slots} slots do not fit {deposits} deposits, {forced} forced exits and queue end {end}"
    )]
    Queue { slots: usize, deposits: u64, forced: u64, end: u64 },
    #[error("batch {number} is not kept: batches after {base} up to {height} are")]
    NotKept { number: u64, base: u64, height: u64 },
    #[error("a sealed batch on disk is not what executing it gives")]
    Replay,
}

/// The last batch that can no longer be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Base {
    pub number: u64,
    pub hash: Word,
    pub queue_end: u64,
    /// Signed transfers and exits applied up to it.
    pub transactions: u64,
}

/// Batch after batch on one state; the latest can be undone.
#[derive(Debug)]
pub struct Chain {
    pub state: State,
    pub base: Base,
    pub batches: VecDeque<Sealed>,
    /// Signed transfers and exits applied by all batches.
    pub transactions: u64,
    domain: Fr,
}

impl Chain {
    /// A chain whose state stands at `base`.
    pub fn new(state: State, base: Base, domain: Fr) -> Self {
        Self { state, base, batches: VecDeque::new(), transactions: base.transactions, domain }
    }

    pub fn height(&self) -> u64 {
        self.base.number + self.batches.len() as u64
    }

    pub fn head_hash(&self) -> Word {
        self.batches.back().map_or(self.base.hash, |batch| batch.hash)
    }

    pub fn queue_end(&self) -> u64 {
        self.batches.back().map_or(self.base.queue_end, |batch| batch.queue_end)
    }

    /// A batch that is kept.
    pub fn get(&self, number: u64) -> Option<&Sealed> {
        let position = number.checked_sub(self.base.number + 1)?;
        self.batches.get(usize::try_from(position).ok()?)
    }

    /// Cuts the next batch: the queue's slots first, then what waits; the root stays unsettled. Gives what left the
    /// pool without a place in it: no-ops, and what the queue's transactions overtook. `None`, and no batch, if there
    /// is nothing to put into one.
    pub fn cut(
        &mut self,
        queue: &Queue,
        pool: &mut Pool,
        (slots, fee_account): (usize, u64),
    ) -> Result<Option<Vec<Entry>>, SealError> {
        let Queue { deposits, forced, end, .. } = *queue;
        let drained = end.checked_sub(self.queue_end());
        if drained != Some(queue.slots.len() as u64)
            || queue.slots.len() > slots
            || deposits.checked_add(forced).is_none_or(|entries| entries > queue.slots.len() as u64)
        {
            return Err(SealError::Queue { slots: queue.slots.len(), deposits, forced, end });
        }
        let header = Header { slots, depth: self.state.depth(), deposits, forced, fee_account };
        let mut data: Vec<u8> = queue.slots.concat();
        let mut run = Run::default();
        for (position, slot) in queue.slots.iter().enumerate() {
            let role = header.role(position);
            let outcome = self.apply(role, slot, None).inspect_err(|_| self.state.abandon())?;
            run.note(&self.state, slot, outcome, role);
        }
        let mut lost = settle_pool(&self.state, pool, &queue.slots[(deposits + forced) as usize..]);
        let state = &mut self.state;
        let (taken, dropped) = pool.fill(slots - queue.slots.len(), |transaction| {
            let outcome = transition::apply_transaction(state, &transaction.fields, |_| true, |_| {});
            let applies = outcome == Outcome::Applied;
            if applies {
                run.note(state, &transaction.slot, outcome, Role::User);
            }
            applies
        });
        taken.iter().for_each(|entry| data.extend(entry.transaction.slot));
        data.resize(slots * SLOT_BYTES, 0);
        lost.extend(dropped);
        if run.outcomes.is_empty() {
            return Ok(None);
        }
        self.finish(header, data, run, end)?;
        Ok(Some(lost))
    }

    /// Executes a whole batch, as L1 ordered it.
    pub fn extend(&mut self, header: Header, data: &[u8], queue_end: u64) -> Result<(), SealError> {
        let batch = Batch::new(header, data)?;
        let run = self.run(&batch, None)?;
        self.finish(header, data.to_vec(), run, queue_end)
    }

    /// Executes a batch of ours again: signatures were judged when its outcomes were written.
    pub fn replay(&mut self, sealed: &Sealed) -> Result<(), SealError> {
        let batch = Batch::new(sealed.header, &sealed.data)?;
        let run = self.run(&batch, Some(&sealed.outcomes))?;
        let is_next = sealed.number == self.height() + 1 && sealed.parent_hash == self.head_hash();
        if !is_next || run.outcomes != sealed.outcomes || run.fees != sealed.fees {
            self.state.abandon();
            return Err(SealError::Replay);
        }
        self.finish(sealed.header, sealed.data.clone(), run, sealed.queue_end)?;
        if let Some(root) = sealed.root {
            let settled = self.settle();
            return if settled == root { Ok(()) } else { Err(SealError::Replay) };
        }
        Ok(())
    }

    /// Hashes what the latest batches wrote and notes the root in the last one.
    pub fn settle(&mut self) -> Fr {
        self.state.settle();
        let root = self.state.root();
        if let Some(last) = self.batches.back_mut() {
            last.root = Some(root);
        }
        root
    }

    /// Undoes every batch after `number` and returns them, oldest first.
    pub fn truncate(&mut self, number: u64) -> Result<Vec<Sealed>, SealError> {
        let (base, height) = (self.base.number, self.height());
        if number < base || number > height {
            return Err(SealError::NotKept { number, base, height });
        }
        self.state.rollback(height - number)?;
        let removed: Vec<Sealed> = self.batches.drain((number - base) as usize..).collect();
        self.transactions -= removed.iter().map(count_transactions).sum::<u64>();
        Ok(removed)
    }

    /// Lets go of the oldest batch: it can no longer be undone.
    pub fn forget_oldest(&mut self) -> Option<Sealed> {
        let oldest = self.batches.pop_front()?;
        self.base = Base {
            number: oldest.number,
            hash: oldest.hash,
            queue_end: oldest.queue_end,
            transactions: self.base.transactions + count_transactions(&oldest),
        };
        Some(oldest)
    }

    /// Executes a batch of transfers without a look at signatures, for measurements.
    pub fn execute_unsigned(&mut self, header: Header, data: &[u8]) -> Result<(), SealError> {
        let run = self.run(&Batch::new(header, data)?, Some(&vec![Outcome::Applied; header.slots]))?;
        self.finish(header, data.to_vec(), run, self.queue_end())
    }

    fn run(&mut self, batch: &Batch<'_>, known: Option<&[Outcome]>) -> Result<Run, SealError> {
        let header = *batch.header();
        let judged = if known.is_some() { Vec::new() } else { self.judge_signatures(batch) };
        let mut run = Run::default();
        for (position, words) in batch.data_slots().enumerate() {
            let signed = match known {
                Some(outcomes) => Some(outcomes[position] != Outcome::BadSignature),
                None => judged[position],
            };
            let role = header.role(position);
            let outcome = self.apply(role, words, signed).inspect_err(|_| self.state.abandon())?;
            run.note(&self.state, words, outcome, role);
        }
        Ok(run)
    }

    /// For each user's slot whose sender exists: does the signature hold? Keys never change, so it can be asked ahead.
    fn judge_signatures(&self, batch: &Batch<'_>) -> Vec<Option<bool>> {
        let header = batch.header();
        let mut answers = vec![None; header.slots];
        let (mut asked, mut messages) = (Vec::new(), Vec::new());
        for (position, words) in batch.slots().enumerate() {
            let WordZero { kind, from, .. } = WordZero::unpack(&words[0]);
            let account = self.state.account(from);
            if let (Role::User, Some(account), true) = (header.role(position), account, kind != KIND_EMPTY) {
                asked.push(position);
                messages.push(signed_message(account, &words, poseidon::hash2([self.domain, words[0]])));
            }
        }
        for (position, verdict) in asked.into_iter().zip(eddsa::verify_many(&messages)) {
            answers[position] = Some(verdict.is_ok());
        }
        answers
    }

    fn apply(&mut self, role: Role, slot: &Slot, signed: Option<bool>) -> Result<Outcome, TransitionError> {
        let (words, _) = slot.as_chunks::<32>();
        let words: [Fr; 4] = std::array::from_fn(|i| field::from_word(&words[i]));
        let fields = WordZero::unpack(&words[0]);
        let domain = self.domain;
        let is_signed =
            |sender: &Account| signed.unwrap_or_else(|| transition::is_signed_by(sender, &words, domain));
        match role {
            Role::Deposit => transition::apply_deposit(&mut self.state, &words).map(|()| Outcome::Applied),
            Role::ForcedExit => Ok(transition::apply_forced_exit(&mut self.state, &fields, words[1])),
            Role::User => Ok(transition::apply_transaction(&mut self.state, &fields, is_signed, |_| {})),
        }
    }

    fn finish(&mut self, header: Header, data: Vec<u8>, run: Run, queue_end: u64) -> Result<(), SealError> {
        let hash = Batch::new(header, &data).inspect_err(|_| self.state.abandon())?.hash();
        let burnt = transition::credit_fees(&mut self.state, header.fee_account, run.fees);
        let mut outcomes = run.outcomes;
        outcomes.resize(header.slots, Outcome::Empty);
        let sealed = Sealed {
            number: self.height() + 1,
            parent_hash: self.head_hash(),
            hash,
            header,
            data,
            outcomes,
            exits: run.exits,
            fees: run.fees,
            burnt,
            queue_start: self.queue_end(),
            queue_end,
            root: None,
            written: self.state.unsealed(),
        };
        self.state.seal();
        self.transactions += count_transactions(&sealed);
        self.batches.push_back(sealed);
        Ok(())
    }
}

/// What the slots of a batch came to so far.
#[derive(Default)]
struct Run {
    outcomes: Vec<Outcome>,
    exits: Vec<Exit>,
    fees: u128,
}

impl Run {
    fn note(&mut self, state: &State, slot: &Slot, outcome: Outcome, role: Role) {
        let (words, _) = slot.as_chunks::<32>();
        let fields = WordZero::unpack(&field::from_word(&words[0]));
        if role == Role::User {
            self.fees += transition::charged_fee(&fields, outcome);
        }
        let is_exit = role == Role::ForcedExit || (role == Role::User && fields.kind == KIND_EXIT);
        if is_exit && outcome == Outcome::Applied {
            let address = state.account(fields.from).and_then(|account| address_of(&account.exit_address));
            let slot = self.outcomes.len();
            self.exits.extend(address.map(|address| Exit { slot, address, amount: fields.amount }));
        }
        self.outcomes.push(outcome);
    }
}

/// Signed transfers and exits that took effect, forced ones among them.
fn count_transactions(sealed: &Sealed) -> u64 {
    sealed.applied_from((sealed.header.deposits + sealed.header.forced) as usize).count() as u64
}

/// After these slots have been executed: what waits of their senders moves to the nonces they have now. Returns what
/// was overtaken: another transaction has used its nonce.
pub fn settle_pool(state: &State, pool: &mut Pool, slots: &[Slot]) -> Vec<Entry> {
    let senders = slots.iter().map(|slot| {
        let (words, _) = slot.as_chunks::<32>();
        WordZero::unpack(&field::from_word(&words[0])).from
    });
    let nonces: BTreeMap<u64, u64> =
        senders.filter_map(|index| Some((index, state.account(index)?.nonce))).collect();
    let stale = nonces.into_iter().flat_map(|(index, nonce)| pool.settle(index, nonce));
    stale.filter(|entry| !slots.contains(&entry.transaction.slot)).collect()
}

/// A slot's signature, as its sender has to have made it.
pub fn signed_message(sender: &Account, words: &[Fr; 4], message: Fr) -> SignedMessage {
    let signature = Signature { r8: (words[1], words[2]), s: words[3] };
    SignedMessage { public_key: sender.public_key, signature, message }
}

/// Whether a transaction could be executed by and by, its signature and nonce aside: both accounts exist.
pub fn parties(state: &State, transaction: &Transaction) -> Result<Account, super::Code> {
    let fields = &transaction.fields;
    let sender = state.account(fields.from).ok_or(super::Code::UnknownSender)?;
    let is_transfer = fields.kind == crate::transaction::KIND_TRANSFER;
    if is_transfer && state.account(fields.to).is_none() {
        return Err(super::Code::UnknownRecipient);
    }
    Ok(*sender)
}

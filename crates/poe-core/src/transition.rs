//! The transition: what a batch does to the state (docs/protocol.md, section 4). Total: once header and
//! length are right, any data gives a next state.

use crate::{
    account::{Account, BALANCE_BITS, NONCE_MAX},
    batch::{Batch, Role},
    eddsa::{self, Signature},
    field::Fr,
    outcome::Outcome,
    state::State,
    trace::{BatchTrace, SlotTrace, top_levels},
    transaction::{self, KIND_EMPTY, KIND_EXIT, KIND_TRANSFER, WordZero},
};

/// What executing a batch gave.
#[derive(Debug, Clone)]
pub struct Execution {
    /// Fees of all applied transfers and exits, burnt ones included, in gwei.
    pub fees: u128,
    pub trace: BatchTrace,
}

/// Why a batch cannot be executed on a state. The contract posts no such batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    #[error("the batch is for trees of depth {batch}, the state has depth {state}")]
    Depth { batch: usize, state: usize },
    #[error("deposit to account {index}, outside a tree of depth {depth}")]
    DepositOutsideTree { index: u64, depth: usize },
    #[error("deposit of {amount} takes account {index} to 2^96")]
    DepositOverflow { index: u64, amount: u64 },
    #[error("deposit to account {index} with an exit address that is no address")]
    DepositExitAddress { index: u64 },
}

/// Executes a batch; the state moves on, or is as before on an error.
pub fn execute(state: &mut State, batch: &Batch<'_>, domain: Fr) -> Result<Execution, TransitionError> {
    let (batch_depth, depth) = (batch.header().depth, state.depth());
    if batch_depth != depth {
        return Err(TransitionError::Depth { batch: batch_depth, state: depth });
    }
    let execution = run(state, batch, domain);
    match execution {
        Ok(_) => state.seal(),
        Err(_) => state.abandon(),
    }
    execution
}

fn run(state: &mut State, batch: &Batch<'_>, domain: Fr) -> Result<Execution, TransitionError> {
    let header = batch.header();
    state.settle();
    let old_root = state.root();
    let top = state.nodes_below(top_levels(header.slots, header.depth));
    let mut slots = Vec::with_capacity(header.slots);
    for (position, words) in batch.slots().enumerate() {
        slots.push(record_slot(state, header.role(position), words, domain)?);
    }
    let users = slots.iter().skip((header.deposits + header.forced) as usize);
    let fees = users.map(|slot| charged_fee(&WordZero::unpack(&slot.words[0]), slot.outcome)).sum();
    let fee = state.open(header.fee_account);
    let burnt = credit_fees(state, header.fee_account, fees);
    state.settle();
    let trace = BatchTrace {
        depth: header.depth,
        deposits: header.deposits,
        forced: header.forced,
        fee_account: header.fee_account,
        domain,
        old_root,
        new_root: state.root(),
        top,
        slots,
        fee,
        burnt,
    };
    Ok(Execution { fees, trace })
}

/// Applies a slot and keeps both openings: the sender's before it, the recipient's between debit and credit.
fn record_slot(
    state: &mut State,
    role: Role,
    words: [Fr; 4],
    domain: Fr,
) -> Result<SlotTrace, TransitionError> {
    let fields = WordZero::unpack(&words[0]);
    let sender = state.open(fields.from);
    let mut recipient = None;
    let mut between = |state: &mut State| recipient = Some(state.open(fields.to));
    let outcome = match role {
        Role::Deposit => {
            between(state);
            apply_deposit(state, &words)?;
            Outcome::Applied
        }
        Role::ForcedExit => {
            let outcome = apply_forced_exit(state, &fields, words[1]);
            between(state);
            outcome
        }
        Role::User => {
            let is_signed = |sender: &Account| is_signed_by(sender, &words, domain);
            apply_transaction(state, &fields, is_signed, between)
        }
    };
    let recipient = recipient.unwrap_or_else(|| state.open(fields.to));
    Ok(SlotTrace { words, sender, recipient, outcome })
}

/// Never a no-op; the slot's position alone makes it a deposit, whatever its kind says.
pub(crate) fn apply_deposit(state: &mut State, words: &[Fr; 4]) -> Result<(), TransitionError> {
    let WordZero { to: index, amount, .. } = WordZero::unpack(&words[0]);
    if index >= state.capacity() {
        return Err(TransitionError::DepositOutsideTree { index, depth: state.depth() });
    }
    let [_, x, y, exit_address] = *words;
    let created = Account { public_key: (x, y), balance: 0, nonce: 0, exit_address };
    let existing = state.account(index).copied();
    if existing.is_none() && !created.is_in_range() {
        return Err(TransitionError::DepositExitAddress { index });
    }
    let account = existing.unwrap_or(created);
    if !can_take(&account, amount.into()) {
        return Err(TransitionError::DepositOverflow { index, amount });
    }
    credit(state, index, account, amount.into());
    Ok(())
}

/// A forced exit has no fee and leaves the nonce: its queue entry is used once, so nothing can be replayed.
pub(crate) fn apply_forced_exit(state: &mut State, fields: &WordZero, asked_by: Fr) -> Outcome {
    let verdict = judge_forced_exit(state, fields, asked_by);
    if let Ok(account) = verdict {
        let balance = account.balance - u128::from(fields.amount);
        state.put(fields.from, Account { balance, ..account });
    }
    outcome_of(verdict)
}

/// The account of a forced exit that applies, or the first rule it breaks.
fn judge_forced_exit(state: &State, fields: &WordZero, asked_by: Fr) -> Result<Account, Outcome> {
    let account = *state.account(fields.from).ok_or(Outcome::SenderMissing)?;
    require(account.balance >= fields.amount.into(), Outcome::InsufficientBalance)?;
    require(account.exit_address == asked_by, Outcome::NotExitAddress)?;
    Ok(account)
}

/// A transfer or an exit; an exit's amount is credited to nobody. `is_signed` is asked last, of the sender;
/// `between` sees the state after the debit and before the credit.
pub(crate) fn apply_transaction(
    state: &mut State,
    fields: &WordZero,
    is_signed: impl FnOnce(&Account) -> bool,
    between: impl FnOnce(&mut State),
) -> Outcome {
    let verdict = judge(state, fields, is_signed);
    if let Ok(payer) = verdict {
        state.put(fields.from, debited(payer, fields));
    }
    between(state);
    let recipient = state.account(fields.to).copied();
    if let (Ok(_), KIND_TRANSFER, Some(account)) = (verdict, fields.kind, recipient) {
        credit(state, fields.to, account, fields.amount.into());
    }
    outcome_of(verdict)
}

/// The sender of a transfer or an exit that applies, or the first rule it breaks.
fn judge(
    state: &State,
    fields: &WordZero,
    is_signed: impl FnOnce(&Account) -> bool,
) -> Result<Account, Outcome> {
    let is_transfer = fields.kind == KIND_TRANSFER;
    require(fields.kind != KIND_EMPTY, Outcome::Empty)?;
    require(is_transfer || fields.kind == KIND_EXIT, Outcome::UnknownKind)?;
    require(fields.reserved == 0, Outcome::ReservedBits)?;
    let sender = *state.account(fields.from).ok_or(Outcome::SenderMissing)?;
    let recipient = state.account(fields.to).filter(|_| is_transfer);
    require(recipient.is_some() || !is_transfer, Outcome::RecipientMissing)?;
    require(u64::from(fields.nonce) == sender.nonce, Outcome::WrongNonce)?;
    require(sender.nonce != NONCE_MAX, Outcome::NonceExhausted)?;
    require(sender.balance >= cost(fields), Outcome::InsufficientBalance)?;
    let fits = recipient.is_none_or(|account| can_take(account, fields.amount.into()));
    require(fits, Outcome::BalanceOverflow)?;
    require(is_signed(&sender), Outcome::BadSignature)?;
    Ok(sender)
}

/// Whether the words are signed by the account's key.
pub(crate) fn is_signed_by(account: &Account, words: &[Fr; 4], domain: Fr) -> bool {
    let signature = Signature { r8: (words[1], words[2]), s: words[3] };
    let message = transaction::message(domain, words[0]);
    eddsa::verify(account.public_key, &signature, message).is_ok()
}

fn require(holds: bool, broken: Outcome) -> Result<(), Outcome> {
    if holds { Ok(()) } else { Err(broken) }
}

fn outcome_of(verdict: Result<Account, Outcome>) -> Outcome {
    verdict.err().unwrap_or(Outcome::Applied)
}

/// What the sender pays: amount and fee.
pub(crate) fn cost(fields: &WordZero) -> u128 {
    u128::from(fields.amount) + u128::from(fields.fee)
}

fn debited(sender: Account, fields: &WordZero) -> Account {
    Account { balance: sender.balance - cost(fields), nonce: sender.nonce + 1, ..sender }
}

/// Whether the balance would stay below 2^96.
fn can_take(account: &Account, amount: u128) -> bool {
    (account.balance + amount) >> BALANCE_BITS == 0
}

fn credit(state: &mut State, index: u64, account: Account, amount: u128) {
    state.put(index, Account { balance: account.balance + amount, ..account });
}

/// The fee of a user's slot: 0 unless it applied.
pub(crate) fn charged_fee(fields: &WordZero, outcome: Outcome) -> u128 {
    match outcome {
        Outcome::Applied => fields.fee.into(),
        _ => 0,
    }
}

/// Credits the fees to an account that can take them; returns what had to be burnt.
pub(crate) fn credit_fees(state: &mut State, fee_account: u64, fees: u128) -> u128 {
    match state.account(fee_account) {
        _ if fees == 0 => 0,
        Some(&account) if can_take(&account, fees) => {
            credit(state, fee_account, account, fees);
            0
        }
        _ => fees,
    }
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "transition_exit_tests.rs"]
mod exit_tests;

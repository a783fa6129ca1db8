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
    let old_root = state.root();
    let top = state.nodes_below(top_levels(header.slots, header.depth));
    let mut slots = Vec::with_capacity(header.slots);
    for (position, words) in batch.slots().enumerate() {
        slots.push(match header.role(position) {
            Role::Deposit => apply_deposit(state, words)?,
            Role::ForcedExit => apply_forced_exit(state, words),
            Role::User => apply_transaction(state, words, domain),
        });
    }
    let users = slots.iter().skip((header.deposits + header.forced) as usize);
    let fees = users.map(charged_fee).sum();
    let fee = state.open(header.fee_account);
    let burnt = credit_fees(state, header.fee_account, fees);
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

/// Never a no-op; the slot's position alone makes it a deposit, whatever its kind says.
fn apply_deposit(state: &mut State, words: [Fr; 4]) -> Result<SlotTrace, TransitionError> {
    let WordZero { from, to: index, amount, .. } = WordZero::unpack(&words[0]);
    if index >= state.capacity() {
        return Err(TransitionError::DepositOutsideTree { index, depth: state.depth() });
    }
    let [_, x, y, exit_address] = words;
    let (sender, recipient) = (state.open(from), state.open(index));
    let created = Account { public_key: (x, y), balance: 0, nonce: 0, exit_address };
    if recipient.account.is_none() && !created.is_in_range() {
        return Err(TransitionError::DepositExitAddress { index });
    }
    let account = recipient.account.unwrap_or(created);
    if !can_take(&account, amount.into()) {
        return Err(TransitionError::DepositOverflow { index, amount });
    }
    credit(state, index, account, amount.into());
    Ok(SlotTrace { words, sender, recipient, outcome: Outcome::Applied })
}

/// A forced exit has no fee and leaves the nonce: its queue entry is used once, so nothing can be replayed.
fn apply_forced_exit(state: &mut State, words: [Fr; 4]) -> SlotTrace {
    let fields = WordZero::unpack(&words[0]);
    let sender = state.open(fields.from);
    let verdict = judge_forced_exit(state, &fields, words[1]);
    if let Ok(account) = verdict {
        let balance = account.balance - u128::from(fields.amount);
        state.put(sender.index, Account { balance, ..account });
    }
    let recipient = state.open(fields.to);
    SlotTrace { words, sender, recipient, outcome: outcome_of(verdict) }
}

/// The account of a forced exit that applies, or the first rule it breaks.
fn judge_forced_exit(state: &State, fields: &WordZero, asked_by: Fr) -> Result<Account, Outcome> {
    let account = *state.account(fields.from).ok_or(Outcome::SenderMissing)?;
    require(account.balance >= fields.amount.into(), Outcome::InsufficientBalance)?;
    require(account.exit_address == asked_by, Outcome::NotExitAddress)?;
    Ok(account)
}

/// A transfer or an exit; an exit's amount is credited to nobody.
fn apply_transaction(state: &mut State, words: [Fr; 4], domain: Fr) -> SlotTrace {
    let fields = WordZero::unpack(&words[0]);
    let sender = state.open(fields.from);
    let verdict = judge(state, &fields, &words, domain);
    if let Ok(payer) = verdict {
        state.put(sender.index, debited(payer, &fields));
    }
    let recipient = state.open(fields.to);
    if let (Ok(_), KIND_TRANSFER, Some(account)) = (verdict, fields.kind, recipient.account) {
        credit(state, recipient.index, account, fields.amount.into());
    }
    SlotTrace { words, sender, recipient, outcome: outcome_of(verdict) }
}

/// The sender of a transfer or an exit that applies, or the first rule it breaks.
fn judge(state: &State, fields: &WordZero, words: &[Fr; 4], domain: Fr) -> Result<Account, Outcome> {
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
    let signature = Signature { r8: (words[1], words[2]), s: words[3] };
    let message = transaction::message(domain, words[0]);
    eddsa::verify(sender.public_key, &signature, message).map_err(|_| Outcome::BadSignature)?;
    Ok(sender)
}

fn require(holds: bool, broken: Outcome) -> Result<(), Outcome> {
    if holds { Ok(()) } else { Err(broken) }
}

fn outcome_of(verdict: Result<Account, Outcome>) -> Outcome {
    verdict.err().unwrap_or(Outcome::Applied)
}

/// What the sender pays: amount and fee.
fn cost(fields: &WordZero) -> u128 {
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

fn charged_fee(slot: &SlotTrace) -> u128 {
    match slot.outcome {
        Outcome::Applied => WordZero::unpack(&slot.words[0]).fee.into(),
        _ => 0,
    }
}

/// Credits the fees to an account that can take them; returns what had to be burnt.
fn credit_fees(state: &mut State, fee_account: u64, fees: u128) -> u128 {
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

//! One slot: a deposit, a transfer, an exit or a no-op, and always two openings (docs/protocol.md, section 4).
//!
//! The sender is opened and debited if the slot is a valid transfer or exit; the recipient is opened after that and
//! credited by a transfer or a deposit. What the openings' subtrees are before and after is the slot's answer, which
//! `top` ties to the state of the slots before: so no slot waits for another. Validity is the AND of all rules and a
//! function of data, header and old state alone, so every slot has exactly one next root and one exit.

use ark_ff::Field;

use super::{
    account::{AccountNum, FIELDS},
    bits::{is_equal, is_zero, to_bits},
    builder::{ConstraintSystem, Num, Place},
    eddsa::{self, Signature},
    edwards::Point,
    merkle::replace_leaf,
    poseidon::{absorb, compress},
    top::Access,
    word::{WordNum, outside},
};
use crate::{
    account::BALANCE_BITS,
    field::Fr,
    trace::{Opening, SlotTrace},
};

/// What a slot takes from its batch.
#[derive(Debug)]
pub struct SlotInputs<'a, L> {
    pub depth: usize,
    /// Levels of the tree that are not the slot's business: its paths end at the subtrees below.
    pub top_levels: usize,
    /// The domain as the message's hash absorbs it.
    pub domain: &'a Num<L>,
    /// Boolean, and never both 1.
    pub is_deposit: &'a Num<L>,
    pub is_forced: &'a Num<L>,
    /// The four words, any field elements.
    pub words: &'a [Num<L>; 4],
}

/// What a slot gives back.
#[derive(Debug)]
pub struct SlotOutputs<L> {
    /// The sender's debit, then the recipient's credit.
    pub accesses: [Access<L>; 2],
    /// The fee charged, below 2^32; 0 if the slot is no valid transfer or signed exit.
    pub fee: Num<L>,
    pub exit: Exit<L>,
}

/// The exit that a slot emits; zeros where it emits none.
#[derive(Debug)]
pub struct Exit<L> {
    pub address: Num<L>,
    /// Below 2^64.
    pub amount: Num<L>,
}

/// The slot's accounts: the sender before it, the recipient after the sender's debit.
struct Accounts<L> {
    sender: AccountNum<L>,
    recipient: AccountNum<L>,
}

/// What the sender is charged; zeros for a no-op and a deposit.
struct Charge<L> {
    /// Whether the slot is a transfer or an exit that keeps every rule.
    is_valid: Num<L>,
    amount: Num<L>,
    fee: Num<L>,
}

/// Applies one slot. `trace` gives the hints: both accounts and both paths.
pub fn apply<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    trace: &SlotTrace,
) -> SlotOutputs<C::L> {
    let place = |index: &[Num<C::L>]| Place::above(&index[..2 * inputs.depth], 0);
    let word = cs.scoped("word", |cs| WordNum::unpack(cs, &inputs.words[0]));
    let accounts = cs.scoped("accounts", |cs| Accounts {
        sender: AccountNum::load(cs, place(&word.from), trace.sender.account.as_ref()),
        recipient: AccountNum::load(cs, place(&word.to), trace.recipient.account.as_ref()),
    });
    let is_signed = cs.scoped("signature", |cs| is_signed(cs, inputs, &accounts.sender));
    let charge = cs.scoped("validity", |cs| charge(cs, inputs, &word, &accounts, &is_signed));
    let Accounts { sender, recipient } = accounts;
    let exit = cs.scoped("exit", |cs| exit(cs, inputs, &word, &sender, &charge));

    let debited = cs.scoped("debit", |cs| debit(cs, inputs, &sender, &charge));
    let shape = (inputs.depth, inputs.top_levels);
    let sent = cs.scoped("sender", |cs| {
        replace_account(cs, shape, &word.from, &trace.sender, [&sender, &debited], DEBITED)
    });
    let received = &charge.amount - &exit.amount;
    let credited = cs.scoped("credit", |cs| credit(cs, inputs, &recipient, &received, &word));
    let received = cs.scoped("recipient", |cs| {
        replace_account(cs, shape, &word.to, &trace.recipient, [&recipient, &credited], CREDITED)
    });
    SlotOutputs { accesses: [sent, received], fee: charge.fee, exit }
}

/// Fields of a leaf that a debit and a credit change.
const DEBITED: [bool; FIELDS] = [false, false, true, true, false];
const CREDITED: [bool; FIELDS] = [true, true, true, false, true];

/// Replaces an account in its subtree, below the tree's top levels. `583·(depth − top levels) + 644` constraints, less
/// three for each field that does not change.
pub fn replace_account<C: ConstraintSystem>(
    cs: &mut C,
    (depth, top_levels): (usize, usize),
    index: &[Num<C::L>],
    opening: &Opening,
    [before, after]: [&AccountNum<C::L>; 2],
    is_changed: [bool; FIELDS],
) -> Access<C::L> {
    let leaves = AccountNum::leaves(cs, [before, after], is_changed);
    let (inside, top) = index[..2 * depth].split_at(2 * (depth - top_levels));
    let roots = cs
        .scoped("path", |cs| replace_leaf(cs, &index[..2 * depth], inside.len() / 2, &opening.path, leaves));
    after.store(cs, Place::above(&index[..2 * depth], 0));
    Access { index: top.to_vec(), roots }
}

/// The bit "words 1 to 3 sign Poseidon2(domain, word 0) under the sender's key".
fn is_signed<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    sender: &AccountNum<C::L>,
) -> Num<C::L> {
    let [w0, x, y, s] = inputs.words.clone();
    let message = cs.scoped("message", |cs| {
        let w0 = absorb(cs, 2, 1, &w0);
        compress(cs, &[inputs.domain.clone(), w0])
    });
    let signature = Signature { r8: Point { x, y }, s };
    eddsa::is_valid(cs, &sender.public_key, &signature, &message)
}

/// Judges the slot by every rule. Broken rules are counted as small integers, at most a few hundred, and the slot is
/// valid if there are none. 225 constraints.
fn charge<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    word: &WordNum<C::L>,
    accounts: &Accounts<C::L>,
    is_signed: &Num<C::L>,
) -> Charge<C::L> {
    let sender = &accounts.sender;
    let is_user = inputs.is_forced.not();
    let fee = cs.mul(&is_user, &word.fee);
    let cost = &word.amount + &fee;
    let has_funds = cs.scoped("funds", |cs| is_not_below(cs, &sender.balance, &cost));

    let broken_as_user = broken_user_rules(cs, inputs.depth, word, accounts, is_signed);
    let is_asked_for = cs.scoped("asked_for", |cs| is_equal(cs, &inputs.words[1], &sender.exit_address));
    let broken = [
        inputs.is_deposit,
        &outside(&word.from, inputs.depth),
        &sender.exists.not(),
        &has_funds.not(),
        &cs.mul(&is_user, &broken_as_user),
        &cs.mul(inputs.is_forced, &is_asked_for.not()),
    ];
    let is_valid = cs.scoped("verdict", |cs| is_zero(cs, &Num::sum(broken)));
    Charge { amount: cs.mul(&is_valid, &word.amount), fee: cs.mul(&is_valid, &fee), is_valid }
}

/// The number of broken rules among those that forced exits are free of: form, nonce, signature, and the recipient's
/// if the slot is a transfer.
///
/// The nonce at its maximum is looked for in word 0: it breaks the rule only where it is also the sender's.
fn broken_user_rules<C: ConstraintSystem>(
    cs: &mut C,
    depth: usize,
    word: &WordNum<C::L>,
    Accounts { sender, recipient }: &Accounts<C::L>,
    is_signed: &Num<C::L>,
) -> Num<C::L> {
    let flaws = cs.scoped("form", |cs| word.flaws(cs));
    let nonce = Num::from_bits(&word.nonce);
    let is_nonce_right = cs.scoped("nonce", |cs| is_equal(cs, &nonce, &sender.nonce));
    let nonce_bits = Num::constant(Fr::from(word.nonce.len() as u64));
    let zeros = &nonce_bits - &Num::sum(&word.nonce);
    let is_exhausted = cs.scoped("nonce_limit", |cs| is_zero(cs, &zeros));

    let by_recipient =
        cs.scoped("recipient", |cs| broken_recipient_rules(cs, depth, word, sender, recipient));
    let by_recipient = cs.mul(word.is_transfer(), &by_recipient);

    Num::sum([&flaws, &is_nonce_right.not(), &is_exhausted, &is_signed.not(), &by_recipient])
}

/// The number of broken rules about a transfer's recipient. 102 constraints.
fn broken_recipient_rules<C: ConstraintSystem>(
    cs: &mut C,
    depth: usize,
    word: &WordNum<C::L>,
    sender: &AccountNum<C::L>,
    recipient: &AccountNum<C::L>,
) -> Num<C::L> {
    let (from, to) = (Num::from_bits(&word.from), Num::from_bits(&word.to));
    let is_self = cs.scoped("self", |cs| is_equal(cs, &from, &to));
    let before = cs.scoped("self", |cs| cs.select(&is_self, &sender.balance, &recipient.balance));
    let overflows = cs.scoped("overflow", |cs| overflows(cs, &(&before + &word.amount)));
    Num::sum([&outside(&word.to, depth), &recipient.exists.not(), &overflows])
}

/// The bit "a ≥ b", a below 2^96 and b below 2^96: bit 96 of `a − b + 2^96`. 98 constraints.
fn is_not_below<C: ConstraintSystem>(cs: &mut C, a: &Num<C::L>, b: &Num<C::L>) -> Num<C::L> {
    let limit = Fr::from(2u64).pow([u64::from(BALANCE_BITS)]);
    overflows(cs, &(a - b).add_constant(limit))
}

/// The bit "x ≥ 2^96", x below 2^97. 98 constraints.
pub fn overflows<C: ConstraintSystem>(cs: &mut C, x: &Num<C::L>) -> Num<C::L> {
    let width = BALANCE_BITS as usize;
    let mut bits = to_bits(cs, x, width + 1);
    bits.swap_remove(width)
}

/// What the slot emits: the sender's exit address and the amount, if it is valid and an exit. A forced exit is one
/// whatever its kind says. Four constraints.
fn exit<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    word: &WordNum<C::L>,
    sender: &AccountNum<C::L>,
    charge: &Charge<C::L>,
) -> Exit<C::L> {
    let is_exit = cs.select(inputs.is_forced, &Num::one(), word.is_exit());
    let is_emitted = cs.mul(&charge.is_valid, &is_exit);
    Exit { address: cs.mul(&is_emitted, &sender.exit_address), amount: cs.mul(&is_exit, &charge.amount) }
}

/// The sender after the slot: charged, and the nonce one higher unless the exit is forced. One constraint.
fn debit<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    sender: &AccountNum<C::L>,
    charge: &Charge<C::L>,
) -> AccountNum<C::L> {
    let step = cs.mul(&charge.is_valid, &inputs.is_forced.not());
    AccountNum {
        balance: &(&sender.balance - &charge.amount) - &charge.fee,
        nonce: &sender.nonce + &step,
        ..sender.clone()
    }
}

/// The recipient after the slot: credited what a transfer moved or a deposit brings, created by a deposit if it
/// does not exist. Five constraints. An account that does not exist has zero fields, so a new one's add to them.
fn credit<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    recipient: &AccountNum<C::L>,
    received: &Num<C::L>,
    word: &WordNum<C::L>,
) -> AccountNum<C::L> {
    let [_, x, y, exit_address] = inputs.words;
    let is_created = cs.mul(inputs.is_deposit, &recipient.exists.not());
    let mut add = |old: &Num<C::L>, new: &Num<C::L>| old + &cs.mul(&is_created, new);
    let public_key = Point { x: add(&recipient.public_key.x, x), y: add(&recipient.public_key.y, y) };
    let exit_address = add(&recipient.exit_address, exit_address);
    let deposited = cs.mul(inputs.is_deposit, &word.amount);
    AccountNum {
        exists: &recipient.exists + &is_created,
        public_key,
        balance: &(&recipient.balance + received) + &deposited,
        nonce: recipient.nonce.clone(),
        exit_address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::testing::run_gadget;

    const LIMIT: u128 = 1 << BALANCE_BITS;

    #[test]
    fn balances_overflow_at_their_limit() {
        for x in [0, 1, LIMIT - 1, LIMIT, LIMIT + 1, 2 * LIMIT - 1] {
            let gadget = run_gadget!([Fr::from(x)], |cs, wires| [overflows(cs, &wires[0])]);
            assert_eq!(gadget.constraints(), 98);
            assert_eq!(gadget.output(), Fr::from(x >= LIMIT));
            gadget.assert_tight();
        }
    }

    #[test]
    fn funds_are_compared_as_integers() {
        let costs = [0, 1, u128::from(u64::MAX) + u128::from(u32::MAX)];
        for cost in costs {
            for balance in [0, 1, 2, cost, cost + 1, cost.saturating_sub(1), LIMIT - 1] {
                let inputs = [Fr::from(balance), Fr::from(cost)];
                let gadget = run_gadget!(inputs, |cs, wires| [is_not_below(cs, &wires[0], &wires[1])]);
                assert_eq!(gadget.constraints(), 98);
                assert_eq!(gadget.output(), Fr::from(balance >= cost));
                gadget.assert_tight();
            }
        }
    }
}

//! One slot: a deposit, a transfer or a no-op, and always two openings (docs/protocol.md, section 4).
//!
//! The sender is opened at the running root and debited if the slot is a valid transfer; the recipient is
//! opened at the root in between and credited. Validity is the AND of all rules and a function of data and
//! old state alone, so every slot has exactly one next root.

use ark_ff::Field;

use super::{
    account::AccountNum,
    bits::{is_equal, is_zero, to_bits},
    builder::{ConstraintSystem, Num},
    eddsa::{self, Signature},
    edwards::Point,
    merkle::{Roots, replace_leaf},
    poseidon::poseidon,
    word::WordNum,
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
    pub domain: &'a Num<L>,
    /// Boolean.
    pub is_deposit: &'a Num<L>,
    /// The four words, any field elements.
    pub words: &'a [Num<L>; 4],
    /// State root before the slot.
    pub root: &'a Num<L>,
}

/// What a slot gives back.
#[derive(Debug)]
pub struct SlotOutputs<L> {
    /// State root after the slot.
    pub root: Num<L>,
    /// The fee charged, below 2^32; 0 if the slot is no valid transfer.
    pub fee: Num<L>,
}

/// The slot's accounts: the sender before it, the recipient after the sender's debit.
struct Accounts<L> {
    sender: AccountNum<L>,
    recipient: AccountNum<L>,
}

/// Applies one slot. `trace` gives the hints: both accounts and both paths.
pub fn apply<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    trace: &SlotTrace,
) -> SlotOutputs<C::L> {
    let word = cs.scoped("word", |cs| WordNum::unpack(cs, &inputs.words[0]));
    let accounts = cs.scoped("accounts", |cs| Accounts {
        sender: AccountNum::alloc(cs, trace.sender.account.as_ref()),
        recipient: AccountNum::alloc(cs, trace.recipient.account.as_ref()),
    });
    let is_signed = cs.scoped("signature", |cs| is_signed(cs, inputs, &accounts.sender));
    let is_valid = cs.scoped("validity", |cs| is_valid_transfer(cs, inputs, &word, &accounts, &is_signed));
    let fee = cs.scoped("validity", |cs| cs.mul(&is_valid, &word.fee));

    let Accounts { sender, recipient } = accounts;
    let debited = cs.scoped("debit", |cs| debit(cs, &sender, &is_valid, &word, &fee));
    let index = &word.from[..2 * inputs.depth];
    let root =
        cs.scoped("sender", |cs| replace_account(cs, index, &trace.sender, [&sender, &debited], inputs.root));
    let credited = cs.scoped("credit", |cs| credit(cs, inputs, &recipient, &is_valid, &word));
    let index = &word.to[..2 * inputs.depth];
    let root = cs.scoped("recipient", |cs| {
        replace_account(cs, index, &trace.recipient, [&recipient, &credited], &root)
    });
    SlotOutputs { root, fee }
}

/// Replaces an account in the tree under `root`; the new root. `600·depth + 645` constraints.
pub fn replace_account<C: ConstraintSystem>(
    cs: &mut C,
    index: &[Num<C::L>],
    opening: &Opening,
    [before, after]: [&AccountNum<C::L>; 2],
    root: &Num<C::L>,
) -> Num<C::L> {
    let leaves = Roots {
        old: cs.scoped("old_leaf", |cs| before.leaf(cs)),
        new: cs.scoped("new_leaf", |cs| after.leaf(cs)),
    };
    let roots = cs.scoped("path", |cs| replace_leaf(cs, index, &opening.path, leaves));
    cs.scoped("root", |cs| cs.enforce_equal(&roots.old, root));
    roots.new
}

/// The bit "words 1 to 3 sign Poseidon2(domain, word 0) under the sender's key".
fn is_signed<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    sender: &AccountNum<C::L>,
) -> Num<C::L> {
    let [w0, x, y, s] = inputs.words.clone();
    let message = cs.scoped("message", |cs| poseidon(cs, &[inputs.domain.clone(), w0]));
    let signature = Signature { r8: Point { x, y }, s };
    eddsa::is_valid(cs, &sender.public_key, &signature, &message)
}

/// The bit "the slot is a transfer that keeps every rule". 212 constraints.
///
/// Broken rules are counted as small integers, at most a few hundred, and the slot is valid if there are none.
/// The nonce at its maximum is looked for in word 0: it breaks the rule only where it is also the sender's.
fn is_valid_transfer<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    word: &WordNum<C::L>,
    Accounts { sender, recipient }: &Accounts<C::L>,
    is_signed: &Num<C::L>,
) -> Num<C::L> {
    let is_nonce_right = is_equal(cs, &Num::from_bits(&word.nonce), &sender.nonce);
    let nonce_bits = Num::constant(Fr::from(word.nonce.len() as u64));
    let is_exhausted = is_zero(cs, &(&nonce_bits - &Num::sum(&word.nonce)));

    let cost = &word.amount + &word.fee;
    let has_funds = is_not_below(cs, &sender.balance, &cost);
    let is_self = is_equal(cs, &Num::from_bits(&word.from), &Num::from_bits(&word.to));
    let balance_before = cs.select(&is_self, &sender.balance, &recipient.balance);
    let overflows = overflows(cs, &(&balance_before + &word.amount));

    let held = [&sender.exists, &recipient.exists, &is_nonce_right, &has_funds, is_signed];
    let broken = [
        &word.broken_rules(inputs.depth),
        inputs.is_deposit,
        &is_exhausted,
        &overflows,
        &(&Num::constant(Fr::from(held.len() as u64)) - &Num::sum(held)),
    ];
    is_zero(cs, &Num::sum(broken))
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

/// The sender after the slot: amount + fee paid and the nonce one higher if the transfer is valid. One constraint.
fn debit<C: ConstraintSystem>(
    cs: &mut C,
    sender: &AccountNum<C::L>,
    is_valid: &Num<C::L>,
    word: &WordNum<C::L>,
    fee: &Num<C::L>,
) -> AccountNum<C::L> {
    let amount = cs.mul(is_valid, &word.amount);
    AccountNum {
        balance: &(&sender.balance - &amount) - fee,
        nonce: &sender.nonce + is_valid,
        ..sender.clone()
    }
}

/// The recipient after the slot: credited by a valid transfer or a deposit, created by a deposit if it does not
/// exist. Five constraints. An account that does not exist has zero fields, so a new one's add to them.
fn credit<C: ConstraintSystem>(
    cs: &mut C,
    inputs: &SlotInputs<'_, C::L>,
    recipient: &AccountNum<C::L>,
    is_valid: &Num<C::L>,
    word: &WordNum<C::L>,
) -> AccountNum<C::L> {
    let [_, x, y, exit_address] = inputs.words;
    let is_created = cs.mul(inputs.is_deposit, &recipient.exists.not());
    let mut add = |old: &Num<C::L>, new: &Num<C::L>| old + &cs.mul(&is_created, new);
    let public_key = Point { x: add(&recipient.public_key.x, x), y: add(&recipient.public_key.y, y) };
    let exit_address = add(&recipient.exit_address, exit_address);
    let amount = cs.mul(&(is_valid + inputs.is_deposit), &word.amount);
    AccountNum {
        exists: &recipient.exists + &is_created,
        public_key,
        balance: &recipient.balance + &amount,
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

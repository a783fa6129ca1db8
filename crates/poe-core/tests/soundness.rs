//! Forgeries that one group of constraints alone stops: with the group deleted, each goes through.
#![allow(clippy::unwrap_used)]

mod world;

use std::{collections::BTreeSet, sync::LazyLock};

use poe_core::{
    circuit::{batch::compile, r1cs::R1cs},
    field::Fr,
    state::State,
    statement::{FIXED_WORDS, PublicInputs},
};
use world::*;

const DEPTH: usize = 2;

static CIRCUIT: LazyLock<R1cs> = LazyLock::new(|| compile(1, DEPTH).unwrap());

fn honest_state() -> State {
    funded(DEPTH, &[100, 100])
}

/// What a forger would like the state to be.
fn richer_state() -> State {
    funded(DEPTH, &[1_000_000, 100])
}

fn no_op(mut state: State) -> Executed {
    execute(&mut state, 0, 1, &[NOTHING])
}

/// Demands that the forgery breaks constraints of this group and of no other.
fn stopped_by(group: &str, forgery: &Executed) {
    assert_eq!(broken_groups(forgery), BTreeSet::from([group]));
    CIRCUIT.without_groups(|label| label == group).is_satisfied(&forgery.witness()).unwrap();
}

fn broken_groups(forgery: &Executed) -> BTreeSet<&'static str> {
    let values = forgery.witness();
    (0..CIRCUIT.constraints())
        .filter(|&constraint| !CIRCUIT.holds(constraint, &values))
        .map(|constraint| CIRCUIT.group(constraint))
        .collect()
}

#[test]
fn the_top_is_tied_to_the_old_root() {
    let mut forgery = execute(&mut richer_state(), 0, 1, &[signed(&transfer(0, 1, 1_000, 0, 0))]);
    forgery.trace.old_root = honest_state().root();
    forgery.restate();
    stopped_by("top/old_root", &forgery);
}

/// Accounts of a richer state, under its own root: each opening by itself.
#[test]
fn every_opening_is_tied_to_the_top() {
    let other = no_op(richer_state());
    let mut forgery = no_op(honest_state());
    forgery.trace.slots[0].sender = other.trace.slots[0].sender.clone();
    stopped_by("top/read", &forgery);
    let mut forgery = no_op(honest_state());
    forgery.trace.slots[0].recipient = other.trace.slots[0].recipient.clone();
    stopped_by("top/read", &forgery);
    let mut forgery = no_op(honest_state());
    forgery.trace.fee = other.trace.fee.clone();
    stopped_by("top/read", &forgery);
}

/// The recipient's opening is the one after the sender's debit, the fee account's the one after both.
#[test]
fn openings_of_an_earlier_moment_are_refused() {
    let moment = || execute(&mut honest_state(), 0, 1, &[signed(&transfer(0, 1, 50, 1, 0))]);
    let before = no_op(honest_state());
    let mut forgery = moment();
    forgery.trace.slots[0].recipient.path = before.trace.fee.path.clone();
    assert!(broken_groups(&forgery).contains("top/read"));
    let mut forgery = moment();
    forgery.trace.fee = before.trace.fee.clone();
    assert!(broken_groups(&forgery).contains("top/read"));
}

/// A payment to oneself, to a neighbour in the subtree and to another subtree, the fee to the sender and to both others:
/// whoever is paid last cannot be opened as before the debit, by which a forger would keep what he paid.
#[test]
fn no_coincidence_of_accounts_brings_an_earlier_balance_back() {
    let world = || funded(DEPTH, &[100; 6]);
    let opened = |index: u64| {
        let executed = execute(&mut world(), 0, 1, &[signed_by(0, &transfer(index, index, 1, 1, 9))]);
        executed.trace.slots[0].sender.clone()
    };
    for to in [0, 1, 5] {
        for fee_account in [0, 1, 5] {
            let moment = || execute(&mut world(), 0, fee_account, &[signed(&transfer(0, to, 50, 1, 0))]);
            assert_eq!(broken_groups(&moment()), BTreeSet::new());
            let is_moved = |index: u64| index < 4;
            let mut forgery = moment();
            forgery.trace.slots[0].recipient = opened(to);
            assert_eq!(broken_groups(&forgery).contains("top/read"), is_moved(to), "to {to}");
            let mut forgery = moment();
            forgery.trace.fee = opened(fee_account);
            let is_moved = is_moved(fee_account) || fee_account == to;
            assert_eq!(broken_groups(&forgery).contains("top/read"), is_moved, "{to}, fees to {fee_account}");
        }
    }
}

/// An index beyond the tree opens the account at its low digits, exists or not, and moves nothing.
#[test]
fn an_index_beyond_the_tree_moves_nothing() {
    let beyond = 1 << (2 * DEPTH);
    for (from, to) in [(beyond, 1), (0, beyond + 1), (beyond, beyond), (beyond + 7, 1), (0, 7), (7, 0)] {
        let executed = execute(&mut honest_state(), 0, 1, &[signed_by(0, &transfer(from, to, 50, 1, 0))]);
        assert_eq!(broken_groups(&executed), BTreeSet::new());
        assert_eq!(executed.trace.old_root, executed.trace.new_root);
        let mut forgery = execute(&mut honest_state(), 0, 1, &[signed_by(0, &transfer(from, to, 50, 1, 0))]);
        forgery.trace.new_root =
            execute(&mut honest_state(), 0, 1, &[signed(&transfer(0, 1, 50, 1, 0))]).trace.new_root;
        forgery.restate();
        stopped_by("new_root", &forgery);
    }
}

#[test]
fn the_new_root_is_the_computed_one() {
    let mut forgery = no_op(honest_state());
    forgery.trace.new_root = richer_state().root();
    forgery.restate();
    stopped_by("new_root", &forgery);
}

/// The slot names account 0; the forger opens account 1, truly there, in its stead.
#[test]
fn an_opening_is_tied_to_the_index_in_the_data() {
    let slot = |executed: &Executed| executed.trace.slots[0].clone();
    let named = |from, to| execute(&mut honest_state(), 0, 1, &[signed_by(0, &transfer(from, to, 1, 1, 9))]);
    let mut forgery = named(0, 1);
    forgery.trace.slots[0].sender = slot(&named(1, 0)).sender;
    stopped_by("slot/sender/path/position", &forgery);
    let mut forgery = named(0, 1);
    forgery.trace.slots[0].recipient = slot(&named(1, 0)).recipient;
    stopped_by("slot/recipient/path/position", &forgery);
    let mut forgery = named(0, 1);
    forgery.trace.fee = slot(&named(0, 1)).sender;
    stopped_by("fees/path/position", &forgery);
}

/// As above, by the digit that chooses the subtree.
#[test]
fn an_opening_is_tied_to_the_top_digit_of_its_index() {
    let named = |from| execute(&mut honest_state(), 0, 1, &[signed_by(0, &transfer(from, 1, 1, 1, 9))]);
    for named_instead in [4, 8, 12] {
        let mut forgery = named(0);
        forgery.trace.slots[0].sender = named(named_instead).trace.slots[0].sender.clone();
        stopped_by("top/read", &forgery);
    }
}

/// An account that exists cannot be passed off as missing, which would void its owner's transfer.
#[test]
fn absence_cannot_be_claimed_of_an_account_that_exists() {
    let mut forgery = no_op(honest_state());
    forgery.trace.slots[0].sender.account = None;
    stopped_by("slot/sender/path/position", &forgery);
}

#[test]
fn the_public_inputs_are_the_statements() {
    let mut forgery = no_op(honest_state());
    forgery.public.commitment += Fr::from(1u64);
    stopped_by("statement/commitment", &forgery);
    let mut forgery = no_op(honest_state());
    forgery.public.y += Fr::from(1u64);
    stopped_by("statement/evaluation", &forgery);
    let mut forgery = no_op(honest_state());
    forgery.public.x += Fr::from(1u64);
    stopped_by("statement/evaluation", &forgery);
}

/// Demands that a batch's witness with another value on one wire of the header breaks this group, and beside it only
/// those of the statement and of the other count.
fn count_is_bound(wire: usize, executed: &Executed, group: &str) {
    let mut values = executed.witness();
    CIRCUIT.is_satisfied(&values).unwrap();
    assert_eq!(values[wire], Fr::from(1u64));
    values[wire] = Fr::from(0u64);
    let broken: BTreeSet<&str> = (0..CIRCUIT.constraints())
        .filter(|&constraint| !CIRCUIT.holds(constraint, &values))
        .map(|constraint| CIRCUIT.group(constraint))
        .collect();
    assert!(broken.contains(group));
    assert!(broken.iter().all(|group| group.starts_with("roles/") || group.starts_with("statement/")));
}

/// The header's counts are bound to the slots that are treated as deposits and as forced exits.
#[test]
fn the_numbers_of_deposits_and_forced_exits_are_the_headers() {
    // After the one and C, x, y: domain, old root, new root, ctx, deposits, forced.
    let (deposits, forced) = (4 + 4, 4 + 5);
    let executed = execute_queue(&mut honest_state(), [1, 0], 1, &[deposit(3, 50)]);
    count_is_bound(deposits, &executed, "roles/deposits");
    let executed = execute_queue(&mut honest_state(), [0, 1], 1, &[forced_exit(0, 50, 0)]);
    count_is_bound(forced, &executed, "roles/forced");
}

/// Nobody's exit is sent to an address, or of an amount, that the account and the data do not give.
#[test]
fn the_exits_are_the_computed_ones() {
    let executed = || execute(&mut honest_state(), 0, 1, &[signed(&exit(0, 50, 1, 0))]);
    let first_exit = FIXED_WORDS + 4;
    for position in [first_exit, first_exit + 1] {
        let mut forgery = executed();
        forgery.statement[position][31] += 1;
        let honest = forgery.public;
        forgery.restate();
        // C alone, or y alone, gives the other exit away.
        let forged = forgery.public;
        forgery.public = PublicInputs { commitment: honest.commitment, x: honest.x, y: forged.y };
        stopped_by("statement/evaluation", &forgery);
        forgery.public = PublicInputs { commitment: forged.commitment, x: honest.x, y: honest.y };
        stopped_by("statement/commitment", &forgery);
    }
}

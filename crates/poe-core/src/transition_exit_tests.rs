//! Tests of exits and forced exits: what they take, emit and leave alone, and every rule that stops one.

use ark_ff::{AdditiveGroup, Field};

use super::{
    tests::{
        ALICE, BALANCE, BOB, CAROL, NOBODY, account, balance, bytes, deposit, forced_exit, replay, signed,
        state, transfer, try_run_forced, with_account,
    },
    *,
};
use crate::statement::Exit;

fn exit() -> WordZero {
    WordZero { kind: KIND_EXIT, to: 0, ..transfer() }
}

/// The address of a test account: its index.
fn address(index: u64) -> [u8; 20] {
    let mut address = [0; 20];
    address[19] = index as u8;
    address
}

fn paid(slot: usize, index: u64, amount: u64) -> Exit {
    Exit { slot, address: address(index), amount }
}

/// Outcomes and exits of a batch whose first slots are so many deposits and forced exits; its trace must replay.
fn run_in(state: &mut State, counts: (u64, u64), slots: &[Vec<u8>]) -> (Vec<Outcome>, Vec<Exit>) {
    let execution = try_run_forced(state, counts, CAROL, slots).expect("a postable batch");
    let trace = execution.trace;
    assert_eq!(replay(&trace), state.root());
    assert_eq!(BatchTrace::from_bytes(&trace.to_bytes()).as_ref(), Ok(&trace));
    (trace.slots.iter().map(|slot| slot.outcome).collect(), trace.exits())
}

/// The outcome of one slot on the usual state; a no-op must move and emit nothing.
fn outcome_in(mut state: State, forced: u64, slot: Vec<u8>) -> Outcome {
    let before = state.root();
    let (outcomes, exits) = run_in(&mut state, (0, forced), &[slot]);
    if outcomes[0] != Outcome::Applied {
        assert_eq!((state.root(), exits), (before, vec![]), "a no-op moved something");
    }
    outcomes[0]
}

fn outcome(slot: Vec<u8>) -> Outcome {
    outcome_in(state(), 0, slot)
}

fn forced_outcome(slot: Vec<u8>) -> Outcome {
    outcome_in(state(), 1, slot)
}

#[test]
fn an_exit_takes_amount_and_fee_and_pays_the_exit_address() {
    let mut state = state();
    let (outcomes, exits) = run_in(&mut state, (0, 0), &[signed(exit())]);
    assert_eq!((outcomes, exits), (vec![Outcome::Applied], vec![paid(0, ALICE, 500)]));
    assert_eq!(balance(&state, ALICE), BALANCE - 507);
    assert_eq!(balance(&state, CAROL), BALANCE + 7);
    assert_eq!(state.account(ALICE).map(|alice| alice.nonce), Some(1));
    assert_eq!(state.total_balance(), 3 * BALANCE - 500);
}

#[test]
fn an_exit_of_the_fee_account_gets_its_own_fee_back() {
    let mut state = state();
    let whole = WordZero { from: CAROL, amount: (BALANCE - 7) as u64, ..exit() };
    let (_, exits) = run_in(&mut state, (0, 0), &[signed(whole)]);
    assert_eq!(exits, [paid(0, CAROL, (BALANCE - 7) as u64)]);
    assert_eq!(balance(&state, CAROL), 7);
}

#[test]
fn an_exit_does_not_read_its_recipient() {
    let full = Account { balance: (1 << BALANCE_BITS) - 1, ..account(BOB) };
    for to in [0, ALICE, BOB, NOBODY, BOB + 16, (1 << 48) - 1] {
        let mut state = with_account(BOB, full);
        let (outcomes, exits) = run_in(&mut state, (0, 0), &[signed(WordZero { to, ..exit() })]);
        assert_eq!((outcomes, exits), (vec![Outcome::Applied], vec![paid(0, ALICE, 500)]), "to {to}");
        assert_eq!(state.account(BOB), Some(&full));
    }
}

#[test]
fn an_exit_of_nothing_is_emitted_with_amount_zero() {
    let (outcomes, exits) = run_in(&mut state(), (0, 0), &[signed(WordZero { amount: 0, ..exit() })]);
    assert_eq!((outcomes, exits), (vec![Outcome::Applied], vec![paid(0, ALICE, 0)]));
}

#[test]
fn every_rule_of_an_exit_stops_it_in_the_protocols_order() {
    let unsigned =
        |fields: WordZero| outcome(bytes([fields.pack().expect("fields fit"), Fr::ZERO, Fr::ZERO, Fr::ZERO]));
    let wrong = WordZero { from: NOBODY, to: NOBODY, amount: u64::MAX, nonce: 9, reserved: 1, ..exit() };
    let mut fields = wrong;
    assert_eq!(unsigned(fields), Outcome::ReservedBits);
    fields.reserved = 0;
    assert_eq!(unsigned(fields), Outcome::SenderMissing);
    fields.from = ALICE;
    assert_eq!(unsigned(fields), Outcome::WrongNonce);
    fields.nonce = 0;
    assert_eq!(unsigned(fields), Outcome::InsufficientBalance);
    fields.amount = 1;
    assert_eq!(unsigned(fields), Outcome::BadSignature);
    assert_eq!(outcome(signed(WordZero { from: ALICE + 16, ..exit() })), Outcome::SenderMissing);
}

#[test]
fn an_exit_takes_the_whole_balance_and_not_a_gwei_more() {
    let whole = WordZero { amount: (BALANCE - 7) as u64, ..exit() };
    assert_eq!(outcome(signed(whole)), Outcome::Applied);
    assert_eq!(outcome(signed(WordZero { amount: whole.amount + 1, ..whole })), Outcome::InsufficientBalance);
}

#[test]
fn an_exit_is_used_once_and_not_after_the_last_nonce() {
    let mut usual = state();
    let slot = signed(exit());
    let (outcomes, exits) = run_in(&mut usual, (0, 0), &[slot.clone(), slot]);
    assert_eq!(outcomes, [Outcome::Applied, Outcome::WrongNonce]);
    assert_eq!(exits, [paid(0, ALICE, 500)]);
    let spent = with_account(ALICE, Account { nonce: NONCE_MAX, ..account(ALICE) });
    let last = signed(WordZero { nonce: u32::MAX, ..exit() });
    assert_eq!(outcome_in(spent, 0, last), Outcome::NonceExhausted);
}

#[test]
fn a_transfers_signature_is_not_an_exits() {
    let mut slot = signed(WordZero { to: 0, ..transfer() });
    slot[3] = KIND_EXIT;
    assert_eq!(outcome(slot), Outcome::BadSignature);
}

#[test]
fn a_forced_exit_takes_the_amount_and_leaves_the_nonce() {
    let mut state = state();
    let (outcomes, exits) = run_in(&mut state, (0, 1), &[forced_exit(ALICE, 500), signed(exit())]);
    assert_eq!(outcomes, [Outcome::Applied; 2]);
    assert_eq!(exits, [paid(0, ALICE, 500), paid(1, ALICE, 500)]);
    assert_eq!(balance(&state, ALICE), BALANCE - 1007);
    assert_eq!(state.account(ALICE).map(|alice| alice.nonce), Some(1));
}

#[test]
fn a_forced_exit_works_where_no_nonce_is_left() {
    let spent = with_account(ALICE, Account { nonce: NONCE_MAX, ..account(ALICE) });
    assert_eq!(outcome_in(spent, 1, forced_exit(ALICE, BALANCE as u64)), Outcome::Applied);
}

#[test]
fn a_forced_exit_reads_account_amount_and_address_alone() {
    let fields = WordZero {
        kind: 255,
        from: ALICE,
        to: (1 << 48) - 1,
        amount: 5,
        fee: u32::MAX,
        nonce: 99,
        reserved: 1 << 20,
    };
    let slot = bytes([fields.pack().unwrap_or_default(), Fr::from(ALICE), -Fr::ONE, -Fr::ONE]);
    let fields = WordZero { kind: 9, reserved: 3, ..fields };
    let other = bytes([fields.pack().expect("fields fit"), Fr::from(ALICE), -Fr::ONE, -Fr::ONE]);
    let mut state = state();
    let (outcomes, exits) = run_in(&mut state, (0, 1), &[other]);
    assert_eq!((outcomes, exits), (vec![Outcome::Applied], vec![paid(0, ALICE, 5)]));
    assert_eq!(balance(&state, ALICE), BALANCE - 5, "no fee");
    let (outcomes, _) = run_in(&mut state, (0, 1), &[slot]);
    assert_eq!(outcomes, [Outcome::Applied]);
}

#[test]
fn every_rule_of_a_forced_exit_stops_it_in_the_protocols_order() {
    let asked_by = |from: u64, amount: u64, address: Fr| {
        let fields = WordZero { kind: KIND_EXIT, from, amount, ..WordZero::default() };
        forced_outcome(bytes([fields.pack().expect("fields fit"), address, Fr::ZERO, Fr::ZERO]))
    };
    let stranger = Fr::from(BOB);
    for missing in [NOBODY, ALICE + 16, (1 << 47) | ALICE] {
        assert_eq!(asked_by(missing, u64::MAX, stranger), Outcome::SenderMissing);
    }
    assert_eq!(asked_by(ALICE, BALANCE as u64 + 1, stranger), Outcome::InsufficientBalance);
    assert_eq!(asked_by(ALICE, BALANCE as u64, stranger), Outcome::NotExitAddress);
    let wide = Fr::from(ALICE) + Fr::from(2u64).pow([160]);
    assert_eq!(asked_by(ALICE, 1, wide), Outcome::NotExitAddress);
    assert_eq!(asked_by(ALICE, BALANCE as u64, Fr::from(ALICE)), Outcome::Applied);
}

#[test]
fn positions_tell_deposits_forced_exits_and_users_slots_apart() {
    let mut state = state();
    let slots = [deposit(NOBODY, 9), forced_exit(NOBODY, 4), forced_exit(ALICE, 1), deposit(ALICE, 1)];
    let (outcomes, exits) = run_in(&mut state, (1, 1), &slots);
    let wanted = [Outcome::Applied, Outcome::Applied, Outcome::BadSignature, Outcome::UnknownKind];
    assert_eq!(outcomes, wanted);
    assert_eq!(exits, [paid(1, NOBODY, 4)]);
    assert_eq!(balance(&state, NOBODY), 5);
}

#[test]
fn forced_exits_empty_an_account_once() {
    let mut state = state();
    let whole = forced_exit(ALICE, BALANCE as u64);
    let (outcomes, exits) = run_in(&mut state, (0, 2), &[whole.clone(), whole]);
    assert_eq!(outcomes, [Outcome::Applied, Outcome::InsufficientBalance]);
    assert_eq!((exits.len(), balance(&state, ALICE)), (1, 0));
}

#[test]
fn a_deposit_that_would_make_an_account_without_an_address_is_refused() {
    let mut state = state();
    let before = (state.root(), state.height());
    let mut slot = deposit(NOBODY, 5);
    slot[96 + 11] = 1;
    let refused = try_run_forced(&mut state, (1, 0), CAROL, std::slice::from_ref(&slot)).map(|_| ());
    assert_eq!(refused, Err(TransitionError::DepositExitAddress { index: NOBODY }));
    assert_eq!((state.root(), state.height()), before);
    let mut top_up = deposit(ALICE, 5);
    top_up[96 + 11] = 1;
    let (outcomes, _) = run_in(&mut state, (1, 0), &[top_up]);
    assert_eq!(outcomes, [Outcome::Applied], "a top-up's address is not read");
}

//! The batch circuit holds for whatever the executor does, and for nothing else.
#![allow(clippy::unwrap_used)]

mod world;

use poe_core::{
    account::Account,
    circuit::{
        batch::compile,
        r1cs::{R1cs, Violation},
    },
    field::{self, Fr},
    outcome::Outcome::{self, *},
    state::State,
    transaction::{KIND_DEPOSIT, WordZero},
};
use std::sync::LazyLock;
use world::*;

const SLOTS: usize = 2;
const DEPTH: usize = 2;
const CAPACITY: u64 = 16;

static CIRCUIT: LazyLock<R1cs> = LazyLock::new(|| compile(SLOTS, DEPTH).unwrap());

/// Executes two slots, demands these outcomes and that the circuit holds.
fn run(state: &mut State, deposits: u64, fee_account: u64, slots: [Slot; 2], outcomes: [Outcome; 2]) {
    let executed = execute(state, deposits, fee_account, &slots);
    assert_eq!(executed.outcomes(), outcomes);
    executed.check(&CIRCUIT).unwrap();
}

fn state() -> State {
    funded(DEPTH, &[1_000, 500, 0])
}

fn refused(fields: &WordZero, outcome: Outcome) {
    run(&mut state(), 0, 2, [signed(fields), NOTHING], [outcome, Empty]);
}

#[test]
fn an_empty_batch_holds_and_the_circuit_does_not_depend_on_the_batch() {
    let mut state = state();
    let empty = execute(&mut state, 0, 0, &[NOTHING; 2]);
    empty.check(&CIRCUIT).unwrap();
    let busy = execute(&mut state, 1, 1, &[deposit(3, 9), signed(&transfer(0, 1, 5, 2, 0))]);
    let (r1cs, values) = busy.compile();
    assert_eq!(r1cs, *CIRCUIT);
    assert_eq!(values, busy.witness());
    assert_eq!(r1cs.hash(), CIRCUIT.hash());
}

#[test]
fn transfers_apply() {
    let slots = [signed(&transfer(0, 1, 100, 3, 0)), signed(&transfer(0, 2, 7, 1, 1))];
    run(&mut state(), 0, 2, slots, [Applied, Applied]);
    let slots = [signed(&transfer(0, 2, 100, 3, 0)), signed(&transfer(2, 0, 90, 10, 0))];
    run(&mut state(), 0, 1, slots, [Applied, Applied]);
}

#[test]
fn a_self_transfer_costs_its_fee_alone() {
    let mut state = state();
    let slots = [signed(&transfer(0, 0, 995, 5, 0)), signed(&transfer(0, 0, 0, 0, 1))];
    run(&mut state, 0, 1, slots, [Applied, Applied]);
    assert_eq!(state.account(0).unwrap().balance, 995);
}

#[test]
fn every_rule_that_a_transfer_breaks_makes_it_a_no_op() {
    refused(&WordZero { kind: KIND_DEPOSIT, ..transfer(0, 1, 1, 1, 0) }, UnknownKind);
    refused(&WordZero { kind: 255, ..transfer(0, 1, 1, 1, 0) }, UnknownKind);
    refused(&WordZero { reserved: 1, ..transfer(0, 1, 1, 1, 0) }, ReservedBits);
    refused(&WordZero { reserved: 1 << 21, ..transfer(0, 1, 1, 1, 0) }, ReservedBits);
    refused(&transfer(5, 1, 1, 1, 0), SenderMissing);
    refused(&transfer(CAPACITY, 1, 1, 1, 0), SenderMissing);
    refused(&transfer(0, 5, 1, 1, 0), RecipientMissing);
    refused(&transfer(0, 1 << 47, 1, 1, 0), RecipientMissing);
    refused(&transfer(0, CAPACITY, 1, 1, 0), RecipientMissing);
    refused(&transfer(0, 1, 1, 1, 1), WrongNonce);
    refused(&transfer(0, 1, 1, 1, u32::MAX), WrongNonce);
    refused(&transfer(0, 1, 1_000, 1, 0), InsufficientBalance);
    refused(&transfer(0, 1, u64::MAX, u32::MAX, 0), InsufficientBalance);
    run(&mut state(), 0, 2, [signed_by(1, &transfer(0, 1, 1, 1, 0)), NOTHING], [BadSignature, Empty]);
}

#[test]
fn spending_all_is_no_overdraft() {
    run(&mut state(), 0, 2, [signed(&transfer(0, 1, 999, 1, 0)), NOTHING], [Applied, Empty]);
}

const NONCE_MAX: u64 = u32::MAX as u64;
const BALANCE_LIMIT: u128 = 1 << 96;

/// Two signed transfers on accounts 0 and 1 whose only flaw, if any, is the rule in question.
fn on_accounts(
    accounts: [Account; 2],
    fields: [WordZero; 2],
    outcomes: [Outcome; 2],
) -> Result<(), Violation> {
    let accounts = (0..).zip(accounts).collect();
    no_ops(DEPTH, &accounts, &fields, &outcomes).check(&CIRCUIT)
}

#[test]
fn a_nonce_at_its_maximum_cannot_spend() {
    let accounts = |nonce| [account(0, 50, nonce), account(1, 50, nonce)];
    let fields = |nonce| [transfer(0, 1, 1, 1, nonce), transfer(1, 1, 1, 1, nonce)];
    on_accounts(accounts(NONCE_MAX), fields(u32::MAX), [NonceExhausted; 2]).unwrap();
    // One below, the transfers are valid, so a trace of no-ops is none.
    on_accounts(accounts(NONCE_MAX - 1), fields(u32::MAX - 1), [NonceExhausted; 2]).unwrap_err();
}

#[test]
fn a_balance_that_would_overflow_is_judged_before_the_transaction() {
    let fields = [transfer(0, 1, 1, 0, 0), transfer(1, 1, 1, 0, 0)];
    let full = [account(0, 50, 0), account(1, BALANCE_LIMIT - 1, 0)];
    on_accounts(full, fields, [BalanceOverflow; 2]).unwrap();
    let almost = [account(0, 50, 0), account(1, BALANCE_LIMIT - 2, 0)];
    on_accounts(almost, fields, [BalanceOverflow; 2]).unwrap_err();
}

#[test]
fn a_changed_signature_word_is_refused_and_provable() {
    let good = signed(&transfer(0, 1, 1, 1, 0));
    for (position, byte) in [(1, 31), (2, 31), (3, 31), (1, 0), (2, 0), (3, 0), (3, 1)] {
        let mut slot = good;
        slot[position][byte] ^= 1;
        run(&mut state(), 0, 2, [slot, NOTHING], [BadSignature, Empty]);
    }
}

#[test]
fn unreduced_words_mean_their_value_modulo_r() {
    let mut slot = signed(&transfer(0, 1, 1, 1, 0));
    for word in &mut slot {
        *word = add_order(word);
    }
    run(&mut state(), 0, 2, [slot, NOTHING], [Applied, Empty]);
}

/// A word and the field's order, as integers.
fn add_order(word: &[u8; 32]) -> [u8; 32] {
    let order = field::to_bytes(&-Fr::from(1u64));
    let mut carry = 1;
    let mut sum = [0; 32];
    for i in (0..32).rev() {
        let total = u16::from(word[i]) + u16::from(order[i]) + carry;
        (sum[i], carry) = (total as u8, total >> 8);
    }
    assert_eq!(carry, 0);
    sum
}

#[test]
fn deposits_create_and_top_up() {
    let mut state = state();
    run(&mut state, 2, 0, [deposit(9, 70), deposit(9, 5)], [Applied, Applied]);
    assert_eq!(state.account(9).unwrap().balance, 75);
    let mixed = [deposit(0, 1), signed(&transfer(0, 9, 1_001, 0, 0))];
    run(&mut state, 1, 0, mixed, [Applied, Applied]);
}

#[test]
fn a_deposit_keeps_key_and_exit_address_of_an_account_that_exists() {
    let mut state = state();
    let before = *state.account(0).unwrap();
    let mut slot = deposit(0, 1);
    slot[1] = deposit(1, 1)[1];
    slot[3] = [7; 32];
    run(&mut state, 1, 0, [slot, NOTHING], [Applied, Empty]);
    let after = *state.account(0).unwrap();
    assert_eq!((after.public_key, after.exit_address), (before.public_key, before.exit_address));
    assert_eq!(after.balance, before.balance + 1);
}

#[test]
fn a_deposit_beyond_the_headers_count_is_a_no_op() {
    run(&mut state(), 0, 0, [deposit(9, 70), NOTHING], [UnknownKind, Empty]);
    run(&mut state(), 1, 0, [deposit(9, 70), deposit(8, 1)], [Applied, UnknownKind]);
}

#[test]
fn a_signed_transfer_in_a_deposits_place_is_a_deposit() {
    let mut state = state();
    run(&mut state, 1, 0, [signed(&transfer(0, 1, 10, 1, 0)), NOTHING], [Applied, Empty]);
    assert_eq!(state.account(0).unwrap().balance, 1_000);
    assert_eq!(state.account(1).unwrap().balance, 510);
}

#[test]
fn keys_that_are_no_points_can_hold_but_not_spend() {
    let one = Fr::from(1u64);
    let keys = [(one, one), (Fr::from(0u64), one), (Fr::from(0u64), -one), (Fr::from(0u64), Fr::from(0u64))];
    for (x, y) in keys {
        let mut state = state();
        let mut slot = deposit(4, 50);
        (slot[1], slot[2]) = (field::to_bytes(&x), field::to_bytes(&y));
        run(&mut state, 1, 0, [slot, signed(&transfer(4, 0, 1, 1, 0))], [Applied, BadSignature]);
    }
}

#[test]
fn fees_go_to_the_fee_account_whoever_it_is() {
    for fee_account in [0, 1, 2] {
        let mut state = state();
        let slots = [signed(&transfer(0, 1, 100, 3, 0)), signed(&transfer(1, 0, 1, 4, 0))];
        run(&mut state, 0, fee_account, slots, [Applied, Applied]);
        assert_eq!(state.total_balance(), 1_500);
    }
}

#[test]
fn fees_without_an_account_are_burnt() {
    for fee_account in [9, CAPACITY, CAPACITY + 1, (1 << 48) - 1] {
        let mut state = state();
        run(&mut state, 0, fee_account, [signed(&transfer(0, 1, 100, 3, 0)), NOTHING], [Applied, Empty]);
        assert_eq!(state.total_balance(), 1_497);
    }
}

#[test]
fn random_bytes_are_provable() {
    let mut random = Random(1);
    let mut state = state();
    for round in 0..12 {
        let deposits = round % 3;
        let mut slots: Vec<Slot> = (0..SLOTS).map(|_| std::array::from_fn(|_| random.word())).collect();
        for slot in &mut slots[..deposits as usize] {
            slot[0] = deposit_word(&mut random);
            slot[3][..12].fill(0);
        }
        execute(&mut state, deposits, random.below(1 << 48), &slots).check(&CIRCUIT).unwrap();
    }
}

/// A random word 0 but for its index: the contract keeps it inside the tree, and the exit address an address.
fn deposit_word(random: &mut Random) -> [u8; 32] {
    let mut word = random.word();
    word[0] = 0;
    word[10..16].fill(0);
    word[15] = random.below(CAPACITY) as u8;
    word
}

#[test]
fn random_near_misses_are_provable() {
    let mut random = Random(2);
    let mut state = funded(DEPTH, &[5_000, 5_000, 5_000, 5_000]);
    let mut applied = 0;
    for _ in 0..24 {
        let slots: Vec<Slot> = (0..SLOTS).map(|_| near_miss(&mut random, &state)).collect();
        let executed = execute(&mut state, 0, random.below(6), &slots);
        applied += executed.outcomes().iter().filter(|outcome| **outcome == Applied).count();
        executed.check(&CIRCUIT).unwrap();
    }
    assert!((8..48).contains(&applied), "{applied} of 48 applied");
}

/// A transfer that is right but, half of the time, for one flipped bit.
fn near_miss(random: &mut Random, state: &State) -> Slot {
    let from = random.below(4);
    let nonce = state.account(from).unwrap().nonce as u32;
    let fields = transfer(from, random.below(4), random.below(900), random.below(20) as u32, nonce);
    let mut slot = signed(&fields);
    if random.below(2) == 0 {
        slot[random.below(4) as usize][random.below(32) as usize] ^= 1 << random.below(8);
    }
    slot
}

#[test]
fn another_new_root_has_no_witness() {
    let mut executed = execute(&mut state(), 0, 0, &[signed(&transfer(0, 1, 1, 1, 0)), NOTHING]);
    executed.trace.new_root += Fr::from(1u64);
    let violation = executed.check(&CIRCUIT).unwrap_err();
    assert_eq!(violation.group, "new_root");
    let values = executed.witness();
    let broken: Vec<&str> = (0..CIRCUIT.constraints())
        .filter(|&constraint| !CIRCUIT.holds(constraint, &values))
        .map(|constraint| CIRCUIT.group(constraint))
        .collect();
    assert!(broken.contains(&"statement/commitment") && broken.contains(&"statement/evaluation"));
}

#[test]
fn hints_of_another_state_break_the_root_link() {
    let slots = [signed(&transfer(0, 1, 1, 1, 0)), NOTHING];
    let mut executed = execute(&mut state(), 0, 0, &slots);
    let mut account = executed.trace.slots[0].sender.account.unwrap();
    account.balance += 1;
    executed.trace.slots[0].sender.account = Some(account);
    assert!(executed.check(&CIRCUIT).unwrap_err().group.starts_with("slot/sender/path"));
    let mut executed = execute(&mut state(), 0, 0, &slots);
    executed.trace.slots[1].sender.account = None;
    assert!(executed.check(&CIRCUIT).is_err());
}

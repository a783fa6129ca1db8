//! Exits and forced exits: the circuit holds for what the executor does, and for nothing else.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::LazyLock;

use poe_core::{
    account::Account,
    circuit::{batch::compile, r1cs::R1cs},
    field::{self, Fr},
    outcome::Outcome::{self, *},
    state::State,
    statement::{FIXED_WORDS, public_inputs},
    transaction::{KIND_DEPOSIT, KIND_TRANSFER, WordZero},
};
use world::*;

const SLOTS: usize = 2;
const DEPTH: usize = 2;
const CAPACITY: u64 = 16;

static CIRCUIT: LazyLock<R1cs> = LazyLock::new(|| compile(SLOTS, DEPTH).unwrap());

fn state() -> State {
    funded(DEPTH, &[1_000, 500, 0])
}

/// Executes two slots, demands these outcomes and exit amounts, and that the circuit holds.
fn run(state: &mut State, counts: [u64; 2], slots: [Slot; 2], outcomes: [Outcome; 2], exits: [u64; 2]) {
    let executed = execute_queue(state, counts, 2, &slots);
    assert_eq!(executed.outcomes(), outcomes);
    let mut amounts = [0; 2];
    executed.trace.exits().iter().for_each(|exit| amounts[exit.slot] = exit.amount);
    assert_eq!(amounts, exits);
    executed.check(&CIRCUIT).unwrap();
}

fn balances(state: &State) -> [u128; 3] {
    [0, 1, 2].map(|index| state.account(index).unwrap().balance)
}

#[test]
fn exits_pay_amount_and_fee_and_use_a_nonce() {
    let mut state = state();
    let slots = [signed(&exit(0, 100, 3, 0)), signed(&exit(0, 7, 0, 1))];
    run(&mut state, [0, 0], slots, [Applied, Applied], [100, 7]);
    assert_eq!(balances(&state), [890, 500, 3]);
    assert_eq!(state.account(0).unwrap().nonce, 2);
}

#[test]
fn all_can_leave_and_no_more() {
    run(&mut state(), [0, 0], [signed(&exit(0, 998, 2, 0)), NOTHING], [Applied, Empty], [998, 0]);
    let slots = [signed(&exit(0, 999, 2, 0)), signed(&exit(1, u64::MAX, u32::MAX, 0))];
    run(&mut state(), [0, 0], slots, [InsufficientBalance; 2], [0, 0]);
}

#[test]
fn an_exit_of_nothing_is_one() {
    run(&mut state(), [0, 0], [signed(&exit(0, 0, 0, 0)), NOTHING], [Applied, Empty], [0, 0]);
}

#[test]
fn an_exit_does_not_read_its_recipient() {
    for to in [0, 1, 9, CAPACITY, (1 << 48) - 1] {
        let mut state = state();
        let slot = signed(&WordZero { to, ..exit(0, 100, 3, 0) });
        run(&mut state, [0, 0], [slot, NOTHING], [Applied, Empty], [100, 0]);
        assert_eq!(balances(&state), [897, 500, 3]);
    }
}

#[test]
fn a_full_recipient_stops_transfers_and_not_exits() {
    let limit = 1 << 96;
    let accounts = [(0, account(0, 50, 0)), (1, account(1, limit - 1, 0)), (2, account(2, 0, 0))];
    let full = || State::with_accounts(DEPTH, 0, accounts).unwrap();
    let to_the_full = WordZero { to: 1, ..exit(0, 1, 0, 0) };
    run(&mut full(), [0, 0], [signed(&to_the_full), NOTHING], [Applied, Empty], [1, 0]);
    let transfer = WordZero { kind: KIND_TRANSFER, ..to_the_full };
    run(&mut full(), [0, 0], [signed(&transfer), NOTHING], [BalanceOverflow, Empty], [0, 0]);
}

#[test]
fn every_rule_that_an_exit_breaks_makes_it_a_no_op() {
    let refused = |slot: Slot, outcome| run(&mut state(), [0, 0], [slot, NOTHING], [outcome, Empty], [0, 0]);
    refused(signed(&WordZero { kind: 6, ..exit(0, 1, 1, 0) }), UnknownKind);
    refused(signed(&WordZero { kind: 130, ..exit(0, 1, 1, 0) }), UnknownKind);
    refused(signed(&WordZero { reserved: 1 << 3, ..exit(0, 1, 1, 0) }), ReservedBits);
    refused(signed(&exit(5, 1, 1, 0)), SenderMissing);
    refused(signed(&exit(CAPACITY, 1, 1, 0)), SenderMissing);
    refused(signed(&exit(0, 1, 1, 1)), WrongNonce);
    refused(signed(&exit(0, 1_000, 1, 0)), InsufficientBalance);
    refused(signed_by(1, &exit(0, 1, 1, 0)), BadSignature);
    refused(NOTHING, Empty);
    // The kind is signed: a transfer's signature is no exit's.
    let mut slot = signed(&transfer(0, 1, 1, 1, 0));
    slot[0] = signed(&WordZero { to: 1, ..exit(0, 1, 1, 0) })[0];
    refused(slot, BadSignature);
}

#[test]
fn a_nonce_at_its_maximum_stops_exits_and_not_forced_ones() {
    let accounts = || [(0, account(0, 50, u32::MAX.into())), (2, account(2, 0, 0))];
    let mut state = State::with_accounts(DEPTH, 0, accounts()).unwrap();
    let slots = [forced_exit(0, 20, 0), signed(&exit(0, 5, 0, u32::MAX))];
    run(&mut state, [0, 1], slots, [Applied, NonceExhausted], [20, 0]);
    assert_eq!(*state.account(0).unwrap(), Account { balance: 30, ..account(0, 50, u32::MAX.into()) });
}

#[test]
fn forced_exits_pay_the_amount_and_keep_the_nonce() {
    let mut state = state();
    let slots = [forced_exit(0, 400, 0), forced_exit(0, 600, 0)];
    run(&mut state, [0, 2], slots, [Applied, Applied], [400, 600]);
    assert_eq!(balances(&state), [0, 500, 0]);
    assert_eq!(state.account(0).unwrap().nonce, 0);
}

#[test]
fn forced_exits_that_break_a_rule_are_no_ops() {
    let refused = |slot: Slot, outcome| run(&mut state(), [0, 1], [slot, NOTHING], [outcome, Empty], [0, 0]);
    refused(forced_exit(5, 1, 5), SenderMissing);
    refused(forced_exit(CAPACITY, 1, 0), SenderMissing);
    refused(forced_exit(1 << 47, 1, 0), SenderMissing);
    refused(forced_exit(0, 1_001, 0), InsufficientBalance);
    refused(forced_exit(0, u64::MAX, 0), InsufficientBalance);
    refused(forced_exit(0, 1_001, 1), InsufficientBalance);
    refused(forced_exit(0, 1, 1), NotExitAddress);
    // No account, whose fields are zero, asks for nothing.
    refused([forced_exit(5, 0, 5)[0], [0; 32], [0; 32], [0; 32]], SenderMissing);
}

#[test]
fn a_forced_exit_reads_neither_kind_nor_recipient_nor_fee_nor_nonce() {
    let clean = WordZero { from: 1, amount: 30, ..WordZero::default() };
    let junk = [
        WordZero { kind: 0, ..clean },
        WordZero { kind: KIND_TRANSFER, to: 0, ..clean },
        WordZero { kind: KIND_DEPOSIT, reserved: 1 << 20, ..clean },
        WordZero { kind: 255, to: 1 << 47, fee: u32::MAX, nonce: u32::MAX, ..clean },
    ];
    for fields in junk {
        let mut state = state();
        let mut slot = forced_exit(1, 30, 1);
        slot[0] = field::to_bytes(&fields.pack().unwrap());
        (slot[2], slot[3]) = ([0xff; 32], [7; 32]);
        run(&mut state, [0, 1], [slot, NOTHING], [Applied, Empty], [30, 0]);
        assert_eq!(balances(&state), [1_000, 470, 0]);
    }
}

#[test]
fn keys_that_cannot_sign_can_leave_by_force() {
    let mut state = state();
    let mut slot = deposit(4, 50);
    (slot[1], slot[2]) = ([1; 32], [2; 32]);
    run(&mut state, [1, 1], [slot, forced_exit(4, 50, 4)], [Applied, Applied], [0, 50]);
}

#[test]
fn what_is_forced_is_a_matter_of_position() {
    let slots = [deposit(0, 9), forced_exit(0, 1_009, 0)];
    run(&mut state(), [1, 1], slots, [Applied, Applied], [0, 1_009]);
    run(&mut state(), [1, 0], slots, [Applied, BadSignature], [0, 0]);
    run(
        &mut state(),
        [0, 2],
        [signed(&exit(0, 1, 1, 0)), slots[1]],
        [NotExitAddress, InsufficientBalance],
        [0; 2],
    );
    run(&mut state(), [2, 0], [slots[0], forced_exit(0, 3, 0)], [Applied; 2], [0, 0]);
}

#[test]
fn exits_and_transfers_see_each_other() {
    let slots = [forced_exit(0, 1_000, 0), signed(&transfer(0, 1, 1, 0, 0))];
    run(&mut state(), [0, 1], slots, [Applied, InsufficientBalance], [1_000, 0]);
    let slots = [signed(&transfer(0, 1, 500, 0, 0)), signed(&exit(1, 1_000, 0, 0))];
    run(&mut state(), [0, 0], slots, [Applied, Applied], [0, 1_000]);
}

/// Another address, another amount, an exit less, an exit more: no witness proves them.
#[test]
fn other_exits_than_the_slots_have_no_witness() {
    let slots = [signed(&exit(0, 100, 3, 0)), signed(&transfer(0, 1, 1, 1, 1))];
    let exits = FIXED_WORDS + 4 * SLOTS;
    for (position, value) in [(0, 6u64), (0, 0), (1, 101), (1, 0), (2, 5), (3, 1)] {
        let mut executed = execute(&mut state(), 0, 2, &slots);
        executed.check(&CIRCUIT).unwrap();
        executed.statement[exits + position] = field::to_bytes(&Fr::from(value));
        executed.public = public_inputs(&executed.statement);
        assert!(executed.check(&CIRCUIT).unwrap_err().group.starts_with("statement/"));
    }
}

/// Header counts that the contract never writes: more than there are slots, or less than none.
#[test]
fn counts_beyond_the_slots_have_no_witness() {
    for (deposits, forced) in [(3, 0), (0, 3), (2, 1), (1, 2), (1, u64::MAX)] {
        let mut executed = execute(&mut state(), 0, 2, &[NOTHING; 2]);
        (executed.trace.deposits, executed.trace.forced) = (deposits, forced);
        assert!(executed.check(&CIRCUIT).unwrap_err().group.starts_with("roles"));
    }
}

/// Deposits, forced exits, exits, transfers, most of them right, some with a bit flipped.
#[test]
fn random_mixes_are_provable() {
    let mut random = Random(3);
    let mut state = funded(DEPTH, &[50_000, 50_000, 50_000, 50_000]);
    let (mut applied, mut emitted) = (0, 0);
    for _ in 0..64 {
        let deposits = random.below(3) / 2;
        let forced = random.below(3 - deposits);
        let slots: Vec<Slot> = (0..SLOTS as u64)
            .map(|position| match position {
                at if at < deposits => deposit(random.below(CAPACITY), random.below(1 << 20)),
                at if at < deposits + forced => maybe_flipped(&mut random, |random| {
                    let from = random.below(5);
                    forced_exit(from, random.below(900), from + u64::from(random.below(4) == 0))
                }),
                _ => maybe_flipped(&mut random, |random| signed(&near_hit(random, &state))),
            })
            .collect();
        let executed = execute_queue(&mut state, [deposits, forced], random.below(6), &slots);
        applied += executed.outcomes().iter().filter(|outcome| **outcome == Applied).count();
        emitted += executed.trace.exits().len();
        executed.check(&CIRCUIT).unwrap();
    }
    assert!((40..120).contains(&applied) && emitted > 15, "{applied} of 128 applied, {emitted} exits");
}

/// A transfer or an exit with the right nonce if its sender exists.
fn near_hit(random: &mut Random, state: &State) -> WordZero {
    let from = random.below(5);
    let nonce = state.account(from).map_or(0, |account| account.nonce as u32);
    let fields = transfer(from, random.below(5), random.below(900), random.below(20) as u32, nonce);
    WordZero { kind: 1 + random.below(2) as u8, ..fields }
}

fn maybe_flipped(random: &mut Random, make: impl Fn(&mut Random) -> Slot) -> Slot {
    let mut slot = make(random);
    if random.below(3) == 0 {
        slot[random.below(4) as usize][random.below(32) as usize] ^= 1 << random.below(8);
    }
    slot
}

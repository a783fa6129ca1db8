//! Tests of the transition: every outcome, every order of rules, conservation, rollback, totality.

use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::*;
use crate::{
    account::Account,
    batch::{Header, SLOT_BYTES},
    field, merkle,
    transaction::KIND_DEPOSIT,
};

const DEPTH: usize = 2;
pub(super) const ALICE: u64 = 1;
pub(super) const BOB: u64 = 6;
pub(super) const CAROL: u64 = 11;
pub(super) const NOBODY: u64 = 7;
pub(super) const BALANCE: u128 = 1_000_000;

fn domain() -> Fr {
    Fr::from(4242u64)
}

fn secret(index: u64) -> [u8; 32] {
    [index as u8; 32]
}

pub(super) fn account(index: u64) -> Account {
    let public_key = eddsa::derive_public_key(&secret(index));
    Account { public_key, balance: BALANCE, nonce: 0, exit_address: Fr::from(index) }
}

/// Alice, Bob and Carol with a million gwei each.
pub(super) fn state() -> State {
    let mut state = State::new(DEPTH, 16).expect("a valid depth");
    [ALICE, BOB, CAROL].into_iter().for_each(|index| state.put(index, account(index)));
    state.settle();
    state.seal();
    state
}

pub(super) fn transfer() -> WordZero {
    WordZero { kind: KIND_TRANSFER, from: ALICE, to: BOB, amount: 500, fee: 7, ..WordZero::default() }
}

pub(super) fn bytes(words: [Fr; 4]) -> Vec<u8> {
    words.iter().flat_map(field::to_bytes).collect()
}

/// The slot of a word 0, signed with its sender's secret.
pub(super) fn signed(fields: WordZero) -> Vec<u8> {
    let word = fields.pack().expect("fields fit");
    let signature = eddsa::sign(&secret(fields.from), transaction::message(domain(), word));
    bytes([word, signature.r8.0, signature.r8.1, signature.s])
}

/// The slot of a forced exit that the account's own exit address asked for.
pub(super) fn forced_exit(index: u64, amount: u64) -> Vec<u8> {
    let fields = WordZero { kind: KIND_EXIT, from: index, amount, ..WordZero::default() };
    bytes([fields.pack().expect("fields fit"), Fr::from(index), Fr::ZERO, Fr::ZERO])
}

pub(super) fn deposit(index: u64, amount: u64) -> Vec<u8> {
    let fields = WordZero { kind: KIND_DEPOSIT, to: index, amount, ..WordZero::default() };
    let (x, y) = account(index).public_key;
    bytes([fields.pack().expect("fields fit"), x, y, Fr::from(index)])
}

/// Executes a batch of slots that begin with so many deposits and forced exits.
pub(super) fn try_run_forced(
    state: &mut State,
    (deposits, forced): (u64, u64),
    fee_account: u64,
    slots: &[Vec<u8>],
) -> Result<Execution, TransitionError> {
    let data = slots.concat();
    let header = Header { slots: slots.len(), depth: DEPTH, deposits, forced, fee_account };
    execute(state, &Batch::new(header, &data).expect("a batch"), domain())
}

fn try_run(
    state: &mut State,
    deposits: u64,
    fee_account: u64,
    slots: &[Vec<u8>],
) -> Result<Execution, TransitionError> {
    try_run_forced(state, (deposits, 0), fee_account, slots)
}

fn run_slots(state: &mut State, deposits: u64, fee_account: u64, slots: &[Vec<u8>]) -> Execution {
    try_run(state, deposits, fee_account, slots).expect("a postable batch")
}

fn outcome_in(mut state: State, slot: Vec<u8>) -> Outcome {
    let before = state.clone();
    let execution = run_slots(&mut state, 0, CAROL, &[slot]);
    let outcome = execution.trace.slots[0].outcome;
    if outcome != Outcome::Applied {
        assert_eq!((state.root(), execution.fees), (before.root(), 0), "a no-op moved something");
    }
    outcome
}

fn outcome(slot: Vec<u8>) -> Outcome {
    outcome_in(state(), slot)
}

pub(super) fn with_account(index: u64, account: Account) -> State {
    let mut state = state();
    state.put(index, account);
    state.settle();
    state
}

pub(super) fn balance(state: &State, index: u64) -> u128 {
    state.account(index).expect("an account").balance
}

#[test]
fn a_transfer_moves_amount_and_fee_and_grows_the_nonce() {
    let mut state = state();
    let execution = run_slots(&mut state, 0, CAROL, &[signed(transfer())]);
    assert_eq!((execution.fees, execution.trace.burnt), (7, 0));
    assert_eq!(balance(&state, ALICE), BALANCE - 507);
    assert_eq!(balance(&state, BOB), BALANCE + 500);
    assert_eq!(balance(&state, CAROL), BALANCE + 7);
    assert_eq!(state.account(ALICE).map(|alice| alice.nonce), Some(1));
    assert_eq!(state.account(BOB).map(|bob| bob.nonce), Some(0));
}

#[test]
fn a_transfer_to_oneself_costs_the_fee_alone() {
    let mut state = state();
    let fields = WordZero { to: ALICE, amount: (BALANCE - 7) as u64, ..transfer() };
    let execution = run_slots(&mut state, 0, CAROL, &[signed(fields)]);
    assert_eq!(execution.trace.slots[0].outcome, Outcome::Applied);
    assert_eq!(balance(&state, ALICE), BALANCE - 7);
}

#[test]
fn the_whole_balance_can_be_spent_and_not_a_gwei_more() {
    let whole = WordZero { amount: (BALANCE - 7) as u64, ..transfer() };
    assert_eq!(outcome(signed(whole)), Outcome::Applied);
    let more = WordZero { amount: whole.amount + 1, ..whole };
    assert_eq!(outcome(signed(more)), Outcome::InsufficientBalance);
}

#[test]
fn kinds_other_than_transfer_and_exit_do_nothing() {
    assert_eq!(outcome(vec![0; SLOT_BYTES]), Outcome::Empty);
    for kind in [KIND_DEPOSIT, 4, 128, 255] {
        assert_eq!(outcome(signed(WordZero { kind, ..transfer() })), Outcome::UnknownKind);
    }
    assert_eq!(outcome(deposit(ALICE, 5)), Outcome::UnknownKind);
}

#[test]
fn reserved_bits_make_a_no_op() {
    for bit in 0..21 {
        let fields = WordZero { reserved: 1 << bit, ..transfer() };
        assert_eq!(outcome(signed(fields)), Outcome::ReservedBits);
    }
}

#[test]
fn missing_accounts_make_a_no_op_also_where_low_bits_name_one() {
    for index in [NOBODY, ALICE + 16, 1 << 47 | ALICE] {
        let from = WordZero { from: index, ..transfer() };
        assert_eq!(outcome(signed(from)), Outcome::SenderMissing);
        let to = WordZero { to: index, ..transfer() };
        assert_eq!(outcome(signed(to)), Outcome::RecipientMissing);
    }
}

#[test]
fn a_nonce_is_used_once_and_ends() {
    assert_eq!(outcome(signed(WordZero { nonce: 1, ..transfer() })), Outcome::WrongNonce);
    let mut state = state();
    let slot = signed(transfer());
    let execution = run_slots(&mut state, 0, CAROL, &[slot.clone(), slot]);
    let outcomes: Vec<_> = execution.trace.slots.iter().map(|slot| slot.outcome).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::WrongNonce]);
    let at = |nonce: u32| {
        let state = with_account(ALICE, Account { nonce: nonce.into(), ..account(ALICE) });
        outcome_in(state, signed(WordZero { nonce, ..transfer() }))
    };
    assert_eq!(at(u32::MAX), Outcome::NonceExhausted);
    assert_eq!(at(u32::MAX - 1), Outcome::Applied);
}

#[test]
fn a_balance_stays_below_two_to_the_96() {
    let limit = 1u128 << BALANCE_BITS;
    let credited = |balance: u128| {
        let state = with_account(BOB, Account { balance, ..account(BOB) });
        outcome_in(state, signed(WordZero { fee: 0, ..transfer() }))
    };
    assert_eq!(credited(limit - 500), Outcome::BalanceOverflow);
    assert_eq!(credited(limit - 501), Outcome::Applied);
}

#[test]
fn overflow_of_a_self_transfer_is_judged_before_the_debit() {
    let balance = (1u128 << BALANCE_BITS) - 500;
    let state = with_account(ALICE, Account { balance, ..account(ALICE) });
    let fields = WordZero { to: ALICE, ..transfer() };
    assert_eq!(outcome_in(state, signed(fields)), Outcome::BalanceOverflow);
}

#[test]
fn each_word_of_a_signature_matters() {
    for word in 1..4 {
        let mut slot = signed(transfer());
        slot[32 * word + 31] ^= 1;
        assert_eq!(outcome(slot), Outcome::BadSignature);
    }
    let mut foreign = state();
    let other = Fr::from(1u64);
    let data = signed(transfer());
    let header = Header { slots: 1, depth: DEPTH, deposits: 0, forced: 0, fee_account: CAROL };
    let batch = Batch::new(header, &data).expect("a batch");
    let execution = execute(&mut foreign, &batch, other).expect("a postable batch");
    assert_eq!(execution.trace.slots[0].outcome, Outcome::BadSignature);
}

#[test]
fn earlier_rules_hide_later_ones() {
    let all_wrong = WordZero {
        kind: KIND_EMPTY,
        from: NOBODY,
        to: NOBODY,
        amount: u64::MAX,
        fee: u32::MAX,
        nonce: 9,
        reserved: 1,
    };
    let unsigned =
        |fields: WordZero| outcome(bytes([fields.pack().expect("fields fit"), Fr::ZERO, Fr::ZERO, Fr::ZERO]));
    let mut fields = all_wrong;
    assert_eq!(unsigned(fields), Outcome::Empty);
    fields.kind = KIND_DEPOSIT;
    assert_eq!(unsigned(fields), Outcome::UnknownKind);
    fields.kind = KIND_TRANSFER;
    assert_eq!(unsigned(fields), Outcome::ReservedBits);
    fields.reserved = 0;
    assert_eq!(unsigned(fields), Outcome::SenderMissing);
    fields.from = ALICE;
    assert_eq!(unsigned(fields), Outcome::RecipientMissing);
    fields.to = BOB;
    assert_eq!(unsigned(fields), Outcome::WrongNonce);
    fields.nonce = 0;
    assert_eq!(unsigned(fields), Outcome::InsufficientBalance);
    (fields.amount, fields.fee) = (1, 1);
    assert_eq!(unsigned(fields), Outcome::BadSignature);
}

#[test]
fn a_deposit_creates_once_and_tops_up_without_touching_key_or_exit_address() {
    let mut state = state();
    let created = deposit(NOBODY, 5);
    let mut top_up = deposit(ALICE, 6);
    top_up[SLOT_BYTES - 1] ^= 1;
    run_slots(&mut state, 3, CAROL, &[created.clone(), top_up, created]);
    assert_eq!(state.account(NOBODY), Some(&Account { balance: 10, ..account(NOBODY) }));
    assert_eq!(state.account(ALICE), Some(&Account { balance: BALANCE + 6, ..account(ALICE) }));
}

#[test]
fn position_alone_makes_a_deposit() {
    let mut state = state();
    let slot = signed(transfer());
    let execution = run_slots(&mut state, 1, CAROL, &[slot, deposit(NOBODY, 5)]);
    let outcomes: Vec<_> = execution.trace.slots.iter().map(|slot| slot.outcome).collect();
    assert_eq!(outcomes, [Outcome::Applied, Outcome::UnknownKind]);
    assert_eq!((balance(&state, ALICE), balance(&state, BOB)), (BALANCE, BALANCE + 500));
    assert_eq!(execution.fees, 0, "a deposit pays no fee");
}

#[test]
fn a_deposit_that_cannot_be_credited_leaves_the_state_as_it_was() {
    let mut full = with_account(BOB, Account { balance: (1 << BALANCE_BITS) - 5, ..account(BOB) });
    full.seal();
    let before = (full.root(), full.height(), full.total_balance());
    let outside = try_run(&mut full, 2, CAROL, &[deposit(ALICE, 1), deposit(16, 1)]);
    let wanted = TransitionError::DepositOutsideTree { index: 16, depth: DEPTH };
    assert_eq!(outside.map(|_| ()), Err(wanted));
    let overflow = try_run(&mut full, 2, CAROL, &[deposit(ALICE, 1), deposit(BOB, 5)]);
    let wanted = TransitionError::DepositOverflow { index: BOB, amount: 5 };
    assert_eq!(overflow.map(|_| ()), Err(wanted));
    assert_eq!((full.root(), full.height(), full.total_balance()), before);
}

#[test]
fn a_state_of_another_depth_is_refused() {
    let mut deeper = State::new(DEPTH + 1, 1).expect("a valid depth");
    let refused = try_run(&mut deeper, 0, 0, &[vec![0; SLOT_BYTES]]).map(|_| ());
    assert_eq!(refused, Err(TransitionError::Depth { batch: DEPTH, state: DEPTH + 1 }));
    assert_eq!(deeper.height(), 0);
}

#[test]
fn fees_without_an_account_that_can_take_them_are_burnt() {
    let full = Account { balance: (1 << BALANCE_BITS) - 7, ..account(CAROL) };
    let cases = [(state(), NOBODY), (state(), CAROL + 16), (with_account(CAROL, full), CAROL)];
    for (mut state, fee_account) in cases {
        let before = state.total_balance();
        let execution = run_slots(&mut state, 0, fee_account, &[signed(transfer())]);
        assert_eq!((execution.fees, execution.trace.burnt), (7, 7));
        assert_eq!(state.total_balance(), before - 7);
        assert_eq!(execution.trace.fee.index, fee_account % 16);
    }
}

#[test]
fn a_sender_may_be_the_fee_account() {
    let mut state = state();
    run_slots(&mut state, 0, ALICE, &[signed(transfer())]);
    assert_eq!(balance(&state, ALICE), BALANCE - 500);
}

/// Replays a trace from its openings alone, as the circuit does; returns the root it arrives at.
pub(super) fn replay(trace: &BatchTrace) -> Fr {
    let lead = |opening: &crate::trace::Opening, root: Fr| {
        let leaf = crate::account::leaf(opening.account.as_ref());
        assert_eq!(merkle::root_of(opening.index, leaf, &opening.path), Some(root));
    };
    let mut root = trace.old_root;
    for (position, slot) in trace.slots.iter().enumerate() {
        let fields = WordZero::unpack(&slot.words[0]);
        let role = trace.role(position);
        lead(&slot.sender, root);
        if slot.outcome == Outcome::Applied && role != Role::Deposit {
            let payer = slot.sender.account.expect("who pays exists");
            let payer = match role {
                Role::ForcedExit => Account { balance: payer.balance - u128::from(fields.amount), ..payer },
                _ => debited(payer, &fields),
            };
            root = updated(&slot.sender, &payer);
        }
        lead(&slot.recipient, root);
        let credits = role == Role::Deposit || (role == Role::User && fields.kind == KIND_TRANSFER);
        if slot.outcome == Outcome::Applied && credits {
            let [_, x, y, exit_address] = slot.words;
            let created = Account { public_key: (x, y), balance: 0, nonce: 0, exit_address };
            let before = slot.recipient.account.unwrap_or(created);
            let balance = before.balance + u128::from(fields.amount);
            root = updated(&slot.recipient, &Account { balance, ..before });
        }
    }
    lead(&trace.fee, root);
    let users = trace.slots.iter().skip((trace.deposits + trace.forced) as usize);
    let fees: u128 = users.map(|slot| charged_fee(&WordZero::unpack(&slot.words[0]), slot.outcome)).sum();
    match trace.fee.account {
        Some(account) if fees > 0 && trace.burnt == 0 => {
            updated(&trace.fee, &Account { balance: account.balance + fees, ..account })
        }
        _ => root,
    }
}

fn updated(opening: &crate::trace::Opening, account: &Account) -> Fr {
    let place = |node: Fr, (level, children): (usize, &[Fr; 4])| {
        let mut children = *children;
        children[(opening.index >> (2 * level) & 3) as usize] = node;
        crate::poseidon::hash4(children)
    };
    opening.path.iter().enumerate().fold(account.leaf(), place)
}

fn random_slot(rng: &mut ChaCha8Rng, state: &State) -> Vec<u8> {
    let pick = |rng: &mut ChaCha8Rng| u64::from(rng.next_u32() % 18);
    let from = pick(rng);
    let mut fields = WordZero {
        kind: if rng.next_u32().is_multiple_of(3) { KIND_EXIT } else { KIND_TRANSFER },
        from,
        to: pick(rng),
        amount: u64::from(rng.next_u32() % 400_000),
        fee: rng.next_u32() % 1000,
        nonce: state.account(from).map_or(0, |account| account.nonce as u32),
        reserved: 0,
    };
    match rng.next_u32() % 12 {
        0 => fields.nonce += 1,
        1 => fields.kind = rng.next_u32() as u8,
        2 => return (0..SLOT_BYTES).map(|_| rng.next_u32() as u8).collect(),
        _ => {}
    }
    signed(fields)
}

#[test]
fn random_batches_conserve_every_gwei_replay_from_their_traces_and_roll_back_exactly() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let mut state = state();
    let (mut roots, mut applied, mut exits) = (vec![state.root()], 0, 0);
    for round in 0..120u64 {
        let mut slots = vec![deposit(u64::from(rng.next_u32() % 16), rng.next_u32().into())];
        slots.extend((0..3).map(|_| random_slot(&mut rng, &state)));
        let (deposits, forced) = (round % 3 / 2, round % 5 / 3);
        if forced > 0 {
            let account = u64::from(rng.next_u32() % 16);
            slots[deposits as usize] = forced_exit(account, u64::from(rng.next_u32() % 400_000));
        }
        let before = state.total_balance();
        let fee_account = u64::from(rng.next_u32() % 20);
        let run = try_run_forced(&mut state, (deposits, forced), fee_account, &slots);
        let trace = &run.expect("a postable batch").trace;
        let deposited: u128 = trace.slots[..deposits as usize]
            .iter()
            .map(|slot| u128::from(WordZero::unpack(&slot.words[0]).amount))
            .sum();
        let left: u128 = trace.exits().iter().map(|exit| u128::from(exit.amount)).sum();
        assert_eq!(state.total_balance() + trace.burnt + left, before + deposited, "round {round}");
        assert_eq!((trace.old_root, trace.new_root), (roots[roots.len() - 1], state.root()));
        assert_eq!(replay(trace), trace.new_root, "round {round}");
        assert_eq!(BatchTrace::from_bytes(&trace.to_bytes()).as_ref(), Ok(trace));
        exits += trace.exits().len();
        applied += trace.slots.iter().filter(|slot| slot.outcome == Outcome::Applied).count();
        roots.push(state.root());
    }
    assert!(applied > 100 && exits > 20, "only {applied} slots applied, {exits} exits: the test is too tame");
    for back in 1..=16 {
        state.rollback(1).expect("kept");
        assert_eq!(state.root(), roots[roots.len() - 1 - back]);
    }
    assert!(state.rollback(1).is_err());
}

#[test]
fn random_words_are_always_a_batch() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for _ in 0..200 {
        let mut slot: Vec<u8> = (0..SLOT_BYTES).map(|_| rng.next_u32() as u8).collect();
        // Steer some of them past the first rules, so that the later ones meet random words too.
        if rng.next_u32() % 2 == 0 {
            let fields = WordZero { amount: rng.next_u64() % 100, ..transfer() };
            slot[..32].copy_from_slice(&field::to_bytes(&fields.pack().expect("fields fit")));
        }
        assert_ne!(outcome(slot), Outcome::Applied);
    }
}

#[test]
fn words_above_the_order_mean_their_residues() {
    let plain = signed(transfer());
    let mut aliased = plain.clone();
    let mut lifted = field::from_bytes_strict(&plain[32..64]).expect("R8.x").into_bigint();
    assert!(!lifted.add_with_carry(&Fr::MODULUS), "2r is below 2^256");
    aliased[32..64].copy_from_slice(&lifted.to_bytes_be());
    assert_ne!(plain, aliased);
    let (mut first, mut second) = (state(), state());
    run_slots(&mut first, 0, CAROL, &[plain]);
    run_slots(&mut second, 0, CAROL, &[aliased]);
    assert_eq!(first.root(), second.root());
    assert_ne!(first.root(), state().root());
}

//! Who is there can be shown, and nobody else: forgeries by hand, each stopped by what its test names.

use std::collections::BTreeSet;

use ark_ff::Field;

use super::*;
use crate::{
    account::BALANCE_BITS,
    circuit::testing::element,
    merkle::{Tree, root_of},
    poseidon,
    state::State,
};

const DEPTH: usize = 2;
const WIDTH: usize = ADDRESS_BITS + DIGIT_BITS * DEPTH;
/// After the one and the three public wires.
const FIRST_BIT: usize = 4;

fn account(index: u64) -> Account {
    let [x, y] = [2 * index, 2 * index + 1].map(element);
    Account {
        public_key: (x, y),
        balance: 1_000 + u128::from(index),
        nonce: index,
        exit_address: address(index),
    }
}

fn address(index: u64) -> Fr {
    two_to(150) + Fr::from(index)
}

fn two_to(exponent: u64) -> Fr {
    Fr::from(2u64).pow([exponent])
}

/// Accounts 0, 4, 5, 6 and 15 of 16.
fn state() -> State {
    State::with_accounts(DEPTH, 0, [0, 4, 5, 6, 15].map(|index| (index, account(index)))).expect("a state")
}

fn member(index: u64) -> Membership {
    Membership::of(&mut state(), index).expect("exists")
}

fn holder(index: u64, address: Fr) -> Fr {
    Fr::from(index) * two_to(160) + address
}

fn public(membership: &Membership) -> [Fr; 3] {
    membership.public_inputs(state().root())
}

fn circuit() -> R1cs {
    compile(DEPTH).expect("a depth")
}

/// Constraints that wires break, by their numbers.
fn broken(values: &[Fr]) -> Vec<usize> {
    let circuit = circuit();
    assert_eq!(values.len(), circuit.wires());
    (0..circuit.constraints()).filter(|&constraint| !circuit.holds(constraint, values)).collect()
}

/// Demands that the wires break constraints of this group and of no other: with it deleted, the forgery passes.
fn stopped_by(group: &str, values: &[Fr]) {
    let circuit = circuit();
    let groups: BTreeSet<&str> =
        broken(values).into_iter().map(|constraint| circuit.group(constraint)).collect();
    assert_eq!(groups, BTreeSet::from([group]));
    assert_eq!(circuit.without_groups(|label| label == group).is_satisfied(values), Ok(()));
}

/// The wires of a prover who takes these numbers for the holder's bits.
fn with_bits(membership: &Membership, public: &[Fr; 3], bits: &[Fr]) -> Vec<Fr> {
    let (mut cs, inputs) = Assigner::new(public);
    let bits: Vec<_> = bits.iter().map(|bit| cs.alloc(*bit)).collect();
    bind(&mut cs, &inputs, &bits, membership);
    cs.finish()
}

fn bits_of(membership: &Membership) -> Vec<Fr> {
    witness(membership, &public(membership))[FIRST_BIT..FIRST_BIT + WIDTH].to_vec()
}

#[test]
fn every_account_that_exists_has_a_witness_of_its_own_bits() {
    for index in [0, 4, 5, 6, 15] {
        let membership = member(index);
        let values = witness(&membership, &public(&membership));
        assert_eq!(broken(&values), [0; 0]);
        assert_eq!(with_bits(&membership, &public(&membership), &bits_of(&membership)), values);
    }
}

#[test]
fn both_readings_number_wires_alike_and_no_wire_is_free() {
    let membership = member(6);
    let (mut cs, inputs) = Compiler::new(&public(&membership));
    synthesise(&mut cs, &inputs, &membership);
    let (r1cs, values) = cs.finish();
    assert_eq!(values, witness(&membership, &public(&membership)));
    assert_eq!(r1cs, circuit());
    let gadget = crate::circuit::testing::Gadget { r1cs, values, outputs: vec![] };
    gadget.assert_tight();
}

#[test]
fn it_costs_what_the_documents_say() {
    for depth in [1, 2, 10, 24] {
        let circuit = compile(depth).expect("a depth");
        let split = ADDRESS_BITS + 2 * depth + 1;
        assert_eq!(circuit.constraints(), split + 321 + 300 * depth + 1);
        assert_eq!(circuit.public_inputs(), 3);
    }
    for depth in [0, 25] {
        let error = compile(depth).expect_err("outside");
        assert_eq!(error.to_string(), format!("depth {depth} is outside 1..24"));
    }
}

#[test]
fn an_account_does_not_leave_in_anothers_name() {
    // Account 5, to be paid once more as account 6, 7 (missing) or 4, by its own bits or by the other's.
    let honest = member(5);
    for other in [4, 6, 7] {
        let mut claim = public(&honest);
        claim[1] = holder(other, address(5));
        stopped_by("split", &with_bits(&honest, &claim, &bits_of(&honest)));
        stopped_by("path/position", &witness(&honest, &claim));
    }
}

#[test]
fn an_account_does_not_leave_to_another_address() {
    let honest = member(5);
    let mut claim = public(&honest);
    claim[1] = holder(5, address(6));
    stopped_by("split", &with_bits(&honest, &claim, &bits_of(&honest)));
    stopped_by("path/position", &witness(&honest, &claim));
}

#[test]
fn an_index_beyond_the_tree_is_not_taken_for_one_inside() {
    let honest = member(5);
    for index in [16 + 5, 1 << 40, u64::MAX] {
        let mut claim = public(&honest);
        claim[1] = holder(index, address(5));
        stopped_by("split", &with_bits(&honest, &claim, &bits_of(&honest)));
        assert_eq!(broken(&witness(&honest, &claim)).first(), Some(&WIDTH), "the bits' sum");
    }
}

/// `address + 2^160` at index 4 is `address` at index 5. No state holds such an address, were it not for the range.
#[test]
fn the_address_does_not_run_over_into_the_index() {
    let wide = Account { exit_address: address(5) + two_to(160), ..account(4) };
    assert!(!wide.is_in_range());
    let mut tree = Tree::new(DEPTH);
    tree.set(4, wide.leaf());
    let forged = Membership { index: 4, account: wide, path: tree.path(4) };
    let claim = [tree.root(), holder(5, address(5)), Fr::from(wide.balance)];
    assert_eq!(claim, forged.public_inputs(tree.root()));
    let mut bits = bits_of(&member(5));
    bits[ADDRESS_BITS] -= Fr::from(1u64); // index 4
    bits[ADDRESS_BITS - 1] += Fr::from(2u64); // 2^159 twice
    let values = with_bits(&forged, &claim, &bits);
    assert_eq!(broken(&values), [ADDRESS_BITS - 1], "the bit that is none");
    // And by the bits that the claim has.
    stopped_by("path/position", &witness(&forged, &claim));
}

/// Among the digit's two wires without their ranges, some pair leads from any node to the true parent and sums up to
/// any digit.
#[test]
fn digits_that_are_no_bits_would_lead_to_accounts_that_are_not_there() {
    let honest = member(5);
    let [c0, c1, c2, c3] = honest.path[0];
    let (d0, d1, digit) = (c1 - c0, c3 - c2, Fr::from(1u64));
    // With low = digit − 2·high, the child at (low, high) is quadratic in high.
    let a = -(d1 - d0).double();
    let b = c2 - c0 - d0.double() + digit * (d1 - d0);
    let rich = |nonce| Account { balance: 1 << 90, nonce, ..account(5) };
    let solve = |nonce: u64| {
        let c = c0 + digit * d0 - rich(nonce).leaf();
        let root = (b.square() - (a * c).double().double()).sqrt()?;
        Some((nonce, (root - b) * a.double().inverse()?))
    };
    let (nonce, high) = (0..64).find_map(solve).expect("half of all elements are squares");
    let forged = Membership { account: rich(nonce), ..honest.clone() };
    assert_eq!(forged.root(), None);
    let mut bits = bits_of(&honest);
    bits[ADDRESS_BITS] = digit - high.double();
    bits[ADDRESS_BITS + 1] = high;
    let values = with_bits(&forged, &public(&forged), &bits);
    assert_eq!(broken(&values), [ADDRESS_BITS, ADDRESS_BITS + 1], "the bits that are none");
}

#[test]
fn a_balance_is_the_leafs_and_has_no_alias() {
    let honest = member(5);
    for other in [1u128 << BALANCE_BITS, 1 << 64, 1] {
        let mut claim = public(&honest);
        claim[2] += Fr::from(other);
        stopped_by("path/position", &witness(&honest, &claim));
        // With the leaf that goes with the claim on the path, the path leads elsewhere.
        let mut richer = honest.clone();
        richer.account.balance += other;
        richer.path[0][1] = richer.account.leaf();
        assert_ne!(broken(&witness(&richer, &claim)), [0; 0]);
    }
}

#[test]
fn the_order_of_siblings_counts() {
    let honest = member(5);
    for (level, one, other) in [(0, 0, 2), (0, 2, 3), (1, 0, 3)] {
        let mut swapped = honest.clone();
        swapped.path[level].swap(one, other);
        if level == 0 {
            let climbed = poseidon::hash4(swapped.path[0]);
            assert_ne!(climbed, honest.path[1][1]);
            stopped_by("path/position", &witness(&swapped, &public(&honest)));
        } else {
            stopped_by("root", &witness(&swapped, &public(&honest)));
        }
    }
    // The account's own place changed with a neighbour's.
    let mut swapped = honest.clone();
    swapped.path[0].swap(0, 1);
    stopped_by("path/position", &witness(&swapped, &public(&honest)));
}

#[test]
fn an_account_that_does_not_exist_has_no_witness() {
    let empty = state().open(7);
    assert_eq!(empty.account, None);
    assert_eq!(root_of(7, Fr::ZERO, &empty.path), Some(state().root()), "leaf 0 is truly there");
    let zeros = Account { public_key: (Fr::ZERO, Fr::ZERO), balance: 0, nonce: 0, exit_address: Fr::ZERO };
    assert_ne!(zeros.leaf(), Fr::ZERO);
    for invented in [zeros, account(7)] {
        let forged = Membership { index: 7, account: invented, path: empty.path.clone() };
        stopped_by("path/position", &witness(&forged, &public(&forged)));
    }
}

#[test]
fn another_states_account_is_stopped_by_the_root() {
    let mut richer = state();
    richer.put(5, Account { balance: 1 << 90, ..account(5) });
    let there = Membership::of(&mut richer, 5).expect("exists");
    assert_eq!(broken(&witness(&there, &there.public_inputs(richer.root()))), [0; 0]);
    stopped_by("root", &witness(&there, &public(&there)));
}

#[test]
fn an_inner_node_is_no_account() {
    // Five numbers hash to a leaf, four to a node: a path one level short ends at a node, which no five numbers give.
    let mut short = member(5);
    let node = poseidon::hash4(short.path.remove(0));
    assert_eq!(short.path[0][1], node);
    let circuit = compile(DEPTH - 1).expect("a depth");
    let membership = Membership { index: 1, ..short };
    let values = witness(&membership, &membership.public_inputs(state().root()));
    let violation = circuit.is_satisfied(&values).expect_err("no account");
    assert_eq!(violation.group, "path/position");
}

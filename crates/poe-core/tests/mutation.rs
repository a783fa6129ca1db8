//! No second witness is found, and each group of constraints is needed for that (docs/protocol.md, section 4).
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::LazyLock};

use poe_core::circuit::mutate::{Report, Suite, mutate};

const SEED: u64 = 20;

static SMALL: LazyLock<Suite> = LazyLock::new(|| Suite::new(4, 2, SEED).unwrap());

fn demand_soundness(report: &Report) {
    println!(
        "{} wires, {} hints, contents {:?}: {} wire, {} hint and {} split mutations",
        report.wires,
        report.hints,
        report.contents,
        report.wire_mutations,
        report.hint_mutations,
        report.split_mutations
    );
    assert_eq!(report.survivors, [""; 0]);
}

#[test]
fn no_mutation_of_a_small_circuit_survives() {
    let report = SMALL.run(None);
    demand_soundness(&report);
    assert_eq!(report.contents, ["valid", "invalid", "queue", "noise"]);
    assert!(report.wire_mutations > 5 * 4 * report.wires);
}

#[test]
fn no_mutation_of_a_sample_of_four_slots_survives() {
    let report = mutate(4, 5, SEED, Some(500)).unwrap();
    demand_soundness(&report);
    assert!(report.wire_mutations <= 6 * 4 * 500);
}

/// All of it: minutes. `cargo test --release --test mutation -- --ignored`.
#[test]
#[ignore = "minutes"]
fn no_mutation_of_four_slots_survives() {
    demand_soundness(&mutate(4, 5, SEED, None).unwrap());
}

#[test]
fn the_same_seed_tries_the_same() {
    let run = || mutate(1, 1, 3, Some(20)).unwrap();
    assert_eq!(run(), run());
}

#[test]
fn shapes_outside_the_protocol_have_no_suite() {
    assert!(mutate(0, 2, SEED, None).is_err());
    assert!(mutate(1, 25, SEED, None).is_err());
}

/// What no single mutation forges is forged by hand in `soundness`: the links between roots.
const BY_HAND: [&str; 2] = ["new_root", "top/old_root"];

#[test]
fn every_group_is_missed_when_it_is_gone() {
    let groups: Vec<&str> = SMALL.r1cs().counts().into_keys().collect();
    let mut forgeries = 0;
    for &group in groups.iter().filter(|group| !BY_HAND.contains(group)) {
        let survivor = SMALL.survivor_without(group).unwrap_or_else(|| panic!("nothing needs {group}"));
        println!("{group}: {survivor}");
        forgeries += usize::from(survivor.is_forgery);
    }
    println!("{} groups, {forgeries} forged by one mutation, {} by hand", groups.len(), BY_HAND.len());
    assert!(BY_HAND.iter().all(|group| groups.contains(group)));
    assert!(forgeries > 30);
}

/// The single checks of a one-slot batch that no one mutation misses, by group, and what stops a forger of several wires
/// at once. Each is shown to be needed elsewhere.
const UNNOTICED: [(&str, usize); 12] = [
    // Links of the tree: a change gets past one and meets the next. `circuit/mutate/deletions.rs` breaks each alone, by a
    // path of two trees, and `soundness` whole openings.
    ("fees/path/position", 1),
    ("slot/recipient/path/position", 1),
    ("slot/sender/path/position", 1),
    ("top/old_root", 1),
    ("top/read", 3),
    // "Exists" is a bit: of a stranger's leaf one would have to change all six fields, as `deletions.rs` does.
    ("fees/account", 1),
    ("slot/accounts", 2),
    // An index's four bits inside the tree, of from and to: others, bits or not, lead the path elsewhere.
    // `deletions.rs` misses each of a decomposition by itself.
    ("fees/index", 4),
    ("slot/word", 8),
    // Steps of comparing the challenge with l: it is a hash, and no content has one that shares more than l's first
    // chunk. `deletions.rs` has such numbers.
    ("slot/signature/variable_base/scalar", 13),
    // One slot's runs of roles are too short: `circuit/batch.rs` tries all roles of three slots.
    ("roles/deposits", 2),
    ("roles/forced", 1),
];

#[test]
fn every_check_of_a_slot_is_missed_when_it_alone_is_gone() {
    let suite = Suite::of_single_slots(SEED).unwrap();
    let checks = suite.checks();
    let mut unnoticed = BTreeMap::<&str, usize>::new();
    for check in suite.unnoticed_checks(&checks) {
        *unnoticed.entry(suite.r1cs().group(check)).or_default() += 1;
    }
    println!("{} checks, unnoticed alone: {unnoticed:?}", checks.len());
    assert!(checks.len() > 2_000);
    assert_eq!(unnoticed, UNNOTICED.into());
}

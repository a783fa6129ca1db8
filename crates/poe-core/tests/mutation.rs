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

/// Deletes constraints that define no product, each alone. One mutation notices nearly all of these deletions; where
/// it does not, a neighbour still stops that mutation: the link between two roots, or a path that leads elsewhere.
fn demand_need(checks: &[usize]) {
    let unnoticed = SMALL.unnoticed_checks(checks);
    let mut groups = BTreeMap::<&str, usize>::new();
    for &check in &unnoticed {
        *groups.entry(SMALL.r1cs().group(check)).or_default() += 1;
    }
    println!("{} checks, {} unnoticed: {groups:?}", checks.len(), unnoticed.len());
    assert!(unnoticed.len() * 20 < checks.len(), "{groups:?}");
}

#[test]
fn most_checks_of_a_sample_are_missed_when_gone() {
    demand_need(&SMALL.checks().into_iter().step_by(47).collect::<Vec<_>>());
}

#[test]
#[ignore = "minutes"]
fn most_checks_are_missed_when_gone() {
    demand_need(&SMALL.checks());
}
